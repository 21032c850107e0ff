/**
 * The client's side of the ledger: one node that holds no replica, and one ref to the group. It
 * creates the accounts, and reads everything back at the end.
 */
import { createNode, type Node, staticSeeds } from "@troupe/cluster";
import { type ReplicaStatus, replicate } from "@troupe/replication";
import { type AccountEntry, Ledger, type LedgerRef, type Page, type Transfer } from "./ledger.ts";
import { insist } from "./retry.ts";
import { clusterName, groupName } from "./settings.ts";
import type { LedgerReading } from "./verify.ts";

/** How far below zero each account may go: 2,000.00. Money enters the ledger through this. */
export const overdraft = 2_000_00n;

const pageSize = 1_000;
const statusTimeoutMs = 1_000;

/** Where the group is. */
export interface GroupAddress {
  readonly names: readonly string[];
  readonly urls: readonly string[];
  readonly key: string;
  readonly directory: string;
}

/** A client connected to the group. */
export interface LedgerClient extends AsyncDisposable {
  readonly ledger: LedgerRef;
  /** What each replica says of itself; a replica that says nothing is reported unreachable. */
  status(options?: { digest?: boolean }): Promise<readonly ReplicaStatus[]>;
}

/** Connects to the group. The node listens nowhere: it dials, and need not be dialled. */
export async function connect(group: GroupAddress): Promise<LedgerClient> {
  const node: Node = await createNode({
    name: "client",
    cluster: clusterName,
    keys: [group.key],
    discovery: [staticSeeds(group.urls)],
  });
  const ledger = await replicate(
    node,
    Ledger,
    {},
    { group: groupName, replicas: [...group.names], storage: group.directory },
  );
  return {
    ledger,
    status: (options = {}) =>
      ledger
        .status({ ...options, timeout: statusTimeoutMs })
        .catch(() => group.names.map(unreachable)),
    async [Symbol.asyncDispose]() {
      await ledger.close();
      await node.shutdown();
    },
  };
}

/** When nobody could be asked, which in the middle of a failover is news and no failure. */
function unreachable(replica: string): ReplicaStatus {
  return { replica, reachable: false };
}

/** Creates every account that the transfers name. Resolves with how many those are. */
export async function createAccounts(
  ledger: LedgerRef,
  transfers: readonly Transfer[],
  callers: number,
): Promise<number> {
  const names = new Set(transfers.flatMap(({ debit, credit }) => [debit, credit]));
  const waiting = names.values();
  const caller = async () => {
    // All callers share one iterator: each takes the next name that nobody has taken.
    for (const id of waiting) await insist(() => ledger.call("createAccount", { id, overdraft }));
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return names.size;
}

/** Reads the whole ledger back, page by page. */
export async function readLedger(ledger: LedgerRef): Promise<LedgerReading> {
  const accounts = await readPages((page) => ledger.query("accounts", page));
  const transfers = await readPages((page) => ledger.query("transfers", page));
  const total = await insist(() => ledger.query("total"));
  return { accounts, transfers, total };
}

async function readPages<T extends AccountEntry | Transfer>(
  read: (page: Page) => Promise<{ entries: T[]; count: number }>,
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const { entries, count } = await insist(() => read({ after: all.length, limit: pageSize }));
    all.push(...entries);
    // An empty page before the announced end would otherwise be asked for again and again.
    if (all.length >= count || entries.length === 0) return all;
  }
}
