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
  type Reply,
  type Rest,
  type TimerHandle,
  TooManyCallsError,
} from "@troupe/actor";
import { callTimeout, Deadlines, fromWireError, report } from "@troupe/actor/runtime";
import type { Node } from "@troupe/cluster";
import type { Codec } from "@troupe/cluster/runtime";
import {
  BusyError,
  GroupClosedError,
  type GroupConfigMismatchError,
  NoQuorumError,
  SessionEvictedError,
} from "./errors.ts";
import { GroupCall, type GroupCallPorts } from "./group-call.ts";
import type { GroupChannel } from "./group-channel.ts";
import { type Consistency, encodeOperation, leastOp } from "./group-request.ts";
import { GroupStatus, type ReplicaStatus, type StatusOptions } from "./group-status.ts";
import { nodeCodec } from "./node-codec.ts";
import { callsOfWindow, retryTicks } from "./options.ts";
import type { Operation, Outcome } from "./outcome.ts";
import { randomHex } from "./random-hex.ts";
import type { Inferred } from "./replicable.ts";
import type { ReplicationEvents, ReplicationListener } from "./replication-events.ts";
import { type Cancel, Session } from "./session.ts";
import type { StatePath } from "./state-path.ts";
import type { Op } from "./vsr/index.ts";
import type { GroupMessage } from "./wire.ts";

/** What a query of a group takes. */
export interface GroupQueryOptions extends CallOptions {
  /** @default "linearizable" */
  readonly consistency?: Consistency;
}

/**
 * A {@link Ref} to a replicated actor.
 *
 * Calls from one ref run in the order in which they were made, each once, whatever fails meanwhile.
 * Calls reject with UnknownOperationError, NotSerializableError, CallTooLargeError, BusyError,
 * NoQuorumError, GroupConfigMismatchError (did not run); ReplyError, HandlerError (ran);
 * CallTimeoutError, CallAbortedError, SessionEvictedError, GroupClosedError (see `outcome`).
 */
export interface GroupRef<Q, C, K, I = Inferred> extends Ref<Q, C, K, I> {
  readonly group: string;
  /**
   * The last operation of the group that an answer to this ref has reflected; 0 before the first.
   * Whoever is handed it can read, on any node, what this ref has read or written.
   *
   * @example
   * ```ts
   * await counter.call("add", 5);
   * await elsewhere.query("get", undefined, { consistency: { atLeast: counter.op } });
   * ```
   */
  readonly op: number;
  /** Like {@link Ref.query}; `consistency` says what the answer may be made from. */
  query<O extends keyof Q & string>(
    operation: O,
    ...rest: Rest<Q[O], [options?: GroupQueryOptions]>
  ): Promise<Reply<Q[O]>>;
  /**
   * Reads one place of the state, so that a large state need not travel: `["items", "a", 0]`. Keys
   * of objects and maps, indexes of arrays; undefined if nothing stands there; `[]` for the whole
   * state. It is a query, and rejects like one; with OptionError for what is no path (did not run).
   */
  getIn(path: StatePath, options?: GroupQueryOptions): Promise<unknown>;
  /** Asks every replica how it is; one that does not answer in time is `reachable: false`. */
  status(options?: StatusOptions): Promise<readonly ReplicaStatus[]>;
  /**
   * Told of each change that this node sees in the group, once, until this handle is closed; of
   * what still holds (`"stopped"`, `"lost"`) at once. Most events are those of this node's replica:
   * where it holds none there are only those of the group as a whole. Returns what takes the
   * listener off.
   *
   * @example
   * ```ts
   * counter.onEvent((event) => {
   *   if (event.type === "stopped") console.error("this replica has stopped", event.error);
   * });
   * ```
   */
  onEvent(listener: ReplicationListener): () => void;
  /** Ends this handle, and with it this node's replica if no other handle is left. */
  close(): Promise<void>;
}

