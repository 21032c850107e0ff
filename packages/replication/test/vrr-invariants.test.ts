/**
 * The invariants of docs/protocol.md by their numbers, as far as the pure room can break them. What
 * has a test of its own elsewhere is named there; here are those about what a replica asserts of
 * itself, and those that only a whole group can show.
 */
import { describe, expect, test } from "vitest";
import {
  primaryOf,
  type Recovered,
  ReplicaInvariantError,
  timeoutTicksDefaults,
} from "../src/vsr/index.ts";
import { call, chain, clientId, entryAfter } from "./support/entries.ts";
import { replicaAlone } from "./support/scenario/alone.ts";
import { groupOf } from "./support/scenario/scenario.ts";
import { groupConfig } from "./support/test-group.ts";

const { heartbeat, primarySilence } = timeoutTicksDefaults;

const entries = chain(["u", "v", "w"]);
const recovered: Recovered = { view: 3, log_view: 3, commit: 1, entries };

describe("views and identity", () => {
  test("I1: a replica does not begin with a log_view above its view", () => {
    expect(() => replicaAlone(1, { ...recovered, view: 2 })).toThrow(
      "log_view above the view (I1)",
    );
  });

  test("I1: neither view nor log_view ever falls, in memory or on disk, over crashes too", () => {
    const group = groupOf(3);
    const highest = group.replicas.map(() => ({ view: 0, log_view: 0 }));
    const watch = () => {
      for (const { index, disk } of group.replicas) {
        const before = highest[index] ?? disk;
        expect(disk.view).toBeGreaterThanOrEqual(before.view);
        expect(disk.log_view).toBeGreaterThanOrEqual(before.log_view);
        highest[index] = { view: disk.view, log_view: disk.log_view };
      }
    };
    for (const call of ["x", "y", "z"]) {
      group.call(call);
      const { index } = group.primary;
      group.replica(index).crash();
      for (let tick = 0; tick < 3 * primarySilence; tick++) {
        group.ticks(1);
        watch();
      }
      group.replica(index).restart();
      group.ticksUntilNormal();
      watch();
    }
    expect(highest.every(({ log_view }) => log_view >= 3)).toBe(true);
    group.expectOneGroup();
  });

  test("I2: a replica that is normal in a view whose log it has not got stops", () => {
    const { state } = replicaAlone(1);
    state.view = 4;
    expect(() => state.invariants()).toThrow("normal in no view (I2)");
    state.status = "view_change";
    expect(() => state.invariants()).not.toThrow();
    state.logView = 5;
    expect(() => state.invariants()).toThrow(ReplicaInvariantError);
  });

  test("I3: the order of the configuration says who leads, whoever is there", () => {
    for (const count of [1, 2, 3, 4, 5, 6, 7]) {
      const leaders = Array.from({ length: 2 * count }, (_, view) => primaryOf(view, count));
      const order = Array.from({ length: count }, (_, index) => index);
      expect(leaders).toEqual([...order, ...order]);
    }
  });

  test("I5: nothing of one view is left in the next: no vote, ack, queue, query or promise", () => {
    const group = groupOf(5, { pipelineMax: 1, batchRequestsMax: 1 });
    group.call("x");
    group.drop("prepare_ok", "read_round_ok");
    group.call("y", "z");
    group.query();
    group.query();
    const { state } = group.replica(0);
    expect([state.queue.length, state.roundQueries.length, state.inFlight.size]).toEqual([1, 1, 1]);
    group.say(3, 0, { type: "start_view_change", view: 2, left: false });
    group.say(4, 0, { type: "start_view_change", view: 2, left: false });
    expect(state.votes.count(2)).toBe(2);
    group.say(1, 0, { type: "start_view_change", view: 1, left: true });
    expect(state.view).toBe(1);
    const { queue, inFlight, newQueries, roundQueries, doViewChanges } = state;
    expect(queue.length + newQueries.length + roundQueries.length).toBe(0);
    expect([inFlight.size, doViewChanges.size]).toEqual([0, 0]);
    expect([state.votes.highest, state.wantsView]).toEqual([-1, undefined]);
    expect([state.catchUp, state.pendingStartView, state.ackDue]).toEqual([
      undefined,
      undefined,
      false,
    ]);
    const { heartbeat: beat, primarySilence: silence, abdicate } = state.timeouts;
    expect([beat, silence, abdicate].some(({ running }) => running)).toBe(false);
    group.expectOneGroup();
  });

  test("I5: votes that a candidate got for one view do not count when it is candidate again", () => {
    const group = groupOf(5);
    group.call("x");
    group.replica(0).crash();
    // Of each view's votes the candidate gets one besides its own; that makes two, and three are
    // needed. View 6 is replica 1's again, and the vote comes from another one.
    for (const view of [1, 2, 3, 4, 5]) {
      const candidate = primaryOf(view, 5);
      const one = candidate === 2 ? 3 : 2;
      group
        .drop("do_view_change")
        .ofView(view)
        .from(...[1, 2, 3, 4].filter((i) => i !== one));
    }
    group.drop("do_view_change").ofView(6).from(2, 4);
    group.ticksUntil(() => group.replica(1).state.view === 6, 4000);
    group.ticks(2);
    expect([...group.replica(1).state.doViewChanges.keys()].sort()).toEqual([1, 3]);
    expect(group.copiesOf("start_view").count).toBe(0);
    group.expectOneGroup();
  });

  test("I6: whoever leads a view is the only one that ever prepares in it", () => {
    const group = groupOf(3);
    for (const call of ["x", "y", "z"]) {
      group.call(call);
      const { index } = group.primary;
      group.replica(index).crash();
      group.replica(index).restart();
      group.ticksUntilNormal();
    }
    for (const { from, message } of group.copiesOf("prepare").all) {
      if (message.type === "prepare") expect(from).toBe(primaryOf(message.view, 3));
    }
    group.expectOneGroup();
  });
});

