/**
 * A node: a system with a name, reachable from other nodes. The composition root of the package.
 *
 * `node-links` keeps links coming and knows the members, `remote-actors` serves and sends what is
 * between actors. What belongs to none of them is decided here: what is public, and in which order
 * things end.
 */
import { type ActorError, type AnyRef, OptionError, type RefAddress } from "@troupe/actor";
import { isWildcard } from "./advertise.ts";
import { ClusterViews } from "./groups/cluster-views.ts";
import type { Presence } from "./groups/presence.ts";
import type { ProcessGroups } from "./groups/process-groups.ts";
import type { PubSub } from "./groups/pubsub.ts";
import { NodeHealth } from "./http/node-health.ts";
import type { ReadyCheck } from "./http/readiness.ts";
import { type LeaveOptions, resolveLeaveOptions, withinTime } from "./membership/departure.ts";
import type { Member } from "./membership/member.ts";
import { NodeActors } from "./node-actors.ts";
import {
  infoOf,
  letterReason,
  type NodeDeadLetter,
  type NodeDown,
  type NodeInfo,
} from "./node-events.ts";
import { NodeLinks } from "./node-links.ts";
import { type ResolvedNodeOptions, resolveKeys } from "./options.ts";
import { applicationName, type Channel, Channels } from "./remote/channels.ts";
import type { Ties } from "./remote/link-relations.ts";
import { RemoteActors } from "./remote/remote-actors.ts";
import { replyNumbers } from "./remote/reply-numbers.ts";
import type { AnswerHttp, HttpQuestion, Listener, Socket } from "./transport/transport.ts";

/** Hands a node a socket that was accepted for it. Not public. */
export let acceptSocket: (node: Node, socket: Socket) => void;

/** Answers a question by plain HTTP on a node's port. Not public. */
export let answerHttp: (node: Node, question: HttpQuestion) => ReturnType<AnswerHttp>;

/** What ties the processes of a node to those of each other one. For tests. */
export let tiesOf: (node: Node) => ReadonlyMap<string, Ties>;

/** The ref on a node for the address of a process, or of a name. Not public. */
export let refAtNode: (node: Node, address: RefAddress) => AnyRef;

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
export class Node extends NodeActors {
  readonly name: string;
  /** Which life of this node: higher than that of every earlier one, if the wall clock agrees. */
  readonly incarnation: number;
  readonly cluster: string;
  /** Where others are told to dial this node; undefined if it only dials. */
  readonly url: string | undefined;
  /** Groups of processes on all nodes. OTP: `pg`. */
  readonly groups: ProcessGroups;
  /** Messages by topic to whoever subscribes, on all nodes. */
  readonly pubsub: PubSub;
  /** Who is present where, on all nodes. */
  readonly presence: Presence;
  readonly #views: ClusterViews;
  readonly #options: ResolvedNodeOptions;
  readonly #listener: Listener | undefined;
  readonly #peers: NodeLinks;
  protected override readonly remote: RemoteActors;
  readonly #channels: Channels;
  readonly #health: NodeHealth;
  #keys: readonly Uint8Array[];
  #undelivered = 0;
  /** Events that wait until the one that is being told was told to all. */
  readonly #untold: (() => void)[] = [];
  #isTelling = false;

  static {
    acceptSocket = (node, socket) => node.#peers.accept(socket);
    beginNode = (node) => node.#peers.begin();
    answerHttp = (node, question) => node.#health.answer(question);
    tiesOf = (node) => node.remote.ties();
    refAtNode = (node, address) => node.remote.refAt(address);
  }

