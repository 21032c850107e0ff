/**
 * What the group asks of itself: pulses through the log, effects at the primary alone, checkpoints
 * at the same ops everywhere. Timers and effects of actors stand on these three.
 */
import { describe, expect, test } from "vitest";
import { decodeBatch } from "../../src/vsr/index.ts";
import { bytes, text } from "../support/entries.ts";
import { ofType, TestGroup } from "../support/test-group.ts";

const pulse = (content: string) => ({ type: "pulse", body: bytes(content) }) as const;

function started(): TestGroup {
  const group = new TestGroup();
  group.register("ann");
  return group;
}

/** The pulses in a replica's log, with their ops. */
function pulsesOf(group: TestGroup, index: number): string[] {
  const { log } = group.state(index);
  return log.slice(0, log.head).flatMap(({ op, body }) =>
    decodeBatch(body)
      .filter(({ kind }) => kind === "pulse")
      .map((request) => `${op}: ${text(request.body)}`),
  );
}

describe("a pulse", () => {
  test("goes through the log, is run on every replica, and nobody is answered", () => {
    const group = started();
    group.step(0, pulse("due"));
    group.settle();
    group.tick(10);
    expect([0, 1, 2].map((index) => pulsesOf(group, index))).toEqual([
      ["2: due"],
      ["2: due"],
      ["2: due"],
    ]);
    expect(group.replicas.map(({ ran }) => ran)).toEqual([["due"], ["due"], ["due"]]);
    expect(group.replies.map(({ type }) => type)).toEqual(["reply"]);
    group.expectAgreement();
  });

  test("waits for none before it, goes first in its batch, and there is one at a time", () => {
    const group = started();
    group.stepAll(0, [group.call("ann", 1, "one"), pulse("first"), pulse("second")]);
    group.step(0, pulse("third"));
    group.settle();
    expect(pulsesOf(group, 0)).toEqual(["2: first"]);
    expect(group.replica(0).ran).toEqual(["first", "one"]);
    group.step(0, pulse("fourth"));
    group.settle();
    expect(pulsesOf(group, 0)).toEqual(["2: first", "3: fourth"]);
  });

  test("is dropped by who does not lead, or does not know yet what it inherited", () => {
    const group = started();
    group.step(1, pulse("of a backup"));
    group.lose(ofType("prepare_ok"));
    group.step(0, group.call("ann", 1, "one"));
    group.settle();
    group.crash(0);
    group.tickUntil(() => group.state(1).isPrimary);
    expect(group.state(1).isSettled).toBe(false);
    group.step(1, pulse("too early"));
    group.heal();
    group.tickUntil(() => group.state(1).leads);
    group.step(1, pulse("in time"));
    group.settle();
    expect(pulsesOf(group, 1)).toEqual(["3: in time"]);
  });

  test("that a view change loses does not keep the next one from coming", () => {
    const group = started();
    group.isolate(0);
    group.step(0, pulse("lost"));
    group.tickUntil(() => group.state(1).isPrimary, 100);
    group.heal();
    group.tickUntil(() => group.state(0).isBackup);
    expect(group.state(0).pulse).toBeUndefined();
    group.step(1, pulse("kept"));
    group.settle();
    group.tick(10);
    expect(pulsesOf(group, 0)).toEqual(["2: kept"]);
    group.expectAgreement();
  });

  test("larger than a batch is a bug of the host, and stops the replica", () => {
    const group = started();
    const body = new Uint8Array(group.config.batchBytesMax + 1);
    expect(() => group.step(0, { type: "pulse", body })).toThrow("larger than a batch");
  });
});

describe("an effect", () => {
  test("comes out at the primary alone, with the op for its name", () => {
    const group = started();
    group.run("ann", 1, "effect a");
    group.tick(10);
    expect(group.replicas.map(({ ran }) => ran.length)).toEqual([1, 1, 1]);
    expect(group.effects).toEqual(["r0 op 2: effect a"]);
  });

  test("of an op that a new primary inherits is left to what it finds in the state", () => {
    const group = started();
    expect(group.replicas.map(({ resumes }) => resumes)).toEqual([1, 0, 0]);
    group.lose(ofType("prepare_ok"));
    group.step(0, group.call("ann", 1, "effect b"));
    group.settle();
    group.crash(0);
    group.tickUntil(() => group.state(1).isPrimary);
    expect(group.replica(1).resumes).toBe(0);
    group.heal();
    group.tickUntil(() => group.state(1).leads);
    expect(group.replica(1).ran).toEqual(["effect b"]);
    expect(group.effects).toEqual([]);
    expect(group.replica(1).resumes).toBe(1);
  });

  test("is not resumed before everything that was committed has been run", () => {
    const group = started();
    group.replica(1).machineHeld = true;
    group.run("ann", 1, "effect c");
    group.tick(10);
    group.crash(0);
    group.tickUntil(() => group.state(1).isSettled);
    expect(group.replica(1).resumes).toBe(0);
    group.releaseMachine(1);
    expect(group.replica(1).resumes).toBe(1);
  });
});

test("checkpoints are at the same ops on every replica, also on one that catches up", () => {
  const group = started();
  group.isolate(2);
  for (let number = 1; number <= 9; number++) group.run("ann", number, `call ${number}`);
  group.heal();
  group.tick(60);
  group.expectAgreement();
  expect(group.replicas.map(({ checkpoints }) => checkpoints)).toEqual([
    [4, 8],
    [4, 8],
    [4, 8],
  ]);
});
