/** A journal that begins in the place of one that is lost, and what is remembered of lives. */
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { JournalError } from "../../src/errors.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import { inspectJournal } from "../../src/journal/inspect.ts";
import type { Recovered, Write } from "../../src/vsr/index.ts";
import { written } from "../contract/journal.ts";
import { FaultyStorage, type Survival, type When } from "../support/faulty-storage.ts";
import { Writer } from "../support/writes.ts";

const life = 1_700_000_000_000;
const rejoin = [0, life, 0];

function open(storage: FaultyStorage, more: { readonly rejoin?: readonly number[] } = {}) {
  const onFailure = () => undefined;
  const identity = "the tests";
  return openFileJournal({
    path: "journal",
    identity,
    hash: checksum,
    onFailure,
    storage,
    ...more,
  });
}

async function recover(storage: FaultyStorage): Promise<Recovered | undefined> {
  const { journal, recovered } = await open(storage);
  await journal.close();
  return recovered;
}

/** What a replica writes when it has got the log: all at once, with its view. */
function ending(): Write {
  const lives = { lives: [0, life, 0], rejoining: false };
  return new Writer().write(["one", "two"], { view: 3, log_view: 3, commit: 1, lives });
}

describe("a journal in the place of a lost one", () => {
  test("says that its replica has to ask, from the first opening on and without the order", async () => {
    const storage = new FaultyStorage();
    const { journal, recovered, incarnation } = await open(storage, { rejoin });
    const lives = { lives: rejoin, rejoining: true };
    expect(recovered).toEqual({ view: 0, log_view: 0, commit: 0, entries: [], lives });
    expect(incarnation).toBe(life + 1);
    await journal.close();
    expect(await recover(storage)).toMatchObject({ entries: [], lives });
    expect(await inspectJournal("journal", checksum, storage)).toMatchObject({ rejoining: true });
  });

  test("says so no more once it was told, and may still be opened by the same order", async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage, { rejoin });
    await written(journal, ending());
    await journal.close();
    const { journal: next, recovered } = await open(storage, { rejoin: [0, life + 5, 0] });
    await next.close();
    expect(recovered).toMatchObject({ view: 3, lives: { lives: rejoin, rejoining: false } });
    expect(recovered?.entries.length).toBe(2);
    const report = await inspectJournal("journal", checksum, storage);
    expect(report.rejoining).toBeUndefined();
  });

  test("is refused where there is one that is not lost, and leaves it alone", async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await written(journal, new Writer().write(["one"]));
    await journal.close();
    const error = await open(storage, { rejoin }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(JournalError);
    expect(error).toMatchObject({ kind: "not_empty", outcome: "not_run" });
    expect((await recover(storage))?.entries.length).toBe(1);
  });

  test("is whole or still to be filled, wherever power is lost while it is made and filled", async () => {
    const dry = new FaultyStorage();
    await fill(dry);
    for (let step = 0; step < dry.steps.length; step++) {
      for (const when of ["before", "half", "after"] satisfies When[]) {
        for (const survival of ["nothing", "everything", "a part"] satisfies Survival[]) {
          const storage = new FaultyStorage();
          storage.failAt(step, when, true);
          const isReported = await fill(storage);
          const after = storage.afterPowerLoss(survival, () => 0.5);
          const place = `${dry.steps[step]} ${step} ${when} ${survival}`;
          const { journal, recovered } = await open(after, { rejoin });
          await journal.close();
          expect(recovered?.lives?.lives, place).toEqual(rejoin);
          if (isReported) expect(recovered?.lives?.rejoining, place).toBe(false);
          if (recovered?.lives?.rejoining !== false) continue;
          expect(recovered, place).toMatchObject({ view: 3, log_view: 3 });
          expect(recovered.entries.length, place).toBe(2);
        }
      }
    }
  });
});

/** Makes a journal by order and writes what ends it; whether that was reported durable. */
async function fill(storage: FaultyStorage): Promise<boolean> {
  try {
    const { journal } = await open(storage, { rejoin });
    let isDone = false;
    journal.append(ending(), () => {
      isDone = true;
    });
    await journal.close();
    return isDone;
  } catch {
    return false;
  }
}

test("that another's life has ended survives the loss of either copy of the meta record", async () => {
  for (const lost of ["meta-a", "meta-b"]) {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    const lives = { lives: [life, 0, 0], rejoining: false };
    await written(journal, new Writer().write(["one"], { lives }));
    await journal.close();
    const files = storage.files();
    const copy = files.get(lost);
    if (copy === undefined) throw new Error(`there is no ${lost}`);
    copy[20] = (copy[20] ?? 0) ^ 1;
    expect(await recover(new FaultyStorage(files))).toMatchObject({ lives });
  }
});
