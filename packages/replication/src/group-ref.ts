/**
 * The ref of a group: the same interface as every ref, with a session behind it and no mailbox.
 *
 * A call is encoded before anything is sent, so a bad argument costs nothing; it is then the
 * session's to deliver it once. Deadlines are kept here, and tell a call that never left this node
 * (`not_run`) from one that did (`unknown`).
 */
import {
  type ActorSystem,
  type AnyActorDefinition,
  type AnyRef,
  CallAbortedError,
  type CallOptions,
  CallTimeoutError,
  isActorError,
  type Ref,
  type RefAddress,
  type TimerHandle,
  UnknownOperationError,
} from "@troupe/actor";
import { callTimeout, fromWireError, PendingCalls, report } from "@troupe/actor/runtime";
import type { Node } from "@troupe/cluster";
import {
  BusyError,
  CallTooLargeError,
  GroupClosedError,
  type GroupConfigMismatchError,
  type GroupLostError,
  NoQuorumError,
  SessionEvictedError,
} from "./errors.ts";
import type { GroupChannel } from "./group-channel.ts";
import { retryTicks } from "./options.ts";
import { type Answered, type Cancel, Session } from "./session.ts";
import type { Operation, Outcome } from "./state-machine.ts";
import type { GroupMessage, StatusMessage } from "./wire.ts";

/** How a replica is, as it says itself. */
export interface ReachableReplica {
  /** The node that holds it. */
  readonly replica: string;
  readonly reachable: true;
  /**
   * `"view_change"` while it waits for the log of a new view; `"recovering_head"` while it waits
   * for the end of its log, which its disk has lost. In a memory group also `"recovering"` while it
   * asks the others for what it knew, and `"lost"` when too many have forgotten it.
   */
  readonly status: "normal" | "view_change" | "recovering_head" | "recovering" | "lost";
  readonly view: number;
  /** The node that leads that view. */
  readonly primary: string;
  /** The last operation in its log. */
  readonly op: number;
  /** The last operation that it has run. */
  readonly commit: number;
  /** A hash of state and client table at `commit`, if asked for: equal on equal replicas. */
  readonly digest?: string;
}

/** A replica that did not answer in time. */
export interface UnreachableReplica {
  readonly replica: string;
  readonly reachable: false;
}

export type ReplicaStatus = ReachableReplica | UnreachableReplica;

export interface StatusOptions {
  /** Whether to hash the state, which takes as long as encoding it. @default false */
  readonly digest?: boolean;
  /** How long to wait for each replica, in milliseconds. @default 1000 */
  readonly timeout?: number;
}

/**
 * A {@link Ref} to a replicated actor.
 *
 * Calls from one ref run in the order in which they were made, each once, whatever fails meanwhile.
 * Calls reject with UnknownOperationError, NotSerializableError, CallTooLargeError, BusyError,
 * NoQuorumError, GroupConfigMismatchError (did not run); ReplyError, HandlerError (ran);
 * CallTimeoutError, CallAbortedError, SessionEvictedError, GroupClosedError (see `outcome`).
 */
export interface GroupRef<Q, C, K> extends Ref<Q, C, K> {
  readonly group: string;
  /** Asks every replica how it is; one that does not answer in time is `reachable: false`. */
  status(options?: StatusOptions): Promise<readonly ReplicaStatus[]>;
  /** Told once, if this node's replica stops because of an error; nothing follows then. */
  onReplicaFailure(listener: (error: unknown) => void): void;
  /**
   * Told once, if this node's replica finds out that the group has lost its memory. Such a replica
   * answers nobody until the group is begun anew.
   */
  onLost(listener: (error: GroupLostError) => void): void;
  /** Ends this handle, and with it this node's replica if no other handle is left. */
  close(): Promise<void>;
}

const statusTimeoutMs = 1000;
const statusCallsMax = 1024;

export interface GroupHandlePorts {
  readonly node: Node;
  readonly channel: GroupChannel;
  readonly definition: AnyActorDefinition;
  /** Returns a function that takes the listener off again. */
  readonly onReplicaFailure: (listener: (error: unknown) => void) => () => void;
  /** The same of a group that has lost its memory. */
  readonly onLost: (listener: (error: GroupLostError) => void) => () => void;
  readonly release: () => Promise<void>;
}

