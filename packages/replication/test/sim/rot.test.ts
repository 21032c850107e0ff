/** Where disks may be damaged, what a journal tells of it, and when a paused process ticks. */
import type { Replica } from "@troupe/replication/runtime";
import { describe, expect, test } from "vitest";
import { EventQueue } from "../../sim/event-queue.ts";
import { type AtlasOptions, FaultAtlas } from "../../sim/fault-atlas.ts";
import { Chance } from "../../sim/random.ts";
import { Rot } from "../../sim/rot.ts";
import { run } from "../../sim/run.ts";
import { clockOf } from "../../sim/sim-clock.ts";
import type { Write } from "../../src/vsr/index.ts";
import { quorumOf } from "../../src/vsr/index.ts";
import { chain } from "../support/entries.ts";

const entries = chain(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]);

function options(seed: number, replicaCount: number, more: Partial<AtlasOptions> = {}) {
  const usual = { rot: 1, lostHeaders: 0.5, lostDisks: 1, beyondRepair: false };
  return { seed, config: { replicaCount }, ...usual, ...more };
}

function stored(): Write[] {
  return [
    { write: 1, view: 0, log_view: 0, commit: 0, entries: entries.slice(0, 5) },
    { write: 2, view: 0, log_view: 0, commit: 0, entries: entries.slice(5) },
  ];
}

const fold = (writes: readonly Write[]) => ({
  view: 0,
  log_view: 0,
  commit: 0,
  entries: writes.flatMap((write) => write.entries),
});

describe("the atlas of faults", () => {
  test.each([1, 2, 3, 4, 5, 6, 7])("leaves a group of %i what it lives on", (replicaCount) => {
    const all = Array.from({ length: replicaCount }, (_, index) => index);
    let damaged = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const atlas = new FaultAtlas(options(seed, replicaCount));
      const frail = all.filter((index) => atlas.mayLoseHead(index));
      expect(frail.length).toBeLessThanOrEqual(replicaCount - quorumOf(replicaCount));
      expect(all.filter((index) => atlas.mayLoseDisk(index))).toEqual(frail);
      expect(all.filter((index) => atlas.mayStayDown(index))).toEqual(frail);
      for (let op = 1; op <= 40; op++) {
        const here = all.filter((index) => atlas.mayDamage(index, op));
        expect(here.length).toBeLessThan(quorumOf(replicaCount));
        // Who is silent denies nothing, wherever in the log.
        if (replicaCount > 1) expect(here).toEqual(expect.arrayContaining(frail));
        damaged += here.length;
      }
    }
    expect(damaged > 0).toBe(replicaCount > 1);
  });

  test("damages different replicas in different regions", () => {
    const atlas = new FaultAtlas(options(3, 5));
    const who = (op: number) => [0, 1, 2, 3, 4].filter((i) => atlas.mayDamage(i, op)).join();
    expect(new Set(Array.from({ length: 100 }, (_, op) => who(op))).size).toBeGreaterThan(2);
  });

  test("bounds nothing beyond repair, but leaves a replica alone well", () => {
    const beyond = (count: number) => new FaultAtlas(options(1, count, { beyondRepair: true }));
    const three = beyond(3);
    expect([0, 1, 2].every((i) => three.mayLoseHead(i) && three.mayDamage(i, 7))).toBe(true);
    expect(beyond(1).mayDamage(0, 7)).toBe(false);
    expect(beyond(1).mayLoseHead(0)).toBe(false);
  });
});

