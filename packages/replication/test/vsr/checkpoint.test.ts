/** Checkpoints in the core: what is held, what is cut off, and what is compared. */
import { describe, expect, test } from "vitest";
import { DivergedError, type NamedCheckpoint, type Replica } from "../../src/vsr/index.ts";
import { KnownCheckpoints } from "../../src/vsr/known-checkpoints.ts";
import type { CheckpointMessage } from "../../src/vsr/message.ts";
import { clientId } from "../support/entries.ts";
import { ofType, TestGroup } from "../support/test-group.ts";

/** A call whose client has got all answers before. */
function run(group: TestGroup, number: number): void {
  group.step(group.primary.index, group.call("a", number, `${number}`, 1, number));
  group.settle();
}

const idOf = (letter: string) => letter.repeat(32);

/** A group of one whose state a test captures by hand; every fourth op is a checkpoint. */
function held() {
  const group = new TestGroup({ replicaCount: 1 });
  const { up } = group.replica(0);
  const ready: ReturnType<Replica["take"]>[] = [];
  const turn = () => {
    do {
      const next = up.take();
      ready.push(next);
      for (const { op, requests } of next.apply) {
        up.step({ type: "applied", op, replies: requests.map(() => new Uint8Array()) }, group.now);
      }
      if (next.write !== undefined)
        up.step({ type: "written", write: next.write.write }, group.now);
    } while (up.hasReady);
  };
  const call = (number: number) => {
    up.step(
      number === 0
        ? {
            type: "client",
            message: {
              type: "request",
              kind: "register",
              client: clientId("c"),
              session: 0,
              number: 0,
              acked: 0,
              body: new Uint8Array(),
            },
          }
        : group.call("c", number, `${number}`, 1, number),
      group.now,
    );
    turn();
  };
  const checkpoints = () => ready.flatMap(({ checkpoint }) => checkpoint ?? []);
  const ran = () => ready.flatMap(({ apply }) => apply.map(({ op }) => op));
  return { group, up, state: up.state, turn, call, checkpoints, ran, ready };
}

