/**
 * The invariants of docs/protocol.md that a view change and catching up must keep, by their numbers
 * (I31–I42).
 */
import { describe, expect, test } from "vitest";
import { type Replica, timeoutTicksDefaults } from "../src/vsr/index.ts";
import type { DoViewChangeMessage } from "../src/vsr/message.ts";
import { bytes, chain } from "./support/entries.ts";
import { replicaAlone } from "./support/scenario/alone.ts";
import { groupOf } from "./support/scenario/scenario.ts";
import { groupConfig } from "./support/test-group.ts";

const { heartbeat } = timeoutTicksDefaults;
const entries = chain(["u", "v", "w"]);

describe("changing the view", () => {
  /** Replica 1, which is to lead view 4, and has told itself of its own log. */
  function candidate(): Replica {
    const own = { view: 3, log_view: 2, commit: 0, entries: entries.slice(0, 1) };
    const replica = replicaAlone(1, own);
    replica.step(
      { type: "message", from: 0, message: { type: "start_view_change", view: 4, left: true } },
      0,
    );
    const { write } = replica.take();
    replica.step({ type: "written", write: write?.write ?? 0 }, 0);
    expect([...replica.state.doViewChanges.keys()]).toEqual([1]);
    return replica;
  }

  /** What a replica says that has this much of `entries` and calls this much of it committed. */
  function vote(log_view: number, op: number, commit: number): DoViewChangeMessage {
    const own = candidate().state.doViewChanges.get(1);
    if (own === undefined) throw new Error("the candidate has not voted");
    const commit_checksum = entries[commit - 1]?.checksum ?? groupConfig.root;
    return { ...own, log_view, op, commit, commit_checksum, entries: entries.slice(commit, op) };
  }

  test("I31: a vote brings every entry that its sender does not know to be committed", () => {
    const group = groupOf(3, { batchRequestsMax: 1 });
    group.call("x");
    group.drop("prepare_ok");
    group.call("y", "z");
    group.replica(0).crash();
    group.heal();
    group.ticksUntil(() => group.copiesOf("do_view_change").from(2).count > 0);
    const said = group.copiesOf("do_view_change").from(2).all[0]?.message;
    if (said?.type !== "do_view_change") throw new Error("2 did not vote");
    expect([said.commit, said.op]).toEqual([2, 4]);
    expect(said.entries.map(({ op }) => op)).toEqual([3, 4]);
    group.expectOneGroup();
  });

  test("I32: the latest log_view wins over the longest log, and the longest among equals", () => {
    for (const [log_view, op, head] of [
      [3, 1, 1],
      [2, 3, 3],
      [1, 3, 1],
    ] as const) {
      const replica = candidate();
      replica.step({ type: "message", from: 2, message: vote(log_view, op, 0) }, 0);
      expect([log_view, replica.state.log.head]).toEqual([log_view, head]);
    }
  });

  test("I33: what anyone of the quorum knows to be committed is committed in the new view", () => {
    const replica = candidate();
    replica.step({ type: "message", from: 2, message: vote(3, 3, 0) }, 0);
    expect(replica.state.commitMin).toBe(0);
    const other = candidate();
    const full = { ...vote(3, 3, 0), commit: 0 };
    other.state.doViewChanges.set(0, { ...vote(1, 2, 0), commit: 2 });
    other.step({ type: "message", from: 2, message: full }, 0);
    expect(other.state.commitMin).toBe(2);
  });

  test("I33: a canonical log that lacks a committed op stops the candidate", () => {
    const replica = candidate();
    replica.state.doViewChanges.set(0, vote(1, 3, 3));
    const short = vote(3, 1, 0);
    expect(() => replica.step({ type: "message", from: 2, message: short }, 0)).toThrow(
      "the canonical log lacks a committed op (I33)",
    );
  });

  test("I35: the new log, with its log_view, is written before anybody is told of the view", () => {
    const replica = candidate();
    replica.step({ type: "message", from: 2, message: vote(3, 3, 0) }, 0);
    const { write, messages } = replica.take();
    expect(write).toMatchObject({ view: 4, log_view: 4 });
    expect(write?.entries.map(({ op }) => op)).toEqual([2, 3]);
    expect(messages.filter(({ message }) => message.type === "start_view")).toEqual([]);
    expect(replica.report.status).toBe("view_change");
    replica.step({ type: "written", write: write?.write ?? 0 }, 0);
    expect(replica.report.status).toBe("normal");
    const told = replica.take().messages.filter(({ message }) => message.type === "start_view");
    expect(told.map(({ to }) => to)).toEqual([0, 2]);
  });

  test("I37: a candidate does not lead while it lacks what was committed before the tail", () => {
    const replica = candidate();
    const far = { ...vote(3, 3, 2) };
    replica.step({ type: "message", from: 2, message: far }, 0);
    expect(replica.state.catchUp).toEqual({ target: 2, from: 2 });
    expect(replica.report).toMatchObject({ status: "view_change", log_view: 2, op: 1 });
    expect(replica.take().messages).toContainEqual({
      to: 2,
      message: { type: "get_state", view: 4, op: 0 },
    });
  });

  test("I39: a start_view of the view that it is normal in changes nothing, however it reads", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).crash();
    group.ticksUntilNormal(1);
    group.call("y", "z");
    const { log } = group.replica(2).state;
    const [head, first] = [log.headChecksum, log.checksumAt(1) ?? ""];
    const stale = { nonce: 0, op: 1, commit: 1, commit_checksum: first, entries: [] } as const;
    group.say(1, 2, { type: "start_view", view: 1, ...stale });
    expect(log.headChecksum).toBe(head);
    group.expectOneGroup();
  });
});

describe("catching up", () => {
  test("I41: what is given to fill a gap neither replaces nor moves what is held", () => {
    const group = groupOf(3);
    group.call("x", "y");
    group.ticks(heartbeat);
    const { log } = group.replica(2).state;
    const head = log.headChecksum;
    const body = bytes("");
    const odd = chain(["x", "other", "and more"]).map((entry) => ({ ...entry, body }));
    group.say(1, 2, { type: "new_state", view: 0, commit: 3, entries: odd });
    expect(log.headChecksum).toBe(head);
    group.expectOneGroup();
  });

  test("I42: an answer brings the entries after the op that was asked about, or none", () => {
    const group = groupOf(3);
    group.call("x", "y");
    group.say(2, 0, { type: "get_state", view: 0, op: 1 });
    const answer = group.copiesOf("new_state").from(0).to(2).all.at(-1)?.message;
    expect(answer?.type === "new_state" && answer.entries.map(({ op }) => op)).toEqual([2, 3]);
    const answers = group.copiesOf("new_state").count;
    group.say(2, 0, { type: "get_state", view: 0, op: 3 });
    group.say(2, 0, { type: "get_state", view: 0, op: 99 });
    expect(group.copiesOf("new_state").count).toBe(answers);
    group.expectOneGroup();
  });
});
