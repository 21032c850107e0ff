/** The zeros at the end of a segment, into which the records to come are written. */
import { expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import { segmentName } from "../../src/journal/segment.ts";
import { foldWrites, written } from "../contract/journal.ts";
import { FaultyStorage } from "../support/faulty-storage.ts";
import { roomAt, withoutRoom } from "../support/room.ts";
import { Writer } from "../support/writes.ts";

const name = segmentName(1);

function open(storage: FaultyStorage) {
  const onFailure = (error: Error) => {
    throw error;
  };
  return openFileJournal({ path: "journal", identity: "room", hash: checksum, storage, onFailure });
}

const segmentOf = (storage: FaultyStorage) => storage.files().get(name) as Buffer;

test("a file gets longer now and then, by about as much as it has, and at most by 256 KiB", async () => {
  const storage = new FaultyStorage();
  const { journal } = await open(storage);
  const writer = new Writer();
  const lengths = new Set<number>();
  const content = "x".repeat(5_000);
  for (let i = 0; i < 200; i++) {
    await written(journal, writer.write([content]));
    const segment = segmentOf(storage);
    lengths.add(segment.length);
    const room = segment.length - roomAt(segment);
    expect(room).toBeLessThan(Math.min(roomAt(segment), 256 * 1024) + 4096);
  }
  expect([...lengths].every((length) => length % 4096 === 0)).toBe(true);
  expect(lengths.size).toBeLessThan(12);
  await journal.close();
});

test("the next life goes on in it", async () => {
  const storage = new FaultyStorage();
  const writer = new Writer();
  const writes = ["one", "two", "three"].map((content) => writer.write([content]));
  const lengths: number[] = [];
  for (const write of writes) {
    const { journal } = await open(storage);
    await written(journal, write);
    await journal.close();
    lengths.push(segmentOf(storage).length);
  }
  expect(new Set(lengths).size).toBe(1);
  const { recovered } = await open(storage);
  expect(recovered).toEqual(foldWrites(writes));
});

test("is not needed: a file that ends with its last record is gone on with", async () => {
  const storage = new FaultyStorage();
  const { journal } = await open(storage);
  const writer = new Writer();
  const writes = [writer.write(["one"]), writer.write(["two"])];
  await written(journal, writes[0] ?? writer.write([]));
  await journal.close();
  const tight = new FaultyStorage(withoutRoom(storage.files()));
  const { journal: next } = await open(tight);
  await written(next, writes[1] ?? writer.write([]));
  await next.close();
  const { recovered } = await open(tight);
  expect(recovered).toEqual(foldWrites(writes));
});

test("an entry that ends with zeros is no part of it", async () => {
  const storage = new FaultyStorage();
  const { journal } = await open(storage);
  const write = new Writer().write([`one${"\0".repeat(9_000)}`]);
  await written(journal, write);
  await journal.close();
  const { recovered } = await open(storage);
  expect(recovered).toEqual(foldWrites([write]));
});

test("what was never finished in it is zeros again before anything else is written", async () => {
  const storage = new FaultyStorage();
  const { journal } = await open(storage);
  const writer = new Writer();
  const write = writer.write(["one"]);
  await written(journal, write);
  await journal.close();
  const files = storage.files();
  const segment = files.get(name) as Buffer;
  const end = roomAt(segment);
  // Pieces of two records, of which the first never came.
  segment.fill(1, end + 600, end + 700);
  files.delete("mark");
  const torn = new FaultyStorage(files);
  const { journal: next, recovered } = await open(torn);
  expect(recovered).toEqual(foldWrites([write]));
  expect(roomAt(segmentOf(torn))).toBe(end);
  const other = writer.write(["two"]);
  await written(next, other);
  await next.close();
  const { recovered: again } = await open(torn);
  expect(again).toEqual(foldWrites([write, other]));
});
