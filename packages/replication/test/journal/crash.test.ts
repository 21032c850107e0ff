import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { JournalDamagedError, JournalError } from "../../src/errors.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import type { Recovered, Write } from "../../src/vsr/index.ts";
import { foldWrites, written } from "../contract/journal.ts";
import { FaultyStorage, type Survival, type When } from "../support/faulty-storage.ts";
import { someWrites, Writer } from "../support/writes.ts";

const nothing: Recovered = { view: 0, log_view: 0, commit: 0, entries: [] };

function open(storage: FaultyStorage, onFailure: (error: JournalError) => void = () => undefined) {
  return openFileJournal({
    path: "journal",
    identity: "the tests",
    hash: checksum,
    onFailure,
    storage,
    segmentBytes: 1500,
  });
}

/** Numbers from 0 to 1 that repeat. */
function seeded(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A life: some writes, two of them together; says which were reported, and when it spoke. */
async function live(storage: FaultyStorage, writes: readonly Write[]) {
  const life = { reported: 0, appended: 0, incarnation: 0, failures: [] as JournalError[] };
  let failed: () => void = () => undefined;
  const failing = new Promise<void>((resolve) => {
    failed = resolve;
  });
  try {
    const { journal, incarnation = 0 } = await open(storage, (error) => {
      life.failures.push(error);
      failed();
    });
    life.incarnation = incarnation;
    for (let i = 0; i < writes.length && life.failures.length === 0; i += i === 1 ? 2 : 1) {
      const group = writes.slice(i, i === 1 ? 3 : i + 1);
      life.appended += group.length;
      const all = group.map((write) => written(journal, write).then(() => life.reported++));
      await Promise.race([Promise.all(all), failing]);
    }
    await journal.close();
  } catch (error) {
    expect(error).toBeInstanceOf(JournalError);
    expect(error).not.toBeInstanceOf(JournalDamagedError);
  }
  return life;
}

function script(): Write[] {
  const writer = new Writer();
  return [
    writer.write(["one"]),
    writer.write(["two", "three"]),
    writer.write(["four"], { commit: 2 }),
    writer.write([], { view: 1, log_view: 0, commit: 2 }),
    writer.write(["another three"], { view: 1, log_view: 1, truncate: 2, commit: 2 }),
    writer.write(["x".repeat(700)], { view: 1, commit: 2 }),
    writer.write(["last"], { view: 1, commit: 4 }),
  ];
}

const survivals: Survival[] = ["nothing", "everything", "a part"];
const whens: When[] = ["before", "half", "after"];

describe("power lost at any step", () => {
  test("leaves all that was reported, and a prefix of the writes, and a new life's number", async () => {
    const writes = script();
    const dry = new FaultyStorage();
    await live(dry, writes);
    expect(new Set(dry.steps)).toEqual(new Set(["create", "write", "datasync", "rename", "names"]));
    for (let step = 0; step < dry.steps.length; step++) {
      for (const when of whens) {
        for (const survival of survivals) {
          const storage = new FaultyStorage();
          storage.failAt(step, when, true);
          const life = await live(storage, writes);
          const after = storage.afterPowerLoss(survival, seeded(step));
          const place = `${dry.steps[step]} ${step} ${when} ${survival}`;
          const { recovered, incarnation = 0, journal } = await open(after);
          const prefixes = prefixesOf(writes, life.reported, life.appended);
          const found = recovered ?? nothing;
          expect(prefixes, place).toContainEqual(found);
          expect(incarnation, place).toBeGreaterThan(life.incarnation);
          if (life.incarnation > 0) expect(recovered, place).toBeDefined();
          await journal.close();
          const again = await open(after);
          expect(again.recovered, place).toEqual(found);
          await again.journal.close();
        }
      }
    }
  });

  test("does so in a second life as well, whatever the first one left", async () => {
    const writes = script();
    const chance = fc.nat({ max: 2 ** 31 });
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 50 }),
        fc.nat({ max: 50 }),
        fc.constantFrom(...whens),
        fc.constantFrom(...survivals),
        chance,
        async (first, second, when, survival, seed) => {
          const storage = new FaultyStorage();
          storage.failAt(first, when, true);
          const one = await live(storage, writes);
          const next = storage.afterPowerLoss(survival, seeded(seed));
          const { recovered = nothing, journal } = await open(next);
          await journal.close();
          const kept = prefixesOf(writes, 0, writes.length).findIndex((prefix) =>
            isDeepStrictEqual(prefix, recovered),
          );
          expect(kept).toBeGreaterThanOrEqual(one.reported);
          next.failAt(next.steps.length + second, when, true);
          const two = await live(next, writes.slice(kept));
          const end = await open(next.afterPowerLoss(survival, seeded(seed + 1)));
          const prefixes = prefixesOf(writes, kept + two.reported, kept + two.appended);
          expect(prefixes).toContainEqual(end.recovered ?? nothing);
          expect(end.incarnation).toBeGreaterThan(two.incarnation);
        },
      ),
    );
  });
});

describe("a step that fails", () => {
  test("stops the journal for good: one failure, nothing reported, nothing tried again", async () => {
    const writes = script();
    const dry = new FaultyStorage();
    await (await open(dry)).journal.close();
    const opening = dry.steps.length;
    const whole = new FaultyStorage();
    await live(whole, writes);
    for (let step = opening; step < whole.steps.length; step++) {
      const storage = new FaultyStorage();
      storage.failAt(step, "half", false, "ENOSPC");
      const life = await live(storage, writes);
      expect(life.failures.length, `${whole.steps[step]} ${step}`).toBe(1);
      expect(life.failures[0]?.kind).toBe("full");
      const { recovered = nothing } = await open(new FaultyStorage(storage.files()));
      expect(prefixesOf(writes, life.reported, life.appended)).toContainEqual(recovered);
    }
  });
});

test("random writes come back as a model says, life after life", async () => {
  await fc.assert(
    fc.asyncProperty(someWrites, fc.nat({ max: 5 }), async (writes, lives) => {
      const storage = new FaultyStorage();
      for (let i = 0; i <= lives; i++) {
        const { journal } = await open(storage);
        const share = writes.length / (lives + 1);
        const part = writes.slice(Math.round(i * share), Math.round((i + 1) * share));
        await Promise.all(part.map((write) => written(journal, write)));
        await journal.close();
      }
      const { recovered } = await open(storage);
      expect(recovered).toEqual(foldWrites(writes));
    }),
  );
});

/** What may be recovered: the writes up to one between these. */
function prefixesOf(writes: readonly Write[], least: number, most: number): Recovered[] {
  const counts = Array.from({ length: most - least + 1 }, (_, i) => least + i);
  return counts.map((count) => foldWrites(writes.slice(0, count)) ?? nothing);
}
