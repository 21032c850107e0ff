/**
 * A node: a system with a name, reachable from other nodes. The composition root of the package.
 *
 * Links bring frames, `inbound` serves them, `outbound` sends, the dialer keeps links coming. What
 * belongs to none of them is decided here: which refs cross, and in which order things end.
 */
import {
  type ActorDefinition,
  type ActorError,
  ActorSystem,
  type AnyActorDefinition,
  type AnyRef,
  type CallOptions,
  NoProcessError,
  OptionError,
  type Ref,
  type RefAddress,
  type RefOf,
} from "@troupe/actor";
import { Codec } from "./codec/codec.ts";
import type { Discovery } from "./discovery/discovery.ts";
import { DecodeError, type RefusalReason } from "./errors.ts";
import type { CloseReason } from "./link/connection.ts";
import { Dialer } from "./link/dialer.ts";
import { BOOT_BYTES, type Peer } from "./link/handshake.ts";
import type { Link } from "./link/link.ts";
import { Links } from "./link/links.ts";
import { RefusalLog } from "./link/refusal-log.ts";
import {
  infoOf,
  letterReason,
  type NodeDeadLetter,
  type NodeEvents,
  type NodeInfo,
} from "./node-events.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import { type Channel, Channels } from "./remote/channels.ts";
import { Inbound } from "./remote/inbound.ts";
import { Outbound } from "./remote/outbound.ts";
import { RemoteRef } from "./remote/remote-ref.ts";
import type { Listener, Socket } from "./transport/transport.ts";

// biome-ignore lint/suspicious/noExplicitAny: a state that the compiler must not look at
type AnyState = any;

/** How `startOn` starts: the name to register there, and how long to wait. */
export interface StartOnOptions extends CallOptions {
  /** Registers the process on its node, where `refOn` finds it. */
  readonly name?: string;
}

/** The parameters of `startOn` after the definition; the argument may be absent if it may be. */
export type StartOnRest<A> = undefined extends A
  ? [arg?: A, options?: StartOnOptions]
  : [arg: A, options?: StartOnOptions];

/** Hands a node a socket that was accepted for it. Not public. */
export let acceptSocket: (node: Node, socket: Socket) => void;

/** Makes a node look for others. Not public. */
export let beginNode: (node: Node) => void;

/**
 * A system that other nodes can reach. Made by {@link createNode}.
 *
 * @example
 * ```ts
 * node.events.on("nodedown", ({ name, reason }) => console.log(name, reason));
 * const remote = await node.startOn("b", Counter, { start: 0 });
 * await remote.call("add", 5); // => 5
 * ```
 */
export class Node extends ActorSystem<NodeEvents> {
  readonly name: string;
  /** Which life of this node: higher than that of every earlier one, if the wall clock agrees. */
  readonly incarnation: number;
  readonly cluster: string;
  /** Where this node listens; undefined if it only dials. */
  readonly url: string | undefined;
  readonly #options: ResolvedNodeOptions;
  readonly #listener: Listener | undefined;
  readonly #links: Links;
  readonly #dialer: Dialer;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #channels: Channels;
  readonly #refusals: RefusalLog;
  readonly #discovering = new AbortController();
  #undelivered = 0;

  static {
    acceptSocket = (node, socket) => node.#links.accept(socket);
    beginNode = (node) => node.#begin();
  }

