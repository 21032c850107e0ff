/**
 * Kills the primary, or all replicas at once, while the transfers run, at even steps of their
 * progress, and brings back what it killed.
 * It decides when; how a process is killed and how the group is asked is its owner's business.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ReplicaStatus } from "@troupe/replication";
import { waitForGroup } from "./await-group.ts";
import { hasRejoined, workingView } from "./group-view.ts";
import type { Workload } from "./workload.ts";

/** What is done to the group. */
export interface FailoverTarget {
  /** The names of its replicas. */
  readonly replicas: readonly string[];
  status(): Promise<readonly ReplicaStatus[]>;
  /** kill -9; the signal is out before this returns. */
  kill(replica: string): Promise<void>;
  /** Starts it again from its own directory. */
  restart(replica: string): Promise<void>;
  /** Resolves when the ledger has answered something. */
  probe(): Promise<unknown>;
}

/** One kill that the ledger survived. */
export interface Failover {
  readonly killed: string;
  /** From the kill to the next success of a transfer that was sent after it. */
  readonly ms: number;
}

/** How often, and whom to tell. */
export interface FailoverOptions {
  readonly kills: number;
  /** Not the primary alone: every replica at once. @default false */
  readonly all?: boolean;
  readonly note?: (line: string) => void;
}

/** A group that can fail over is watched doing so for this long before help comes. */
const longestFailoverMs = 10_000;

/**
 * Runs beside the workload until the last kill is over. Rejects with `DemoError` when the group
 * does not get back on its feet.
 */
export async function runFailovers(
  workload: Workload,
  target: FailoverTarget,
  { kills, all = false, note = () => {} }: FailoverOptions,
): Promise<Failover[]> {
  const failovers: Failover[] = [];
  for (let kill = 1; kill <= kills; kill++) {
    await workload.untilAnswered(stepOf(kill, kills, workload.rows));
    const { primary, commit } = await waitForGroup(target, "a working primary", workingView);

    const killedAt = performance.now();
    const victims = all ? target.replicas : [primary];
    const killed = all ? "all" : primary;
    const gone = Promise.all(victims.map((replica) => target.kill(replica)));
    workload.gateAt(gateAfter(kill, kills, workload.rows));
    const answered = nextAnswer(workload, target, killedAt).then((answeredAt) => {
      const ms = Math.round(answeredAt - killedAt);
      note(`the ledger answers again, ${ms} ms after the kill`);
      return ms;
    });
    // It is awaited below; until then its failure must not count as one that nobody handles.
    answered.catch(() => {});
    note(`killed ${all ? "all replicas at once" : `the primary ${primary}`} (SIGKILL)`);
    await gone;

    // Restarting it only after the others have answered shows that they could without it. Fewer
    // than three are no majority without it, so there the restart is what the answer waits for.
    if (target.replicas.length >= 3 && !all) await Promise.race([answered, patience()]);
    await Promise.all(victims.map((replica) => target.restart(replica)));
    for (const replica of victims) note(`${replica} restarted from its own directory`);
    failovers.push({ killed, ms: await answered });

    await waitForGroup(target, `${victims.join(", ")} to rejoin`, (statuses) =>
      victims.every((replica) => hasRejoined(statuses, replica, commit)) ? true : undefined,
    );
    for (const replica of victims) note(`${replica} has rejoined`);
  }
  return failovers;
}

/** Where the callers must stop until the first kill has happened. */
export function firstGate(kills: number, rows: number): number {
  return gateAfter(0, kills, rows);
}

/** After how many answered rows the k-th kill is due. */
function stepOf(kill: number, kills: number, rows: number): number {
  return Math.floor((kill * rows) / (kills + 1));
}

/** Half way between the next kill and the one after it: calls are under way at every kill. */
function gateAfter(kill: number, kills: number, rows: number): number {
  if (kill >= kills) return rows;
  const next = stepOf(kill + 1, kills, rows);
  return Math.max(next + 1, Math.ceil((next + stepOf(kill + 2, kills, rows)) / 2));
}

function patience(): Promise<void> {
  return sleep(longestFailoverMs, undefined, { ref: false });
}

async function nextAnswer(
  workload: Workload,
  target: FailoverTarget,
  since: number,
): Promise<number> {
  const answeredAt = await workload.nextSuccess(since);
  if (answeredAt !== undefined) return answeredAt;
  // No row was left to be sent: asking the ledger anything measures the same.
  await target.probe();
  return performance.now();
}
