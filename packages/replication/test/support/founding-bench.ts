/** Nodes that look for the roster of a group: a network that can be cut, disks, a manual clock. */

import { defineActor } from "@troupe/actor";
import { ManualClock } from "@troupe/actor/testing";
import type { GroupSplitError } from "../../src/errors.ts";
import { Founding, type KnownRoster } from "../../src/founding.ts";
import { type GroupOptions, type ResolvedFounding, resolveFounding } from "../../src/options.ts";
import type { FoundingMessage } from "../../src/roster.ts";

const Store = defineActor("store", { init: () => ({ count: 0 }) });

export function foundingOptions(changes: Partial<GroupOptions> = {}): ResolvedFounding {
  const options = { group: "g", size: 3, founder: "a", ...changes };
  const resolved = resolveFounding(Store, undefined, options);
  if (resolved === undefined) throw new RangeError("the replicas are named");
  return resolved;
}

/** One life of a node. */
export interface Seeker {
  readonly founding: Founding;
  readonly splits: GroupSplitError[];
  readonly warnings: string[];
}

export class FoundingBench {
  readonly clock = new ManualClock();
  readonly seekers = new Map<string, Seeker>();
  /** What each node has made durable. */
  readonly disks = new Map<string, KnownRoster>();
  readonly sent: {
    readonly from: string;
    readonly to: string;
    readonly message: FoundingMessage;
  }[] = [];
  readonly #cuts = new Set<string>();
  /** What making something durable waits for, and whether it fails. */
  keeping: () => Promise<void> = async () => undefined;
  /** Whether a message is lost. */
  loses: () => boolean = () => false;
  #ids = 0;

  start(name: string, changes: Partial<GroupOptions> = {}): Seeker {
    const splits: GroupSplitError[] = [];
    const warnings: string[] = [];
    const life: { founding?: Founding } = {};
    const founding = new Founding({
      node: name,
      options: foundingOptions(changes),
      clock: this.clock,
      peers: () => [...this.seekers.keys()].filter((other) => this.#areLinked(name, other)),
      send: (to, message) => {
        this.sent.push({ from: name, to, message });
        const receiver = this.seekers.get(to)?.founding;
        if (this.loses()) return;
        // The other side gets it in a later turn, if its life and the link have lasted.
        this.clock.setTimer(1, () => {
          const isThere = this.seekers.get(to)?.founding === receiver;
          const isSender = this.seekers.get(name)?.founding === life.founding;
          if (isThere && isSender && this.#areLinked(name, to)) receiver?.receive(name, message);
        });
      },
      newId: () => (++this.#ids).toString(16).padStart(32, "0"),
      keep: async (roster) => {
        await this.keeping();
        if (this.seekers.get(name)?.founding !== life.founding) return;
        this.disks.set(name, { ...roster, isNew: roster.isNew && name === roster.replicas[0] });
      },
      onSplit: (error) => splits.push(error),
      warn: (message) => warnings.push(message),
    });
    life.founding = founding;
    const kept = this.disks.get(name);
    if (kept !== undefined) founding.recall(kept);
    const seeker = { founding, splits, warnings };
    this.seekers.set(name, seeker);
    for (const other of this.seekers.keys())
      if (this.#areLinked(name, other)) this.#up(name, other);
    return seeker;
  }

  stop(name: string): void {
    const seeker = this.seekers.get(name);
    this.seekers.delete(name);
    seeker?.founding.stop(new Error("the node has stopped"));
    for (const { founding } of this.seekers.values()) founding.peerDown(name);
  }

  /** Ends all links between two groups of names. */
  cut(some: readonly string[], others: readonly string[]): void {
    for (const one of some) {
      for (const other of others) {
        this.#cuts.add(pairOf(one, other));
        this.seekers.get(one)?.founding.peerDown(other);
        this.seekers.get(other)?.founding.peerDown(one);
      }
    }
  }

  heal(): void {
    const pairs = [...this.#cuts];
    this.#cuts.clear();
    for (const pair of pairs) {
      const [one = "", other = ""] = pair.split(" ");
      if (this.#areLinked(one, other)) this.#up(one, other);
    }
  }

  /** What a node comes to know within so much time; undefined if nothing, or an error. */
  async wait(names: readonly string[], ms: number, holds = true): Promise<Answer[]> {
    const answers: Answer[] = names.map(() => undefined);
    names.forEach((name, i) => {
      this.seekers
        .get(name)
        ?.founding.wait(holds)
        .then(
          (roster) => {
            answers[i] = roster;
          },
          (error: Error) => {
            answers[i] = error;
          },
        );
    });
    await this.clock.advanceAsync(ms);
    return answers;
  }

  #areLinked(one: string, other: string): boolean {
    if (one === other || this.#cuts.has(pairOf(one, other))) return false;
    return this.seekers.has(one) && this.seekers.has(other);
  }

  #up(one: string, other: string): void {
    this.seekers.get(one)?.founding.peerUp(other);
    this.seekers.get(other)?.founding.peerUp(one);
  }
}

export type Answer = KnownRoster | Error | undefined;

function pairOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
