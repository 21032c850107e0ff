/** A replica whose disk is lost comes back with an empty one, and in a new life (I20). */
import { describe, expect, test } from "vitest";
import { EndedLifeError } from "../../src/vsr/index.ts";
import { ofType, TestGroup } from "../support/test-group.ts";

/** A group with a client that has made some calls, the last of which one backup alone holds. */
function working(changes = {}): TestGroup {
  const group = new TestGroup(changes);
  group.keepsStates = true;
  group.register("a");
  group.run("a", 1, "x");
  return group;
}

/** It dies and its disk with it; it is started again by order, on an empty one. */
function replace(group: TestGroup, index: number, life = 1_000): void {
  group.crash(index);
  group.wipe(index, life);
  group.restart(index);
}

function needOf(group: TestGroup, index: number) {
  return group.replica(index).up.report.needs;
}

describe("a replica that rejoins", () => {
  test("has everything again when both others have answered, and takes part (I20)", () => {
    const group = working();
    replace(group, 2);
    expect(needOf(group, 2)).toBe("answers");
    group.settle();
    group.tick(5);
    group.expectAgreement();
    expect(needOf(group, 2)).toBe("nothing");
    expect(group.replica(2).ran).toEqual(["x"]);
    group.crash(1);
    group.run("a", 2, "y");
    expect(group.answers("a", 2)).toEqual(["2:y"]);
  });

  test("waits for the answers of more others than the group can spare, and says so", () => {
    const group = working();
    group.crash(1);
    replace(group, 2);
    group.tick(200);
    expect(group.state(2).status).toBe("recovering");
    expect(needOf(group, 2)).toBe("answers");
    group.restart(1);
    group.tickUntil(() => group.state(2).status === "normal");
    group.run("a", 2, "y");
    group.tick(5);
    group.expectAgreement();
  });

  test("waits for the primary of the highest view that it is told of (I16)", () => {
    const group = working({ replicaCount: 5 });
    group.cutOneWay(0, 4);
    replace(group, 4);
    group.tick(30);
    expect(group.state(4).status).toBe("recovering");
    expect(needOf(group, 4)).toBe("primary");
    group.heal();
    group.tickUntil(() => group.state(4).status === "normal");
  });

  test("takes nothing from a view that its own last life led: the others begin the next", () => {
    const group = working();
    replace(group, 0);
    group.tickUntil(() => group.state(0).status === "normal");
    expect(group.state(0).view).toBe(1);
    group.tick(5);
    group.expectAgreement();
  });

  test("promises nothing before what it was given is on its disk (I9, I12)", () => {
    const group = working();
    const promises = () =>
      group.sentOf(2, "prepare_ok", "do_view_change", "recovery_response").length;
    const before = promises();
    replace(group, 2);
    group.replica(2).diskHeld = true;
    group.settle();
    group.run("a", 2, "y");
    group.tick(10);
    expect(group.state(2).log.head).toBe(3);
    expect(promises()).toBe(before);
    const written = group.replica(2).pending;
    expect(written.map(({ lives }) => lives?.rejoining)).toContain(false);
    group.replica(2).diskHeld = false;
    group.tick(10);
    expect(promises()).toBeGreaterThan(before);
    group.expectAgreement();
  });

  test("says in one write that it has rejoined, and what with", () => {
    const group = working();
    group.run("a", 2, "y");
    replace(group, 2);
    group.settle();
    const { durable } = group.replica(2);
    const last = durable.find(({ lives }) => lives?.rejoining === false);
    expect(last).toMatchObject({ view: 0, log_view: 0, lives: { lives: [0, 0, 1_000] } });
    const held = durable.slice(0, durable.indexOf(last as never) + 1);
    expect(held.flatMap(({ entries }) => entries.map(({ op }) => op))).toEqual([1, 2, 3]);
  });

  test("goes on rejoining when it crashed before that write was durable", () => {
    const group = working();
    replace(group, 2);
    group.replica(2).diskHeld = true;
    group.settle();
    group.crash(2);
    group.replica(2).diskHeld = false;
    group.restart(2);
    expect(group.state(2).status).toBe("recovering");
    group.tick(10);
    group.expectAgreement();
    group.crash(2);
    group.restart(2);
    expect(group.state(2).status).toBe("normal");
  });

  test("fetches the state that the others have cut the log behind (I43)", () => {
    const group = working();
    for (let number = 2; number <= 20; number++) {
      group.step(group.primary.index, group.call("a", number, `${number}`, 1, number));
      group.settle();
    }
    group.tick(5);
    expect(group.state(0).log.base.op).toBeGreaterThan(0);
    replace(group, 2);
    group.settle();
    group.tickUntil(() => group.state(2).status === "normal");
    group.tick(10);
    expect(group.replica(2).ran).toEqual(group.replica(0).ran);
    expect(group.state(2).log.base.op).toBeGreaterThan(0);
  });

  test("does so again after its next disk is lost too, whatever its clock says", () => {
    const group = working();
    replace(group, 2, 5_000);
    group.settle();
    group.random = () => 0.5;
    replace(group, 2, 4_000);
    group.settle();
    group.tick(10);
    group.expectAgreement();
    const [, , life] = group.state(0).memory.crash.lives;
    expect(life).toBeGreaterThan(5_000);
    expect(group.state(2).memory.incarnation).toBe(life);
  });
});