describe("durability", () => {
  test("I9, I13: no write lowers a view, and each carries the view as it was decided", () => {
    const group = groupOf(3);
    group.call("x");
    for (const { index } of group.replicas) group.replica(index).slowDisk();
    group.replica(0).isolate("send");
    group.ticksUntil(() => group.replica(2).state.view === 1);
    for (const { index, disk } of group.replicas) {
      expect([index, disk.view, disk.log_view]).toEqual([index, 0, 0]);
    }
    expect(group.copiesOf("do_view_change", "start_view").count).toBe(0);
    group.replica(2).quickDisk();
    expect(group.replica(2).disk).toMatchObject({ view: 1, log_view: 0 });
    expect(group.copiesOf("do_view_change").from(2).count).toBe(1);
    group.expectOneGroup();
  });

  test("I14: a primary that comes back, comes back in no view, and wants the next one", () => {
    const leads = replicaAlone(0, recovered);
    expect(leads.report).toMatchObject({ status: "view_change", view: 3, log_view: 3 });
    expect(leads.take().messages.map(({ message }) => message)).toEqual([
      { type: "start_view_change", view: 4, left: false },
      { type: "start_view_change", view: 4, left: false },
    ]);
    expect(replicaAlone(1, recovered).report).toMatchObject({ status: "normal", view: 3 });
  });
});