describe("rot", () => {
  function opened(seed: number, more: Partial<AtlasOptions> = {}) {
    const given = options(seed, 3, more);
    const rot = new Rot(given, new FaultAtlas(given), 0, new Chance(seed, "rot"));
    const writes = stored();
    rot.strike(writes, fold(writes));
    return { rot, writes, recovered: rot.read(fold(writes)) };
  }

  test("names each op once, up to the head, as read or as damaged", () => {
    let [nameless, named, heads, tooFar] = [0, 0, 0, 0];
    for (let seed = 1; seed <= 300; seed++) {
      const { recovered } = opened(seed);
      const { damaged = [] } = recovered;
      const ops = [...recovered.entries, ...damaged].map(({ op }) => op).sort((a, b) => a - b);
      expect(ops.slice(0, 12)).toEqual(entries.map(({ op }) => op));
      for (const { op, checksum } of damaged) {
        if (checksum === undefined) nameless++;
        else named++;
        if (checksum !== undefined) expect(checksum).toBe(entries[op - 1]?.checksum);
        if (op === 12) heads++;
        if (op === 13) tooFar++;
        if (op < 12 && checksum === undefined) {
          const behind = damaged.find((slot) => slot.op === op + 1);
          expect(behind === undefined || behind.checksum !== undefined).toBe(true);
        }
      }
    }
    expect(Math.min(nameless, named, heads, tooFar)).toBeGreaterThan(0);
  });

  test("stays until the record is written anew", () => {
    const { rot, writes, recovered } = opened(1, { beyondRepair: true });
    const lost = recovered.damaged?.[0];
    expect(lost).toBeDefined();
    expect(rot.read(fold(writes)).damaged?.[0]).toEqual(lost);
    const op = lost?.op ?? 0;
    const repaired = fold(writes).entries.map((entry) => {
      return entry.op === op ? (entries[op - 1] ?? entry) : entry;
    });
    const { damaged = [] } = rot.read({ ...fold(writes), entries: repaired });
    expect(damaged.map((slot) => slot.op)).not.toContain(op);
  });

  test("leaves the entries of other disks alone", () => {
    const { writes, recovered } = opened(1, { beyondRepair: true });
    expect(fold(writes).entries).toEqual(entries);
    for (const { op } of recovered.damaged ?? []) {
      if (op <= 12) expect(fold(writes).entries[op - 1]).not.toBe(entries[op - 1]);
    }
  });
});

describe("the clock of a simulated process", () => {
  test("goes at its own speed, and rings when the process is awake", () => {
    const events = new EventQueue();
    const asleep: (() => void)[] = [];
    const rung: number[] = [];
    const clock = clockOf(events, 2, (run) => asleep.push(run));
    clock.setTimer(20, () => rung.push(clock.monotonic()));
    const cleared = clock.setTimer(20, () => rung.push(-1));
    events.after(50, () => undefined);
    while (events.next(100));
    expect(rung).toEqual([]);
    clock.clearTimer(cleared);
    for (const run of asleep) run();
    expect(rung).toEqual([100]);
  });
});

describe("a process that was paused", () => {
  function lateTicks(pauseEveryMs: number): number {
    let late = 0;
    const plant = {
      mistake: "none: it counts",
      inReplica: (replica: Replica) => {
        const step = replica.step.bind(replica);
        replica.step = (input, now) => {
          if (input.type === "tick" && input.late === true) late++;
          step(input, now);
        };
      },
    };
    const overrides = { faultyMs: 3000, pauseEveryMs, pauseMeanMs: 500, hunted: 0 };
    expect(run(1, { profile: "calm", overrides, plant }).violation).toBeUndefined();
    return late;
  }

  test("ticks once, late, when it wakes; no other ever does", () => {
    expect(lateTicks(0)).toBe(0);
    expect(lateTicks(300)).toBeGreaterThan(0);
    expect(lateTicks(300)).toBeLessThan(30);
  });
});

describe("a world beyond repair", () => {
  test("may stand still, with damage that shows", { timeout: 30_000 }, () => {
    const stands: string[] = [];
    for (let seed = 1; seed <= 9; seed++) {
      const onTrace = (line: string) => {
        if (line.startsWith("the group stands still")) stands.push(line);
      };
      expect(run(seed, { profile: "beyond", onTrace }).violation, `seed ${seed}`).toBeUndefined();
    }
    expect(stands.length).toBeGreaterThan(0);
    for (const line of stands) expect(line).toMatch(/gave up|damaged \[\d|missing \[\d/);
  });
});
