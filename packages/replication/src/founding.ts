/**
 * How a node learns who holds the replicas of a group with a size, and how its founder chooses.
 *
 * All nodes ask all others. Whoever knows the roster answers; the founder chooses when enough nodes
 * would hold a replica and nobody has answered for a few rounds. What it chose is durable on it
 * before anybody is told, and on a node that is named before that node holds a replica, so that
 * neither can come back and be told another one.
 */
import type { Clock, TimerHandle } from "@troupe/actor";
import { GroupConfigMismatchError, GroupSplitError, GroupUnfoundedError } from "./errors.ts";
import { isSafeName } from "./fields.ts";
import { differences, type ResolvedFounding, retryTicks } from "./options.ts";
import type { FoundingMessage, Roster, RosterMessage, RosterWantedMessage } from "./roster.ts";

/** A roster as this life of this node has come to know it. */
export interface KnownRoster extends Roster {
  /**
   * It was just chosen: this node has never held a replica by it. A founder keeps that until all
   * whom it has named have said that they hold theirs.
   */
  readonly isNew: boolean;
}

export interface FoundingPorts {
  /** The name of this node. */
  readonly node: string;
  readonly options: ResolvedFounding;
  readonly clock: Clock;
  /** The nodes that are connected now. */
  readonly peers: () => readonly string[];
  readonly send: (to: string, message: FoundingMessage) => void;
  readonly newId: () => string;
  /** Makes durable what this node is named in. Rejects if it may not hold a replica by it. */
  readonly keep: (roster: KnownRoster) => Promise<void>;
  /** Told once for each other group that goes by this name. */
  readonly onSplit: (error: GroupSplitError) => void;
  readonly warn: (message: string) => void;
}

/** So many rounds of questions somebody who knows better has to answer. */
const patience = 3;
/** After so many rounds without an answer it is logged what is waited for. */
const roundsUntilWarning = 25;
/** So many other groups of one name are told of; there should be none. */
const splitsMax = 16;

interface Waiting {
  readonly resolve: (roster: KnownRoster) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: TimerHandle;
}

export class Founding {
  readonly #ports: FoundingPorts;
  readonly #settings: string;
  readonly #waiting = new Set<Waiting>();
  /** Those who would hold a replica, by what they have said last. */
  readonly #willing = new Set<string>();
  readonly #splits = new Set<string>();
  #known: KnownRoster | undefined;
  /** It is being made durable, and nobody is told of it yet. */
  #taking: KnownRoster | undefined;
  /** Told by another one than the founder, who may know better whether it is new. */
  #hearsay: { readonly roster: KnownRoster; readonly round: number } | undefined;
  /** Those of the named who have said that they hold their replica. */
  readonly #held = new Set<string>();
  #holds = false;
  #round = 0;
  /** The founder: the last round in which too few would have held a replica. */
  #enoughSince = 0;
  #timer: TimerHandle | undefined;

  constructor(ports: FoundingPorts) {
    this.#ports = ports;
    this.#settings = JSON.stringify(ports.options.shared);
  }

  get options(): ResolvedFounding {
    return this.#ports.options;
  }

  /** Whether there is a roster that this node goes by. */
  get isKnown(): boolean {
    return this.#known !== undefined;
  }

  /**
   * Resolves with the roster; asks for it as long as somebody waits. Rejects with
   * GroupUnfoundedError when nobody has told of one in time, with GroupConfigMismatchError when
   * those who tell have other settings, or with JournalError. `holds` says that this node would
   * hold a replica.
   */
  wait(holds: boolean): Promise<KnownRoster> {
    this.#holds ||= holds;
    if (this.#known !== undefined) return Promise.resolve(this.#known);
    const { clock, options } = this.#ports;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(options.timeoutMs, () => {
        this.#waiting.delete(waiting);
        reject(new GroupUnfoundedError(options.group, options.timeoutMs, this.#missing()));
      });
      const waiting = { resolve, reject, timer };
      this.#waiting.add(waiting);
      if (this.#timer === undefined) this.#ask();
    });
  }

  /** Takes in what this node has made durable in an earlier life. */
  recall(kept: KnownRoster): void {
    const known = this.#known ?? this.#taking;
    if (known === undefined) this.#know(kept);
    else if (known.id !== kept.id) this.#onOther(this.#ports.node, known, kept);
  }

  /** The end of this node: nobody is waited for any more. */
  stop(error: Error): void {
    if (this.#timer !== undefined) this.#ports.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#fail(error);
  }

  peerUp(name: string): void {
    if (this.#known !== undefined) this.#tell(name, this.#known);
    else if (this.#timer !== undefined) this.#askOne(name);
  }

  peerDown(name: string): void {
    this.#willing.delete(name);
  }

  receive(from: string, message: FoundingMessage): void {
    if (message.type === "roster") this.#onRoster(from, message);
    else if (this.#known !== undefined) this.#tell(from, this.#known);
    else if (this.#mayHold(from, message)) this.#willing.add(from);
    else this.#willing.delete(from);
  }

  /** A name that could not be a directory's is nobody's who could be chosen. */
  #mayHold(from: string, { holds, settings }: RosterWantedMessage): boolean {
    return holds && settings === this.#settings && isSafeName(from);
  }

  #ask(): void {
    const { clock, options, peers, warn } = this.#ports;
    this.#round++;
    this.#decide();
    if (this.#round === roundsUntilWarning) warn(`group "${options.group}": ${this.#missing()}`);
    for (const name of peers()) this.#askOne(name);
    this.#timer = clock.setTimer(options.tickMs * retryTicks, () => {
      this.#timer = undefined;
      if (this.#known === undefined && this.#waiting.size > 0) this.#ask();
      else this.#round = this.#enoughSince = 0;
    });
  }

  #askOne(to: string): void {
    this.#ports.send(to, {
      type: "roster_wanted",
      settings: this.#settings,
      holds: this.#holds,
    });
  }

