/** Reads sense out of what the replicas say about themselves. Pure: it asks nobody anything. */
import type { ReachableReplica, ReplicaStatus } from "@troupe/replication";

/** The view that the group works in, as far as its replicas know. */
export interface GroupView {
  readonly view: number;
  readonly primary: string;
  /** How far the primary has committed. */
  readonly commit: number;
}

/**
 * The newest view in which the primary itself says that it is working; undefined while there is
 * none, as in the middle of a failover. A backup's word is not enough: it may name a primary that
 * is dead.
 */
export function workingView(statuses: readonly ReplicaStatus[]): GroupView | undefined {
  const newest = Math.max(-1, ...statuses.filter(isNormal).map(({ view }) => view));
  const primary = statuses
    .filter(isNormal)
    .find((one) => one.view === newest && one.primary === one.replica);
  return primary && { view: newest, primary: primary.replica, commit: primary.commit };
}

/** True once the replica works in the group's view again and has committed up to `commit`. */
export function hasRejoined(
  statuses: readonly ReplicaStatus[],
  replica: string,
  commit: number,
): boolean {
  const current = workingView(statuses);
  const own = statuses.find((one) => one.replica === replica);
  return (
    current !== undefined &&
    own !== undefined &&
    isNormal(own) &&
    own.view === current.view &&
    own.commit >= commit
  );
}

/**
 * Whether all replicas hold the same state; undefined while that cannot be said, because one is
 * away or not yet where the others are.
 */
export function digestsAgree(
  statuses: readonly ReplicaStatus[],
  replicas: number,
): boolean | undefined {
  const working = statuses.filter(isNormal);
  const [first] = working;
  if (!first || working.length < replicas) return undefined;
  if (working.some(({ digest }) => digest === undefined)) return undefined;
  if (working.some(({ commit }) => commit !== first.commit)) return undefined;
  return working.every(({ digest }) => digest === first.digest);
}

function isNormal(status: ReplicaStatus): status is ReachableReplica {
  return status.reachable && status.status === "normal";
}
