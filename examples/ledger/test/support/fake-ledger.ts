/** Stands between a workload and a ledger, so that a test decides when a call is answered. */
import type { LedgerRef, Transfer } from "../../src/ledger.ts";

/** A ref whose `transfer` calls go to `answer`; nothing else of it is ever used. */
export function ledgerThat(answer: (transfer: Transfer) => Promise<unknown>): LedgerRef {
  const ref = { call: (_: "transfer", transfer: Transfer) => answer(transfer) };
  return ref as unknown as LedgerRef;
}

/** Rows t1, t2, … that differ in nothing but their id. */
export function rows(count: number): Transfer[] {
  return Array.from({ length: count }, (_, index) => {
    return { id: `t${index + 1}`, debit: "a", credit: "b", amount: 1n };
  });
}
