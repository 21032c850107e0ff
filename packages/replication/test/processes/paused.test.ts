/** A primary that is stopped in its tracks and replaced: when it wakes it answers nothing stale. */
import { EventEmitter, once } from "node:events";
import { expect, test } from "vitest";
import { ProcessGroup, primaryOf, replicas, type Told } from "./replicas.ts";

/** For so long it stands still. */
const pauseMs = 10_000;

/** What a caller knew: at this time, by the wall clock, so many calls had been acknowledged. */
interface Known {
  readonly at: number;
  readonly count: number;
}

/** A query that was answered: when its process began to ask, and when it told the answer. */
interface Asked {
  readonly by: string;
  readonly began: number;
  readonly count: number;
  readonly told: number;
}

/** How many calls a query must see that began then: those that had been acknowledged before. */
function leastAt(known: readonly Known[], began: number): number {
  let [low, high] = [0, known.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((known[middle]?.at ?? 0) < began) low = middle + 1;
    else high = middle;
  }
  return known[low - 1]?.count ?? 0;
}

test("a primary that is paused for ten seconds answers no query from its past", async () => {
  const group = await ProcessGroup.start();
  const asked: Asked[] = [];
  /** Somebody has been answered. */
  const heard = new EventEmitter();
  const load = { of: "queries", callers: 8 } as const;
  // Who asks lives in the very processes of the replicas: nobody is nearer to an old primary.
  for (const by of replicas) {
    await group.begin(by, { load }, ({ event, details }: Told) => {
      if (event !== "asked") return;
      const [began, count] = [Number(details.began), Number(details.count)];
      asked.push({ by, began, count, told: Date.now() });
      heard.emit("answer");
    });
  }
  const ref = await group.client();
  const known: Known[] = [];
  let isOver = false;
  const caller = async () => {
    for (let n = 0; !isOver; n++) {
      const count = await ref.call("put", n, { timeout: 30_000 });
      known.push({ at: Date.now(), count });
      heard.emit("answer");
    }
  };
  const until = async (holds: () => boolean) => {
    while (!holds()) await once(heard, "answer");
  };
  const calling = caller();
  await until(() => known.length > 100 && asked.length > 100);
  const primary = await primaryOf(ref);
  const paused = Date.now();
  group.member(primary).signal("SIGSTOP");
  const before = known.length;
  await until(() => Date.now() - paused >= pauseMs);
  // The others went on without it, so what it knew is old.
  expect(known.length - before).toBeGreaterThan(100);
  const woken = Date.now();
  group.member(primary).signal("SIGCONT");
  const since = () => asked.filter(({ by, began }) => by === primary && began >= woken).length;
  await until(() => since() > 200);
  isOver = true;
  await calling;
  const stale = asked.filter(({ began, count }) => count < leastAt(known, began));
  expect(stale).toEqual([]);
  // Some had been asked of it before it stood still, and were answered when it woke.
  const across = asked.filter(({ began, told }) => began <= paused && told >= woken);
  expect(across.map(({ by }) => by)).toContain(primary);
});
