import { expect, test } from "vitest";
import { MemoryDisk, openMemoryJournal } from "../../src/journal/memory-journal.ts";
import { journalContract, written } from "../contract/journal.ts";
import { Writer } from "../support/writes.ts";

journalContract("a memory journal", async () => {
  const disk = new MemoryDisk();
  return { open: async () => openMemoryJournal(disk) };
});

test("two memory journals share nothing but the disk that they are given", async () => {
  const { journal } = openMemoryJournal(new MemoryDisk());
  await written(journal, new Writer().write(["one"]));
  expect(openMemoryJournal(new MemoryDisk()).recovered).toBeUndefined();
});
