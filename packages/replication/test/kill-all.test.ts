/** Every replica of a group is killed at once, again and again, in the middle of its work. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seededRandom } from "@troupe/actor/testing";
import { expect, onTestFinished, test } from "vitest";
import { checksum } from "../src/checksum.ts";
import { inspectJournal } from "../src/journal/inspect.ts";

const program = fileURLToPath(new URL("./processes/whole-group.mjs", import.meta.url));
const kills = 50;
const callers = 8;
/** More than a life lives to see acknowledged. */
const callsMax = 10_000;
/** So many acknowledgements a life is given before it is killed, at most. */
const patienceMax = 60;

type Told =
  | { readonly event: "back"; readonly details: readonly (readonly [number, number])[] }
  | { readonly event: "acknowledged"; readonly details: number };

/** Lives until so many calls are acknowledged, and is killed; tells all that it said. */
async function live(storage: string, life: number, patience: number) {
  const options = { storage, life, callers, callsMax };
  const child = fork(program, [JSON.stringify(options)]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const acknowledged: number[] = [];
  let runs: ReadonlyMap<number, number> | undefined;
  child.on("message", (message: Told) => {
    if (message.event === "back") runs = new Map(message.details);
    else acknowledged.push(message.details);
    if (acknowledged.length >= patience) child.kill("SIGKILL");
  });
  const [code, signal] = await once(child, "exit");
  return { acknowledged, runs, end: signal ?? code };
}

test("nothing that was acknowledged is lost, and nothing has run twice, over fifty kills", async () => {
  const storage = await mkdtemp(join(tmpdir(), "troupe-kills-"));
  onTestFinished(() => rm(storage, { recursive: true }));
  const random = seededRandom(7);
  const acknowledged: number[] = [];
  for (let life = 0; life <= kills; life++) {
    // Some are killed as soon as they are back, before anything has been asked of them.
    const patience = Math.floor(random() * patienceMax);
    const lived = await live(storage, life, patience);
    expect(lived.end, `life ${life}`).toBe("SIGKILL");
    const { runs } = lived;
    if (runs === undefined) throw new Error(`life ${life} never came back`);
    for (const n of acknowledged) expect([n, runs.get(n)], `life ${life}`).toEqual([n, 1]);
    for (const [n, times] of runs) expect([n, times], `life ${life}`).toEqual([n, 1]);
    acknowledged.push(...lived.acknowledged);
  }
  expect(acknowledged.length).toBeGreaterThan(kills);
  for (const name of await readdir(join(storage, "g"))) {
    const { checkpoints, damage, incarnation } = await inspectJournal(
      join(storage, "g", name),
      checksum,
    );
    expect(incarnation).toBe(kills + 1);
    expect(checkpoints.length).toBeGreaterThan(0);
    expect(damage).toEqual([]);
  }
}, 240_000);
