/**
 * Turns what a replica is, tick for tick, into what has changed: one event for each change.
 *
 * It looks and decides nothing. A view that begins and ends between two ticks is not told of.
 */
import { GroupLostError } from "./errors.ts";
import type { ReplicationEvent } from "./replication-events.ts";
import type { ReplicaNeed, ReplicaState, View } from "./vsr/index.ts";

/** So many ticks in a row a replica must lack something: a gap that is filled at once is none. */
const behindTicks = 25;

/** What there is to look at of a replica. */
export type WatchedReplica = Pick<
  ReplicaState,
  "status" | "view" | "primary" | "isHollow" | "hold" | "commitMin" | "commitMax"
> & { readonly log: Pick<ReplicaState["log"], "head" | "intactHead"> };

export interface ReplicaWatchPorts {
  readonly group: string;
  /** The name of this node. */
  readonly node: string;
  /** The names of the nodes that hold the replicas. */
  readonly replicas: readonly string[];
  readonly tell: (event: ReplicationEvent) => void;
}

export class ReplicaWatch {
  readonly #ports: ReplicaWatchPorts;
  #view: View | undefined;
  #primary: string | undefined;
  #lackingTicks = 0;
  #isLost = false;

  constructor(ports: ReplicaWatchPorts) {
    this.#ports = ports;
  }

  /** `needs` is asked when there is something to tell. */
  tick(replica: WatchedReplica, needs: () => ReplicaNeed): void {
    this.#tellIfLost(replica);
    if (replica.status === "normal") this.#tellView(replica);
    this.#tellIfBehind(replica, needs);
  }

  #tellIfLost({ status }: WatchedReplica): void {
    if (this.#isLost || status !== "lost") return;
    this.#isLost = true;
    const { group, node, tell } = this.#ports;
    tell({ type: "lost", error: new GroupLostError(group, node) });
  }

  #tellView({ view, primary: index }: WatchedReplica): void {
    if (view === this.#view) return;
    const { replicas, tell } = this.#ports;
    const primary = replicas[index] ?? "";
    const previous = this.#primary;
    this.#view = view;
    this.#primary = primary;
    tell({ type: "view_changed", view, primary });
    if (primary !== previous) tell({ type: "primary_changed", primary, previous, view });
  }

  #tellIfBehind(replica: WatchedReplica, needs: () => ReplicaNeed): void {
    const { log, commitMin: op, commitMax: commit } = replica;
    const { tell } = this.#ports;
    if (isLacking(replica)) {
      this.#lackingTicks++;
      if (this.#lackingTicks !== behindTicks) return;
      tell({ type: "behind", op, commit: Math.max(commit, log.head), needs: needs() });
      return;
    }
    const wasTold = this.#lackingTicks >= behindTicks;
    this.#lackingTicks = 0;
    if (wasTold) tell({ type: "caught_up", op });
  }
}

/** Whether it lacks what others have: entries, the end of its log, a state, or everything. */
function isLacking(replica: WatchedReplica): boolean {
  const { status, log, commitMax, isHollow, hold } = replica;
  if (status === "lost") return false;
  if (status === "recovering" || status === "recovering_head" || isHollow) return true;
  return hold?.until === "restored" || commitMax > log.head || log.intactHead < log.head;
}
