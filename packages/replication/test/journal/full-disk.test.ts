/** A file system that really fills up: a small tmpfs, where mounting one is permitted. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import type { JournalError } from "../../src/errors.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import type { Write } from "../../src/vsr/index.ts";
import { checkpointsOf, keep } from "../contract/checkpoints.ts";
import { written } from "../contract/journal.ts";
import { Writer } from "../support/writes.ts";

function mounted(path: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", path], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A journal on a disk of 256 KiB; undefined where none may be made. */
async function smallDisk() {
  const path = await mkdtemp(join(tmpdir(), "troupe-full-"));
  onTestFinished(() => rm(path, { recursive: true }));
  if (!mounted(path)) return undefined;
  onTestFinished(() => void execFileSync("umount", [path]));
  let told: (error: JournalError) => void = () => undefined;
  const failed = new Promise<JournalError>((resolve) => {
    told = resolve;
  });
  const given = { path: join(path, "journal"), identity: "the tests", hash: checksum };
  return { failed, open: () => openFileJournal({ ...given, onFailure: (error) => told(error) }) };
}

const notPermitted = "this process may not mount a file system";

test("a disk that fills up with a state stops the journal, and the one before is kept", async (context) => {
  const disk = await smallDisk();
  if (disk === undefined) return context.skip(notPermitted);
  const { journal } = await disk.open();
  const write = new Writer().write(["one"]);
  await written(journal, write);
  const before = await keep(journal, 16, ["a state"]);
  let isKept = false;
  void keep(journal, 32, ["x".repeat(400_000)]).then(() => {
    isKept = true;
  });
  expect(await disk.failed).toMatchObject({ kind: "full", code: "ERR_JOURNAL_FULL" });
  await journal.close();
  expect(isKept).toBe(false);
  // What was half written is removed, which makes room enough to come back.
  const again = await disk.open();
  expect(again.recovered?.entries).toEqual(write.entries);
  expect(checkpointsOf(again.journal).names).toEqual([before]);
  expect(await keep(again.journal, 32, ["another"])).toMatchObject({ op: 32 });
  await again.journal.close();
});

test("a disk that fills up stops the journal, which keeps all that it reported", async (context) => {
  const disk = await smallDisk();
  if (disk === undefined) return context.skip(notPermitted);
  const { failed, open } = disk;
  const { journal } = await open();
  const writer = new Writer();
  const writes: Write[] = [];
  let reported = 0;
  for (let isFull = false; !isFull; ) {
    writes.push(writer.write(["x".repeat(20_000)]));
    const write = written(journal, writes.at(-1) as Write).then(() => {
      reported++;
      return false;
    });
    isFull = await Promise.race([write, failed.then(() => true)]);
  }
  expect(await failed).toMatchObject({ kind: "full", code: "ERR_JOURNAL_FULL" });
  await journal.close();
  expect(reported).toBeGreaterThan(5);
  // What was torn is cut, which makes room enough to come back. The last record may be whole, and
  // what did not fit no more than the room behind it.
  const again = await open();
  const entries = again.recovered?.entries ?? [];
  expect(entries).toEqual(writes.slice(0, entries.length).flatMap((write) => write.entries));
  expect([reported, reported + 1]).toContain(entries.length);
  expect(again.recovered?.damaged).toBeUndefined();
  await again.journal.close();
});
