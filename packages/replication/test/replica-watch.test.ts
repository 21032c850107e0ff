/** What becomes an event, tick for tick, and what does not. */
import { describe, expect, test } from "vitest";
import { GroupLostError } from "../src/errors.ts";
import { ReplicaWatch, type WatchedReplica } from "../src/replica-watch.ts";
import { type ReplicationEvent, ReplicationEvents } from "../src/replication-events.ts";

const whole: WatchedReplica = {
  status: "normal",
  view: 0,
  primary: 0,
  isHollow: false,
  hold: undefined,
  commitMin: 7,
  commitMax: 7,
  log: { head: 7, intactHead: 7 },
};

function watching() {
  const events: ReplicationEvent[] = [];
  const tell = (event: ReplicationEvent) => events.push(event);
  const watch = new ReplicaWatch({ group: "g", node: "a", replicas: ["a", "b", "c"], tell });
  const told = (changes: Partial<WatchedReplica>, ticks = 1): ReplicationEvent[] => {
    events.length = 0;
    for (let tick = 0; tick < ticks; tick++)
      watch.tick({ ...whole, ...changes }, () => "checkpoint");
    return [...events];
  };
  return { told };
}

describe("a replica that is watched", () => {
  test("tells of its first view, and of each later one once it takes part in it", () => {
    const { told } = watching();
    expect(told({}, 3)).toEqual([
      { type: "view_changed", view: 0, primary: "a" },
      { type: "primary_changed", view: 0, primary: "a", previous: undefined },
    ]);
    expect(told({ status: "view_change", view: 1, primary: 1 }, 3)).toEqual([]);
    expect(told({ view: 1, primary: 1 }, 3)).toEqual([
      { type: "view_changed", view: 1, primary: "b" },
      { type: "primary_changed", view: 1, primary: "b", previous: "a" },
    ]);
    expect(told({ view: 4, primary: 1 })).toEqual([
      { type: "view_changed", view: 4, primary: "b" },
    ]);
  });

  const lacks: [string, Partial<WatchedReplica>][] = [
    ["entries that are committed", { commitMax: 9 }],
    ["a damaged entry", { log: { head: 7, intactHead: 5 } }],
    ["the state behind its log", { isHollow: true }],
    ["a state that is being taken in", { hold: { op: 8, until: "restored" } }],
    ["the end of its log", { status: "recovering_head" }],
    ["all that it knew", { status: "recovering" }],
  ];
  test.each(lacks)("is behind when it has lacked %s for 25 ticks, and says so once", (_, lack) => {
    const { told } = watching();
    told({});
    const commit = lack.commitMax ?? 7;
    expect(told(lack, 24)).toEqual([]);
    expect(told({})).toEqual([]);
    expect(told(lack, 100)).toEqual([{ type: "behind", op: 7, commit, needs: "checkpoint" }]);
    expect(told({ commitMin: 9, commitMax: 9, log: { head: 9, intactHead: 9 } }, 3)).toEqual([
      { type: "caught_up", op: 9 },
    ]);
  });

  test("is not behind while a state is captured, or while it waits for a view", () => {
    const { told } = watching();
    told({});
    const captures = { hold: { op: 7, until: "captured" as const }, commitMax: 9 };
    expect(told({ ...captures, log: { head: 9, intactHead: 9 } }, 100)).toEqual([]);
    expect(told({ status: "view_change" }, 100)).toEqual([]);
  });

  test("tells once that its group is lost, and nothing about being behind then", () => {
    const { told } = watching();
    const [event, ...more] = told({ status: "lost", commitMax: 9 }, 100);
    expect(event).toMatchObject({ type: "lost", error: expect.any(GroupLostError) });
    expect(more).toEqual([]);
  });
});

describe("who listens to a group", () => {
  test("late is told what still holds, and not what has passed", () => {
    const events = new ReplicationEvents(() => undefined);
    const stopped = { type: "stopped", error: new RangeError("no") } as const;
    events.tell({ type: "view_changed", view: 1, primary: "a" });
    events.tell(stopped);
    const heard: ReplicationEvent[] = [];
    const unlisten = events.listen((event) => heard.push(event));
    expect(heard).toEqual([stopped]);
    unlisten();
    events.tell(stopped);
    events.begin();
    events.listen((event) => heard.push(event));
    expect(heard).toEqual([stopped]);
  });

  test("and throws costs neither the others nor the replica anything, and is reported", () => {
    const thrown: unknown[] = [];
    const events = new ReplicationEvents((error) => thrown.push(error));
    const heard: ReplicationEvent[] = [];
    const bad = new RangeError("a bad listener");
    events.listen(() => {
      throw bad;
    });
    events.listen((event) => heard.push(event));
    events.tell({ type: "caught_up", op: 3 });
    expect(heard).toEqual([{ type: "caught_up", op: 3 }]);
    expect(thrown).toEqual([bad]);
  });
});
