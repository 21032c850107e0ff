/**
 * The proof at the end: compares what the client was told with what the ledger says. It shares no
 * code with the ledger, and it changes nothing.
 *
 * With many callers the order of execution is not the order of the file, so whether a row is
 * refused for insufficient funds cannot be computed from the file alone. What can be computed is
 * this: the balances are the fold of exactly those transfers that were acknowledged, each of them
 * is in the ledger's own list once, nothing else is, and that list, replayed in its order, never
 * takes an account below its overdraft.
 */
import type { AccountEntry, Transfer } from "./ledger.ts";

/** What the client was told. */
export interface Claim {
  /** Calls that were answered with success; one transfer may be in it more than once. */
  readonly acknowledged: readonly Transfer[];
  /** Calls that were refused, and nothing else was ever heard of them. */
  readonly refused: readonly Transfer[];
  /**
   * Calls that may have run although no success was heard: the patience ended without an answer,
   * or a later attempt was refused while an earlier one was lost on its way. Either is right.
   */
  readonly uncertain: readonly Transfer[];
}

/** What the ledger says. */
export interface LedgerReading {
  readonly accounts: readonly AccountEntry[];
  readonly transfers: readonly Transfer[];
  /** The sum over all accounts, as the ledger computes it. */
  readonly total: bigint;
}

/** A balance that is not the fold's. */
export interface WrongBalance {
  readonly account: string;
  readonly expected: bigint;
  readonly found: bigint | undefined;
}

/** What the comparison found. Every list is empty when all is well. */
export interface Verdict {
  /** Acknowledged, and not in the ledger with that content. */
  readonly lost: readonly Transfer[];
  /** Ids that the ledger lists more than once. */
  readonly duplicated: readonly string[];
  /** In the ledger, and never acknowledged. */
  readonly unexpected: readonly Transfer[];
  /** Ids after which an account was below its overdraft. */
  readonly overdrawn: readonly string[];
  readonly wrongBalances: readonly WrongBalance[];
  /** The sum of all balances. */
  readonly sum: bigint;
  /** The same sum as the ledger computed it. */
  readonly total: bigint;
  /** Balances equal the fold, the sum is zero, and nothing unexpected moved money. */
  readonly balanced: boolean;
}

/** Compares a claim with a reading. */
export function verify(claim: Claim, reading: LedgerReading): Verdict {
  const acknowledged = byContent(claim.acknowledged);
  const uncertain = byContent(claim.uncertain);
  const listed = byContent(reading.transfers);

  const lost = [...acknowledged].filter(([key]) => !listed.has(key)).map(([, row]) => row);
  const unexpected = [...listed]
    .filter(([key]) => !acknowledged.has(key) && !uncertain.has(key))
    .map(([, row]) => row);
  const settledLate = [...uncertain].filter(([key]) => !acknowledged.has(key) && listed.has(key));

  const expected = fold([...acknowledged.values(), ...settledLate.map(([, row]) => row)]);
  const wrongBalances = compareBalances(expected, reading.accounts);
  const sum = reading.accounts.reduce((total, { balance }) => total + balance, 0n);
  return {
    lost,
    duplicated: repeatedIds(reading.transfers),
    unexpected,
    overdrawn: replayOverdrafts(reading),
    wrongBalances,
    sum,
    total: reading.total,
    balanced:
      wrongBalances.length === 0 && unexpected.length === 0 && sum === 0n && reading.total === 0n,
  };
}

/** Transfers by their whole content: an id used again for something else is another transfer. */
function byContent(transfers: readonly Transfer[]): Map<string, Transfer> {
  return new Map(
    transfers.map((row) => [
      JSON.stringify([row.id, row.debit, row.credit, row.amount.toString()]),
      row,
    ]),
  );
}

function fold(transfers: readonly Transfer[]): Map<string, bigint> {
  const balances = new Map<string, bigint>();
  for (const { debit, credit, amount } of transfers) {
    balances.set(debit, (balances.get(debit) ?? 0n) - amount);
    balances.set(credit, (balances.get(credit) ?? 0n) + amount);
  }
  return balances;
}

function compareBalances(
  expected: ReadonlyMap<string, bigint>,
  accounts: readonly AccountEntry[],
): WrongBalance[] {
  const found = new Map(accounts.map(({ id, balance }) => [id, balance]));
  const names = new Set([...expected.keys(), ...found.keys()]);
  return [...names]
    .map((account) => ({
      account,
      expected: expected.get(account) ?? 0n,
      found: found.get(account),
    }))
    .filter((row) => row.expected !== row.found);
}

function repeatedIds(transfers: readonly Transfer[]): string[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { id } of transfers) (seen.has(id) ? repeated : seen).add(id);
  return [...repeated];
}

function replayOverdrafts(reading: LedgerReading): string[] {
  const overdrafts = new Map(reading.accounts.map(({ id, overdraft }) => [id, overdraft]));
  const balances = new Map<string, bigint>();
  const overdrawn: string[] = [];
  for (const { id, debit, credit, amount } of reading.transfers) {
    const left = (balances.get(debit) ?? 0n) - amount;
    balances.set(debit, left);
    balances.set(credit, (balances.get(credit) ?? 0n) + amount);
    if (left + (overdrafts.get(debit) ?? 0n) < 0n) overdrawn.push(id);
  }
  return overdrawn;
}
