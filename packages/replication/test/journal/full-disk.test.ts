/** A file system that really fills up: a small tmpfs, where mounting one is permitted. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import type { JournalError } from "../../src/errors.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
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

test("a disk that fills up stops the journal, which keeps all that it reported", async (context) => {
  const path = await mkdtemp(join(tmpdir(), "troupe-full-"));
  onTestFinished(() => rm(path, { recursive: true }));
  if (!mounted(path)) context.skip("this process may not mount a file system");
  onTestFinished(() => void execFileSync("umount", [path]));
  let told: (error: JournalError) => void = () => undefined;
  const failed = new Promise<JournalError>((resolve) => {
    told = resolve;
  });
  const open = () =>
    openFileJournal({
      path: join(path, "journal"),
      identity: "the tests",
      hash: checksum,
      onFailure: told,
    });
  const { journal } = await open();
  const writer = new Writer();
  let reported = 0;
  for (let isFull = false; !isFull; ) {
    const write = written(journal, writer.write(["x".repeat(20_000)])).then(() => {
      reported++;
      return false;
    });
    isFull = await Promise.race([write, failed.then(() => true)]);
  }
  expect(await failed).toMatchObject({ kind: "full", code: "ERR_JOURNAL_FULL" });
  await journal.close();
  expect(reported).toBeGreaterThan(5);
  // What was torn is cut, which makes room enough to come back.
  const again = await open();
  expect(again.recovered?.entries.length).toBe(reported);
  expect(again.recovered?.damaged).toBeUndefined();
  await again.journal.close();
});
