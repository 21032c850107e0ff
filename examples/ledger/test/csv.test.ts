import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTransfers } from "../src/csv.ts";
import { DemoError } from "../src/errors.ts";
import { maxAmount } from "../src/ledger.ts";

const header = "id,debit,credit,amount";
const good = { id: "t1", debit: "a", credit: "b", amount: 5n };
let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ledger-csv-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function read(text: string) {
  const path = join(directory, "input.csv");
  await writeFile(path, text);
  return readTransfers(path);
}

async function failureOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DemoError);
  return (error as DemoError).message.replace(directory, "");
}

test("a well-formed file yields its rows in order", async () => {
  const { transfers, rejected } = await read(`${header}\nt1,a,b,5\nt2,b,a,${maxAmount}\n`);
  expect(transfers).toEqual([good, { id: "t2", debit: "b", credit: "a", amount: maxAmount }]);
  expect(rejected).toEqual([]);
});

test.each([
  ["CRLF line ends", `${header}\r\nt1,a,b,5\r\n`],
  ["a byte order mark", `\ufeff${header}\nt1,a,b,5\n`],
  ["a byte order mark before a quoted header", `\ufeff"id","debit","credit","amount"\nt1,a,b,5\n`],
  ["blank lines at the end", `${header}\nt1,a,b,5\n\n\r\n`],
  ["no line end at the end", `${header}\nt1,a,b,5`],
  ["spaces around the values", `${header}\n t1, a ,b , 5\n`],
  ["quoted values", `${header}\n"t1","a",b,"5"\n`],
])("%s do no harm", async (_, text) => {
  expect(await read(text)).toEqual({ transfers: [good], rejected: [] });
});

test("a comma and a doubled quote inside of quotes belong to the value", async () => {
  const { transfers } = await read(`${header}\nt1,"Smith, ""Ann""",b,5\n`);
  expect(transfers).toEqual([{ ...good, debit: 'Smith, "Ann"' }]);
});

test.each([
  ["t2,a,b", "too few values: expected 4, got 3"],
  ["t2,a,b,5,6", "too many values: expected 4, got 5"],
  [",a,b,5", "id is empty"],
  ["t2,,b,5", "debit is empty"],
  ["t2,a,,5", "credit is empty"],
  [`${"x".repeat(129)},a,b,5`, "id is longer than 128 characters"],
  ["t2,a,b,", 'amount: expected a positive integer of minor units, got ""'],
  ["t2,a,b,0", 'amount: expected a positive integer of minor units, got "0"'],
  ["t2,a,b,-5", 'amount: expected a positive integer of minor units, got "-5"'],
  ["t2,a,b,1.5", 'amount: expected a positive integer of minor units, got "1.5"'],
  ["t2,a,b,1e3", 'amount: expected a positive integer of minor units, got "1e3"'],
  ["t2,a,b,0x10", 'amount: expected a positive integer of minor units, got "0x10"'],
  [
    "t2,a,b,9223372036854775808",
    'amount is too large: expected at most 9223372036854775807, got "9223372036854775808"',
  ],
  ["t2,a,a,5", 'debit and credit are the same account, "a"'],
  ['t2,"a,b,5', "a quote is opened and not closed"],
  ['t2,a"x,b,5', "a quote stands inside of a value"],
])("the row %s is reported with its line and costs only itself", async (row, reason) => {
  const { transfers, rejected } = await read(`${header}\nt1,a,b,5\n\n${row}\nt1,a,b,5\n`);
  expect(rejected).toEqual([{ line: 4, reason }]);
  expect(transfers).toEqual([good, good]);
});

test("a long malformed value is shown shortened", async () => {
  const { rejected } = await read(`${header}\nt1,a,b,5\nt2,a,b,${"9".repeat(100_000)}\n`);
  expect(rejected[0]?.reason).toMatch(/^amount is too large: .{1,120}…"$/);
});

test.each([
  ["", "/input.csv: the file is empty"],
  ["\n\r\n", "/input.csv: the file is empty"],
  ["t1,a,b,5\n", '/input.csv:1: expected the header id,debit,credit,amount, got "t1,a,b,5"'],
  [
    "id,credit,debit,amount\n",
    '/input.csv:1: expected the header id,debit,credit,amount, got "id,credit,debit,amount"',
  ],
  [`${header}\n`, "/input.csv: no transfer in it"],
  [
    `${header}\nt1,a\n`,
    "/input.csv: no transfer in it (line 2: too few values: expected 4, got 2)",
  ],
])("a file of %j ends in one clear line", async (text, message) => {
  expect(await failureOf(read(text))).toBe(message);
});

test("a missing file and a directory end in one clear line", async () => {
  const missing = readTransfers(join(directory, "absent.csv"));
  expect(await failureOf(missing)).toBe("/absent.csv: no such file");
  expect(await failureOf(readTransfers(directory))).toBe(": is a directory, not a CSV file");
});
