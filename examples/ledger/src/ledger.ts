/**
 * The double-entry ledger: an actor like any other. Nothing in this file knows whether it runs in
 * one process or behind a replicated group.
 *
 * A transfer moves `amount` minor units from the debit account to the credit account, so the sum
 * over all accounts is always zero. Money enters because an account may go below zero, down to
 * its overdraft. Every rule is checked before the first mutation: a refused call changes nothing.
 *
 * Both calls are idempotent by id. The same id with the same content answers the same success and
 * changes nothing, so a caller that does not know whether its call ran can simply repeat it.
 */
import { defineActor, type RefOf } from "@troupe/actor";

/** The largest amount and overdraft: what fits in a signed 64-bit integer of minor units. */
export const maxAmount = 2n ** 63n - 1n;

/** The most entries that one page of `transfers` or `accounts` holds. */
export const maxPage = 10_000;

/** One transfer, as it is ordered and as the ledger lists it. */
export interface Transfer {
  readonly id: string;
  /** The account that pays. */
  readonly debit: string;
  /** The account that is paid. */
  readonly credit: string;
  /** In minor units (cents), above zero. */
  readonly amount: bigint;
}

/** An account to create; without an overdraft it can spend only what it was paid. */
export interface NewAccount {
  readonly id: string;
  /** How far below zero the balance may go, in minor units. */
  readonly overdraft?: bigint;
}

/** An account as the ledger lists it. */
export interface AccountEntry {
  readonly id: string;
  readonly balance: bigint;
  readonly overdraft: bigint;
}

/** Which part of a list to read: at most `limit` entries after the first `after`. */
export interface Page {
  readonly after: number;
  readonly limit: number;
}

interface Account {
  balance: bigint;
  readonly overdraft: bigint;
}

interface LedgerState {
  readonly accounts: Map<string, Account>;
  /** Every applied transfer, in the order in which it was applied. */
  readonly transfers: Transfer[];
  /** Transfer id to its place in `transfers`. */
  readonly positions: Map<string, number>;
}

/**
 * The ledger. Calls that it refuses reject with a `ReplyError` whose code is one of
 * `invalid_id`, `invalid_amount`, `invalid_page`, `same_account`, `account_exists`, `id_reused`,
 * `unknown_account`, `insufficient_funds`.
 *
 * @example
 * await ledger.call("createAccount", { id: "bank", overdraft: 100_00n });
 * await ledger.call("createAccount", { id: "ada" });
 * await ledger.call("transfer", { id: "t1", debit: "bank", credit: "ada", amount: 25_00n });
 * await ledger.query("balance", { account: "ada" }); // => 2500n
 */
export const Ledger = defineActor("ledger", {
  version: 1,
  init: (_: Record<string, never>): LedgerState => ({
    accounts: new Map(),
    transfers: [],
    positions: new Map(),
  }),
  queries: {
    balance: (state, { account }: { account: string }, ctx) => {
      const found = state.accounts.get(account);
      return found ? found.balance : ctx.fail("unknown_account", { account });
    },
    accounts: (state, page: Page, ctx) => {
      if (!isPage(page)) return ctx.fail("invalid_page", { page, maxPage });
      const entries: AccountEntry[] = [];
      let index = 0;
      for (const [id, { balance, overdraft }] of state.accounts) {
        if (index >= page.after + page.limit) break;
        if (index++ >= page.after) entries.push({ id, balance, overdraft });
      }
      return { entries, count: state.accounts.size };
    },
    transfers: (state, page: Page, ctx) => {
      if (!isPage(page)) return ctx.fail("invalid_page", { page, maxPage });
      const entries = state.transfers.slice(page.after, page.after + page.limit);
      return { entries, count: state.transfers.length };
    },
    total: (state) => {
      let total = 0n;
      for (const { balance } of state.accounts.values()) total += balance;
      return total;
    },
  },
  calls: {
    createAccount: (state, { id, overdraft = 0n }: NewAccount, ctx) => {
      if (!isId(id)) return ctx.fail("invalid_id", { id });
      if (!isAmount(overdraft)) return ctx.fail("invalid_amount", { overdraft, maxAmount });
      const existing = state.accounts.get(id);
      if (existing && existing.overdraft !== overdraft) return ctx.fail("account_exists", { id });
      if (!existing) state.accounts.set(id, { balance: 0n, overdraft });
      return { id };
    },
    transfer: (state, { id, debit, credit, amount }: Transfer, ctx) => {
      if (!isId(id)) return ctx.fail("invalid_id", { id });
      if (!isAmount(amount) || amount === 0n) {
        return ctx.fail("invalid_amount", { amount, maxAmount });
      }
      if (debit === credit) return ctx.fail("same_account", { account: debit });

      // Before the funds are looked at: a repeated call must get its first answer, even if the
      // money that paid for it then is spent by now.
      const applied = state.positions.get(id);
      if (applied !== undefined) {
        const same = isSameTransfer(state.transfers[applied], debit, credit, amount);
        return same ? { id, position: applied } : ctx.fail("id_reused", { id });
      }

      const from = state.accounts.get(debit);
      if (!from) return ctx.fail("unknown_account", { account: debit });
      const to = state.accounts.get(credit);
      if (!to) return ctx.fail("unknown_account", { account: credit });
      if (from.balance + from.overdraft < amount) {
        return ctx.fail("insufficient_funds", { account: debit, balance: from.balance });
      }

      const position = state.transfers.length;
      from.balance -= amount;
      to.balance += amount;
      state.transfers.push({ id, debit, credit, amount });
      state.positions.set(id, position);
      return { id, position };
    },
  },
});

/** What a caller holds, wherever the ledger runs. */
export type LedgerRef = RefOf<typeof Ledger>;

// The types above bind callers that compile against this file; a call may also come off the wire.

function isId(id: unknown): boolean {
  return typeof id === "string" && id.length > 0 && id.length <= 128;
}

function isAmount(amount: unknown): boolean {
  return typeof amount === "bigint" && amount >= 0n && amount <= maxAmount;
}

function isPage({ after, limit }: Page): boolean {
  return (
    Number.isSafeInteger(after) &&
    after >= 0 &&
    Number.isSafeInteger(limit) &&
    limit >= 1 &&
    limit <= maxPage
  );
}

function isSameTransfer(
  applied: Transfer | undefined,
  debit: string,
  credit: string,
  amount: bigint,
): boolean {
  return applied?.debit === debit && applied.credit === credit && applied.amount === amount;
}
