import type { ReplicaStatus } from "@troupe/replication";
import { expect, test } from "vitest";
import { type FailoverTarget, firstGate, runFailovers } from "../src/failover.ts";
import { Workload } from "../src/workload.ts";
import { ledgerThat, rows } from "./support/fake-ledger.ts";

/** A group that elects the next replica when its primary is killed, and says what was done. */
function fakeGroup(replicas: number) {
  const names = Array.from({ length: replicas }, (_, index) => `r${index + 1}`);
  const down = new Set<string>();
  const log: string[] = [];
  let view = 0;
  let isAnswering = true;
  let resume = () => {};
  const hasQuorum = () => names.length - down.size > names.length / 2;
  const settle = () => {
    isAnswering = hasQuorum();
    if (isAnswering) resume();
  };
  const target: FailoverTarget = {
    replicas: names,
    status: async () =>
      names.map((replica): ReplicaStatus => {
        const reachable = !down.has(replica);
        const primary = names[view % names.length] ?? "";
        return { replica, reachable, status: "normal", view, primary, op: 9, commit: 9 };
      }),
    kill: async (replica) => {
      log.push(`kill ${replica} after ${workload.answered}`);
      down.add(replica);
      if (replicas > 1) view++;
      settle();
    },
    restart: async (replica) => {
      log.push(`restart ${replica}`);
      down.delete(replica);
      settle();
    },
    probe: async () => {
      log.push("probe");
    },
  };
  const ledger = ledgerThat(async () => {
    while (!isAnswering) {
      await new Promise<void>((resumed) => {
        resume = resumed;
      });
    }
  });
  let workload = new Workload(ledger, [], { callers: 1 });
  const start = (count: number, callers: number, kills: number) => {
    workload = new Workload(ledger, rows(count), { callers });
    workload.gateAt(firstGate(kills, count));
    return workload;
  };
  return { target, log, start };
}

test("the primary is killed at even steps, and each time restarted", async () => {
  const { target, log, start } = fakeGroup(3);
  const workload = start(400, 1, 3);
  const [failovers] = await Promise.all([
    runFailovers(workload, target, { kills: 3 }),
    workload.run(),
  ]);

  expect(failovers.map(({ killed }) => killed)).toEqual(["r1", "r2", "r3"]);
  expect(log.filter((line) => line.startsWith("restart"))).toEqual([
    "restart r1",
    "restart r2",
    "restart r3",
  ]);
  const killedAfter = log.flatMap(
    (line) =>
      line
        .match(/after (\d+)/)
        ?.slice(1)
        .map(Number) ?? [],
  );
  for (const [index, answered] of killedAfter.entries()) {
    const step = (index + 1) * 100;
    // The gate is half a step further: every kill happens while rows are still to come.
    expect(answered).toBeGreaterThanOrEqual(step);
    expect(answered).toBeLessThanOrEqual(step + 50);
  }
  expect(workload.acknowledged).toBe(400);
});

test("the restart waits until the others have answered without the killed one", async () => {
  const { target, start } = fakeGroup(3);
  const workload = start(100, 4, 1);
  const answeredAt: number[] = [];
  const restart = target.restart;
  const observed: FailoverTarget = {
    ...target,
    restart: (replica) => {
      answeredAt.push(workload.acknowledged);
      return restart(replica);
    },
  };
  await Promise.all([runFailovers(workload, observed, { kills: 1 }), workload.run()]);
  expect(answeredAt[0]).toBeGreaterThan(50);
});

test.each([1, 2])(
  "a group of %i, no majority without the killed one, is restarted at once",
  async (replicas) => {
    const { target, start } = fakeGroup(replicas);
    const workload = start(100, 4, 2);
    const [failovers] = await Promise.all([
      runFailovers(workload, target, { kills: 2 }),
      workload.run(),
    ]);
    expect(failovers).toHaveLength(2);
    expect(workload.acknowledged).toBe(100);
  },
);

test("with fewer rows than kills every kill still happens", async () => {
  const { target, log, start } = fakeGroup(3);
  const workload = start(2, 64, 5);
  const [failovers] = await Promise.all([
    runFailovers(workload, target, { kills: 5 }),
    workload.run(),
  ]);
  expect(failovers).toHaveLength(5);
  expect(log).toContain("probe");
  expect(workload.acknowledged).toBe(2);
});

test("without kills the gate stands open", async () => {
  const { target, start } = fakeGroup(3);
  const workload = start(10, 2, 0);
  const failovers = await runFailovers(workload, target, { kills: 0 });
  await workload.run();
  expect(failovers).toEqual([]);
  expect(workload.acknowledged).toBe(10);
});

test("all replicas are killed at once where that is asked for, and all come back", async () => {
  const { target, log, start } = fakeGroup(3);
  const workload = start(30, 1, 1);
  const [failovers] = await Promise.all([
    runFailovers(workload, target, { kills: 1, all: true }),
    workload.run(),
  ]);
  expect(failovers).toEqual([{ killed: "all", ms: expect.any(Number) }]);
  const [first, second, third, ...rest] = log;
  expect([first, second, third]).toEqual(
    ["r1", "r2", "r3"].map((name) => expect.stringMatching(new RegExp(`^kill ${name} after `))),
  );
  expect(rest.filter((line) => line !== "probe")).toEqual([
    "restart r1",
    "restart r2",
    "restart r3",
  ]);
});
