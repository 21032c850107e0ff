/** Accounts whose sum never changes, whatever is refused and whatever throws half way. */
import { defineActor } from "@troupe/actor";
import type { Play } from "./play.ts";

const names = ["a", "b", "c", "d"] as const;
type Account = (typeof names)[number];
const opening = 100;

interface Transfer {
  readonly call: string;
  readonly from: Account;
  readonly to: Account;
  readonly amount: number;
}

const Ledger = defineActor("ledger", {
  init: () => ({
    accounts: { a: opening, b: opening, c: opening, d: opening } as Record<Account, number>,
    receipts: [] as { id: string; at: number; lot: number }[],
    notes: 0,
  }),
  queries: { all: (state) => state },
  calls: {
    transfer: (state, { from, to, amount }: Transfer, ctx) => {
      const have = state.accounts[from];
      if (have < amount) ctx.fail("insufficient", { have });
      state.accounts[from] -= amount;
      if (amount % 5 === 0) throw new RangeError(`${amount} is torn`);
      state.accounts[to] += amount;
      const receipt = { id: ctx.id(), at: ctx.now(), lot: ctx.random() };
      if (state.receipts.push(receipt) > 4) state.receipts.shift();
      return { receipt, left: state.accounts[from] };
    },
  },
  casts: {
    note: (state, _: { readonly call: string }) => {
      state.notes++;
      if (state.notes % 3 === 0) throw new Error("not noted");
    },
  },
});

export const ledger: Play = {
  definition: Ledger,
  ask: (chance, call) => {
    if (chance.hits(0.1)) return ["cast", "note", { call }];
    const [from, to] = [chance.pick(names), chance.pick(names)];
    return ["call", "transfer", { call, from, to, amount: chance.between(1, 60) }];
  },
  broken: (state) => {
    const { accounts } = state as { readonly accounts: Readonly<Record<Account, number>> };
    const sum = names.reduce((so, name) => so + accounts[name], 0);
    return sum === opening * names.length ? undefined : `the accounts hold ${sum}`;
  },
};
