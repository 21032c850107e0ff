/** Memory groups: replicas that come back with nothing (VRR §4.3, I15–I18). */
import { describe, expect, test } from "vitest";
import { Replica } from "../../src/vsr/index.ts";
import type { ReplicaMessage } from "../../src/vsr/message.ts";
import { ofType, TestGroup } from "../support/test-group.ts";

function memoryGroup(replicaCount = 3): TestGroup {
  const group = new TestGroup({ replicaCount }, { memory: true });
  expect(group.register("a")).toBe(1);
  return group;
}

const statuses = (group: TestGroup) => group.replicas.map(({ replica }) => replica?.report.status);

function crash(group: TestGroup, ...indexes: number[]): void {
  for (const index of indexes) group.crash(index);
}

function restart(group: TestGroup, ...indexes: number[]): void {
  for (const index of indexes) group.restart(index);
}

function vectorOf(group: TestGroup, index: number): readonly number[] {
  return group.state(index).memory?.crash.lives ?? [];
}

/** What is on its way and picked; it is taken off the network. */
function take(group: TestGroup, ...types: ReplicaMessage["type"][]) {
  const taken = group.packets.filter(ofType(...types));
  group.drop(ofType(...types));
  return taken;
}

/** Replica 2 answers the others, and hears nothing else until it heals: they begin without it. */
function begunWithoutTwo(): { readonly group: TestGroup; readonly heal: () => void } {
  const group = new TestGroup({}, { memory: true });
  crash(group, 0, 1, 2);
  const heal = group.lose(({ to, message }) => to === 2 && message.type !== "recovery");
  for (const index of [0, 1, 2]) group.restart(index, true);
  group.tickUntil(() => group.state(0).isPrimary && group.state(1).isBackup);
  expect(group.register("a", 0)).toBe(1);
  return { group, heal };
}

describe("a group that has never run", () => {
  test.each([1, 2, 3, 4, 5, 6, 7])("of %i begins when all were told so and are there", (size) => {
    const group = memoryGroup(size);
    group.run("a", 1, "x");
    group.tick(10);
    group.expectAgreement();
    expect(group.answers("a", 1)).toEqual(["1:x"]);
  });

  test("does not begin as long as one of its replicas is away", () => {
    const group = new TestGroup({}, { memory: true });
    crash(group, 0, 1, 2);
    for (const index of [0, 1]) group.restart(index, true);
    group.tick(300);
    expect(statuses(group)).toEqual(["recovering", "recovering", undefined]);
    group.restart(2, true);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    group.expectAgreement();
  });

  test("does not begin when nobody was told that it never ran: its replicas say lost", () => {
    const group = new TestGroup({}, { memory: true });
    crash(group, 0, 1, 2);
    restart(group, 0, 1, 2);
    group.tick(40);
    expect(statuses(group)).toEqual(["lost", "lost", "lost"]);
  });

  test("does not begin when one of its replicas was told nothing, whoever the others are", () => {
    const group = new TestGroup({}, { memory: true });
    crash(group, 0, 1, 2);
    group.restart(0, true);
    group.restart(1, true);
    group.restart(2);
    group.tick(100);
    expect(statuses(group)).toEqual(["recovering", "recovering", "lost"]);
  });

  test("takes in a founder that hears late that the others have begun", () => {
    const { group, heal } = begunWithoutTwo();
    expect(group.state(2).status).toBe("recovering");
    heal();
    group.tick(20);
    group.expectAgreement();
  });

  test("is not lost while one forgets it and a founder has not heard yet that it runs", () => {
    const { group, heal } = begunWithoutTwo();
    crash(group, 1);
    restart(group, 1);
    group.tick(100);
    expect(statuses(group)).toEqual(["normal", "recovering", "recovering"]);
    heal();
    group.tick(60);
    group.expectAgreement();
    expect(statuses(group)).toEqual(["normal", "normal", "normal"]);
  });

  test("takes in a founder though all others but one have forgotten that it was one", () => {
    const { group, heal } = begunWithoutTwo();
    crash(group, 0);
    heal();
    group.tick(100);
    expect(statuses(group)).toEqual([undefined, "normal", "normal"]);
    restart(group, 0);
    group.tick(60);
    group.expectAgreement();
    expect(group.state(0).clients.size).toBe(1);
  });

  test("is not begun anew by replicas that are told so again while the others run it", () => {
    const group = memoryGroup();
    group.run("a", 1, "x");
    crash(group, 2);
    group.restart(2, true);
    group.tick(20);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x"]);
    crash(group, 1, 2);
    for (const index of [1, 2]) group.restart(index, true);
    group.tick(40);
    expect(statuses(group)).toEqual(["normal", "lost", "lost"]);
    expect(group.replica(0).ran).toEqual(["x"]);
  });

  test("does not begin with a replica that was ready to begin it with a life that has ended", () => {
    const { options } = memoryGroup().state(1);
    const memory = { incarnation: 1, bootstrap: true };
    const replica = new Replica({ ...options, memory });
    const { nonce, round } = replica.state.memory ?? { nonce: 0, round: 0 };
    const { view, log } = replica.state;
    const [op, commit, commit_checksum] = [0, 0, log.checksumAt(0) ?? ""];
    const nothing = { founders: [], view, op, commit, commit_checksum, entries: [] };
    const say = (from: number, crash_vector: readonly number[]) => {
      const type = "recovery_response";
      const asked = { type, nonce, round, status: "founding", crash_vector } as const;
      replica.step({ type: "message", from, message: { ...asked, ...nothing } }, 0);
      return replica.report.status;
    };
    // The group may have begun with 0 and 2 since, and 0 has forgotten it.
    expect(say(2, [1, 1, 1])).toBe("recovering");
    expect(say(0, [2, 1, 1])).toBe("recovering");
    expect(say(2, [2, 1, 1])).toBe("normal");
  });
});

