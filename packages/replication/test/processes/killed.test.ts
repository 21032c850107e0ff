/**
 * Processes that are killed while many call: whatever a caller was told is what the state shows.
 */
import { isActorError } from "@troupe/actor";
import { expect, test } from "vitest";
import { ProcessGroup, Program, primaryOf, type TallyRef, type Told } from "./replicas.ts";

const callers = 256;

/** What became of each call, by its number. */
class Outcomes {
  readonly acknowledged: number[] = [];
  readonly ran: number[] = [];
  readonly notRun: number[] = [];
  readonly unknown: number[] = [];
  readonly codes = new Set<string>();
  #next = 0;
  #wanted = 0;
  #reached: (() => void) | undefined;

  get next(): number {
    return this.#next++;
  }

  /** Resolves when so many more calls are acknowledged. */
  more(count: number): Promise<void> {
    this.#wanted = this.acknowledged.length + count;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }

  acknowledge(n: number): void {
    this.acknowledged.push(n);
    if (this.acknowledged.length >= this.#wanted) this.#reached?.();
  }

  fail(n: number, error: unknown): void {
    if (!isActorError(error)) throw error;
    this.codes.add(error.code);
    const { outcome } = error;
    if (outcome === "ran") this.ran.push(n);
    else if (outcome === "not_run") this.notRun.push(n);
    else this.unknown.push(n);
  }
}

/** Calls until it is told to stop; some are refused, some wait for so long and no longer. */
async function caller(ref: TallyRef, i: number, outcomes: Outcomes, isOver: () => boolean) {
  while (!isOver()) {
    const n = outcomes.next;
    const options = i % 4 === 0 ? { timeout: 40 } : { timeout: 30_000 };
    const isRefused = i % 8 === 1;
    await (isRefused ? ref.call("refuse", n, options) : ref.call("put", n, options)).then(
      () => outcomes.acknowledge(n),
      (error) => outcomes.fail(n, error),
    );
    // What is refused at once would else be made again in the same turn, for ever.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("what 256 callers are told while primaries are killed is what the state shows", async () => {
  const group = await ProcessGroup.start({ window: 128, maxQueuedCalls: 100, checkpointOps: 64 });
  await group.beginAll();
  const ref = await group.client();
  const outcomes = new Outcomes();
  let isOver = false;
  const load = Array.from({ length: callers }, (_, i) => caller(ref, i, outcomes, () => isOver));
  await outcomes.more(1000);
  for (let kill = 0; kill < 2; kill++) {
    const primary = await primaryOf(ref);
    await group.member(primary).kill();
    await outcomes.more(500);
    expect(await primaryOf(ref)).not.toBe(primary);
    await group.begin(primary);
    await outcomes.more(500);
  }
  isOver = true;
  await Promise.all(load);
  // Behind it stands whatever was sent before.
  await ref.call("put", outcomes.next);
  const runs = new Map(await ref.query("all"));
  for (const n of [...outcomes.acknowledged, ...outcomes.ran]) {
    expect([n, runs.get(n)]).toEqual([n, 1]);
  }
  for (const n of outcomes.notRun) expect([n, runs.get(n)]).toEqual([n, undefined]);
  for (const [n, times] of runs) expect([n, times]).toEqual([n, 1]);
  expect(outcomes.unknown.length).toBeGreaterThan(0);
  expect(outcomes.notRun.length).toBeGreaterThan(0);
  expect(outcomes.codes).toContain("refused");
});

test("a client that is killed amid its calls, and comes back, runs nothing twice", async () => {
  const group = await ProcessGroup.start({ checkpointOps: 64 });
  await group.beginAll();
  const lives = 3;
  const callsOfLife = 100_000;
  const answered: number[] = [];
  const called = new Set<number>();
  const { storage: _, ...options } = group.options;
  for (let life = 0; life < lives; life++) {
    const wanted = answered.length + 50 * (life + 1);
    let reached = () => {};
    const enough = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const hear = ({ event, details }: Told) => {
      if (event === "called") called.add(Number(details.n));
      if (event === "answered") answered.push(Number(details.n));
      if (answered.length >= wanted) reached();
    };
    const first = life * callsOfLife;
    const load = { of: "calls", callers: 16 } as const;
    const { seeds } = group;
    const client = await Program.start({ name: "k", seeds, group: options, load, first }, hear);
    await enough;
    await client.kill();
  }
  const ref = await group.client();
  const runs = new Map(await ref.query("all"));
  for (const n of answered) expect([n, runs.get(n)]).toEqual([n, 1]);
  for (const [n, times] of runs) expect([n, times]).toEqual([n, 1]);
  // Each of its lives left some of its calls without an answer.
  expect(called.size).toBeGreaterThan(answered.length);
});