  constructor(options: ResolvedNodeOptions, incarnation: number, listener: Listener | undefined) {
    const { name, cluster, limits, transport } = options;
    super(options.system, { node: name, incarnation });
    this.name = name;
    this.incarnation = incarnation;
    this.cluster = cluster;
    this.url = listener?.url;
    this.#options = options;
    this.#listener = listener;
    this.#refusals = new RefusalLog(this.clock, (message) => this.logger.warn(message));
    this.#links = this.#makeLinks();
    this.#dialer = this.#makeDialer();
    const codec = new Codec({
      maxBytes: limits.maxMessageBytes,
      ref: {
        toAddress: (value) => this.#addressOf(value),
        fromAddress: (address) => this.#refAt(address),
      },
    });
    this.#outbound = new Outbound({
      codec,
      links: this.#links,
      self: { name, incarnation },
      undelivered: (ref, ...letter) => this.#deadLetter(ref, ...letter),
    });
    this.#inbound = new Inbound({
      codec,
      actors: options.actors,
      host: {
        name,
        incarnation,
        deliver: (id, kind, operation, arg, reply) => this.deliver(id, kind, operation, arg, reply),
        whereis: (registered) => this.whereis(registered),
        startFor: (definition, arg, registered) =>
          this.start(definition, arg, registered === undefined ? {} : { name: registered }),
      },
      channel: (from, channel, payload) => this.#channels.deliver(from, channel, payload),
      unreadable: (_from, process, kind, operation, error) =>
        this.#deadLetter(this.localRef(process), kind, operation, undefined, error),
    });
    this.#channels = new Channels({
      self: name,
      links: this.#links,
      maxMessageBytes: Math.min(limits.maxMessageBytes, limits.hardOutboxBytes),
      maxLoopbackBytes: limits.hardOutboxBytes,
      defer: (deliver) => transport.defer(deliver),
      listenerThrew: (channel, error) =>
        this.logger.error(`the listener of channel "${channel}" threw`, error),
    });
    this.onStop(() => this.#close());
  }

  /** Casts for other nodes that could not be sent or read; each was also a dead letter. */
  get undelivered(): number {
    return this.#undelivered;
  }

  /** The nodes that are connected now. This one is not among them. */
  nodes(): readonly NodeInfo[] {
    return this.#links.list().map((link) => infoOf(link.peer));
  }

  /**
   * Starts an actor on a node, which must allow it in its `actors`; on this node it is `start`.
   *
   * Rejects with NodeUnknownError, ConnectionLostError, OverloadedError, MessageTooLargeError,
   * NotSerializableError, ActorUnknownError, AlreadyStartedError (did not run), StartError,
   * CallTimeoutError, CallAbortedError, and ConnectionLostError while waiting (may have run: then
   * look for the actor by its name).
   *
   * @example
   * ```ts
   * const counter = await node.startOn("b", Counter, { start: 0 }, { name: "c1" });
   * ```
   */
  startOn<A, Q, C, K, I>(
    node: string,
    definition: ActorDefinition<string, A, AnyState, Q, C, K, I>,
    ...rest: StartOnRest<A>
  ): Promise<Ref<Q, C, K, I>>;
  async startOn(
    node: string,
    definition: AnyActorDefinition,
    arg?: unknown,
    options?: StartOnOptions,
  ): Promise<unknown> {
    const { name } = options ?? {};
    if (node === this.name) return this.start(definition, arg, name === undefined ? {} : { name });
    const request = { node, actor: definition.name, arg, name, options };
    return this.#refFrom(await this.#outbound.start(request));
  }

  /**
   * Finds the process that is registered under a name on a node.
   *
   * Rejects with NoProcessError if there is none, with OptionError if it is of another definition
   * than the one given, and otherwise like a call (did not run: nothing was to).
   *
   * @example
   * ```ts
   * const counter = await node.refOn("b", "c1", Counter);
   * ```
   */
  refOn(node: string, name: string): Promise<AnyRef>;
  refOn<D extends AnyActorDefinition>(
    node: string,
    name: string,
    definition: D,
    options?: CallOptions,
  ): Promise<RefOf<D>>;
  async refOn(
    node: string,
    name: string,
    definition?: AnyActorDefinition,
    options?: CallOptions,
  ): Promise<unknown> {
    const ref = await this.#lookup(node, name, options);
    if (definition === undefined || ref.address.actor === definition.name) return ref;
    throw new OptionError("definition", `"${ref.address.actor}"`, definition.name);
  }

  /** Opens a channel. Throws OptionError if its name is open already. */
  channel(name: string): Channel {
    return this.#channels.open(name);
  }

  async #lookup(node: string, name: string, options: CallOptions | undefined): Promise<AnyRef> {
    if (node !== this.name) {
      return this.#refFrom(await this.#outbound.lookup({ node, name, options }));
    }
    const ref = this.whereis(name);
    if (ref === undefined) throw new NoProcessError(`"${name}" on node ${this.name}`);
    return ref;
  }

  #makeLinks(): Links {
    const options = this.#options;
    const { name, incarnation, url } = this;
    const { cluster, keys, randomBytes, heartbeatMs } = options;
    const { maxMessageBytes } = options.limits;
    const boot = Buffer.from(randomBytes(BOOT_BYTES)).toString("hex");
    const self = { name, incarnation, boot, url, heartbeatMs, maxMessageBytes };
    return new Links(
      {
        ...options,
        clock: this.clock,
        maxPendingCalls: options.limits.maxPendingCalls,
        maxUnauthenticated: options.limits.maxUnauthenticated,
        handshake: { cluster, self, keys, randomBytes },
      },
      {
        up: (link) => this.#onUp(link),
        down: (link, reason, error) => this.#onDown(link, reason, error),
        frame: (link, frame) => this.#inbound.onFrame(link, frame),
        congested: ({ name }, queuedBytes) => this.emit("congested", { node: name, queuedBytes }),
        relieved: ({ name }, queuedBytes) => this.emit("uncongested", { node: name, queuedBytes }),
        refused: (reason, peer) => this.#onRefused(reason, peer, undefined),
      },
    );
  }

  #makeDialer(): Dialer {
    const { reconnectMinMs: minMs, reconnectMaxMs: maxMs, handshakeTimeoutMs } = this.#options;
    return new Dialer({
      clock: this.clock,
      random: this.random,
      backoff: { minMs, maxMs },
      dialTimeoutMs: handshakeTimeoutMs,
      dial: (url, signal) => this.#links.dial(url, signal),
      isConnected: (name) => this.#links.get(name) !== undefined,
      refused: (url, reason, peer) => this.#onRefused(reason, peer, url),
    });
  }

  #begin(): void {
    for (const source of this.#options.discovery) void this.#discover(source);
  }

  async #discover(source: Discovery): Promise<void> {
    try {
      for await (const urls of source.watch({ signal: this.#discovering.signal })) {
        if (this.#discovering.signal.aborted) return;
        this.#dialer.propose(urls);
      }
    } catch (error) {
      this.logger.warn(`discovery "${source.name}" has ended`, error);
    }
  }

  #onUp(link: Link): void {
    this.#dialer.nodeUp(link.name, link.peer.url);
    this.emit("nodeup", infoOf(link.peer));
  }

  #onDown(link: Link, reason: CloseReason, error: Error | undefined): void {
    if (reason === "protocol") this.logger.warn(`node ${link.name} broke the protocol`, error);
    this.emit("nodedown", { ...infoOf(link.peer), reason });
    this.#dialer.nodeDown(link.name, reason === "left");
  }

  #onRefused(reason: RefusalReason, peer: Peer | undefined, url: string | undefined): void {
    const name = peer?.name;
    if (reportedReasons.has(reason)) {
      const where = url === undefined ? "a connection to us" : `our connection to ${url}`;
      this.#refusals.say(`${where} was refused: ${reason}${name ? ` (node ${name})` : ""}`);
    }
    this.emit("refused", { reason, name, url });
  }

  #addressOf(value: object): RefAddress | undefined {
    if (this.isLocalRef(value)) return value.address;
    return value instanceof RemoteRef ? value.address : undefined;
  }

  #refAt(address: RefAddress): AnyRef {
    const isOurs = address.node === this.name && address.incarnation === this.incarnation;
    const local = isOurs ? this.localRef(address.id) : undefined;
    return local ?? new RemoteRef(address, this.#outbound);
  }

  /** What another node answered where only a ref makes sense. */
  #refFrom(value: unknown): AnyRef {
    if (value instanceof RemoteRef || this.isLocalRef(value)) return value;
    throw new DecodeError("an answer that is no ref", "unknown");
  }

  #deadLetter(
    ref: AnyRef | undefined,
    kind: "cast" | "info",
    operation: string,
    arg: unknown,
    error: ActorError,
  ): void {
    this.#undelivered += 1;
    const reason = letterReason(error.code);
    const letter: NodeDeadLetter = { ref, kind, operation, arg, reason, error };
    this.emit("deadLetter", letter);
  }

  /** Nothing new comes in, everybody is told goodbye, and what does not close is cut off. */
  async #close(): Promise<void> {
    this.#discovering.abort();
    this.#dialer.stop();
    this.#channels.closeAll();
    const { clock } = this;
    let deadline: unknown;
    const late = new Promise<void>((resolve) => {
      deadline = clock.setTimer(this.#options.closeTimeoutMs, resolve);
    });
    const closed = Promise.all([this.#listener?.close(), this.#links.stop()]);
    await Promise.race([closed, late]);
    clock.clearTimer(deadline as never);
    this.#links.terminate();
  }
}

/** Refusals that somebody has to do something about; the others pass by themselves. */
const reportedReasons: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  "auth",
  "version",
  "cluster",
  "protocol",
  "duplicate",
  "stale_incarnation",
]);