describe("a replica that comes back with nothing", () => {
  test.each([3, 4, 5, 6, 7])("gets everything from the others, in a group of %i", (size) => {
    const group = memoryGroup(size);
    group.run("a", 1, "x");
    group.crash(2);
    group.run("a", 2, "y");
    group.restart(2);
    expect(group.state(2).status).toBe("recovering");
    group.tick(20);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x", "y"]);
    group.run("a", 3, "z");
    expect(group.answers("a", 3)).toEqual(["3:z"]);
  });

  test("having led, waits until another leads: it never resumes a view (I14)", () => {
    const group = memoryGroup();
    group.run("a", 1, "x");
    group.crash(0);
    group.restart(0);
    group.tick(10);
    expect(statuses(group)).toEqual(["recovering", "normal", "normal"]);
    group.tickUntil(() => group.state(0).status === "normal");
    group.tick(10);
    expect(group.state(0).view).toBe(1);
    group.expectAgreement();
    expect(group.replica(0).ran).toEqual(["x"]);
  });

  test("does nothing else: it votes for nobody, acknowledges and answers nothing (I15)", () => {
    const group = memoryGroup();
    group.lose(ofType("recovery_response"));
    group.crash(2);
    group.restart(2);
    const before = group.sent.length;
    const replies = group.replies.length;
    group.run("a", 1, "x");
    group.step(2, group.call("a", 2, "y"));
    group.step(2, group.query("a", 1));
    const [entry] = group.state(0).log.slice(1, 2);
    const crash_vector = vectorOf(group, 1);
    for (const message of [
      { type: "prepare", view: 0, commit: 0, entry },
      { type: "start_view_change", view: 1, left: true },
      { type: "get_state", view: 0, op: 0 },
      { type: "read_round", view: 0, round: 1 },
      { type: "request_start_view", view: 0 },
    ] as ReplicaMessage[]) {
      group.inject({ from: 1, to: 2, message: { ...message, crash_vector } as ReplicaMessage });
    }
    group.tick(100);
    const said = group.sent.slice(before).filter(({ from }) => from === 2);
    expect(new Set(said.map(({ message }) => message.type))).toEqual(new Set(["recovery"]));
    expect(group.replies.slice(replies).filter(({ from }) => from === 2)).toEqual([]);
    expect(group.state(2)).toMatchObject({ status: "recovering", view: 0, commitMin: 0 });
  });

  test("repeats its question until a quorum has answered", () => {
    const group = memoryGroup();
    const heal = group.lose(ofType("recovery"));
    group.crash(2);
    group.restart(2);
    group.tick(50);
    expect(group.state(2).status).toBe("recovering");
    heal();
    group.tick(20);
    group.expectAgreement();
  });

  test("is not content with less than a quorum, even if the primary is in it", () => {
    const group = memoryGroup(5);
    group.lose(({ from, message }) => message.type === "recovery_response" && from >= 2);
    group.crash(4);
    group.restart(4);
    group.tick(50);
    expect(group.state(4).memory?.responses.size).toBe(2);
    expect(group.state(4).status).toBe("recovering");
  });

  test("is not content with a quorum that lacks the primary of the highest view (I16)", () => {
    const group = memoryGroup(5);
    const heal = group.lose(({ from, message }) => message.type.startsWith("reco") && from === 0);
    group.crash(4);
    group.restart(4);
    group.tick(20);
    expect(group.state(4).memory?.responses.size).toBe(3);
    expect(group.state(4).status).toBe("recovering");
    heal();
    group.tick(20);
    group.expectAgreement();
  });

  test("does not take the log of a view when somebody answers from a higher one (I16)", () => {
    const group = memoryGroup(5);
    group.isolate(0);
    group.tickUntil(() => group.state(1).isPrimary && group.state(3).isBackup);
    group.run("a", 1, "x");
    // Now 0 leads view 0 for itself alone; 1 leads view 1. Of view 1 only backups answer.
    group.heal();
    group.lose(({ from, to }) => from === 0 && to !== 4);
    group.lose(({ to }) => to === 0);
    group.lose(({ from, to }) => from === 1 && to === 4);
    group.crash(4);
    group.restart(4);
    const crash_vector = vectorOf(group, 4);
    const asked = group.sent.findLast(({ message }) => message.type === "recovery");
    const question = { ...(asked?.message as ReplicaMessage), crash_vector } as ReplicaMessage;
    group.inject({ from: 4, to: 0, message: question });
    group.tick(6);
    const { memory, status } = group.state(4);
    expect([...(memory?.responses.values() ?? [])].map(({ view }) => view).sort()).toEqual([
      0, 1, 1,
    ]);
    expect(status).toBe("recovering");
  });

  test("takes no answer to a question of an earlier life", () => {
    const group = memoryGroup();
    group.crash(2);
    group.restart(2);
    group.deliver(ofType("recovery"));
    const old = take(group, "recovery_response");
    expect(old).toHaveLength(2);
    group.run("a", 1, "x");
    group.crash(2);
    group.lose(({ message }) => message.type === "recovery_response");
    group.restart(2);
    for (const packet of old) group.inject(packet);
    expect(group.state(2)).toMatchObject({ status: "recovering" });
    expect(group.state(2).memory?.responses.size).toBe(0);
  });

  test("gets a log that is long in pieces, and is not whole before it has them all", () => {
    const group = new TestGroup({ newStateBytesMax: 1 }, { memory: true });
    expect(group.register("a")).toBe(1);
    for (let n = 1; n <= 6; n++) group.run("a", n, `${n}`);
    group.crash(2);
    const heal = group.lose(({ message }) => message.type === "new_state");
    group.restart(2);
    group.tick(20);
    expect(group.state(2).status).toBe("recovering");
    heal();
    group.tickUntil(() => group.state(2).status === "normal");
    group.tick(10);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["1", "2", "3", "4", "5", "6"]);
  });

  test("goes for the log of the next view if the view changes while it is at it", () => {
    const group = memoryGroup(5);
    for (let n = 1; n <= 3; n++) group.run("a", n, `${n}`);
    group.crash(4);
    const end = group.lose(ofType("new_state"));
    group.restart(4);
    group.tick(10);
    const { status, catchUp } = group.state(4);
    expect([status, catchUp === undefined]).toEqual(["recovering", false]);
    group.crash(0);
    group.tickUntil(() => group.state(1).isPrimary);
    end();
    group.tickUntil(() => group.state(4).status === "normal", 100);
    group.tick(10);
    expect(group.state(4).view).toBe(1);
    group.expectAgreement();
  });

  test("may crash while it recovers, and begins again", () => {
    const group = memoryGroup();
    group.run("a", 1, "x");
    for (let i = 0; i < 5; i++) {
      group.crash(2);
      group.restart(2);
      group.deliver(ofType("recovery"));
    }
    group.tick(20);
    group.expectAgreement();
  });

  test("whose clock went back hears which life it had, and takes a younger one", () => {
    const group = memoryGroup();
    group.run("a", 1, "x");
    group.crash(2);
    group.restart(2);
    group.tick(20);
    group.crash(2);
    const { options } = group.state(1);
    const memory = { incarnation: 1, bootstrap: false };
    group.replica(2).replica = new Replica({ ...options, index: 2, memory });
    group.replica(2).ran.length = 0;
    const before = vectorOf(group, 0)[2] ?? 0;
    group.turn(2);
    group.tick(30);
    expect(vectorOf(group, 2)[2]).toBeGreaterThan(before);
    expect(vectorOf(group, 0)[2]).toBe(vectorOf(group, 2)[2]);
    group.expectAgreement();
  });

  test("whose clock went back takes no life that another one has taken for the same reason", () => {
    const group = memoryGroup();
    const { options, log } = group.state(1);
    const told = { type: "commit", view: 0, commit: 0, checksum: log.checksumAt(0) ?? "" } as const;
    const lives = [0.25, 0.75].map((chance) => {
      const memory = { incarnation: 1, bootstrap: false };
      const replica = new Replica({ ...options, index: 2, memory, random: () => chance });
      const message = { ...told, crash_vector: [1, 1, 7] };
      replica.step({ type: "message", from: 0, message }, 0);
      return replica.state.memory?.incarnation ?? 0;
    });
    expect(Math.min(...lives)).toBeGreaterThan(7);
    expect(lives[0]).not.toBe(lives[1]);
  });
});

