import { expect, test } from "vitest";
import { checks, jsonReport, type Run, rejectedLines, summary } from "../src/report.ts";

const run: Run = {
  ...{ replicas: 3, kills: 2, accounts: 100, rejectedRows: 1, digestsEqual: true },
  workload: {
    ...{ rows: 1_010, acknowledged: 1_000, refused: 10 },
    ...{ unresolved: 0, retries: 4, elapsedMs: 2_000 },
  },
  failovers: [
    { killed: "r1", ms: 512 },
    { killed: "r2", ms: 1_480 },
  ],
  verdict: {
    ...{ lost: [], duplicated: [], unexpected: [], overdrawn: [], wrongBalances: [] },
    ...{ sum: 0n, total: 0n, balanced: true },
  },
};

const transfer = { id: "t1", debit: "a", credit: "b", amount: 1n };

function failed(changes: Partial<Run>): string[] {
  return checks({ ...run, ...changes }).flatMap(({ holds, text }) => (holds ? [] : [text]));
}

test("the JSON object has exactly the promised fields, in order", () => {
  expect(JSON.stringify(jsonReport(run))).toBe(
    '{"replicas":3,"rows":1010,"rejectedRows":1,"acknowledged":1000,"refused":10,"lost":0,' +
      '"duplicated":0,"failovers":2,"failoverMs":[512,1480],"opsPerSecond":505,' +
      '"balanced":true,"digestsEqual":true}',
  );
});

test("a run without fault passes every check", () => {
  expect(failed({})).toEqual([]);
  expect(summary(run)).toContain("No acknowledged transfer was lost.");
});

test.each<[string, Partial<Run>, string]>([
  ["a lost transfer", { verdict: { ...run.verdict, lost: [transfer] } }, "1 lost, the first is t1"],
  [
    "a duplicated transfer",
    { verdict: { ...run.verdict, duplicated: ["t1"] } },
    "1 duplicated, the first is t1",
  ],
  [
    "a transfer that nobody acknowledged",
    { verdict: { ...run.verdict, unexpected: [transfer] } },
    "1 in the ledger although never acknowledged, the first is t1",
  ],
  [
    "an overdrawn account",
    { verdict: { ...run.verdict, overdrawn: ["t1"] } },
    "1 took an account below its overdraft, the first is t1",
  ],
  [
    "a wrong balance",
    { verdict: { ...run.verdict, wrongBalances: [{ account: "a", expected: 1n, found: 2n }] } },
    "1 balances differ from the client's own fold, the first is a",
  ],
  [
    "money from nowhere",
    { verdict: { ...run.verdict, sum: 5n } },
    "the sum over all accounts is 5, and 0 by the ledger",
  ],
  [
    "a sum that only the ledger gets wrong",
    { verdict: { ...run.verdict, total: 5n } },
    "the sum over all accounts is 0, and 5 by the ledger",
  ],
  ["different digests", { digestsEqual: false }, "the state is NOT the same on 3 replicas"],
  ["a missing failover", { failovers: [] }, "2 kills not survived"],
  ["a row without an answer", { workload: { ...run.workload, unresolved: 3 } }, "3 got no answer"],
])("%s fails the run", (_, changes, text) => {
  expect(failed(changes)).toEqual([text]);
  expect(summary({ ...run, ...changes })).toContain(`FAILED  ${text}`);
});

test("malformed rows are named by file and line, no more than twenty of them", () => {
  const rejected = Array.from({ length: 22 }, (_, index) => ({ line: index + 2, reason: "odd" }));
  const lines = rejectedLines("x.csv", rejected);
  expect(lines[0]).toBe("x.csv:2: odd; skipped");
  expect(lines).toHaveLength(21);
  expect(lines[20]).toBe("x.csv: 2 more malformed rows; skipped");
});
