import { expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import { inspectJournal } from "../../src/journal/inspect.ts";
import { written } from "../contract/journal.ts";
import { FaultyStorage } from "../support/faulty-storage.ts";
import { roomAt } from "../support/room.ts";
import { Writer } from "../support/writes.ts";

async function filesOf(contents: readonly string[]) {
  const storage = new FaultyStorage();
  const { journal } = await openFileJournal({
    path: "journal",
    identity: "the tests",
    hash: checksum,
    onFailure: () => undefined,
    storage,
    segmentBytes: 1400,
  });
  const writer = new Writer();
  for (const content of contents) {
    await written(journal, writer.write([content], { view: 1, commit: writer.head }));
  }
  await journal.close();
  return storage.files();
}

const inspect = (files: ReadonlyMap<string, Buffer>) =>
  inspectJournal("journal", checksum, new FaultyStorage(files));

test("the report has the segments, what would be recovered, and what does not belong", async () => {
  const files = await filesOf(["one", "two", "three"]);
  const report = await inspect(new Map(files).set("notes.txt", Buffer.from("mine")));
  expect(report).toMatchObject({
    identity: "the tests",
    incarnation: 1,
    segments: [
      { file: "000000000001.log", records: 2, entries: 2, firstOp: 1, lastOp: 2, view: 1 },
      { file: "000000000002.log", records: 1, entries: 1, firstOp: 3, lastOp: 3, view: 1 },
    ],
    recovered: { view: 1, log_view: 1, commit: 2, head: 3, damagedOps: [] },
    unfinishedBytes: 0,
    damage: [],
    strange: ["notes.txt"],
  });
  expect(report.refusal).toBeUndefined();
});

test("a gap, a refusal and an unfinished end are told apart", async () => {
  const files = await filesOf(["one", "two", "three"]);
  const first = new Map(files);
  first.delete("000000000001.log");
  expect(await inspect(first)).toMatchObject({
    recovered: { head: 3, damagedOps: [1, 2] },
    damage: [{ file: "000000000001.log", what: "segment_missing" }],
  });
  const last = new Map(files);
  last.delete("000000000002.log");
  expect(await inspect(last)).toMatchObject({ refusal: { code: "ERR_JOURNAL_DAMAGED" } });
  const name = "000000000002.log";
  const half = Buffer.from("half a record");
  const segment = files.get(name) ?? Buffer.alloc(0);
  const at = roomAt(segment);
  for (const before of [segment, segment.subarray(0, at)]) {
    const bytes = Buffer.alloc(Math.max(before.length, at + half.length));
    before.copy(bytes);
    half.copy(bytes, at);
    const report = await inspect(new Map(files).set(name, bytes));
    expect(report).toMatchObject({ unfinishedBytes: 13, damage: [] });
  }
});
