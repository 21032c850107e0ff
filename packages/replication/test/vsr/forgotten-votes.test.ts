/**
 * The paper's recovery loses an acknowledged op (I17): replayed message by message, with the crash
 * vector and, by a mutant made here, without it. A replica forgets because it has no journal, or
 * because its disk is lost and it rejoins with a new one (I20).
 */
import { describe, expect, test } from "vitest";
import type { ReplicaMessage } from "../../src/vsr/message.ts";
import { ofType, type Packet, TestGroup } from "../support/test-group.ts";

/** From now on this replica never holds a message to be of a life that has ended. */
function withoutCrashVector(group: TestGroup, index: number): void {
  const { memory } = group.state(index);
  const { crash } = memory;
  const of = crash.of.bind(crash);
  const merge = crash.merge.bind(crash);
  crash.of = (replica) => (replica === index ? of(replica) : 0);
  crash.merge = (lives) => {
    merge(lives);
    return [];
  };
}

const kinds = ["without journals", "with disks that are lost"] as const;
type Kind = (typeof kinds)[number];

/** Three replicas, as the paper would have them or as they are. */
class Trace {
  readonly group: TestGroup;
  readonly #isPaper: boolean;
  readonly #hasDisks: boolean;
  #lives = 1_000;

  constructor(kind: Kind, isPaper: boolean) {
    this.#isPaper = isPaper;
    this.#hasDisks = kind === "with disks that are lost";
    this.group = new TestGroup({}, { memory: !this.#hasDisks });
    if (isPaper) for (const index of [0, 1, 2]) withoutCrashVector(this.group, index);
    expect(this.group.register("a")).toBe(1);
    this.group.tick(6);
  }

  /** It loses patience by itself; what it says is taken off the network. */
  losePatience(index: number): Packet[] {
    const { group } = this;
    for (let i = 0; i < 25; i++) group.step(index, { type: "tick" });
    return this.take("start_view_change");
  }

  take(...types: ReplicaMessage["type"][]): Packet[] {
    const taken = this.group.packets.filter(ofType(...types));
    this.group.drop(ofType(...types));
    return taken;
  }

  /** It dies and comes back, and recovers from the two others, which are both normal. */
  replace(index: number): void {
    const { group } = this;
    group.crash(index);
    if (this.#hasDisks) group.wipe(index, ++this.#lives);
    group.restart(index);
    if (this.#isPaper) withoutCrashVector(group, index);
    group.settle();
    expect(group.state(index)).toMatchObject({ status: "normal", view: 0 });
    group.expectAgreement();
  }

  arrives(packets: readonly Packet[], to: number): void {
    for (const packet of packets.filter((each) => each.to === to)) this.group.inject(packet);
  }

  /** X is prepared by 0 and acknowledged by 2; 1 has not seen it. Its client is answered. */
  commitX(): void {
    const { group } = this;
    const heal = group.lose(({ to }) => to === 1);
    group.run("a", 1, "X");
    heal();
    expect(group.answers("a", 1)).toEqual(["1:X"]);
    expect(group.state(1).log.head).toBe(1);
  }

  /** Whoever leads in the end holds X, and has run it. */
  expectX(): void {
    const { group } = this;
    group.settle();
    group.tick(60);
    group.expectAgreement();
    expect(group.primary.ran).toEqual(["X"]);
    group.run("a", 2, "Y");
    expect(group.answers("a", 2)).toEqual(["2:Y"]);
  }
}

describe.each(kinds)("the trace in which a vote outlives its voter twice, %s", (kind) => {
  /** Steps 1 to 3; returns what 2 said of view 1 in its first life, if it said anything. */
  function untilXCommitted(trace: Trace): Packet[] {
    const { group } = trace;
    // (1) 1 times out and says so to 2, which is slow to arrive; it dies, and recovers in view 0.
    const vote = trace.losePatience(1);
    expect(vote.map(({ to }) => to)).toEqual([0, 2]);
    trace.replace(1);
    // (2) 2 times out as well, and then gets the old vote: that makes a quorum of two for view 1.
    trace.losePatience(2);
    trace.arrives(vote, 2);
    group.sync(2);
    const promise = trace.take("do_view_change", "start_view_change");
    // It dies before that arrives, and recovers in view 0.
    trace.replace(2);
    // (3)
    trace.commitX();
    return promise;
  }

  test("loses no op: the old vote moves nobody", () => {
    const trace = new Trace(kind, false);
    const promise = untilXCommitted(trace);
    expect(promise).toEqual([]);
    trace.expectX();
  });

  test("loses an acknowledged op without crash vectors", () => {
    const trace = new Trace(kind, true);
    const { group } = trace;
    const promise = untilXCommitted(trace).filter(ofType("do_view_change"));
    expect(promise).toMatchObject([{ from: 2, to: 1, message: { view: 1, op: 1 } }]);
    // (4) With its own that is a quorum: view 1 begins without X.
    trace.arrives(promise, 1);
    group.sync(1);
    group.sync(1);
    expect(group.state(1)).toMatchObject({ isPrimary: true, view: 1 });
    expect(group.state(1).log.head).toBe(1);
    // X has been answered, and whoever leads now does not know it. Here it notices, and stops.
    expect(() => group.settle()).toThrow("replica 0 holds another op 2 (I12)");
  });
});

/** 2 leaves for view 1 and tells 1, which is slow to arrive; it dies, and recovers in view 0. */
function afterOneCrash(trace: Trace): Packet[] {
  const { group } = trace;
  const vote = trace.losePatience(1);
  trace.losePatience(2);
  trace.arrives(vote, 2);
  group.sync(2);
  const promise = trace.take("do_view_change");
  trace.take("start_view_change");
  expect(promise).toMatchObject([{ from: 2, to: 1, message: { view: 1, op: 1 } }]);
  // 1 and the primary hear each other again.
  for (let i = 0; i < 4; i++) group.step(0, { type: "tick" });
  group.deliver(ofType("commit"));
  group.drop();
  expect(group.state(1)).toMatchObject({ status: "normal", wantsView: undefined });
  trace.replace(2);
  trace.commitX();
  return promise;
}

describe.each(kinds)("the trace in which one crash is enough (I17, I20), %s", (kind) => {
  test("loses no op: the promise of the life that has ended does not count", () => {
    const trace = new Trace(kind, false);
    trace.arrives(afterOneCrash(trace), 1);
    expect(trace.group.state(1)).toMatchObject({ status: "normal", view: 0 });
    trace.expectX();
  });

  test("loses an acknowledged op without crash vectors", () => {
    const trace = new Trace(kind, true);
    const { group } = trace;
    trace.arrives(afterOneCrash(trace), 1);
    group.sync(1);
    group.sync(1);
    expect(group.state(1)).toMatchObject({ isPrimary: true, view: 1 });
    expect(group.state(1).log.head).toBe(1);
    expect(() => group.settle()).toThrow("replica 0 holds another op 2 (I12)");
  });
});

test("who answered one that rejoins must remember its new life, or the old promise counts (I20)", () => {
  for (const forgets of [false, true]) {
    const trace = new Trace("with disks that are lost", false);
    const { group } = trace;
    const promise = afterOneCrash(trace);
    group.crash(1);
    const { durable } = group.replica(1);
    if (forgets) {
      durable.forEach(({ lives: _, ...write }, i) => {
        durable[i] = write;
      });
    }
    group.restart(1);
    trace.arrives(promise, 1);
    group.sync(1);
    expect(group.state(1).view).toBe(forgets ? 1 : 0);
  }
});