describe("those that it asks", () => {
  test("answer when its new life is on their disks, and not before (I17)", () => {
    const group = working();
    group.replica(0).diskHeld = true;
    group.replica(1).diskHeld = true;
    replace(group, 2);
    group.settle();
    expect(group.sentOf(0, "recovery_response")).toEqual([]);
    group.replica(0).diskHeld = false;
    group.settle();
    expect(group.replica(0).durable.at(-1)?.lives?.lives).toEqual([0, 0, 1_000]);
    expect(group.sentOf(0, "recovery_response").length).toBe(1);
    group.crash(0);
    group.restart(0);
    expect(group.state(0).memory.crash.lives).toEqual([0, 0, 1_000]);
  });

  test("say nothing of lives as long as none has ended", () => {
    const group = working();
    group.crash(2);
    group.restart(2);
    group.tick(10);
    expect(group.sent.every(({ message }) => message.crash_vector === undefined)).toBe(true);
    replace(group, 2);
    group.settle();
    group.run("a", 2, "y");
    const [prepare] = group.sentOf(0, "prepare").slice(-1);
    expect(prepare?.message.crash_vector).toEqual([0, 0, 1_000]);
  });

  test("count no acknowledgement of the life that has ended", () => {
    const group = working();
    group.lose(({ to }) => to === 1);
    group.step(0, group.call("a", 2, "y"));
    group.deliver();
    group.sync(2);
    const late = group.packets.filter(ofType("prepare_ok"));
    expect(late).toMatchObject([{ from: 2, to: 0, message: { op: 3 } }]);
    group.drop(ofType("prepare_ok"));
    replace(group, 2);
    group.deliver(ofType("recovery"));
    group.sync(0);
    for (const packet of late) group.inject(packet);
    expect(group.state(0).commitMax).toBe(2);
  });
});

describe("in a group of two", () => {
  test("the backup rejoins, and the primary goes on", () => {
    const group = working({ replicaCount: 2 });
    replace(group, 1);
    group.tick(10);
    group.run("a", 2, "y");
    group.tick(5);
    group.expectAgreement();
    expect(group.state(0).view).toBe(0);
  });

  test("the backup begins the next view alone when the primary rejoins, also after a restart", () => {
    for (const restarts of [false, true]) {
      const group = working({ replicaCount: 2 });
      replace(group, 0);
      if (restarts) {
        group.deliver(ofType("recovery"));
        group.crash(1, 9);
        group.restart(1);
      }
      group.tick(20);
      group.expectAgreement();
      expect(group.state(1).isPrimary).toBe(true);
      group.run("a", 2, "y");
      expect(group.answers("a", 2)).toEqual(["2:y"]);
    }
  });
});

test("two of three that have lost their disks wait, and the third does not go on alone", () => {
  const group = working();
  replace(group, 1, 1_000);
  replace(group, 2, 2_000);
  group.tick(300);
  expect([1, 2].map((index) => group.state(index).status)).toEqual(["recovering", "recovering"]);
  expect([1, 2].map((index) => needOf(group, index))).toEqual(["answers", "answers"]);
  expect(group.state(0).log.head).toBe(2);
});

test("a disk that was thought to be lost comes back: its replica stops, and says why", () => {
  const group = working();
  const old = [...group.replica(2).durable];
  replace(group, 2);
  group.settle();
  group.crash(2);
  group.replica(2).durable.splice(0, Number.POSITIVE_INFINITY, ...old);
  group.restart(2);
  expect(() => group.tick(5)).toThrow(EndedLifeError);
});