  #tell(to: string, { id, replicas, isNew: isKnownNew }: KnownRoster): void {
    const { node, options, send } = this.#ports;
    // A replica in memory has nothing that could be missed: that is for the replicas to find out.
    const hasHeld = options.durability === "disk" && this.#held.has(to);
    const isNew = isKnownNew && replicas.includes(node) && !hasHeld;
    send(to, { type: "roster", settings: this.#settings, id, replicas, isNew });
  }

  /** At the end of a round in which nobody who knows better has spoken. */
  #decide(): void {
    if (this.#taking !== undefined) return;
    const { node, options, newId } = this.#ports;
    if (this.#hearsay !== undefined) {
      const { roster, round } = this.#hearsay;
      if (this.#round - round >= patience) void this.#take(roster);
      return;
    }
    if (node !== options.founder || !this.#holds) return;
    const others = [...this.#willing].sort().slice(0, options.size - 1);
    // From when there are enough: those who know better may have come together with them.
    if (others.length < options.size - 1) this.#enoughSince = this.#round;
    if (this.#round - this.#enoughSince < patience) return;
    void this.#take({ id: newId(), replicas: [node, ...others], isNew: true });
  }

  #onRoster(from: string, { settings, ...said }: RosterMessage): void {
    const roster = { id: said.id, replicas: said.replicas };
    const known = this.#known ?? this.#taking;
    if (known !== undefined) {
      if (known.id !== said.id) this.#onOther(from, known, roster);
      else this.#onHeld(from, known);
      return;
    }
    // Nobody waits, and what this node has kept may not be read yet: it will ask.
    if (this.#waiting.size === 0) return;
    if (settings !== this.#settings) {
      this.#fail(mismatch(this.#ports.options, from, settings));
      return;
    }
    const { node, options } = this.#ports;
    if (from === roster.replicas[0] || !roster.replicas.includes(node)) {
      void this.#take({ ...roster, isNew: said.isNew });
      return;
    }
    const isNew = said.isNew && options.durability === "memory";
    const { round = this.#round, roster: before = { ...roster, isNew } } = this.#hearsay ?? {};
    // Of two rosters the first is gone by; whoever holds a replica by the other is told of both.
    if (before.id !== roster.id) return;
    this.#hearsay = { roster: { ...roster, isNew: isNew || before.isNew }, round };
  }

  /** Another one of the named holds its replica; when all do, nothing is new any more. */
  #onHeld(from: string, known: KnownRoster): void {
    if (!known.replicas.includes(from) || this.#held.has(from)) return;
    this.#held.add(from);
    const isDone = known.replicas.every(
      (name) => name === this.#ports.node || this.#held.has(name),
    );
    if (!isDone || !known.isNew || this.#known === undefined) return;
    // In this life nobody need be told otherwise: `held` says the same.
    this.#ports.keep({ ...known, isNew: false }).catch((error: Error) => {
      this.#ports.warn(error.message);
    });
  }

  /** Two groups have one name. Each side is told of the other, and goes on with its own. */
  #onOther(from: string, known: KnownRoster, other: Roster): void {
    if (this.#splits.has(other.id) || this.#splits.size >= splitsMax) return;
    this.#splits.add(other.id);
    this.#ports.onSplit(new GroupSplitError(this.#ports.options.group, known, other));
    this.#tell(from, known);
  }

  async #take(roster: KnownRoster): Promise<void> {
    const { node, keep, peers } = this.#ports;
    this.#taking = roster;
    try {
      if (roster.replicas.includes(node)) await keep(roster);
    } catch (error) {
      // Nobody was told: what is chosen or told next may be another one.
      this.#taking = this.#hearsay = undefined;
      this.#fail(error);
      return;
    }
    this.#taking = this.#hearsay = undefined;
    this.#know(roster);
    const [founder = ""] = roster.replicas;
    if (node !== founder && roster.replicas.includes(node)) this.#tell(founder, roster);
    if (node === this.#ports.options.founder) for (const name of peers()) this.#tell(name, roster);
  }

  #know(roster: KnownRoster): void {
    this.#known = roster;
    for (const waiting of this.#settled()) waiting.resolve(roster);
  }

  #fail(error: unknown): void {
    for (const waiting of this.#settled()) waiting.reject(error);
  }

  #settled(): readonly Waiting[] {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const { timer } of all) this.#ports.clock.clearTimer(timer);
    return all;
  }

  /** What stands in the way, for a person. */
  #missing(): string {
    const { node, options, peers } = this.#ports;
    const { founder, size } = options;
    if (node !== founder) {
      const where = peers().includes(founder) ? "has not chosen" : "is not connected";
      return `nobody tells who holds the replicas, and its founder ${founder} ${where}`;
    }
    if (!this.#holds) return "this node is its founder, and has no storage";
    const there = this.#willing.size;
    return `its founder ${founder} knows of ${there} of the ${size - 1} other nodes that it needs`;
  }
}

function mismatch({ group, shared }: ResolvedFounding, from: string, settings: string) {
  let theirs: Record<string, unknown> = {};
  try {
    theirs = JSON.parse(settings) as Record<string, unknown>;
  } catch {
    // A peer whose settings cannot be read differs in all of them.
  }
  return new GroupConfigMismatchError(group, from, differences(shared, theirs));
}
