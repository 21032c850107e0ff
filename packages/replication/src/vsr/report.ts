/** What a replica tells about itself. */
import { recoveryQuorum } from "./config.ts";
import type { ReplicaState } from "./state.ts";
import type { ReplicaIndex, Status, View } from "./types.ts";

/**
 * What a replica must get from others before it can take part, or run anything, again:
 *
 * - `answers`: it has forgotten everything, and too few that are normal have told what they know.
 * - `primary`: so many have, and the primary of the highest view among them has not.
 * - `log`: it catches up with the log that it was told.
 * - `checkpoint`: the state that its log begins after is lost (it is hollow).
 */
export type ReplicaNeed = "nothing" | "answers" | "primary" | "log" | "checkpoint";

export interface ReplicaReport {
  readonly status: Status;
  readonly view: View;
  readonly log_view: View;
  readonly primary: ReplicaIndex;
  readonly op: number;
  readonly commit: number;
  readonly sessions: number;
  readonly needs: ReplicaNeed;
}

export function reportOf(state: ReplicaState): ReplicaReport {
  const { status, view, logView: log_view, primary, log, commitMin: commit, clients } = state;
  const needs = needOf(state);
  return { status, view, log_view, primary, op: log.head, commit, sessions: clients.size, needs };
}

function needOf(state: ReplicaState): ReplicaNeed {
  const { status, isHollow, memory, replicaCount, hasJournal, pendingStartView } = state;
  if (status !== "recovering") return isHollow ? "checkpoint" : "nothing";
  if (pendingStartView !== undefined) return "log";
  const { size } = memory.responses;
  return size < recoveryQuorum(replicaCount, hasJournal) ? "answers" : "primary";
}
