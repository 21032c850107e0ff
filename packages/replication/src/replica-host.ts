/**
 * A replica on a node: the driver with a real journal, real links and a real clock.
 *
 * It owns what must be given back (the journal, the ticking) and reports one thing: why it ended.
 */
import type { AnyActorDefinition } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import type { Codec } from "@troupe/cluster/runtime";
import { checksum } from "./checksum.ts";
import { Driver } from "./driver.ts";
import type { GroupChannel } from "./group-channel.ts";
import { DivergedMark } from "./journal/diverged-mark.ts";
import { openFileJournal } from "./journal/file-journal.ts";
import type { Journal, OpenedJournal } from "./journal/journal.ts";
import { openVolatileJournal } from "./journal/memory-journal.ts";
import { LocalReads, readableOp } from "./local-reads.ts";
import { journalPath } from "./options.ts";
import { OutsideWorld } from "./outside-world.ts";
import { recoverState } from "./recovered-state.ts";
import { ReplicaWatch } from "./replica-watch.ts";
import type { ReplicationEvent } from "./replication-events.ts";
import { ActorMachine } from "./state-machine.ts";
import { stateCodec } from "./target-ref.ts";
import { Ticker } from "./ticker.ts";
import {
  type ClientId,
  DivergedError,
  type Op,
  type Recovered,
  Replica,
  type ReplyToClient,
} from "./vsr/index.ts";
import type { GetStatusMessage, GroupMessage } from "./wire.ts";

/** Where the answers to a client go is remembered for so many clients; the oldest is forgotten. */
const routesMax = 4096;

export interface ReplicaHostOptions {
  readonly node: Node;
  readonly channel: GroupChannel;
  readonly definition: AnyActorDefinition;
  readonly arg: unknown;
  readonly storage: string;
  /** Whether a memory group may begin with nothing. */
  readonly bootstrap: boolean;
  /** Whether its journal is lost, and a new one is to begin in its place. */
  readonly rejoin: boolean;
  /** Told once, when the replica has stopped: with the error, or undefined if it was asked to. */
  readonly onEnd: (error: unknown) => void;
  /** Told what changes, until the end. */
  readonly tell: (event: ReplicationEvent) => void;
}

/** The last life that began in this process. */
let lastLife = 0;

/** Greater than any earlier life that nothing here tells of, as far as the clocks are right. */
function nextLife(nowMs: number): number {
  lastLife = Math.max(Math.floor(nowMs), lastLife + 1);
  return lastLife;
}

export class ReplicaHost {
  readonly #options: ReplicaHostOptions;
  readonly #replica: Replica;
  readonly #machine: ActorMachine;
  readonly #driver: Driver;
  readonly #journal: Journal;
  /** Absent in memory, where no state outlives its replica. */
  readonly #mark: DivergedMark | undefined;
  readonly #routes = new Map<ClientId, string>();
  #lastRoute: readonly [client: ClientId, from: string] = ["", ""];
  readonly #unlisten: () => void;
  readonly #ticker: Ticker;
  readonly #outside: OutsideWorld;
  readonly #reads: LocalReads;
  #ended = false;
  /** The end of what it does when it has ended: its journal can be opened by another one then. */
  #closed: Promise<void> = Promise.resolve();

