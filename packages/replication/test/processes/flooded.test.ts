/** Callers who ask for more than a group can do: it refuses what is too much, and stays whole. */
import { isActorError } from "@troupe/actor";
import { expect, test } from "vitest";
import { ProcessGroup, primaryOf } from "./replicas.ts";

const maxQueuedCalls = 500;
/** So many are made in each turn of the event loop, whatever has become of those before. */
const perTurn = 500;
const answeredMin = 20_000;
/** So many of one session are with the group at a time. */
const window = 256;

test("a flood of calls is refused as busy, and no link or view is lost by it", async () => {
  const group = await ProcessGroup.start({ maxQueuedCalls, window });
  await group.beginAll();
  const lost: string[] = [];
  const ref = await group.client((name) => lost.push(name));
  await primaryOf(ref);
  const views = async () =>
    (await ref.status({ timeout: 30_000 })).map((one) => (one.reachable ? one.view : "lost"));
  const before = await views();

  const answered = new Set<number>();
  const refused: unknown[] = [];
  const open = new Set<Promise<void>>();
  let [next, openMax] = [0, 0];
  const call = async (n: number) => {
    try {
      await ref.call("put", n, { timeout: 60_000 });
      answered.add(n);
    } catch (error) {
      refused.push(error);
    }
  };
  while (answered.size < answeredMin) {
    for (let i = 0; i < perTurn; i++) {
      const calling: Promise<void> = call(next++).finally(() => open.delete(calling));
      open.add(calling);
    }
    await new Promise((resolve) => setImmediate(resolve));
    openMax = Math.max(openMax, open.size);
  }
  await Promise.all(open);

  // What waits is bounded, however much is asked for: the rest has cost an error and no memory.
  expect(openMax).toBeLessThanOrEqual(maxQueuedCalls + window);
  expect(refused.length).toBeGreaterThan(perTurn);
  const others = refused.filter(
    (error) => !isActorError(error, "ERR_BUSY") || error.outcome !== "not_run",
  );
  expect(others).toEqual([]);
  // Heartbeats went on between the clients' and the replicas' nodes, and among the replicas.
  expect(lost).toEqual([]);
  expect(await views()).toEqual(before);
  // Those that were answered have run once, and those that were refused never.
  const runs = await ref.query("all", undefined, { timeout: 30_000 });
  expect(runs.filter(([, times]) => times !== 1)).toEqual([]);
  expect(new Set(runs.map(([n]) => n))).toEqual(answered);
});
