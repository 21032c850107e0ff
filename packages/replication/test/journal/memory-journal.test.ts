import { expect, test } from "vitest";
import {
  MemoryDisk,
  openMemoryJournal,
  openVolatileJournal,
} from "../../src/journal/memory-journal.ts";
import { checkpointContract } from "../contract/checkpoints.ts";
import { journalContract, written } from "../contract/journal.ts";
import { Writer } from "../support/writes.ts";

journalContract("a memory journal", async () => {
  const disk = new MemoryDisk();
  return { open: async () => openMemoryJournal(disk) };
});

checkpointContract("a memory journal", async () => {
  const disk = new MemoryDisk();
  return { open: async () => openMemoryJournal(disk) };
});

test("two memory journals share nothing but the disk that they are given", async () => {
  const { journal } = openMemoryJournal(new MemoryDisk());
  await written(journal, new Writer().write(["one"]));
  expect(openMemoryJournal(new MemoryDisk()).recovered).toBeUndefined();
});

test("a volatile journal keeps nothing, says so of each write in order, and is silent when closed", async () => {
  const { journal, recovered } = openVolatileJournal();
  expect(recovered).toBeUndefined();
  const writer = new Writer();
  const done: number[] = [];
  for (const n of [1, 2]) journal.append(writer.write([`${n}`]), () => done.push(n));
  expect(done).toEqual([]);
  await written(journal, writer.write(["3"]));
  expect(done).toEqual([1, 2]);
  journal.append(writer.write(["4"]), () => done.push(4));
  await journal.close();
  expect(done).toEqual([1, 2]);
});
