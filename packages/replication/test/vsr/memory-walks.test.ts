/**
 * Memory groups on random walks: messages arrive late, twice, or never, also those of lives long
 * ended; replicas die and come back with nothing. `TestGroup` checks after every step that nobody
 * runs another op than the others, and the invariants.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Packet, TestGroup } from "../support/test-group.ts";

/** A source of choices, so that fast-check can shrink a walk that went wrong. */
type Choices = (max: number) => number;

class Walk {
  readonly group: TestGroup;
  readonly #choose: Choices;
  /** How many may be without their memory at once. */
  readonly #sparesMax: number;
  #number = 0;
  readonly acked = new Set<string>();

  constructor(size: number, sparesMax: number, choose: Choices) {
    this.group = new TestGroup({ replicaCount: size }, { memory: true });
    expect(this.group.register("a")).toBe(1);
    this.#choose = choose;
    this.#sparesMax = sparesMax;
  }

  step(): void {
    const { group } = this;
    const kind = this.#choose(20);
    if (kind < 9) this.#arrive(true);
    else if (kind < 10) this.#arrive(false);
    else if (kind < 12) this.#arriveAgain();
    else if (kind < 15) this.#tickOne();
    else if (kind < 17) this.#call();
    else if (kind < 18) this.#crash();
    else if (kind < 19) this.#restart();
    else group.drop(({ to }) => to === this.#choose(group.replicas.length));
    this.#syncAll();
    this.#noteAnswers();
  }

  heal(): void {
    const { group } = this;
    for (const { index, replica } of group.replicas)
      if (replica === undefined) group.restart(index);
    group.tick(250);
    this.#noteAnswers();
  }

  #arrive(counts: boolean): void {
    const { packets } = this.group;
    const [packet] = packets.splice(this.#choose(packets.length), 1);
    if (counts && packet !== undefined) this.#inject(packet);
  }

  #arriveAgain(): void {
    const { sent } = this.group;
    const packet = sent[this.#choose(sent.length)];
    if (packet !== undefined) this.#inject(packet);
  }

  #inject(packet: Packet): void {
    if (this.group.replica(packet.to).replica !== undefined) this.group.inject(packet);
  }

  #tickOne(): void {
    const index = this.#choose(this.group.replicas.length);
    const times = 1 + this.#choose(30);
    for (let i = 0; i < times; i++) {
      this.group.now += 1;
      if (this.group.replica(index).replica !== undefined) this.group.step(index, { type: "tick" });
    }
  }

  #call(): void {
    const { group } = this;
    const leader = group.replicas.find(({ replica }) => replica?.state.isPrimary);
    if (leader === undefined) return;
    if (this.acked.has(`${this.#number}`) || this.#number === 0) this.#number++;
    group.step(leader.index, group.call("a", this.#number, `${this.#number}`));
  }

  #crash(): void {
    const { group } = this;
    const without = group.replicas.filter(
      ({ replica }) => replica === undefined || replica.report.status === "recovering",
    );
    const index = this.#choose(group.replicas.length);
    if (group.replica(index).replica === undefined) return;
    if (!without.includes(group.replica(index)) && without.length >= this.#sparesMax) return;
    group.crash(index);
  }

  #restart(): void {
    const down = this.group.replicas.filter(({ replica }) => replica === undefined);
    const chosen = down[this.#choose(down.length)];
    if (chosen !== undefined) this.group.restart(chosen.index);
  }

  #syncAll(): void {
    for (const { index, replica, pending } of this.group.replicas) {
      if (replica !== undefined && pending.length > 0) this.group.sync(index);
    }
  }

  #noteAnswers(): void {
    if (this.#number === 0) return;
    for (const answer of this.group.answers("a", this.#number)) {
      expect(answer).toBe(`${this.#number}:${this.#number}`);
      this.acked.add(`${this.#number}`);
    }
  }
}

/** Choices drawn from one number: cheap, and the same for the same number. */
function choicesOf(seed: number): Choices {
  let state = seed;
  return (max) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return max === 0 ? 0 : Math.floor((state / 2 ** 32) * max);
  };
}

function walk(seed: number, size: number, sparesMax: number): Walk {
  const made = new Walk(size, sparesMax, choicesOf(seed));
  for (let i = 0; i < 400; i++) made.step();
  made.heal();
  return made;
}

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe("a memory group on a random walk", () => {
  test("loses nothing that was acknowledged, as long as no more forget than it can spare", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(3, 3, 4, 5), (seed, size) => {
        const { group, acked } = walk(seed, size, Math.floor((size - 1) / 2));
        group.expectAgreement();
        expect(group.primary.ran).toEqual(expect.arrayContaining([...acked]));
      }),
      { numRuns: 12 },
    );
  });

  test("says lost, and never answers wrongly, when more forget than it can spare", () => {
    let lost = 0;
    fc.assert(
      fc.property(seeds, fc.constantFrom(2, 3, 4, 5), (seed, size) => {
        const { group, acked } = walk(seed, size, Math.floor((size - 1) / 2) + 1);
        const said = group.replicas.map(({ state }) => state.status);
        if (said.includes("lost")) {
          lost++;
          return;
        }
        group.expectAgreement();
        expect(group.primary.ran).toEqual(expect.arrayContaining([...acked]));
      }),
      { numRuns: 12 },
    );
    expect(lost).toBeGreaterThan(0);
  });
});