describe("the log and the commit", () => {
  test("I23: what runs is in the log and committed, or the replica stops", () => {
    const { state } = replicaAlone(1, recovered);
    expect([state.commitMin, state.commitMax]).toEqual([1, 1]);
    state.commitMin = 2;
    expect(() => state.invariants()).toThrow("ran what is not committed (I23)");
    state.commitMin = 4;
    state.commitMax = 4;
    expect(() => state.invariants()).toThrow("ran what is not in the log (I23)");
  });

  test("I23: a commit beyond the log is remembered, and nothing beyond the log is run", () => {
    const { state } = replicaAlone(1, recovered);
    state.learnCommit(9);
    expect([state.commitMin, state.commitMax]).toEqual([3, 9]);
  });

  test("I23: what has been run is never cut off", () => {
    const { state } = replicaAlone(1, { ...recovered, commit: 2 });
    expect(() => state.truncateLog(1)).toThrow("would forget committed ops");
    state.truncateLog(2);
    expect(state.log.head).toBe(2);
  });

  test("I24: a primary that has more in its pipeline than it may, stops", () => {
    const { state } = replicaAlone(0);
    let parent: Parameters<typeof entryAfter>[0] = { op: 0, checksum: groupConfig.root };
    for (let op = 1; op <= groupConfig.pipelineMax + 1; op++) {
      expect(() => state.invariants()).not.toThrow();
      const entry = entryAfter(parent, `${op}`);
      state.appendEntry(entry);
      parent = entry;
    }
    expect(() => state.invariants()).toThrow("the pipeline is too long (I24)");
  });

  test("I24: a queue of requests longer than it may be is no queue", () => {
    const { state } = replicaAlone(0);
    const waits = { type: "request", ...call(clientId("a"), 1) } as const;
    state.queue = new Array(groupConfig.queueMax + 1).fill(waits);
    expect(() => state.invariants()).toThrow("the request queue is too long");
  });

  test("I25: an op commits after the one before it, though its quorum is complete first", () => {
    const group = groupOf(3, { batchRequestsMax: 1 });
    group.call("x");
    const held = group.hold("prepare_ok");
    group.call("y", "z");
    held.stop();
    const [one, two] = group.copiesOf("prepare_ok").from(1).all.slice(-2);
    if (one === undefined || two === undefined) throw new Error("1 did not acknowledge");
    group.say(1, 0, two.message);
    expect(group.laws.history.slice(-2).map(({ calls }) => calls)).toEqual([["y"], ["z"]]);
    group.say(1, 0, one.message);
    group.client().expectAnswered("1:x", "2:y", "3:z");
    group.expectOneGroup();
  });

  test("I26: a heartbeat of the same view that comes late takes no commit back", () => {
    const group = groupOf(3);
    group.call("x");
    group.ticks(heartbeat);
    const early = group.copiesOf("commit").to(2);
    group.call("y");
    group.ticks(heartbeat);
    group.replica(2).expect({ commit: 3 });
    early.arrive();
    group.replica(2).expect({ commit: 3, ran: ["x", "y"] });
    group.expectOneGroup();
  });

  test("I28: time goes on along the log also when the new primary's clock is behind", () => {
    const group = groupOf(3);
    group.now = 5_000_000;
    group.call("x");
    group.replica(0).crash();
    group.now = 1_000_000;
    group.ticksUntilNormal(1);
    group.call("y");
    const { log } = group.replica(1).state;
    const [before, after] = [log.get(2), log.get(3)];
    expect([before.view, after.view]).toEqual([0, 1]);
    expect(after.timestamp).toBe(before.timestamp + 1);
    group.expectOneGroup();
  });

  test("I29: a new primary says inherited entries again exactly as they were", () => {
    const group = groupOf(3, { batchRequestsMax: 1 });
    group.call("x");
    group.drop("prepare_ok");
    group.call("y", "z");
    const old = group.replica(0).state.log.slice(2, 4);
    expect(old).toHaveLength(2);
    group.replica(0).crash();
    group.heal();
    group.drop("prepare_ok");
    group.ticksUntil(() => group.replica(1).state.isPrimary);
    group.ticks(2 * timeoutTicksDefaults.resend);
    const again = group
      .copiesOf("prepare")
      .ofView(1)
      .from(1)
      .to(2)
      .all.map(({ message }) => message);
    const said = again.flatMap((message) => (message.type === "prepare" ? [message.entry] : []));
    expect(said.slice(0, 2)).toEqual(old);
    group.expectOneGroup();
  });
});
