/** Where the replicas of a run are: what is left to do, and who lacks what. */
import type { SimHost } from "./host.ts";

/** Where each replica is, and what it lacks. */
export function standing(hosts: readonly SimHost[]): string {
  const each = hosts.map(({ index, gaveUp, replica }) => {
    if (replica === undefined) return `r${index} ${gaveUp ? "gave up" : "is down"}`;
    const { status, view, logView, log, missing, isHollow } = replica.state;
    const lacks = [log.damaged, missing].map((slots) => slots.map(({ op }) => op).join());
    const damage = `damaged [${lacks[0]}], missing [${lacks[1]}]${isHollow ? ", hollow" : ""}`;
    return `r${index} ${status} in ${view} of ${logView} up to ${log.head}, ${damage}`;
  });
  return each.join("; ");
}

/** Those that have not run everything, or do not know who leads. */
export function laggards(hosts: readonly SimHost[], ops: number): SimHost[] {
  const up = hosts.filter(({ isUp }) => isUp);
  const newest = Math.max(...up.map(({ replica }) => replica?.state.view ?? 0));
  return up.filter(({ replica, isDone }) => {
    if (replica === undefined) return true;
    const { commitMin, applying, status, view, hold } = replica.state;
    // What is committed is run at the end of the turn: until then the table lacks replies.
    const hasRunAll = commitMin === ops && applying.length === 0 && hold === undefined;
    return !hasRunAll || !isDone || status !== "normal" || view !== newest;
  });
}

/** Whether nobody has a state to go on from. */
export function isHollowThroughout(hosts: readonly SimHost[]): boolean {
  return hosts.every(({ replica }) => replica?.state.isHollow === true);
}

/** Whether somebody has damage, which shows: it may excuse that the group stands still. */
export function isDamaged(hosts: readonly SimHost[]): boolean {
  return hosts.some(({ gaveUp, replica }) => {
    const { isHollow = gaveUp, log, missing = [] } = replica?.state ?? {};
    return isHollow || missing.length > 0 || (log?.damaged.length ?? 0) > 0;
  });
}