  constructor(options: ResolvedNodeOptions, incarnation: number, listener: Listener | undefined) {
    const { name, cluster, limits, transport } = options;
    super(options.system, {
      node: name,
      incarnation,
      drawReply: replyNumbers(options.randomBytes),
    });
    this.name = name;
    this.incarnation = incarnation;
    this.cluster = cluster;
    this.url = listener && (options.advertise ?? listener.url);
    if (this.url !== undefined && isWildcard(this.url)) {
      const why = "which leads them to themselves; the option advertise names another one";
      this.logger.warn(`node ${name} tells others to dial it at ${this.url}, ${why}`);
    }
    this.#options = options;
    this.#listener = listener;
    this.#keys = options.keys;
    this.#health = this.#makeHealth();
    this.#peers = this.#makePeers();
    const { links } = this.#peers;
    this.remote = new RemoteActors({
      system: this,
      links,
      actors: options.actors,
      classes: options.classes,
      limits,
      isLeaving: () => !this.isReady,
      channel: (from, channel, payload) => this.#channels.deliver(from, channel, payload),
      undelivered: (ref, ...letter) => this.#deadLetter(ref, ...letter),
    });
    this.#channels = new Channels({
      self: name,
      links,
      maxMessageBytes: Math.min(limits.maxMessageBytes, limits.hardOutboxBytes),
      maxLoopbackBytes: limits.hardOutboxBytes,
      defer: (deliver) => transport.defer(deliver),
      listenerThrew: (channel, error) =>
        this.logger.error(`the listener of channel "${channel}" threw`, error),
    });
    this.#views = new ClusterViews({
      host: this,
      channels: this.#channels,
      codec: this.remote.codec,
      links,
      clock: this.clock,
      defer: (flush) => transport.defer(flush),
      limits,
      refAt: (address) => this.remote.refAt(address),
      dropped: (event) => this.emit("publishDropped", event),
      logger: this.logger,
    });
    this.groups = this.#views.groups;
    this.pubsub = this.#views.pubsub;
    this.presence = this.#views.presence;
    this.onStop(() => this.#close());
  }

  /** Casts for other nodes that could not be sent or read; each was also a dead letter. */
  get undelivered(): number {
    return this.#undelivered;
  }

  /** The nodes that are connected now. This one is not among them. */
  nodes(): readonly NodeInfo[] {
    return this.#peers.links.list().map((link) => infoOf(link.peer));
  }

  /**
   * What this node knows of the members of its cluster, itself included, and of those that are
   * down or have left, for as long as they are remembered. The members tell each other, so that
   * this is a hint, and differs between nodes for a while; `connected` is what this node has.
   *
   * @example
   * ```ts
   * const alive = node.members().filter(({ status }) => status === "alive");
   * node.events.on("member", ({ name, previous, status }) => console.log(name, previous, status));
   * ```
   */
  members(): readonly Member[] {
    return this.#peers.members();
  }

  /** Whether this node is there to stay: until it leaves, or is shut down. */
  get isReady(): boolean {
    return !this.#peers.departure.hasBegun && !this.isStopped;
  }

  /**
   * Replaces the keys: the first one signs, any of them is accepted. Links that are up stay up;
   * handshakes from now on use the new ones. To change a key without an outage: give every node
   * `[old, new]`, then every node `[new, old]`, then `[new]`. Throws OptionError for a bad key, and
   * for none on a node that had one.
   *
   * @example
   * ```ts
   * node.setKeys([newKey, oldKey]);
   * ```
   */
  setKeys(keys: readonly string[]): void {
    const resolved = resolveKeys(keys, this.#options.listen?.host);
    if (resolved.length === 0 && this.#keys.length > 0) {
      throw new OptionError("keys", "at least one key, as there was one", "none");
    }
    this.#keys = resolved;
  }

  /**
   * Adds a condition for being given work, which `/readyz` and {@link Node.notReady} tell. Returns
   * a function that takes it back. Throws OptionError for a name that is in use.
   *
   * @example
   * ```ts
   * node.addReadyCheck("database", () => database.isOpen || "the database is closed");
   * ```
   */
  addReadyCheck(name: string, check: ReadyCheck): () => void {
    return this.#health.addCheck(name, check);
  }

  /** Why this node should not be given work now, one line each; empty when it may be. */
  notReady(): readonly string[] {
    return this.#health.notReady();
  }

  /** What this node measures, as `/metrics` has it: the text format of Prometheus. */
  async metrics(): Promise<string> {
    return (await this.#health.measure()).text;
  }

  /**
   * Leaves the cluster and goes on as a system without links. The others are told at once; then
   * nobody new is let in and nothing is started for others, but their calls are answered and ours
   * waited for, until there are none or `drainMs` has passed. Then every link is closed with a
   * goodbye: the others see `nodedown` with the reason `"left"`, and suspect nobody.
   *
   * Resolves when every link is closed, at the latest `closeTimeoutMs` after the drain. Asking
   * again is waiting for the same end; with a shorter `drainMs` it comes sooner. Rejects with
   * OptionError: then nothing has begun.
   *
   * @example
   * ```ts
   * // On a node that was made with `signals: []`, so that the signal is left to us.
   * process.once("SIGTERM", async () => {
   *   await node.leave({ drainMs: 5000 });
   *   await node.shutdown();
   * });
   * ```
   */
  async leave(options?: LeaveOptions): Promise<void> {
    const { drainMs } = resolveLeaveOptions(options);
    await this.#peers.departure.depart(drainMs);
  }

  /**
   * Opens a channel. Throws OptionError if its name is open already, or begins with `troupe.`:
   * such names are the framework's own.
   */
  channel(name: string): Channel {
    return this.#channels.open(applicationName(name));
  }

  #makePeers(): NodeLinks {
    const { name, incarnation, url, clock, random, logger } = this;
    return new NodeLinks({
      options: this.#options,
      name,
      incarnation,
      url,
      clock,
      random,
      logger,
      keys: () => this.#keys,
      emit: (event, payload) => {
        this.#health.count(event, payload);
        this.#inTurn(() => {
          // What a node had is gone before its end is told, and comes after its beginning was.
          if (event === "nodedown") this.#views.nodeDown((payload as NodeDown).name);
          this.emit(event, payload);
          if (event === "nodeup") this.#views.nodeUp(payload as NodeInfo);
        });
      },
      frame: (link, frame) => this.remote.onFrame(link, frame),
      // Every monitor of that life fires before the last word about it.
      lost: (link) => this.remote.lose(link, this.isStopped),
      isServing: () => this.remote.isServing,
    });
  }

  /**
   * What a listener causes is told when the event that it listens to was told to all: so the end of
   * a link is told after its beginning, even if who heard of that has thrown the link away.
   */
  #inTurn(tell: () => void): void {
    this.#untold.push(tell);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) next();
    } finally {
      this.#isTelling = false;
    }
  }

  #makeHealth(): NodeHealth {
    return new NodeHealth(
      {
        name: this.name,
        cluster: this.cluster,
        unavailable: () => (this.isReady ? undefined : "the node leaves"),
        links: () =>
          this.#peers.links.list().map((l) => [l.name, l.connection.queuedBytes] as const),
        members: () => this.members().map(({ status }) => status),
        processes: () => this.processCount,
        queued: () => this.queuedCount,
        calls: () => this.remote.calls,
        traffic: () => this.#peers.links.traffic,
        undelivered: () => this.#undelivered,
      },
      this.#options.http,
    );
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

  /** It leaves, if it has not yet; then nobody can reach it any more. */
  async #close(): Promise<void> {
    const { closeTimeoutMs } = this.#options;
    await this.#peers.departure.depart(closeTimeoutMs);
    this.#views.close();
    this.#channels.closeAll();
    this.#health.stop();
    this.#peers.links.close();
    await withinTime(this.clock, closeTimeoutMs, this.#listener?.close());
  }
}