export interface GroupHandlePorts {
  readonly node: Node;
  readonly channel: GroupChannel;
  readonly definition: AnyActorDefinition;
  readonly events: ReplicationEvents;
  /** Asks this node's replica; false if there is none. */
  readonly askHere: (
    query: Uint8Array,
    atLeast: Op,
    answered: (body: Uint8Array) => void,
  ) => boolean;
  readonly release: () => Promise<void>;
}

export class GroupHandle {
  readonly group: string;
  readonly address: RefAddress;
  readonly #ports: GroupHandlePorts;
  readonly #session: Session;
  readonly #calls: GroupCallPorts;
  /** Those that wait for an answer, oldest first. */
  readonly #open = new Set<GroupCall>();
  readonly #openMax: number;
  /** Of those, what one replica was asked, by number. */
  readonly #asked = new Map<number, GroupCall>();
  #lastAsked = 0;
  readonly #status: GroupStatus;
  /** Refs that cross become those of this node. */
  readonly #codec: Codec;
  /** Names this handle in queries that one replica answers. */
  readonly #name: string;
  #op = 0;
  readonly #unlisten: () => void;
  readonly #unlistenMismatch: () => void;
  #timer: TimerHandle | undefined;
  #toldMismatch = false;
  readonly #unlistenEvents = new Set<() => void>();
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
    this.#codec = nodeCodec(node);
    this.#name = randomHex(node.random);
    this.#session = new Session({
      replicaCount: config.replicaCount,
      window: callsOfWindow(config),
      queueMax: maxQueuedCalls,
      retryTicks,
      newClientId: () => randomHex(node.random),
      abandon: (numbers) => this.#codec.encode(["abandon", "", numbers]),
      send: (to, message) => channel.sendToReplica(to, message),
    });
    this.#openMax = maxQueuedCalls * 2 + config.sessionWindow;
    this.#calls = {
      deadlines: new Deadlines({ clock: node.clock }),
      decode: (call, body) => this.#decode(call, body),
      evictedError: () => new SessionEvictedError(group),
      timeoutError: ({ operation, timeoutMs }) =>
        new CallTimeoutError(`group "${group}"`, operation, timeoutMs),
      neverSent: (error, call) => this.#neverSent(error, call),
      closed: (call) => {
        this.#open.delete(call);
        if (call.asked > 0) this.#asked.delete(call.asked);
      },
    };
    this.#status = new GroupStatus(channel, node.clock);
    this.#unlisten = channel.listen((from, message) => this.#receive(from, message));
    this.#unlistenMismatch = channel.onMismatch((error) => this.#onMismatch(error));
  }

  call(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#submit("call", operation, arg, options);
  }

  query(operation: string, arg?: unknown, options?: GroupQueryOptions): Promise<unknown> {
    return this.#submit("query", operation, arg, options);
  }

  getIn(path: StatePath, options?: GroupQueryOptions): Promise<unknown> {
    return this.#submit("read", "getIn", path, options);
  }

  get op(): number {
    return this.#op;
  }

  /**
   * Runs once, like a call. One that was refused, or that nobody took in time, is a dead letter.
   */
  cast(operation: string, arg?: unknown): void {
    this.#post("cast", operation, arg);
  }

  /** A plain message: like a cast, and handled by `info`. */
  send(message: string, arg?: unknown): void {
    this.#post("info", message, arg);
  }

  async status(options: StatusOptions = {}): Promise<readonly ReplicaStatus[]> {
    return this.#status.ask(options);
  }

  onEvent(listener: ReplicationListener): () => void {
    if (this.#closed !== undefined) return () => undefined;
    const unlisten = this.#ports.events.listen(listener);
    this.#unlistenEvents.add(unlisten);
    return () => {
      this.#unlistenEvents.delete(unlisten);
      unlisten();
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #post(kind: "cast" | "info", operation: string, arg: unknown): void {
    this.#submit(kind, operation, arg, undefined).catch((error: unknown) => {
      const reason = isActorError(error, "ERR_BUSY") ? "mailbox_full" : "refused";
      const letter = { ref: this as AnyRef, kind, operation, arg, reason } as const;
      report(this.#ports.node as unknown as ActorSystem, "deadLetter", letter);
    });
  }

  #submit(
    kind: Operation[0],
    operation: string,
    arg: unknown,
    options: GroupQueryOptions | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timeoutMs = callTimeout(options);
      if (this.#closed !== undefined) throw new GroupClosedError(this.group, "not_run");
      const { channel, definition } = this.#ports;
      const { batchBytesMax } = channel.options.config;
      const atLeast = leastOp(options?.consistency);
      const request = [kind, operation, arg] as const;
      const body = encodeOperation(definition, this.#codec, request, batchBytesMax);
      const signal = options?.signal;
      if (signal?.aborted) throw new CallAbortedError("not_run", signal.reason);
      if (this.#open.size >= this.#openMax) throw new TooManyCallsError(this.#openMax);
      const call = new GroupCall(this.#calls, operation, timeoutMs, resolve, reject);
      this.#open.add(call);
      call.begin(timeoutMs, signal);
      const isQuery = kind === "query" || kind === "read";
      if (isQuery && atLeast !== undefined) call.sent = this.#askOne(call, body, atLeast);
      else if (isQuery) call.sent = this.#session.query(body, call);
      else call.sent = this.#session.call(body, call);
      if (call.sent === undefined) {
        call.reject(new BusyError(this.group, channel.options.maxQueuedCalls));
      }
      this.#armTick();
    });
  }

  /** One replica answers: this node's own, or the first that is there; a query changes nothing. */
  #askOne(call: GroupCall, body: Uint8Array, at_least: Op): Cancel {
    const { channel, askHere } = this.#ports;
    const cancel = { cancel: () => true };
    if (askHere(body, at_least, (reply) => call.reply(reply))) return cancel;
    const number = ++this.#lastAsked;
    call.asked = number;
    this.#asked.set(number, call);
    const message = { type: "local_query", client: this.#name, number, at_least, body } as const;
    const { replicas } = channel.options;
    const first = number % replicas.length;
    for (let i = 0; i < replicas.length; i++) {
      const replica = replicas[(first + i) % replicas.length] ?? "";
      if (channel.send(replica, message)) return cancel;
    }
    return cancel;
  }

  #decode(call: GroupCall, body: Uint8Array): void {
    const outcome = this.#codec.decode(body) as Outcome;
    this.#op = Math.max(this.#op, outcome.op);
    if ("error" in outcome) call.reject(fromWireError(outcome.error));
    else call.resolve(outcome.value);
  }

  #neverSent(error: unknown, { operation, timeoutMs }: GroupCall): unknown {
    if (error instanceof CallTimeoutError) {
      return new NoQuorumError(this.group, operation, timeoutMs);
    }
    if (error instanceof CallAbortedError) return new CallAbortedError("not_run", error.cause);
    if (error instanceof GroupClosedError) return new GroupClosedError(this.group, "not_run");
    return error;
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
        this.#status.receive(message);
        break;
      case "local_reply":
        if (message.client === this.#name) this.#asked.get(message.number)?.reply(message.body);
        break;
    }
  }

  /** Only a session that no replica has ever taken can say that none of its calls ran. */
  #onMismatch(error: GroupConfigMismatchError): void {
    // Every message of ours is answered so: once is enough for a person.
    if (!this.#toldMismatch) this.#ports.node.logger.warn(error.message);
    this.#toldMismatch = true;
    if (!this.#session.isRegistered) this.#rejectAll(error);
  }

  #rejectAll(error: unknown): void {
    for (const call of [...this.#open]) call.reject(error);
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
    for (const unlisten of this.#unlistenEvents) unlisten();
    this.#unlistenEvents.clear();
    if (this.#timer !== undefined) this.#ports.node.clock.clearTimer(this.#timer);
    const closed = new GroupClosedError(this.group, "unknown");
    this.#rejectAll(closed);
    this.#status.close(closed);
    this.#session.close();
    await this.#ports.release();
  }
}