export class GroupHandle {
  readonly group: string;
  readonly address: RefAddress;
  readonly #ports: GroupHandlePorts;
  readonly #session: Session;
  readonly #pending: PendingCalls<unknown>;
  readonly #statuses: PendingCalls<StatusMessage>;
  readonly #unlisten: () => void;
  readonly #unlistenMismatch: () => void;
  #timer: TimerHandle | undefined;
  #toldMismatch = false;
  readonly #forgetFailure: (() => void)[] = [];
  #closed: Promise<void> | undefined;

  constructor(ports: GroupHandlePorts) {
    const { node, channel, definition } = ports;
    const { group, config, maxQueuedCalls } = channel.options;
    this.#ports = ports;
    this.group = group;
    this.address = {
      kind: "group",
      node: undefined,
      incarnation: 0,
      id: 0,
      actor: definition.name,
      group,
    };
    this.#session = new Session({
      replicaCount: config.replicaCount,
      window: config.sessionWindow,
      queueMax: maxQueuedCalls,
      retryTicks,
      newClientId: () => randomHex(node.random),
      send: (to, message) => channel.sendToReplica(to, message),
    });
    const max = maxQueuedCalls * 2 + config.sessionWindow;
    this.#pending = new PendingCalls({ clock: node.clock, max });
    this.#statuses = new PendingCalls({ clock: node.clock, max: statusCallsMax });
    this.#unlisten = channel.listen((from, message) => this.#receive(from, message));
    this.#unlistenMismatch = channel.onMismatch((error) => this.#onMismatch(error));
  }

  call(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#submit("call", operation, arg, options);
  }

  query(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#submit("query", operation, arg, options);
  }

  /**
   * Runs once, like a call. One that was refused, or that nobody took in time, is a dead letter.
   */
  cast(operation: string, arg?: unknown): void {
    this.#submit("cast", operation, arg, undefined).catch((error: unknown) => {
      const reason = isActorError(error, "ERR_BUSY") ? "mailbox_full" : "refused";
      const letter = { ref: this as AnyRef, kind: "cast", operation, arg, reason } as const;
      report(this.#ports.node as unknown as ActorSystem, "deadLetter", letter);
    });
  }

  /** A group handles no plain messages yet: each is a dead letter. */
  send(message: string, arg?: unknown): void {
    const letter = { ref: this as AnyRef, kind: "info", operation: message, arg } as const;
    report(this.#ports.node as unknown as ActorSystem, "deadLetter", {
      ...letter,
      reason: "unknown_operation",
    });
  }

  async status(options: StatusOptions = {}): Promise<readonly ReplicaStatus[]> {
    const { replicas } = this.#ports.channel.options;
    return Promise.all(replicas.map((replica) => this.#statusOf(replica, options)));
  }

  onReplicaFailure(listener: (error: unknown) => void): void {
    this.#forgetFailure.push(this.#ports.onReplicaFailure(listener));
  }

  onLost(listener: (error: GroupLostError) => void): void {
    this.#forgetFailure.push(this.#ports.onLost(listener));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #submit(
    kind: Operation[0],
    operation: string,
    arg: unknown,
    options: CallOptions | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timeoutMs = callTimeout(options);
      if (this.#closed !== undefined) throw new GroupClosedError(this.group, "not_run");
      const body = this.#encode(kind, operation, arg);
      let sent: Cancel | undefined;
      // Taking the call back tells whether it ever left this node.
      const fail = (error: unknown) =>
        reject(sent?.cancel() ? this.#neverSent(error, operation, timeoutMs) : error);
      const late = () => new CallTimeoutError(`group "${this.group}"`, operation, timeoutMs);
      const id = this.#pending.add(resolve, fail, timeoutMs, options?.signal, late);
      if (id === 0) return;
      const answered = this.#answered(id);
      sent =
        kind === "query" ? this.#session.query(body, answered) : this.#session.call(body, answered);
      if (sent === undefined) {
        const { maxQueuedCalls } = this.#ports.channel.options;
        this.#pending.reject(id, new BusyError(this.group, maxQueuedCalls));
      }
      this.#armTick();
    });
  }

  #encode(kind: Operation[0], name: string, arg: unknown): Uint8Array {
    const { channel, definition } = this.#ports;
    const { calls, casts, queries } = definition;
    const table: Record<string, unknown> = { call: calls, cast: casts, query: queries }[kind];
    if (!Object.hasOwn(table, name)) {
      throw new UnknownOperationError(definition.name, kind, name, Object.keys(table));
    }
    const body = this.#encodeOperation([kind, name, arg]);
    const { batchBytesMax } = channel.options.config;
    if (body.length > batchBytesMax) throw new CallTooLargeError(name, body.length, batchBytesMax);
    return body;
  }

  #encodeOperation(operation: Operation): Uint8Array {
    const { codec } = this.#ports.channel;
    try {
      return codec.encode(operation);
    } catch (error) {
      // Encoded by itself, so that the error names the argument and not its envelope.
      codec.encodeShared(operation[2], "arg");
      throw error;
    }
  }

  #answered(id: number): Answered {
    return {
      reply: (body) => {
        const outcome = this.#ports.channel.codec.decode(body) as Outcome;
        if ("error" in outcome) this.#pending.reject(id, fromWireError(outcome.error));
        else this.#pending.resolve(id, outcome.value);
      },
      evicted: () => this.#pending.reject(id, new SessionEvictedError(this.group)),
    };
  }

  #neverSent(error: unknown, operation: string, timeoutMs: number): unknown {
    if (error instanceof CallTimeoutError) {
      return new NoQuorumError(this.group, operation, timeoutMs);
    }
    if (error instanceof CallAbortedError) return new CallAbortedError("not_run", error.cause);
    if (error instanceof GroupClosedError) return new GroupClosedError(this.group, "not_run");
    return error;
  }

  async #statusOf(replica: string, options: StatusOptions): Promise<ReplicaStatus> {
    const { timeout = statusTimeoutMs, digest = false } = options;
    try {
      const answer = await new Promise<StatusMessage>((resolve, reject) => {
        const late = () => new CallTimeoutError(replica, "status", timeout);
        const number = this.#statuses.add(resolve, reject, timeout, undefined, late);
        const sent = this.#ports.channel.send(replica, { type: "get_status", number, digest });
        if (!sent) this.#statuses.reject(number, late());
      });
      const { status, view, op, commit } = answer;
      const primary = this.#ports.channel.options.replicas[answer.primary] ?? "";
      const said = { replica, reachable: true as const, status, view, primary, op, commit };
      return digest ? { ...said, digest: answer.digest } : said;
    } catch (error) {
      if (error instanceof CallTimeoutError || error instanceof GroupClosedError) {
        return { replica, reachable: false };
      }
      throw error;
    }
  }

  #receive(from: string, message: GroupMessage): void {
    if (this.#ports.channel.indexOf(from) < 0) return;
    switch (message.type) {
      case "reply":
      case "query_reply":
      case "not_primary":
      case "eviction":
        this.#session.receive(message);
        break;
      case "status":
        this.#statuses.resolve(message.number, message);
        break;
    }
  }

  /** Only a session that no replica has ever taken can say that none of its calls ran. */
  #onMismatch(error: GroupConfigMismatchError): void {
    // Every message of ours is answered so: once is enough for a person.
    if (!this.#toldMismatch) this.#ports.node.logger.warn(error.message);
    this.#toldMismatch = true;
    if (!this.#session.isRegistered) this.#pending.rejectAll(error);
  }

  /** The session ticks only while something waits: an idle handle costs no timer. */
  #armTick(): void {
    if (this.#timer !== undefined || this.#session.size === 0) return;
    const { node, channel } = this.#ports;
    this.#timer = node.clock.setTimer(channel.options.tickMs, () => {
      this.#timer = undefined;
      this.#session.tick();
      this.#armTick();
    });
  }

  async #close(): Promise<void> {
    this.#unlisten();
    this.#unlistenMismatch();
    for (const forget of this.#forgetFailure) forget();
    if (this.#timer !== undefined) this.#ports.node.clock.clearTimer(this.#timer);
    const closed = new GroupClosedError(this.group, "unknown");
    this.#pending.rejectAll(closed);
    this.#statuses.rejectAll(closed);
    this.#session.close();
    await this.#ports.release();
  }
}

/** 128 random bits as 32 hexadecimal digits: the name of a session, never used twice (I47). */
function randomHex(random: () => number): string {
  let digits = "";
  while (digits.length < 32) {
    const word = Math.floor(random() * 2 ** 32);
    digits += word.toString(16).padStart(8, "0");
  }
  return digits;
}