  private constructor(
    options: ReplicaHostOptions,
    replica: Replica,
    journal: Journal,
    machine: ActorMachine,
    mark: DivergedMark | undefined,
  ) {
    this.#options = options;
    this.#mark = mark;
    this.#replica = replica;
    this.#journal = journal;
    this.#machine = machine;
    const { node, channel, definition } = options;
    this.#outside = new OutsideWorld({
      node,
      channel,
      definition,
      machine,
      leads: () => replica.state.leads,
      pulse: (body) => this.#driver.step({ type: "pulse", body }),
    });
    this.#reads = new LocalReads({
      applied: () => readableOp(replica),
      answer: (query) => machine.answer(query),
    });
    this.#driver = new Driver({
      replica,
      journal,
      machine,
      codec: channel.codec,
      send: (to, message) => channel.sendToReplica(to, message),
      reply: (message) => this.#reply(message),
      now: () => node.clock.now(),
      outside: this.#outside.runner,
      defer: (turn) =>
        setImmediate(() => {
          turn();
          this.#reads.flush();
        }),
      onFailure: (error) => this.#end(error),
      onUncaptured: (op, error) => this.#warn(`cannot be kept after op ${op}`, error),
    });
    this.#unlisten = channel.listen((from, message) => this.#receive(from, message));
    const { group, replicas } = channel.options;
    const watch = new ReplicaWatch({ group, node: node.name, replicas, tell: options.tell });
    this.#ticker = new Ticker({
      clock: node.clock,
      tickMs: channel.options.tickMs,
      drained: (tick) => setImmediate(tick),
      onTick: (late) => {
        this.#driver.step({ type: "tick", late });
        this.#outside.tick();
        watch.tick(replica.state, () => replica.report.needs);
        this.#unmark();
      },
    });
  }

  /** Opens the journal and begins. Rejects with JournalError, or with what `init` throws. */
  static async start(options: ReplicaHostOptions): Promise<ReplicaHost> {
    const { node, channel, definition, arg, storage, bootstrap, rejoin } = options;
    const { group, config, ticks, identity, durability, replicas } = channel.options;
    const newLives = () =>
      replicas.map((name) => (name === node.name ? nextLife(node.clock.now()) : 0));
    let host: ReplicaHost | undefined;
    // Each replica runs it; one tells, and none does that runs its log again after a restart.
    const unheard = (operation: string, error: unknown) => {
      if (host?.replica.state.leads !== true) return;
      node.logger.error(`"${operation}" of the group ${group} threw, and is undone`, error);
    };
    const machine = new ActorMachine(definition, arg, stateCodec(), config.root, group, unheard);
    const isInMemory = durability === "memory";
    const path = journalPath(storage, group, node.name);
    const opened = isInMemory
      ? openVolatileJournal()
      : await openFileJournal({
          path,
          identity: JSON.stringify({ ...identity, replica: node.name, cluster: node.cluster }),
          hash: checksum,
          onFailure: (error) => host?.fail(error),
          ...(rejoin && { rejoin: newLives() }),
        });
    const { journal } = opened;
    try {
      const mark = isInMemory ? undefined : await DivergedMark.find(path);
      const recovered = mark?.isSet
        ? withoutState(opened)
        : await withState(opened, machine, channel.codec);
      const index = channel.indexOf(node.name);
      const random = () => node.random();
      const own = { index, config, ticks, hash: checksum, random };
      const { incarnation = nextLife(node.clock.now()) } = opened;
      channel.beginLife(incarnation);
      const memory = { memory: { incarnation, bootstrap } };
      const replica = new Replica(isInMemory ? { ...own, ...memory } : own, recovered);
      host = new ReplicaHost(options, replica, journal, machine, mark);
      return host;
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  get replica(): Replica {
    return this.#replica;
  }

  fail(error: unknown): void {
    this.#driver.fail(error);
  }

  /** Answers a query from what this replica has run, once that is as far as the op. */
  ask(query: Uint8Array, atLeast: Op, answered: (body: Uint8Array) => void): void {
    if (!this.#ended) this.#reads.ask(query, atLeast, answered);
  }

  async stop(): Promise<void> {
    this.#driver.stop();
    this.#end(undefined);
    await this.#closed;
  }

  #end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unlisten();
    this.#ticker.stop();
    this.#outside.stop();
    this.#closed = this.#giveBack(error);
    this.#options.onEnd(error);
  }

  async #giveBack(error: unknown): Promise<void> {
    try {
      // Where nobody has a majority nobody knows which state to take instead.
      if (error instanceof DivergedError && error.isOutvoted) await this.#mark?.set(error);
    } catch (reason) {
      this.#options.node.logger.error("a divergence cannot be noted", reason);
    }
    await this.#journal.close();
  }

  /** A state of the group has taken the place of its own, and is durable. */
  #unmark(): void {
    if (this.#mark?.isSet !== true || this.#replica.state.isHollow || this.#ended) return;
    this.#mark.clear().catch((error: unknown) => this.fail(error));
  }

  #receive(from: string, message: GroupMessage): void {
    const index = this.#options.channel.indexOf(from);
    switch (message.type) {
      case "request":
      case "query":
        this.#remember(message.client, from);
        this.#driver.step({ type: "client", message });
        break;
      case "get_status":
        this.#whenApplied(() => this.#sendStatus(from, message));
        break;
      case "local_query":
        this.ask(message.body, message.at_least, (body) => {
          const { client, number } = message;
          this.#options.channel.send(from, { type: "local_reply", client, number, body });
        });
        break;
      case "reply":
      case "query_reply":
      case "not_primary":
      case "eviction":
      case "status":
      case "config_mismatch":
      case "effect":
      case "effect_ok":
      case "local_reply":
        break;
      default:
        // Only the replicas themselves may speak as such.
        if (index >= 0) this.#driver.receive(index, message);
    }
  }

  #remember(client: ClientId, from: string): void {
    // Requests come in batches, mostly of one client; the last route stands at the end already.
    if (client === this.#lastRoute[0] && from === this.#lastRoute[1]) return;
    this.#lastRoute = [client, from];
    // Put at the end again, so that the one that has been silent for longest is forgotten.
    this.#routes.delete(client);
    if (this.#routes.size >= routesMax) {
      for (const oldest of this.#routes.keys()) {
        this.#routes.delete(oldest);
        break;
      }
    }
    this.#routes.set(client, from);
  }

  #reply(message: ReplyToClient): void {
    const to = this.#routes.get(message.client);
    if (to !== undefined) this.#options.channel.send(to, message);
  }

  /**
   * Runs a function when the state is that of the last commit. A commit is known in the middle of a
   * turn and run at its end: what is said in between would give one commit two digests.
   */
  #whenApplied(run: () => void): void {
    if (this.#ended) return;
    if (this.#replica.state.applying.length === 0) run();
    else setImmediate(() => this.#whenApplied(run));
  }

  #sendStatus(to: string, { number, digest }: GetStatusMessage): void {
    const { log_view: _, ...said } = this.#replica.report;
    const { clients, queue, checkpoints } = this.#replica.state;
    const table = clients.snapshot();
    const { timers, effects, deferred, monitors } = this.#machine.memory;
    this.#options.channel.send(to, {
      type: "status",
      number,
      ...said,
      checkpoint: checkpoints.newest?.op ?? 0,
      queued: queue.length,
      timers: timers.size,
      effects: effects.size,
      deferred: deferred.size,
      monitors: monitors.size,
      digest: digest ? this.#digest(table) : "",
    });
  }

  /**
   * A state that cannot be encoded has no digest; being asked for one must not stop the replica.
   */
  #digest(table: readonly unknown[]): string {
    try {
      return this.#machine.digest(table);
    } catch (error) {
      this.#warn("has no digest", error);
      return "";
    }
  }

  #warn(what: string, error: unknown): void {
    const { node, definition } = this.#options;
    node.logger.warn(`the state of "${definition.name}" ${what}`, error);
  }
}

/** What was found in the log, and the state that it goes on from. */
async function withState(
  { journal, recovered }: OpenedJournal,
  machine: ActorMachine,
  codec: Codec,
): Promise<Recovered | undefined> {
  if (recovered === undefined || journal.checkpoints === undefined) return recovered;
  const checkpoint = await recoverState(journal.checkpoints, machine, codec, setImmediate);
  return checkpoint === undefined ? recovered : { ...recovered, checkpoint };
}

/** The same for states that are not the group's: none of them is gone on from. */
function withoutState({ journal, recovered }: OpenedJournal): Recovered | undefined {
  journal.checkpoints?.remove(Number.MAX_SAFE_INTEGER);
  return recovered === undefined ? undefined : { ...recovered, isHollow: true };
}
