/** Turns a finished run into what is printed: the checks, a summary for people, one JSON object. */
import type { RejectedRow } from "./csv.ts";
import { grouped } from "./display.ts";
import type { Failover } from "./failover.ts";
import type { Verdict } from "./verify.ts";
import type { Workload } from "./workload.ts";

/** Everything that a finished run is judged by. */
export interface Run {
  readonly replicas: number;
  readonly kills: number;
  readonly accounts: number;
  readonly rejectedRows: number;
  readonly workload: Pick<
    Workload,
    "rows" | "acknowledged" | "refused" | "unresolved" | "retries" | "elapsedMs"
  >;
  readonly failovers: readonly Failover[];
  readonly verdict: Verdict;
  readonly digestsEqual: boolean;
}

/** What `--json` prints, in this order. */
export interface JsonReport {
  readonly replicas: number;
  /** Well-formed rows: each of them was sent to the ledger. */
  readonly rows: number;
  /** Malformed rows: reported, and skipped. */
  readonly rejectedRows: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly failovers: number;
  /** For each failover: from the kill to the next success of a transfer that was sent after it. */
  readonly failoverMs: readonly number[];
  readonly opsPerSecond: number;
  readonly balanced: boolean;
  readonly digestsEqual: boolean;
}

/** One thing that must hold. */
export interface Check {
  readonly holds: boolean;
  readonly text: string;
}

/** The run as one JSON object. */
export function jsonReport(run: Run): JsonReport {
  const { workload, verdict } = run;
  return {
    replicas: run.replicas,
    rows: workload.rows,
    rejectedRows: run.rejectedRows,
    acknowledged: workload.acknowledged,
    refused: workload.refused,
    lost: verdict.lost.length,
    duplicated: verdict.duplicated.length,
    failovers: run.failovers.length,
    failoverMs: run.failovers.map(({ ms }) => ms),
    opsPerSecond: opsPerSecond(workload),
    balanced: verdict.balanced,
    digestsEqual: run.digestsEqual,
  };
}

/** Everything that must hold; the demo fails if one does not. */
export function checks({ kills, replicas, workload, failovers, verdict, digestsEqual }: Run) {
  const { lost, duplicated, unexpected, overdrawn, wrongBalances } = verdict;
  const list: Check[] = [
    check(workload.unresolved, "every transfer got an answer", "got no answer"),
    check(
      kills - failovers.length,
      `the ledger survived ${counted(kills, "kill")}`,
      "kills not survived",
    ),
    check(lost.length, "every acknowledged transfer is in the ledger", "lost", lost[0]?.id),
    check(duplicated.length, "none is in it twice", "duplicated", duplicated[0]),
    check(
      unexpected.length,
      "nothing else is in it, no refused transfer either",
      "in the ledger although never acknowledged",
      unexpected[0]?.id,
    ),
    check(
      overdrawn.length,
      "replayed in its order, no account ever passes its overdraft",
      "took an account below its overdraft",
      overdrawn[0],
    ),
    check(
      wrongBalances.length,
      "every balance equals the client's own fold",
      "balances differ from the client's own fold",
      wrongBalances[0]?.account,
    ),
    {
      holds: verdict.sum === 0n && verdict.total === 0n,
      text: `the sum over all accounts is ${verdict.sum}, and ${verdict.total} by the ledger`,
    },
    {
      holds: digestsEqual,
      text: `the state is ${digestsEqual ? "" : "NOT "}the same on ${counted(replicas, "replica")}`,
    },
  ];
  return list;
}

/** What a person reads at the end. */
export function summary(run: Run): string {
  const { workload, failovers } = run;
  const times = failovers.map(({ killed, ms }) => `${killed} ${grouped(ms)} ms`).join(", ");
  const seconds = (workload.elapsedMs / 1000).toFixed(1);
  const rate = `${grouped(opsPerSecond(workload))} per second`;
  return [
    "",
    `${counted(workload.rows, "transfer")} between ${counted(run.accounts, "account")} ` +
      `on ${counted(run.replicas, "replica")} in ${seconds} s, ${rate}`,
    `  acknowledged  ${grouped(workload.acknowledged)}`,
    `  refused       ${grouped(workload.refused)}  (by the ledger's rules)`,
    `  sent again    ${grouped(workload.retries)}  (the answer did not come in time)`,
    `  malformed     ${grouped(run.rejectedRows)}  (rows of the file, skipped)`,
    `  failovers     ${failovers.length}${times && `  (${times} without an answer)`}`,
    "",
    ...checks(run).map(({ holds, text }) => `  ${holds ? "ok    " : "FAILED"}  ${text}`),
    "",
    checks(run).every(({ holds }) => holds)
      ? "No acknowledged transfer was lost."
      : "The ledger did NOT keep its promise.",
    "",
  ].join("\n");
}

/** The lines that name the malformed rows: the first twenty, and how many more there are. */
export function rejectedLines(path: string, rejected: readonly RejectedRow[]): string[] {
  const shown = rejected
    .slice(0, 20)
    .map(({ line, reason }) => `${path}:${line}: ${reason}; skipped`);
  const more = rejected.length - shown.length;
  return more > 0 ? [...shown, `${path}: ${grouped(more)} more malformed rows; skipped`] : shown;
}

function opsPerSecond({ acknowledged, refused, elapsedMs }: Run["workload"]): number {
  return Math.round((acknowledged + refused) / (Math.max(elapsedMs, 1) / 1000));
}

function counted(number: number, what: string): string {
  return `${grouped(number)} ${what}${number === 1 ? "" : "s"}`;
}

/** Holds when nothing speaks against it; names the first of what does. */
function check(against: number, promise: string, fault: string, first?: string): Check {
  if (against === 0) return { holds: true, text: promise };
  const example = first === undefined ? "" : `, the first is ${first}`;
  return { holds: false, text: `${grouped(against)} ${fault}${example}` };
}
