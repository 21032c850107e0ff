/**
 * The rules of "Viewstamped Replication Revisited" (Liskov, Cowling 2012) about replicas and
 * clients that have forgotten everything, and about reads at the primary: one test for each, under
 * its section and step. Where Troupe departs from the paper, the title says so.
 */
import { describe, expect, test } from "vitest";
import { ofType, TestGroup } from "./support/test-group.ts";

function memoryGroup(replicaCount = 3): TestGroup {
  const group = new TestGroup({ replicaCount }, { memory: true });
  expect(group.register("a")).toBe(1);
  group.run("a", 1, "x");
  return group;
}

/** Replica 2 has come back with nothing and has asked; what it is answered is on its way. */
function asked(group: TestGroup): void {
  group.crash(2);
  group.restart(2);
  group.turn(2);
  group.deliver(ofType("recovery"));
  for (const { index } of group.replicas) group.turn(index);
}

const answersOf = (group: TestGroup) => group.packets.filter(ofType("recovery_response"));

describe("§4.3 recovery of a replica without a disk", () => {
  test("while it recovers, it takes part in neither requests nor view changes", () => {
    const group = memoryGroup();
    asked(group);
    group.drop(ofType("recovery_response"));
    const before = group.sent.length;
    group.step(0, group.call("a", 2, "y"));
    group.turn(0);
    group.inject({
      from: 1,
      to: 2,
      message: {
        type: "start_view_change",
        view: 1,
        left: true,
        crash_vector: group.state(2).memory?.crash.lives ?? [],
      },
    });
    group.deliver();
    group.turn(2);
    expect(group.sent.slice(before).filter(({ from }) => from === 2)).toEqual([]);
    expect(group.state(2)).toMatchObject({ status: "recovering", view: 0 });
  });

  test("step 1: it sends recovery to all others; no question has the life and nonce of another", () => {
    const group = memoryGroup();
    const named = new Set<string>();
    for (let life = 1; life <= 3; life++) {
      group.crash(2);
      group.drop();
      group.restart(2);
      group.turn(2);
      const questions = group.packets.filter(ofType("recovery"));
      expect(questions.map(({ to }) => to)).toEqual([0, 1]);
      for (const { message } of questions) {
        if (message.type === "recovery") named.add(`${message.crash_vector?.[2]} ${message.nonce}`);
      }
    }
    expect(named.size).toBe(3);
  });

  test("step 2: one that is normal answers with view and nonce; the primary alone with its log", () => {
    const group = memoryGroup();
    asked(group);
    const nonce = group.state(2).memory?.nonce;
    expect(answersOf(group).map(({ from, message }) => ({ from, ...message }))).toMatchObject([
      { from: 0, status: "normal", view: 0, nonce, op: 2, commit: 2 },
      { from: 1, status: "normal", view: 0, nonce, op: 2 },
    ]);
    group.step(0, group.call("a", 2, "y"));
    group.turn(0);
    group.drop();
    group.crash(2);
    asked(group);
    const entries = answersOf(group).map(({ from, message }) => {
      return message.type === "recovery_response" ? [from, message.entries.length] : [];
    });
    expect(entries).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  test("step 2: one that is changing the view does not answer", () => {
    const group = memoryGroup();
    group.isolate(0);
    group.crash(2);
    group.tickUntil(() => group.state(1).wantsView !== undefined);
    group.inject({
      from: 2,
      to: 1,
      message: {
        type: "start_view_change",
        view: 1,
        left: true,
        crash_vector: group.state(1).memory?.crash.lives ?? [],
      },
    });
    group.deliver();
    group.turn(1);
    expect(group.state(1)).toMatchObject({ status: "view_change", view: 1 });
    group.drop();
    group.restart(2);
    group.turn(2);
    group.deliver(ofType("recovery"));
    group.turn(1);
    expect(answersOf(group)).toEqual([]);
  });

  test("step 3: it waits for f + 1 answers, the latest view's primary among them", () => {
    const group = memoryGroup(5);
    group.crash(4);
    group.restart(4);
    group.turn(4);
    group.deliver(ofType("recovery"));
    for (const index of [0, 1, 2, 3]) group.turn(index);
    const isAnswer = ofType("recovery_response");
    expect(group.deliver((packet) => packet.from !== 0 && isAnswer(packet))).toBe(3);
    group.turn(4);
    expect(group.state(4).status).toBe("recovering");
    group.deliver(isAnswer);
    group.settle();
    expect(group.state(4)).toMatchObject({ status: "normal", view: 0 });
    expect(group.state(4).log.head).toBe(2);
  });

  test("step 3: answers with another nonce do not count", () => {
    const group = memoryGroup();
    asked(group);
    const answers = answersOf(group);
    group.drop();
    for (const { from, to, message } of answers) {
      if (message.type !== "recovery_response") continue;
      group.inject({ from, to, message: { ...message, nonce: message.nonce + 1 } });
    }
    group.deliver();
    group.turn(2);
    expect(group.state(2).status).toBe("recovering");
  });

  test("departing: messages carry crash vectors, so that no life's promise outlives it (I17)", () => {
    const group = memoryGroup();
    const before = group.state(2).memory?.incarnation ?? 0;
    group.crash(2);
    group.restart(2);
    group.tick(20);
    const { incarnation = 0, crash } = group.state(2).memory ?? {};
    expect(incarnation).toBeGreaterThan(before);
    for (const index of [0, 1]) expect(group.state(index).memory?.crash.of(2)).toBe(incarnation);
    for (const { message } of group.sent) expect(message.crash_vector).toHaveLength(3);
    expect(crash?.of(2)).toBe(incarnation);
  });

  test("departing: with more than f of them without memory the group is lost, and says so", () => {
    const group = memoryGroup();
    for (const index of [1, 2]) group.crash(index);
    for (const index of [1, 2]) group.restart(index);
    group.tick(60);
    expect([1, 2].map((index) => group.state(index).status)).toEqual(["lost", "lost"]);
  });
});

describe("§4.5 recovery of a client", () => {
  test("departing: it does not ask for its number, for it comes back in another session", () => {
    const group = new TestGroup();
    expect(group.register("a")).toBe(1);
    group.run("a", 1, "x");
    expect(group.register("a-again")).toBe(3);
    group.run("a-again", 1, "y", 3);
    expect(group.answers("a-again", 1)).toHaveLength(1);
    expect(group.history).toHaveLength(4);
  });
});

describe("§6.3 fast reads", () => {
  test("departing: the primary has no lease; a quorum confirms it for each batch of reads", () => {
    const group = new TestGroup();
    group.register("a");
    group.step(0, group.query("a", 1));
    group.turn(0);
    expect(group.queryAnswers("a", 1)).toEqual([]);
    expect(group.packets.filter(ofType("read_round")).map(({ to }) => to)).toEqual([1, 2]);
    group.settle();
    expect(group.queryAnswers("a", 1)).toHaveLength(1);
    expect(group.state(0).log.head).toBe(1);
  });

  test("a primary that the others have left answers no read", () => {
    const group = new TestGroup();
    group.register("a");
    group.isolate(0);
    group.tickUntil(() => group.state(1).isPrimary);
    group.step(0, group.query("a", 1));
    group.tick(5);
    group.settle();
    expect(group.queryAnswers("a", 1)).toEqual([]);
  });
});
