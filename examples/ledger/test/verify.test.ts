import { expect, test } from "vitest";
import type { Transfer } from "../src/ledger.ts";
import { type Claim, type LedgerReading, verify } from "../src/verify.ts";

const t1: Transfer = { id: "t1", debit: "a", credit: "b", amount: 30n };
const t2: Transfer = { id: "t2", debit: "b", credit: "c", amount: 20n };
const t3: Transfer = { id: "t3", debit: "a", credit: "c", amount: 1_000n };

const claim: Claim = { acknowledged: [t1, t2], refused: [t3], uncertain: [] };
const reading: LedgerReading = {
  accounts: [
    { id: "a", balance: -30n, overdraft: 100n },
    { id: "b", balance: 10n, overdraft: 0n },
    { id: "c", balance: 20n, overdraft: 0n },
  ],
  transfers: [t1, t2],
  total: 0n,
};

const clean = {
  ...{ lost: [], duplicated: [], unexpected: [], overdrawn: [], wrongBalances: [] },
  ...{ sum: 0n, total: 0n, balanced: true },
};

function withBalance(id: string, balance: bigint): LedgerReading["accounts"] {
  return reading.accounts.map((account) => (account.id === id ? { ...account, balance } : account));
}

test("a ledger that holds what was acknowledged, and nothing else, passes", () => {
  expect(verify(claim, reading)).toEqual(clean);
});

test("a transfer acknowledged twice, for two equal rows, is expected once", () => {
  expect(verify({ ...claim, acknowledged: [t1, t2, t1] }, reading)).toEqual(clean);
});

test("a lost transfer is caught, in the list and in the balances", () => {
  const accounts = [
    { id: "a", balance: -30n, overdraft: 100n },
    { id: "b", balance: 30n, overdraft: 0n },
    { id: "c", balance: 0n, overdraft: 0n },
  ];
  const verdict = verify(claim, { ...reading, transfers: [t1], accounts });
  expect(verdict.lost).toEqual([t2]);
  expect(verdict.wrongBalances).toEqual([
    { account: "b", expected: 10n, found: 30n },
    { account: "c", expected: 20n, found: 0n },
  ]);
  expect(verdict.balanced).toBe(false);
});

test("a transfer lost from the list only is caught", () => {
  expect(verify(claim, { ...reading, transfers: [t1] }).lost).toEqual([t2]);
});

test("a transfer changed on its way is lost, and what stands in its place unexpected", () => {
  const other = { ...t2, amount: 19n };
  const verdict = verify(claim, { ...reading, transfers: [t1, other] });
  expect(verdict.lost).toEqual([t2]);
  expect(verdict.unexpected).toEqual([other]);
});

test("an id that was acknowledged for two contents counts as lost", () => {
  const other = { ...t2, amount: 19n };
  expect(verify({ ...claim, acknowledged: [t1, t2, other] }, reading).lost).toEqual([other]);
});

test("a duplicate is caught", () => {
  const verdict = verify(claim, { ...reading, transfers: [t1, t2, t1] });
  expect(verdict.duplicated).toEqual(["t1"]);
});

test("a transfer executed twice but listed once is caught by the balances", () => {
  const accounts = [
    { id: "a", balance: -60n, overdraft: 100n },
    { id: "b", balance: 40n, overdraft: 0n },
    { id: "c", balance: 20n, overdraft: 0n },
  ];
  const verdict = verify(claim, { ...reading, accounts });
  expect(verdict.wrongBalances.map(({ account }) => account)).toEqual(["a", "b"]);
  expect(verdict.sum).toBe(0n);
  expect(verdict.balanced).toBe(false);
});

test("a refused transfer that is in the ledger is caught", () => {
  const verdict = verify(claim, { ...reading, transfers: [t1, t2, t3] });
  expect(verdict.unexpected).toEqual([t3]);
  expect(verdict.balanced).toBe(false);
});

test("a refused row is expected when an equal row was acknowledged", () => {
  expect(verify({ ...claim, refused: [t1, t3] }, reading)).toEqual(clean);
});

test("a wrong balance and a sum that is not zero are caught", () => {
  const verdict = verify(claim, { ...reading, accounts: withBalance("c", 21n) });
  expect(verdict.wrongBalances).toEqual([{ account: "c", expected: 20n, found: 21n }]);
  expect(verdict.sum).toBe(1n);
  expect(verdict.balanced).toBe(false);
});

test("a total that the ledger itself computes otherwise is caught", () => {
  expect(verify(claim, { ...reading, total: 1n }).balanced).toBe(false);
});

test("an account that is missing is caught", () => {
  const accounts = reading.accounts.filter(({ id }) => id !== "c");
  expect(verify(claim, { ...reading, accounts }).wrongBalances).toEqual([
    { account: "c", expected: 20n, found: undefined },
  ]);
});

test("a list whose order overdraws an account is caught", () => {
  const verdict = verify(claim, { ...reading, transfers: [t2, t1] });
  expect(verdict.overdrawn).toEqual(["t2"]);
});

test("a call of unknown outcome may be in the ledger, and then it counts", () => {
  const uncertain: Claim = { acknowledged: [t1], refused: [t3], uncertain: [t2] };
  expect(verify(uncertain, reading)).toEqual(clean);
});

test("a call of unknown outcome may be absent, and then it does not count", () => {
  const accounts = [
    { id: "a", balance: -30n, overdraft: 100n },
    { id: "b", balance: 30n, overdraft: 0n },
    { id: "c", balance: 0n, overdraft: 0n },
  ];
  const uncertain: Claim = { acknowledged: [t1], refused: [t3], uncertain: [t2] };
  expect(verify(uncertain, { accounts, transfers: [t1], total: 0n })).toEqual(clean);
});