describe("the votes of a life that has ended", () => {
  test("do not count with those who know of the next life, for a view or for an op (I17)", () => {
    const group = memoryGroup();
    group.lose(ofType("recovery_response"));
    const held = group.lose(ofType("prepare_ok"));
    group.step(0, group.call("a", 1, "x"));
    group.deliver();
    for (const index of [0, 1, 2]) group.sync(index);
    held();
    const ok = group.sentOf(2, "prepare_ok").at(-1);
    group.crash(2);
    group.restart(2);
    group.deliver(ofType("recovery"));
    if (ok !== undefined) group.inject(ok);
    expect(group.state(0).commitMin).toBe(1);
    expect(group.state(0).acked.of(2)).toBe(0);
  });

  test("are taken back when the news of the next life comes after them", () => {
    const group = memoryGroup();
    group.lose(ofType("recovery_response"));
    const crash_vector = vectorOf(group, 2);
    const message = { type: "start_view_change", view: 1, left: false, crash_vector } as const;
    group.inject({ from: 2, to: 1, message });
    expect(group.state(1).votes.count(1)).toBe(1);
    group.crash(2);
    group.restart(2);
    group.deliver(ofType("recovery"));
    expect(group.state(1).votes.count(1)).toBe(0);
  });

  test("do not count with those who were told of the next life by somebody else", () => {
    const group = memoryGroup();
    group.lose(({ from, to, message }) => message.type === "recovery" && from === 2 && to === 1);
    const crash_vector = vectorOf(group, 2);
    const message = { type: "start_view_change", view: 1, left: false, crash_vector } as const;
    group.inject({ from: 2, to: 1, message });
    group.crash(2);
    group.restart(2);
    group.tick(5);
    expect(group.state(1).votes.count(1)).toBe(0);
    expect(vectorOf(group, 1)).toEqual(vectorOf(group, 2));
  });

  test("are no votes at all if they do not say of which life they are", () => {
    const group = memoryGroup();
    group.inject({ from: 2, to: 1, message: { type: "start_view_change", view: 1, left: true } });
    const crash_vector = [1];
    const short = { type: "start_view_change", view: 1, left: true, crash_vector } as const;
    group.inject({ from: 2, to: 1, message: short });
    expect(group.state(1)).toMatchObject({ status: "normal", view: 0 });
  });
});

