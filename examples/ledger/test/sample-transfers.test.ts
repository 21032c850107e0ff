import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readTransfers } from "../src/csv.ts";
import { sampleAccounts, sampleRows, sampleTransfers } from "../src/sample-transfers.ts";

const path = fileURLToPath(new URL("../transfers.csv", import.meta.url));

test("the generator reproduces the committed file byte for byte", async () => {
  // Compared as a flag: a difference would print 600 KB.
  expect((await readFile(path, "utf8")) === `${[...sampleTransfers()].join("\n")}\n`).toBe(true);
});

test("the file has at least 20,000 well-formed rows over 100 accounts", async () => {
  const { transfers, rejected } = await readTransfers(path);
  expect(rejected).toEqual([]);
  expect(transfers).toHaveLength(sampleRows);
  expect(sampleRows).toBeGreaterThanOrEqual(20_000);
  expect(new Set(transfers.flatMap(({ debit, credit }) => [debit, credit])).size).toBe(
    sampleAccounts,
  );
});

test("a few of its ids come twice, some with other content", async () => {
  const { transfers } = await readTransfers(path);
  const ids = new Set(transfers.map(({ id }) => id)).size;
  const contents = new Set(
    transfers.map(({ id, debit, credit, amount }) => `${id} ${debit} ${credit} ${amount}`),
  ).size;
  expect(transfers.length - contents).toBeGreaterThan(5);
  expect(contents - ids).toBeGreaterThan(5);
});
