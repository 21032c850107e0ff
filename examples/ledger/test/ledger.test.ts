import { createSystem, isReplyError } from "@troupe/actor";
import { expect, test } from "vitest";
import { Ledger, maxAmount, maxPage } from "../src/ledger.ts";

async function openLedger() {
  const system = createSystem();
  const ledger = await system.start(Ledger, {});
  await ledger.call("createAccount", { id: "bank", overdraft: 1_000n });
  await ledger.call("createAccount", { id: "ada" });
  const everything = async () => ({
    accounts: await ledger.query("accounts", { after: 0, limit: maxPage }),
    transfers: await ledger.query("transfers", { after: 0, limit: maxPage }),
    total: await ledger.query("total"),
  });
  return { ledger, everything, [Symbol.asyncDispose]: () => system.shutdown() };
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isReplyError(error) ? error.code : `no refusal: ${String(error)}`;
}

test("a transfer moves money and the sum over all accounts stays zero", async () => {
  await using opened = await openLedger();
  const { ledger } = opened;

  await ledger.call("transfer", { id: "t1", debit: "bank", credit: "ada", amount: 300n });

  expect(await ledger.query("balance", { account: "bank" })).toBe(-300n);
  expect(await ledger.query("balance", { account: "ada" })).toBe(300n);
  expect(await ledger.query("total")).toBe(0n);
});

test("the same transfer again answers the same and moves nothing", async () => {
  await using opened = await openLedger();
  const { ledger, everything } = opened;
  const transfer = { id: "t1", debit: "bank", credit: "ada", amount: 1_000n };
  const first = await ledger.call("transfer", transfer);
  const before = await everything();

  // The account is empty by now: the repetition is answered before the funds are looked at.
  expect(await ledger.call("transfer", transfer)).toEqual(first);
  expect(await everything()).toEqual(before);
});

test("the same account again answers the same, with another overdraft it is refused", async () => {
  await using opened = await openLedger();
  const { ledger } = opened;
  await ledger.call("transfer", { id: "t1", debit: "bank", credit: "ada", amount: 7n });

  expect(await ledger.call("createAccount", { id: "ada" })).toEqual({ id: "ada" });
  expect(await ledger.query("balance", { account: "ada" })).toBe(7n);
  expect(await codeOf(ledger.call("createAccount", { id: "ada", overdraft: 5n }))).toBe(
    "account_exists",
  );
});

const applied = { id: "t1", debit: "bank", credit: "ada", amount: 100n };

test.each([
  ["an unknown debit account", { ...applied, id: "t2", debit: "eve" }, "unknown_account"],
  ["an unknown credit account", { ...applied, id: "t2", credit: "eve" }, "unknown_account"],
  ["more than there is", { ...applied, id: "t2", amount: 901n }, "insufficient_funds"],
  ["an id used for another amount", { ...applied, amount: 101n }, "id_reused"],
  ["an id used for another debit account", { ...applied, debit: "eve" }, "id_reused"],
  ["an id used for another credit account", { ...applied, credit: "eve" }, "id_reused"],
  ["an amount of zero", { ...applied, id: "t2", amount: 0n }, "invalid_amount"],
  ["a negative amount", { ...applied, id: "t2", amount: -1n }, "invalid_amount"],
  ["an amount above 64 bits", { ...applied, id: "t2", amount: maxAmount + 1n }, "invalid_amount"],
  ["a transfer to oneself", { ...applied, id: "t2", credit: "bank" }, "same_account"],
  ["an empty id", { ...applied, id: "" }, "invalid_id"],
])("%s is refused and changes nothing", async (_, transfer, code) => {
  await using opened = await openLedger();
  const { ledger, everything } = opened;
  await ledger.call("transfer", applied);
  const before = await everything();

  expect(await codeOf(ledger.call("transfer", transfer))).toBe(code);
  expect(await everything()).toEqual(before);
});

test("an amount that came as a number off the wire is refused", async () => {
  await using opened = await openLedger();
  const untyped = { ...applied, amount: 100 as unknown as bigint };
  expect(await codeOf(opened.ledger.call("transfer", untyped))).toBe("invalid_amount");
});

test("an account spends down to its overdraft and not beyond", async () => {
  await using opened = await openLedger();
  const { ledger } = opened;
  await ledger.call("transfer", { ...applied, amount: 1_000n });
  const beyond = { ...applied, id: "t2", amount: 1n };
  expect(await codeOf(ledger.call("transfer", beyond))).toBe("insufficient_funds");
});

test("the lists are read in pages, transfers in the order in which they were applied", async () => {
  await using opened = await openLedger();
  const { ledger } = opened;
  for (const id of ["t3", "t1", "t2"]) {
    await ledger.call("transfer", { ...applied, id });
  }
  const first = await ledger.query("transfers", { after: 0, limit: 2 });
  const second = await ledger.query("transfers", { after: 2, limit: 2 });
  expect(first.entries.map(({ id }) => id)).toEqual(["t3", "t1"]);
  expect(second.entries).toEqual([{ ...applied, id: "t2" }]);
  expect(second.count).toBe(3);
  const accounts = await ledger.query("accounts", { after: 1, limit: 5 });
  expect(accounts).toEqual({ entries: [{ id: "ada", balance: 300n, overdraft: 0n }], count: 2 });
});

test("a page without bounds, and the balance of an unknown account, are refused", async () => {
  await using opened = await openLedger();
  const { ledger } = opened;
  const page = { after: 0, limit: maxPage + 1 };
  expect(await codeOf(ledger.query("transfers", page))).toBe("invalid_page");
  expect(await codeOf(ledger.query("balance", { account: "eve" }))).toBe("unknown_account");
});
