/** A directory of format 2, which knew of no checkpoints: its bytes as that version wrote them. */
import { expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import type { Recovered } from "../../src/vsr/index.ts";
import { written } from "../contract/journal.ts";
import { text } from "../support/entries.ts";
import { FaultyStorage } from "../support/faulty-storage.ts";
import { Writer } from "../support/writes.ts";

const header =
  "54525332000000023ff00000000000003ff00000000000000000000000000000" +
  "0000000000000000000000000000000000000000000000000000000000000000" +
  "000000000000000000000000000000009a6d35b6981441d8384c4d90fd972ece" +
  "4adaba464f594ab278a8b6f7b81259bf";
const record =
  "54524a3200000001000000450000000040900000000000004090000000000000" +
  "3ff000000000000040000000000000003ff00000000000000000000000000000" +
  "bff0000000000000000000000000000000000000000000000000000000000000" +
  "9d784479718805c0d75358fecdd23c5c40000000000000003ff0000000000000" +
  "3ff000000000000036ae21c9806c04c7942474cd1c5af82bfe608ed1f79fa463" +
  "67dd5a53867e1872000000450000000101203ff00000000000003ff000000000" +
  "00003ff000000000000000000003303030303030303030303030303030303030" +
  "30303030303030303030303030636f6e65";
const meta =
  "54524d320000000240080000000000003ff00000000000000000000000000000" +
  "00000000000000003ff000000000000040000000000000003ff0000000000000" +
  "000000000000000000000009c92e8577ccd69a5a8874aac574bbbccc74686520" +
  "7465737473";

function oldFiles(): Map<string, Buffer> {
  const segment = Buffer.alloc(1024);
  for (const at of [0, 512]) segment.write(header, at, "hex");
  const log = Buffer.concat([segment, Buffer.from(record, "hex")]);
  return new Map([
    ["000000000001.log", log],
    ["meta-a", Buffer.from(meta, "hex")],
  ]);
}

function open(storage: FaultyStorage) {
  const onFailure = (error: unknown) => {
    throw error;
  };
  const given = { path: "journal", identity: "the tests", hash: checksum, segmentBytes: 1400 };
  return openFileJournal({ ...given, onFailure, storage });
}

test("is opened with all that is in it, goes on, and can be cut where this version wrote", async () => {
  const storage = new FaultyStorage(oldFiles());
  const { journal, recovered, incarnation } = await open(storage);
  expect(incarnation).toBe(2);
  expect(recovered).toMatchObject({ view: 2, log_view: 1, commit: 0, entries: [{ op: 1 }] });
  expect(text(recovered?.entries[0]?.body ?? new Uint8Array(0))).toContain("one");
  const [first] = (recovered as Recovered).entries;
  if (first === undefined) throw new Error("no entry");
  const writer = new Writer(first);
  const views = { view: 2, log_view: 1 };
  await written(journal, writer.write(["two"], views));
  await written(journal, writer.write(["three"], views));
  await written(journal, { ...writer.write(["four"], views), cut: 3 });
  await journal.close();
  const names = [...storage.files().keys()];
  expect(names).not.toContain("000000000001.log");
  const again = await open(storage);
  expect(again.recovered).toMatchObject({ view: 2, base: { op: expect.any(Number) } });
  expect(again.recovered?.entries.at(-1)?.op).toBe(4);
  await again.journal.close();
});
