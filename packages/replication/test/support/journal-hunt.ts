/**
 * A hunt for what a journal may never do: a life of writes, a cut, a checkpoint and a log that
 * begins anew, with power lost at each of its steps, and with bytes flipped behind it.
 */
import { isDeepStrictEqual } from "node:util";
import { checksum } from "../../src/checksum.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import type { CheckpointName } from "../../src/journal/journal.ts";
import type { Storage } from "../../src/journal/storage.ts";
import type { Hash, Recovered, Write } from "../../src/vsr/index.ts";
import { foldWrites } from "../contract/journal.ts";
import { bytes } from "./entries.ts";
import { FaultyStorage, type Survival, type When } from "./faulty-storage.ts";
import { Writer } from "./writes.ts";

/** What is planted around a journal; nothing, for one that is to be found well. */
export interface PlantedStorage {
  readonly storage?: (storage: FaultyStorage) => Storage;
  readonly hash?: Hash;
}

const whens: When[] = ["before", "half", "after"];
const survivals: Survival[] = ["nothing", "everything", "a part"];
const nothing: Recovered = { view: 0, log_view: 0, commit: 0, entries: [] };
const checkpointOp = 4;

/** Two of these fill a segment; the truncation takes the head with which the second one began. */
export function script(): Write[] {
  const writer = new Writer();
  const views = { view: 1, log_view: 1 };
  const first = ["one", "two", "three"].map((content) => writer.write([content]));
  const other = writer.write(["another two", "another three"], { ...views, truncate: 1 });
  const next = { ...writer.write(["four"], { ...views, commit: 3 }), cut: 2 };
  const cut = { ...writer.write(["five"], { ...views, commit: 4 }), cut: checkpointOp };
  const last = writer.write(["six"], { ...views, commit: 5 });
  const base = { op: 40, checksum: checksum(bytes("40")), timestamp: 99 };
  const anew = new Writer(base);
  const reset = { ...anew.write(["41"], { ...views, commit: 40 }), reset: base };
  return [...first, other, next, cut, last, reset, anew.write(["42"], { ...views, commit: 41 })];
}

interface Life {
  reported: number;
  kept: CheckpointName | undefined;
}

/** Opens, writes all of the script with a checkpoint before the cut, and closes. */
async function live(storage: FaultyStorage, plant: PlantedStorage): Promise<Life> {
  const life: Life = { reported: 0, kept: undefined };
  let fail: () => void = () => undefined;
  const failing = new Promise<false>((resolve) => {
    fail = () => resolve(false);
  });
  try {
    const { journal } = await open(storage, plant, () => fail());
    const step = async (run: (done: () => void) => void) => {
      const done = new Promise<true>((resolve) => run(() => resolve(true)));
      return Promise.race([done, failing]);
    };
    for (const write of script()) {
      if (write.cut === checkpointOp) {
        const writer = journal.checkpoints?.begin(write.cut);
        await step((done) => writer?.write(bytes("the state"), done));
        await step((done) =>
          writer?.commit((name) => {
            life.kept = name;
            done();
          }),
        );
      }
      if (!(await step((done) => journal.append(write, done)))) break;
      life.reported++;
      journal.tick?.();
    }
    await journal.close();
  } catch {
    // It could not be opened, or not be closed: what was reported counts all the same.
  }
  return life;
}

function open(storage: FaultyStorage, plant: PlantedStorage, onFailure = () => undefined as void) {
  return openFileJournal({
    path: "journal",
    identity: "the tests",
    hash: plant.hash ?? checksum,
    segmentBytes: 1400,
    storage: plant.storage?.(storage) ?? storage,
    onFailure,
  });
}

/** The log with what a cut may have taken away put back, as far as the script knows it. */
function isPrefix(found: Recovered, count: number): boolean {
  const { base, entries, ...views } = found;
  const { base: trueBase, entries: all, ...trueViews } = truthAfter(count);
  const from = base?.op ?? 0;
  const cuts = script()
    .slice(0, count)
    .map(({ cut = 0 }) => cut);
  const mostCut = trueBase?.op ?? Math.max(0, ...cuts);
  if (from > mostCut || (trueBase !== undefined && from !== trueBase.op)) return false;
  return (
    isDeepStrictEqual(views, trueViews) &&
    isDeepStrictEqual(
      entries,
      all.filter(({ op }) => op > from),
    )
  );
}

/** What all writes come to when no cut takes anything away. */
function truthAfter(count: number): Recovered {
  const writes = script()
    .slice(0, count)
    .map(({ cut: _, ...write }) => write);
  return foldWrites(writes) ?? nothing;
}

/** What is wrong with what is found after a life; undefined if nothing is. */
async function judge(storage: FaultyStorage, life: Life, plant: PlantedStorage) {
  let found: Recovered;
  let names: readonly CheckpointName[];
  try {
    const { journal, recovered = nothing } = await open(storage, plant);
    found = recovered;
    names = journal.checkpoints?.names ?? [];
    await journal.close();
  } catch (error) {
    return `refused: ${String(error)}`;
  }
  const total = script().length;
  const counts = Array.from({ length: total - life.reported + 1 }, (_, i) => life.reported + i);
  if (!counts.some((count) => isPrefix(found, count))) return `of ${life.reported}: another log`;
  const { kept } = life;
  const isThere = kept === undefined || names.some((name) => isDeepStrictEqual(name, kept));
  return isThere ? undefined : "a checkpoint is lost";
}

/** Loses power at each step; says what was found wrong first, and where. */
export async function huntCrashes(plant: PlantedStorage): Promise<string | undefined> {
  const dry = new FaultyStorage();
  await live(dry, plant);
  for (let step = 0; step < dry.steps.length; step++) {
    for (const when of whens) {
      for (const survival of survivals) {
        const storage = new FaultyStorage();
        storage.failAt(step, when, true);
        const life = await live(storage, plant);
        const problem = await judge(storage.afterPowerLoss(survival, seeded(step)), life, plant);
        if (problem !== undefined) {
          return `${dry.steps[step]} ${step} ${when}, ${survival} survives: ${problem}`;
        }
      }
    }
  }
  return undefined;
}

/** Flips each byte of what a life has left: what is not damaged, or refused, must be true. */
export async function huntFlips(plant: PlantedStorage): Promise<string | undefined> {
  const storage = new FaultyStorage();
  const life = await live(storage, plant);
  for (const [name, content] of storage.files()) {
    for (let at = 0; at < content.length; at++) {
      const flipped = Buffer.from(content);
      flipped[at] = (flipped[at] ?? 0) ^ 0x41;
      const left = new FaultyStorage(new Map(storage.files()).set(name, flipped));
      const problem = await judgeFlipped(left, life, plant);
      if (problem !== undefined) return `${name} at ${at}: ${problem}`;
    }
  }
  return undefined;
}

async function judgeFlipped(storage: FaultyStorage, life: Life, plant: PlantedStorage) {
  try {
    const { journal, recovered = nothing } = await open(storage, plant);
    const { names = [] } = journal.checkpoints ?? {};
    await journal.close();
    if (names.some((name) => !isDeepStrictEqual(name, life.kept))) return "another checkpoint";
    if (recovered.damaged !== undefined || isPrefix(recovered, life.reported)) return undefined;
    return "another log";
  } catch {
    return undefined;
  }
}

/** Numbers from 0 to 1 that repeat. */
function seeded(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
