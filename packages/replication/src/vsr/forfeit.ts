/**
 * A candidate that lags gives way (I37): while it caught up, the group would wait for it.
 *
 * It moves on to the view of one that need not catch up far, and takes the others along. It may,
 * without a quorum of votes for that view: it holds a quorum's `do_view_change` for its own, so
 * nobody is normal in it, and nobody is disturbed.
 */
import type { ReplicaState } from "./state.ts";
import { type Op, primaryOf, type View } from "./types.ts";

/** A candidate may lack so many pipelines of committed entries and still catch up in its view. */
export const pipelinesToForfeit = 16;

/**
 * The next view whose primary knows nearly all that is committed, up to `floor`, if this replica
 * lacks `lacking` entries of it. Undefined if it had better catch up and lead: when it lacks few,
 * when nobody else has spoken who could lead, or when views have failed one after the other, for
 * then the others may be able to speak and not to lead.
 */
export function betterCandidate(state: ReplicaState, lacking: number, floor: Op): View | undefined {
  const { view, replicaCount, doViewChanges, options } = state;
  const most = pipelinesToForfeit * options.config.pipelineMax;
  if (lacking <= most || state.failedViews >= replicaCount) return undefined;
  for (let next = view + 1; next < view + replicaCount; next++) {
    const message = doViewChanges.get(primaryOf(next, replicaCount));
    if (message !== undefined && floor - message.commit <= most) return next;
  }
  return undefined;
}