describe("behind a checkpoint", () => {
  test("nothing runs until the state has been captured, and all else goes on (I45)", () => {
    const { up, state, turn, call, checkpoints, ran, group } = held();
    for (const number of [0, 1, 2, 3, 4, 5]) call(number);
    expect(ran()).toEqual([1, 2, 3, 4]);
    expect(checkpoints().map(({ op }) => op)).toEqual([4]);
    expect([state.commitMin, state.commitMax, state.log.head]).toEqual([4, 6, 6]);
    up.step({ type: "captured", op: 3 }, group.now);
    turn();
    expect(state.commitMin).toBe(4);
    up.step({ type: "captured", op: 4 }, group.now);
    turn();
    expect(ran()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("the table that belongs to the state is the one after that op (I45)", () => {
    const { call, checkpoints, state } = held();
    for (const number of [0, 1, 2, 3, 4]) call(number);
    const [head] = checkpoints();
    expect(head?.clients.map(([, session, last]) => [session, last])).toEqual([[1, 3]]);
    expect(head?.clients).toEqual(state.clients.snapshot());
    expect(head?.checksum).toBe(state.log.get(4).checksum);
  });

  test("a primary that is held has not failed: it answers when it has run (I24)", () => {
    const { up, state, call, ready, group, turn } = held();
    for (const number of [0, 1, 2, 3, 4]) call(number);
    expect(state.awaitsQuorum).toBe(false);
    up.step(group.query("c", 9), group.now);
    turn();
    const asked = () => ready.flatMap(({ queries }) => queries);
    expect(asked()).toEqual([]);
    up.step({ type: "captured", op: 4 }, group.now);
    turn();
    expect(asked().map(({ number }) => number)).toEqual([9]);
  });

  test("no more is prepared than three intervals after the last one that is durable (I44)", () => {
    const { up, state, call, group, turn } = held();
    for (let number = 0; number < 20; number++) {
      call(number);
      const { hold } = state;
      if (hold !== undefined) up.step({ type: "captured", op: hold.op }, group.now);
      turn();
    }
    expect(state.log.head).toBe(12);
    up.step({ type: "checkpointed", op: 4, id: idOf("1"), bytes: 9 }, group.now);
    turn();
    // What had to wait is one batch now.
    expect(state.log.head).toBe(13);
  });

  test("a state that cannot be captured stops nobody, and nothing is cut off", () => {
    const { up, state, call, group, turn } = held();
    for (let number = 0; number < 30; number++) {
      call(number);
      const { hold } = state;
      if (hold !== undefined) up.step({ type: "captured", op: hold.op, failed: true }, group.now);
      turn();
    }
    expect([state.log.head, state.log.base.op]).toEqual([30, 0]);
  });
});

describe("the log", () => {
  function filled(calls: number) {
    const group = new TestGroup();
    group.keepsStates = true;
    group.register("a");
    for (let number = 1; number < calls; number++) run(group, number);
    group.tick(2);
    return group;
  }

  test("is cut at the checkpoint before the newest, when a quorum keeps it (I44)", () => {
    const group = filled(14);
    expect(group.replicas.map(({ state }) => state.log.base.op)).toEqual([8, 8, 8]);
    expect(group.replicas.map(({ state }) => state.checkpoints.newest?.op)).toEqual([12, 12, 12]);
    const entry = group.state(0).log.get(9);
    expect(group.state(0).log.base.checksum).toBe(entry.parent);
  });

  test("stays while the others have not said that they keep as much (I44)", () => {
    const group = new TestGroup();
    group.keepsStates = true;
    group.lose(ofType("checkpoint"));
    group.register("a");
    for (let number = 1; number < 14; number++) run(group, number);
    expect(group.replicas.map(({ state }) => state.log.base.op)).toEqual([0, 0, 0]);
    group.heal();
    group.tick(101);
    expect(group.replicas.map(({ state }) => state.log.base.op)).toEqual([8, 8, 8]);
  });

  test("is cut as far as a quorum keeps, also by a replica that keeps later states only (I44)", () => {
    const group = new TestGroup();
    group.keepsStates = true;
    group.lose(ofType("checkpoint"));
    group.register("a");
    for (let number = 1; number < 18; number++) run(group, number);
    // The others are slower with their disks, and tell of each state when this one has two more.
    const told = group.sentOf(1, "checkpoint").map(({ message }) => message as CheckpointMessage);
    const hear = (op: number) => {
      const message = told.find(({ checkpoint }) => checkpoint.op === op) as CheckpointMessage;
      group.step(0, { type: "message", from: 1, message });
    };
    const { log, checkpoints } = group.state(0);
    expect(checkpoints.newest?.op).toBe(16);
    for (const op of [4, 8]) {
      hear(op);
      expect(log.base).toMatchObject({ op, checksum: log.get(op + 1).parent });
    }
    // Not beyond the one before its newest, whatever the others keep.
    hear(16);
    expect(log.base.op).toBe(12);
  });

  test("is offered with the checkpoint before the newest when that one cannot be read", () => {
    const group = filled(14);
    group.step(0, { type: "checkpoint_lost", op: 12 });
    const told = group.sentOf(0, "checkpoint").at(-1)?.message;
    expect(told).toMatchObject({ base: 8, checkpoint: { op: 8 } });
    const { length } = group.sentOf(0, "checkpoint");
    group.step(0, { type: "checkpoint_lost", op: 12 });
    expect(group.sentOf(0, "checkpoint")).toHaveLength(length);
  });

  test("goes on, and is kept again, when no checkpoint can be read any more", () => {
    const group = filled(14);
    for (const index of [0, 1, 2]) {
      for (const op of [8, 12]) group.step(index, { type: "checkpoint_lost", op });
    }
    for (let number = 14; number < 30; number++) run(group, number);
    expect(group.state(0).commitMin).toBe(30);
    expect(group.state(0).checkpoints.newest?.op).toBe(28);
  });

  test("goes on behind the cut, through restarts and views", () => {
    const group = filled(14);
    for (const index of [0, 1, 2]) group.crash(index, 9);
    for (const index of [0, 1, 2]) group.restart(index);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    run(group, 14);
    group.tick(10);
    const ran = Array.from({ length: 14 }, (_, i) => `${i + 1}`);
    for (const replica of group.replicas) expect(replica.ran).toEqual(ran);
    expect(group.answers("a", 14)).toEqual(["14:14"]);
  });

  test("replays nothing that a checkpoint holds, and knows its replies (I52)", () => {
    const group = filled(14);
    group.crash(2, 9);
    group.restart(2);
    const { state, ran } = group.replica(2);
    expect(state.commitMin).toBeGreaterThanOrEqual(12);
    expect(ran.slice(0, 11)).toEqual(Array.from({ length: 11 }, (_, i) => `${i + 1}`));
    group.tick(10);
    expect(state.clients.snapshot()).toEqual(group.state(0).clients.snapshot());
  });
});

describe("checkpoints of one op", () => {
  const checkpoint = (op: number, id: string): NamedCheckpoint => {
    return { op, checksum: idOf("e"), timestamp: 1, id: idOf(id), bytes: 10 };
  };

  test("that are the same say nothing", () => {
    const known = new KnownCheckpoints(0, 3, 2);
    known.add(checkpoint(4, "a"));
    known.note(1, 4, 4, idOf("a"));
    known.note(2, 4, 4, idOf("a"));
    expect(known.newest?.id).toBe(idOf("a"));
  });

  test("stop the one that differs from a majority, with the op and both digests (I43, I58)", () => {
    const known = new KnownCheckpoints(0, 3, 2);
    known.add(checkpoint(4, "a"));
    known.note(1, 4, 4, idOf("b"));
    const error = caught(() => known.note(2, 4, 4, idOf("b")));
    expect(error).toMatchObject({ op: 4, own: idOf("a"), other: idOf("b") });
    const code = "ERR_DIVERGED";
    expect(error).toMatchObject({ name: "DivergedError", code, isOutvoted: true });
    expect(error?.message).toContain(`after op 4 is ${idOf("a")} here and ${idOf("b")}`);
  });

  test("leave the majority alone, also when the one that differs tells first (I58)", () => {
    const known = new KnownCheckpoints(0, 3, 2);
    known.note(2, 4, 4, idOf("b"));
    known.note(1, 4, 4, idOf("a"));
    known.add(checkpoint(4, "a"));
    expect(known.newest?.op).toBe(4);
  });

  test("stop everybody when no majority can agree any more (I58)", () => {
    const three = new KnownCheckpoints(0, 3, 2);
    three.add(checkpoint(4, "a"));
    three.note(1, 4, 4, idOf("b"));
    const error = caught(() => three.note(2, 4, 4, idOf("c")));
    expect(error).toBeInstanceOf(DivergedError);
    // Nobody knows whose state is right: it must not be thrown away.
    expect(error).toMatchObject({ isOutvoted: false });
    const two = new KnownCheckpoints(0, 2, 2);
    two.add(checkpoint(4, "a"));
    expect(caught(() => two.note(1, 4, 4, idOf("b")))).toBeInstanceOf(DivergedError);
  });

  test("are compared in a running group, and the error comes out of step (I58)", () => {
    const group = new TestGroup();
    group.keepsStates = true;
    group.register("a");
    for (const number of [1, 2, 3]) run(group, number);
    group.tick(5);
    const other = { ...checkpoint(4, "b"), checksum: group.state(0).log.get(4).checksum };
    const message: CheckpointMessage = { type: "checkpoint", view: 0, base: 0, checkpoint: other };
    const tell = (from: number) => group.step(2, { type: "message", from, message });
    tell(0);
    expect(caught(() => tell(1))).toBeInstanceOf(DivergedError);
  });
});

function caught(run: () => void): Error | undefined {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  return undefined;
}
