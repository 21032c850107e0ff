/** What becomes of a replica that lacks what the others have cut off. */
import { describe, expect, test } from "vitest";
import { DamagedLogError } from "../../src/vsr/index.ts";
import { chain } from "../support/entries.ts";
import { replicaAlone } from "../support/scenario/alone.ts";
import { ofType, TestGroup } from "../support/test-group.ts";

function run(group: TestGroup, ...numbers: number[]): void {
  for (const number of numbers) {
    group.step(group.primary.index, group.call("a", number, `${number}`, 1, number));
    group.settle();
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
const contents = (last: number) => upTo(last).map(String);

/** A group that keeps states, with a client; every fourth op is a checkpoint. */
function keeping(): TestGroup {
  const group = new TestGroup();
  group.keepsStates = true;
  group.register("a");
  return group;
}

/** The others have gone on without replica 2, and cut off what it lacks. */
function leftBehind(): TestGroup {
  const group = keeping();
  run(group, 1, 2);
  group.tick(5);
  group.isolate(2);
  run(group, ...upTo(20).slice(2));
  group.tick(5, [0, 1]);
  expect(group.state(0).log.base.op).toBeGreaterThan(group.state(2).log.head);
  return group;
}

function expectWhole(group: TestGroup, last: number): void {
  for (const { ran, state } of group.replicas) {
    expect(ran).toEqual(contents(last));
    expect(state.clients.snapshot()).toEqual(group.state(0).clients.snapshot());
  }
}

describe("a replica that was away while the others cut off what it lacks", () => {
  test("takes a checkpoint, with its table, and the log behind it (I43)", () => {
    const group = leftBehind();
    group.heal();
    group.tick(20);
    expectWhole(group, 20);
    const { log, checkpoints } = group.state(2);
    expect(log.base.op).toBe(checkpoints.newest?.op);
    expect(group.sentOf(2, "request_prepare")).toEqual([]);
  });

  test("writes it as one change, in which the old log goes and nothing is promised (I40, I43)", () => {
    const group = leftBehind();
    group.heal();
    group.tick(20);
    const resets = group.replica(2).durable.filter(({ reset }) => reset !== undefined);
    expect(resets.map(({ reset, view, log_view }) => [reset?.op, view, log_view])).toEqual([
      [group.state(2).checkpoints.newest?.op, 0, 0],
    ]);
  });

  test("keeps its old log as long as the new state is not whole (I40)", () => {
    const group = leftBehind();
    const { head } = group.state(2).log;
    const { kept } = group.replica(0);
    group.replica(0).kept = [];
    group.replica(1).kept = [];
    group.heal();
    group.tick(20);
    expect(group.state(2).log.head).toBe(head);
    expect(group.state(2).log.base.op).toBe(0);
    group.replica(0).kept = kept;
    group.tick(200);
    expectWhole(group, 20);
  });

  test("comes back after a crash between the new state and the new log (I43)", () => {
    const group = leftBehind();
    group.replica(2).diskHeld = true;
    group.heal();
    group.tick(20);
    expect(group.replica(2).kept.length).toBeGreaterThan(0);
    group.crash(2, 0);
    group.replica(2).diskHeld = false;
    group.restart(2);
    group.tick(20);
    expectWhole(group, 20);
  });

  test("drops what it has beyond the checkpoint if that is of another history (I43)", () => {
    const group = keeping();
    run(group, 1, 2);
    group.tick(5);
    group.isolate(0);
    // The old primary prepares what nobody gets, and the others elect another one.
    for (const number of [3, 4])
      group.step(0, group.call("a", number, `lost ${number}`, 1, number));
    group.tickUntil(() => group.state(1).isPrimary);
    group.step(1, group.call("a", 3, "3", 1, 3));
    group.settle();
    for (const number of upTo(20).slice(3)) {
      group.step(1, group.call("a", number, `${number}`, 1, number));
      group.settle();
    }
    group.tick(5);
    expect(group.state(1).log.base.op).toBeGreaterThan(group.state(0).log.head);
    group.heal();
    group.tick(100);
    expectWhole(group, 20);
  });

  /** Replicas 0 and 4 are still in view 0, alone; the others are in a later one and have cut. */
  function twoHistories(): TestGroup {
    const group = new TestGroup({ replicaCount: 5 });
    group.keepsStates = true;
    group.register("a");
    run(group, 1, 2);
    group.tick(5);
    group.partition([0, 4], [1, 2, 3]);
    for (const number of [3, 4]) {
      group.step(0, group.call("a", number, `lost ${number}`, 1, number));
      group.settle();
    }
    expect(group.state(4).log.head).toBe(5);
    group.tickUntil(() => group.state(1).isPrimary, 100);
    for (const number of upTo(20).slice(2)) {
      group.step(1, group.call("a", number, `${number}`, 1, number));
      group.settle();
    }
    group.tick(5, [1, 2, 3]);
    expect(group.state(1).log.base.op).toBeGreaterThan(5);
    return group;
  }

  test("takes none of a later view: acknowledged in its own, it would be of another log (I22)", () => {
    for (const laterAsOwn of [false, true]) {
      const group = twoHistories();
      const { newest: checkpoint } = group.state(1).checkpoints;
      if (checkpoint === undefined) throw new Error("it keeps none");
      const { base } = group.state(1).log;
      const view = laterAsOwn ? 0 : group.state(1).logView;
      const offer = { type: "checkpoint", view, base: base.op, checkpoint } as const;
      group.inject({ from: 1, to: 4, message: offer });
      if (!laterAsOwn) {
        expect(group.state(4)).toMatchObject({ status: "view_change", commitMin: 3 });
        continue;
      }
      // Its old primary is there still, goes on preparing, and hears of another op.
      expect(group.state(4)).toMatchObject({ status: "normal", view: 0, commitMin: checkpoint.op });
      group.step(0, group.call("a", 5, "lost 5", 1, 5));
      expect(() => group.settle()).toThrow("holds another op");
    }
  });

  test("joins the view that has begun before it takes a checkpoint of it (I8, I43)", () => {
    const group = leftBehind();
    group.crash(0, 9);
    group.lose(ofType("start_view", "commit", "prepare", "read_round"));
    group.heal();
    const stop = group.lose(ofType("start_view", "commit", "prepare", "read_round"));
    group.restart(0);
    group.tick(60);
    stop();
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    group.tick(100);
    expectWhole(group, 20);
  });
});

describe("a replica that has lost its checkpoints and has cut its log", () => {
  function hollow(): TestGroup {
    const group = keeping();
    run(group, ...upTo(20));
    group.tick(5);
    group.crash(2, 9);
    group.replica(2).kept = [];
    return group;
  }

  test("runs nothing until it has another one, and is whole then (I44)", () => {
    const group = hollow();
    const free = group.lose(ofType("checkpoint"));
    group.restart(2);
    group.tick(20);
    const { state } = group.replica(2);
    expect(state.isHollow).toBe(true);
    expect(group.replica(2).ran).toEqual([]);
    // What it has is durable, and it says so.
    expect(state.status).toBe("normal");
    run(group, 21);
    expect(group.sentOf(2, "prepare_ok").length).toBeGreaterThan(0);
    free();
    group.tick(110);
    expect(group.state(2).isHollow).toBe(false);
    expectWhole(group, 21);
  });

  test("does not lead (I37)", () => {
    const group = hollow();
    const free = group.lose(ofType("checkpoint"));
    group.restart(2);
    group.tick(5);
    group.crash(1, 9);
    group.crash(0, 9);
    group.restart(0);
    group.tick(200);
    expect(group.state(2).isPrimary).toBe(false);
    expect(group.state(2).isHollow).toBe(true);
    free();
    group.restart(1);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"), 2000);
    group.tick(110);
    expectWhole(group, 20);
  });

  test("says what it needs, and is given it by whoever keeps one", () => {
    const group = hollow();
    const free = group.lose(ofType("checkpoint"));
    group.restart(2);
    group.tick(101);
    expect(group.replica(2).up.report.needs).toBe("checkpoint");
    expect(group.sentOf(2, "hollow").map(({ to }) => to)).toEqual([0, 1]);
    free();
    // It asks again before the others tell of theirs again by themselves.
    group.tick(100, [2]);
    expect(group.replica(2).up.report.needs).toBe("nothing");
  });

  test("waits for one that is down, which may keep one", () => {
    const group = hollow();
    group.crash(1, 9);
    group.replica(1).kept = [];
    group.crash(0, 9);
    group.restart(1);
    group.restart(2);
    group.tick(500);
    expect([1, 2].map((index) => group.replica(index).up.report.needs)).toEqual([
      "checkpoint",
      "checkpoint",
    ]);
    group.restart(0);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"), 2000);
    group.tick(110);
    expectWhole(group, 20);
  });

  test("stops and says what is lost when all others have said that they lack it too", () => {
    const group = hollow();
    for (const index of [0, 1]) {
      group.crash(index, 9);
      group.replica(index).kept = [];
    }
    for (const index of [0, 1, 2]) group.restart(index);
    group.tick(150);
    const bases = group.replicas.map(({ state }) => state.log.base.op);
    const stopped = () => group.tick(100);
    expect(stopped).toThrow(DamagedLogError);
    expect(stopped).toThrow(new RegExp(`the state up to op (${bases.join("|")}) is lost`));
  });

  test("does not give up with another one that rejoins and has fetched one", () => {
    const group = hollow();
    group.crash(1, 9);
    group.wipe(1, 1_000);
    const free = group.lose(({ from, to }) => from === 0 && to === 2);
    group.restart(2);
    group.restart(1);
    group.tick(60);
    group.crash(0, 9);
    group.replica(0).kept = [];
    free();
    group.restart(0);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"), 2000);
    group.tick(210);
    expectWhole(group, 20);
  });

  test("does not begin if it is alone", () => {
    const base = { op: 8, checksum: "8".repeat(32), timestamp: 9 };
    const recovered = { view: 0, log_view: 0, commit: 8, base, entries: [] };
    expect(() => replicaAlone(0, recovered, 1)).toThrow(DamagedLogError);
  });
});

describe("a replica whose states are not the group's, with a log that begins with op 1", () => {
  /** Down, with all of its log and the promise to run none of it by itself. */
  function disowned(): TestGroup {
    const group = keeping();
    run(group, ...upTo(6));
    group.tick(5);
    group.crash(2, 9);
    Object.assign(group.replica(2), { kept: [], isDisowned: true });
    expect(group.state(0).log.base.op).toBe(0);
    return group;
  }

  test("runs nothing of it, vouches for it, and goes on from a state of the others (I44, I58)", () => {
    const group = disowned();
    const free = group.lose(ofType("checkpoint"));
    group.restart(2);
    group.tick(20);
    const { state } = group.replica(2);
    expect([state.isHollow, state.status, state.log.base.op]).toEqual([true, "normal", 0]);
    expect(group.replica(2).ran).toEqual([]);
    run(group, 7);
    expect(group.sentOf(2, "prepare_ok").length).toBeGreaterThan(0);
    free();
    group.tick(110);
    expect(state.isHollow).toBe(false);
    // The log was sound: nothing of it was thrown away.
    expect(group.replica(2).durable.filter(({ reset }) => reset !== undefined)).toEqual([]);
    expectWhole(group, 7);
  });

  test("makes a quorum with another one, which leads (I36)", () => {
    const group = disowned();
    const free = group.lose(ofType("checkpoint"));
    group.restart(2);
    group.tick(5);
    group.crash(0, 9);
    group.tickUntil(() => group.state(1).isSettled);
    run(group, 7);
    expect(group.replica(1).ran).toEqual(contents(7));
    expect([group.state(2).isHollow, group.replica(2).ran]).toEqual([true, []]);
    free();
    group.restart(0);
    group.tick(200);
    expectWhole(group, 7);
  });
});

describe("what a log holds beyond a checkpoint that is whole here", () => {
  const entries = chain(contents(12));
  const at = (op: number) => entries[op - 1] as (typeof entries)[number];
  const checkpointAt = (op: number, sum = at(op).checksum) => {
    const named = { op, checksum: sum, timestamp: at(op).timestamp, id: "a".repeat(32), bytes: 9 };
    return { ...named, clients: [] };
  };
  const recovered = { view: 3, log_view: 1, commit: 2, entries };

  test("is kept if it follows the op that the checkpoint ends in (I43)", () => {
    const replica = replicaAlone(2, { ...recovered, checkpoint: checkpointAt(8) });
    const { log, commitMin, logView } = replica.state;
    expect([log.base.op, log.head, commitMin, logView]).toEqual([0, 12, 8, 1]);
    expect(replica.take().write?.reset).toBeUndefined();
  });

  test("is dropped if it follows another one, in one write that lowers no view (I13, I43)", () => {
    const other = checkpointAt(8, "f".repeat(32));
    const replica = replicaAlone(2, { ...recovered, checkpoint: other });
    const { log, commitMin, logView } = replica.state;
    expect([log.base.op, log.head, commitMin, logView]).toEqual([8, 8, 8, 1]);
    const { op, checksum, timestamp } = other;
    const written = { reset: { op, checksum, timestamp }, view: 3, log_view: 1, entries: [] };
    expect(replica.take().write).toMatchObject(written);
  });

  test("is kept where damage leaves only its checksums, and cut free of the damage (I41)", () => {
    const { checksum, parent } = at(6);
    const damaged = [{ op: 6, checksum, parent }];
    const left = entries.filter(({ op }) => op !== 6);
    const held = { ...recovered, entries: left, damaged, checkpoint: checkpointAt(8) };
    const replica = replicaAlone(2, held);
    const { log } = replica.state;
    expect([log.base.op, log.head, log.damaged]).toEqual([8, 12, []]);
  });

  test("is nothing if the log ends in damage at or before it (I46)", () => {
    const damaged = [{ op: 11 }, { op: 12 }, { op: 13 }];
    const left = entries.slice(0, 10);
    const sum = "c".repeat(32);
    const checkpoint = { ...checkpointAt(12, sum), op: 13 };
    const replica = replicaAlone(2, { ...recovered, entries: left, damaged, checkpoint });
    const { log, status } = replica.state;
    expect([log.base.op, log.head, status]).toEqual([13, 13, "view_change"]);
  });
});

test("a slot that is damaged, and cut off everywhere else, comes back as a checkpoint (I41)", () => {
  const group = keeping();
  run(group, ...upTo(5));
  group.crash(2, 9);
  group.replica(2).kept = [];
  group.damage(2, [3], "body");
  run(group, ...upTo(20).slice(5));
  group.tick(5);
  group.restart(2);
  group.tick(110);
  expect(group.state(2).log.damaged).toEqual([]);
  expectWhole(group, 20);
});
