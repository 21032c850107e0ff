/** What a replica tells about itself. */
import type { ReplicaState } from "./state.ts";
import type { ReplicaIndex, Status, View } from "./types.ts";

export interface ReplicaReport {
  readonly status: Status;
  readonly view: View;
  readonly log_view: View;
  readonly primary: ReplicaIndex;
  readonly op: number;
  readonly commit: number;
  readonly sessions: number;
}

export function reportOf(state: ReplicaState): ReplicaReport {
  const { status, view, logView: log_view, primary, log, commitMin: commit, clients } = state;
  return { status, view, log_view, primary, op: log.head, commit, sessions: clients.size };
}
