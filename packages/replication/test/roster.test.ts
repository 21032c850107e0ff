/** The roster on the wire and on the disk: what is not one is not taken for one. */
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@troupe/actor/testing";
import { Codec } from "@troupe/cluster/runtime";
import { describe, expect, onTestFinished, test } from "vitest";
import { JournalDamagedError, JournalError } from "../src/errors.ts";
import { decodeFounding, encodeFounding, type FoundingMessage } from "../src/roster.ts";
import { keepRoster, readRoster } from "../src/roster-file.ts";
import { FaultyStorage } from "./support/faulty-storage.ts";

const codec = new Codec();
const id = "0123456789abcdef0123456789abcdef";
const roster = { id, replicas: ["a", "b", "c"], isNew: false };

describe("a message about a roster", () => {
  const wanted: FoundingMessage = { type: "roster_wanted", settings: "{}", holds: true };
  const told: FoundingMessage = { type: "roster", settings: "{}", ...roster };

  test.each([wanted, told])("comes out as it went in: $type", (message) => {
    expect(decodeFounding(codec, encodeFounding(codec, message))).toEqual(message);
    // A later version may say more.
    const more = codec.encode({ ...message, more: 1 });
    expect(decodeFounding(codec, more)).toEqual(message);
  });

  test.each([
    ["nothing", undefined],
    ["another type", { ...told, type: "rooster" }],
    ["a question without an answer to whether it holds", { ...wanted, holds: 1 }],
    ["no settings", { ...wanted, settings: undefined }],
    ["settings without an end", { ...wanted, settings: "x".repeat(20_000) }],
    ["an id that is none", { ...told, id: "x" }],
    ["no replica", { ...told, replicas: [] }],
    ["too many replicas", { ...told, replicas: [..."abcdefgh"] }],
    ["a replica twice", { ...told, replicas: ["a", "b", "a"] }],
    ["a name that leads out of its directory", { ...told, replicas: ["a", "../b"] }],
    ["no word on whether it is new", { ...told, isNew: 0 }],
  ])("is dropped with %s", (_, value) => {
    expect(decodeFounding(codec, codec.encode(value))).toBeUndefined();
  });

  test("has a row in docs/wire.md, with its fields", () => {
    const page = readFileSync(new URL("../../../docs/wire.md", import.meta.url), "utf8");
    for (const message of [wanted, told]) {
      const { type, ...fields } = message;
      const row = page.split("\n").find((line) => line.startsWith(`| \`${type}\` |`)) ?? "";
      const named = (row.split("|")[3] ?? "").split(",").map((field) => field.trim());
      expect(new Set(named)).toEqual(new Set(Object.keys(fields)));
    }
  });

  test("is dropped if its bytes are cut off anywhere", () => {
    const bytes = encodeFounding(codec, told);
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeFounding(codec, bytes.subarray(0, length))).toBeUndefined();
    }
  });
});

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "troupe-roster-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return join(path, "g", "a.journal");
}

describe("the file of a roster", () => {
  test("is what was kept, and there is none before", async () => {
    const path = await directory();
    expect(await readRoster(path, "g")).toBeUndefined();
    await keepRoster(path, "g", roster);
    expect(await readRoster(path, "g")).toEqual(roster);
    await keepRoster(path, "g", { ...roster, isNew: true });
    expect(await readRoster(path, "g")).toEqual({ ...roster, isNew: true });
  });

  test("is refused with any byte of it changed, or of another group", async () => {
    const path = await directory();
    await keepRoster(path, "g", roster);
    const file = join(path, "roster");
    const bytes = await readFile(file);
    for (let at = 0; at < bytes.length; at++) {
      const spoilt = Uint8Array.from(bytes);
      spoilt[at] = (spoilt[at] ?? 0) ^ 1;
      await writeFile(file, spoilt);
      // The line's end behind the checksum says nothing.
      const read = await readRoster(path, "g").catch((error: unknown) => error);
      if (at < bytes.length - 1) expect(read).toBeInstanceOf(JournalDamagedError);
    }
    await writeFile(file, bytes);
    await expect(readRoster(path, "h")).rejects.toThrow('it is not that of group "h"');
    await writeFile(file, "");
    await expect(readRoster(path, "g")).rejects.toBeInstanceOf(JournalDamagedError);
  });

  test("is there whole or not at all, wherever power is lost, and is there once it was kept", async () => {
    const random = seededRandom(1);
    let steps = Number.POSITIVE_INFINITY;
    for (let step = 0; step <= steps; step++) {
      for (const survival of ["nothing", "everything", "a part"] as const) {
        const storage = new FaultyStorage();
        storage.failAt(step, "half", true);
        const kept = await keepRoster("g/a.journal", "g", roster, storage).then(
          () => true,
          () => false,
        );
        steps = Math.min(steps, kept ? step : steps);
        const after = storage.afterPowerLoss(survival, random);
        const read = await readRoster("g/a.journal", "g", after);
        expect([roster, kept ? roster : undefined]).toContainEqual(read);
      }
    }
    expect(steps).toBeGreaterThan(3);
  });

  test("that cannot be written or read says so, as a journal does", async () => {
    const path = await directory();
    const inTheWay = join(path, "..", "..", "file");
    await writeFile(inTheWay, "");
    const below = join(inTheWay, "g", "a.journal");
    const error = await keepRoster(below, "g", roster).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(JournalError);
    expect(error).toMatchObject({ kind: "not_a_directory", outcome: "not_run" });
    await expect(readRoster(below, "g")).rejects.toBeInstanceOf(JournalError);
  });
});