test("two processes under one name: the one with the older life stops", () => {
  const group = memoryGroup();
  const crash_vector = vectorOf(group, 2).map((life, i) => (i === 2 ? life + 5 : life));
  const { up } = group.replica(2);
  const message = { type: "commit", view: 0, commit: 0, checksum: group.config.root } as const;
  expect(() =>
    up.step({ type: "message", from: 0, message: { ...message, crash_vector } }, 0),
  ).toThrow("somebody else lives under this replica's name");
});

describe("a group that has lost its memory (I18)", () => {
  test.each([1, 2])("of %i says so at once: it can spare none", (size) => {
    const group = memoryGroup(size);
    group.crash(0);
    group.restart(0);
    expect(group.state(0).status).toBe("lost");
  });

  test.each([
    [3, 2],
    [4, 2],
    [5, 3],
    [6, 3],
    [7, 4],
  ])("of %i says so when %i come back with nothing, and the others keep what they have", (n, k) => {
    const group = memoryGroup(n);
    group.run("a", 1, "x");
    group.tick(6);
    const gone = Array.from({ length: k }, (_, i) => i);
    crash(group, ...gone);
    restart(group, ...gone);
    group.tick(60);
    for (const { index, state, ran } of group.replicas) {
      expect(state.status === "lost").toBe(index < k);
      expect(ran).toEqual(index < k ? [] : ["x"]);
    }
  });

  test.each([
    [3, 1],
    [5, 2],
    [6, 2],
    [7, 3],
  ])("is not what a group of %i becomes when %i come back at once", (n, k) => {
    const group = memoryGroup(n);
    group.run("a", 1, "x");
    const back = Array.from({ length: k }, (_, i) => i);
    crash(group, ...back);
    restart(group, ...back);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    group.tick(10);
    group.expectAgreement();
    expect(group.primary.ran).toEqual(["x"]);
  });

  test("is not what one believes who heard two others ask, one after the other", () => {
    const group = memoryGroup(5);
    group.lose(({ to, message }) => to === 0 && message.type === "recovery_response");
    group.crash(0);
    // Replica 0 hears nobody; meanwhile 1 and 2 come back in turn, never two of them at once.
    group.restart(0);
    group.tickUntil(() => group.state(1).isPrimary);
    for (const index of [2, 3, 2, 3]) {
      group.crash(index);
      group.restart(index);
      group.tickUntil(() => group.state(index).status === "normal");
    }
    group.heal();
    group.tick(20);
    group.expectAgreement();
  });

  test("is not said because of answers that were given at different times", () => {
    const group = memoryGroup(5);
    group.lose(({ to, message }) => to === 0 && message.type === "recovery_response");
    group.crash(0);
    group.restart(0);
    group.tickUntil(() => group.state(1).isPrimary && group.state(4).isBackup);
    const heard = (from: number) =>
      group.sent.findLast(
        ({ from: by, to, message }) =>
          by === from && to === 0 && message.type === "recovery_response",
      );
    const told: (ReturnType<typeof heard> | undefined)[] = [];
    for (const index of [2, 3]) {
      group.crash(index);
      const hold = group.lose(({ to, message }) => to === index && message.type !== "recovery");
      group.restart(index);
      group.tick(10);
      told.push(heard(index));
      hold();
      group.tickUntil(() => group.state(index).status === "normal");
    }
    // Each said truly that it knew nothing, but never two of them at once.
    for (const packet of told) expect(packet?.message).toMatchObject({ status: "recovering" });
    for (const packet of told) if (packet !== undefined) group.inject(packet);
    group.step(0, { type: "tick" });
    expect(group.state(0).status).toBe("recovering");
    group.heal();
    group.tick(30);
    group.expectAgreement();
  });

  test("stays lost, whatever happens, until it is begun anew by all", () => {
    const group = memoryGroup();
    group.run("a", 1, "x");
    crash(group, 0, 1);
    restart(group, 0, 1);
    group.tick(40);
    group.tick(300);
    expect(statuses(group)).toEqual(["lost", "lost", group.state(2).status]);
    // What the third still had goes with its life.
    group.history.length = 0;
    crash(group, 0, 1, 2);
    for (const index of [0, 1, 2]) {
      group.restart(index, true);
      group.tick(30);
    }
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    expect(group.register("b")).toBe(1);
    group.run("b", 1, "y");
    expect(group.answers("b", 1)).toEqual(["1:y"]);
    group.tick(6);
    group.expectAgreement();
  });

  test("is found out by one that comes back when the others have said so long ago", () => {
    const group = memoryGroup(5);
    crash(group, 0, 1, 2);
    restart(group, 0, 1, 2);
    group.tick(60);
    expect(statuses(group).slice(0, 3)).toEqual(["lost", "lost", "lost"]);
    crash(group, 4);
    restart(group, 4);
    group.tick(40);
    expect(group.state(4).status).toBe("lost");
  });

  test("answers nobody, and takes no part in anything", () => {
    const group = memoryGroup();
    crash(group, 0, 1);
    restart(group, 0, 1);
    group.tick(40);
    const before = group.sent.length;
    const replies = group.replies.length;
    group.step(0, group.call("a", 1, "x"));
    group.step(1, group.query("a", 1));
    group.tick(200);
    const said = group.sent.slice(before).filter(({ from }) => from < 2);
    expect(said).toEqual([]);
    expect(group.replies.slice(replies)).toEqual([]);
  });
});
