/**
 * Replies that come later than their calls ran: the call counts as run, holds its place in the
 * window of its session, and is answered by whoever leads when the state gives the reply.
 */
import { describe, expect, test } from "vitest";
import { clientId } from "../support/entries.ts";
import { TestGroup } from "../support/test-group.ts";

/** Ann waits for a reply; bob is there to give it. */
function waiting(changes: ConstructorParameters<typeof TestGroup>[0] = {}) {
  const group = new TestGroup(changes);
  const ann = group.register("aa");
  const bob = group.register("bb");
  group.run("aa", 1, "wait", ann);
  return { group, ann, bob };
}

describe("a call whose reply comes later", () => {
  test("has run, once, and is answered with nothing, however often it is sent", () => {
    const { group, ann } = waiting();
    group.run("aa", 1, "wait", ann);
    group.run("aa", 1, "wait", ann);
    expect(group.answers("aa", 1)).toEqual([]);
    group.tick(10);
    expect(group.replicas.map(({ ran }) => ran)).toEqual([["wait"], ["wait"], ["wait"]]);
    group.run("aa", 2, "another", ann);
    expect(group.answers("aa", 2)).toEqual(["2:another"]);
  });

  test("is answered at the op that gives the reply, and again when it is sent again", () => {
    const { group, ann, bob } = waiting();
    group.run("bb", 1, "give", bob);
    expect(group.answers("aa", 1)).toEqual(["give"]);
    expect(group.answers("bb", 1)).toEqual(["2:give"]);
    group.run("aa", 1, "wait", ann);
    expect(group.answers("aa", 1)).toEqual(["give", "give"]);
    expect(group.replica(0).ran).toEqual(["wait", "give"]);
    group.tick(10);
    group.expectAgreement();
  });

  test("is answered in the op in which it ran, if the reply is given there", () => {
    const group = new TestGroup();
    const [ann, bob] = [group.register("aa"), group.register("bb")];
    group.stepAll(0, [group.call("aa", 1, "wait", ann), group.call("bb", 1, "give", bob)]);
    group.settle();
    expect(group.history).toHaveLength(3);
    expect(group.answers("aa", 1)).toEqual(["give"]);
    group.run("aa", 1, "wait", ann);
    expect(group.answers("aa", 1)).toEqual(["give", "give"]);
  });

  test("is answered by the next primary, if the reply is given there", () => {
    const { group, bob } = waiting();
    group.crash(0);
    group.tickUntil(() => group.state(1).leads);
    group.run("bb", 1, "give", bob);
    expect(group.replies.filter(({ type }) => type === "reply").at(-1)?.from).toBe(1);
    expect(group.answers("aa", 1)).toEqual(["give"]);
  });

  test("is answered by the next primary, if the reply was given before and lost", () => {
    const { group, ann, bob } = waiting();
    group.run("bb", 1, "give", bob);
    group.tick(10);
    group.crash(0);
    group.tickUntil(() => group.state(1).leads);
    group.run("aa", 1, "wait", ann);
    const ofNext = group.replies.filter((reply) => reply.from === 1 && reply.type === "reply");
    expect(ofNext).toMatchObject([{ client: clientId("aa"), number: 1 }]);
    expect(group.replica(1).ran).toEqual(["wait", "give"]);
  });

  test("keeps its place in the window until its client has the reply", () => {
    const { group, ann, bob } = waiting({ sessionWindow: 2 });
    group.run("aa", 2, "two", ann);
    group.run("aa", 3, "three", ann);
    expect(group.answers("aa", 3)).toEqual([]);
    expect(group.replica(0).ran).toEqual(["wait", "two"]);
    group.run("bb", 1, "give", bob);
    group.step(0, group.call("aa", 3, "three", ann, 3));
    group.settle();
    expect(group.answers("aa", 3)).toEqual(["4:three"]);
  });

  test("whose session was evicted meanwhile is answered by nobody, and nowhere kept", () => {
    const { group, bob } = waiting({ sessionsMax: 2 });
    group.run("bb", 1, "one", bob);
    group.register("cc");
    expect(group.state(0).clients.sessionOf(clientId("aa"))).toBeUndefined();
    group.run("bb", 2, "give", bob);
    group.tick(10);
    expect(group.answers("aa", 1)).toEqual([]);
    group.expectAgreement();
  });

  test("is none of the calls that a later session of its client makes", () => {
    const { group, bob } = waiting({ sessionsMax: 2 });
    group.run("bb", 1, "one", bob);
    group.register("cc");
    const again = group.register("aa");
    group.run("aa", 1, "own", again);
    // Bob was the idlest when ann came back; carol has to give the reply.
    const carol = group.state(0).clients.sessionOf(clientId("cc")) ?? 0;
    group.run("cc", 1, "give", carol);
    expect(group.replica(0).ran).toContain("give");
    expect(group.answers("aa", 1)).toEqual(["3:own"]);
    group.run("aa", 1, "own", again);
    expect(group.answers("aa", 1)).toEqual(["3:own", "3:own"]);
  });

  test("has its reply in a checkpoint, and is owed it by one that was taken before", () => {
    const group = new TestGroup({ checkpointEvery: 3 });
    group.keepsStates = true;
    const [ann, bob] = [group.register("aa"), group.register("bb")];
    group.run("aa", 1, "wait one", ann);
    expect(group.replica(0).checkpoints).toEqual([3]);
    for (const index of [0, 1, 2]) group.crash(index);
    for (const index of [0, 1, 2]) group.restart(index);
    group.tickUntil(() => group.replicas.some(({ state }) => state.leads));
    expect(group.primary.waiting).toMatchObject([{ client: clientId("aa"), number: 1 }]);
    group.run("bb", 1, "give", bob);
    expect(group.answers("aa", 1)).toEqual(["give"]);
    group.run("bb", 2, "more", bob);
    group.run("bb", 3, "and more", bob);
    expect(group.primary.kept.at(-1)?.checkpoint.op).toBe(6);
    for (const index of [0, 1, 2]) group.crash(index);
    for (const index of [0, 1, 2]) group.restart(index);
    group.tickUntil(() => group.replicas.some(({ state }) => state.leads));
    group.run("aa", 1, "wait one", ann);
    expect(group.answers("aa", 1)).toEqual(["give", "give"]);
    group.tick(10);
    const [first, ...others] = group.replicas.map(({ state }) => state.clients.snapshot());
    expect(others).toEqual([first, first]);
  });
});
