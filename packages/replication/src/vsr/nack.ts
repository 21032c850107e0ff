/**
 * The canonical log, where the replica that has it has lost some of its entries (I34).
 *
 * An entry that one `do_view_change` names as damaged may be in another, on this replica's own
 * disk, or still on that of somebody who has not spoken. If nobody has supplied it so far, it may
 * be dropped, and what is chained to it, only if so many certainly never had it that it cannot have
 * been committed: a nack quorum, which meets every quorum that commits. Nacks are told by checksum:
 * a log that ends before the op, or that has another entry there, intact. A damaged slot never
 * nacks.
 */
import type { DoViewChangeMessage } from "./message.ts";
import type { Checksum, DamagedSlot, Op, Prepare, ReplicaIndex } from "./types.ts";

export interface Assembly {
  /** After the canonical log's commit, in the order of the ops: what is left of it is all here. */
  readonly entries: readonly Prepare[];
  readonly head: Op;
  /** What the view must wait for; of an entry whose checksum is absent nobody can be asked yet. */
  readonly missing: readonly DamagedSlot[];
}

export interface Sources {
  readonly doViewChanges: ReadonlyMap<ReplicaIndex, DoViewChangeMessage>;
  /** Committed for certain: nothing up to here is ever dropped. */
  readonly floor: Op;
  readonly nackQuorum: number;
  /** Where its own log begins: what is before is in a checkpoint. */
  readonly base?: Op;
  /** What this replica has besides: of its own log, or what it was sent since. */
  readonly find: (op: Op, checksum: Checksum) => Prepare | undefined;
}

interface Slot extends DamagedSlot {
  readonly entry: Prepare | undefined;
}

/** Whether it tells one slot for each op after its commit, and knows its head. */
export function isComplete({ op, commit, entries, damaged }: DoViewChangeMessage): boolean {
  if (entries.length + damaged.length !== op - commit) return false;
  const ops = new Set([...entries, ...damaged].map((slot) => slot.op));
  for (let at = commit + 1; at <= op; at++) if (!ops.has(at)) return false;
  return op === commit || entries.at(-1)?.op === op;
}

export function assembleLog(canonical: DoViewChangeMessage, sources: Sources): Assembly {
  const { op: head } = canonical;
  if (canonical.damaged.length === 0) return { entries: canonical.entries, head, missing: [] };
  const entries: Prepare[] = [];
  const missing: DamagedSlot[] = [];
  for (const { entry, op, checksum } of slotsOf(canonical, sources)) {
    if (op <= (sources.base ?? 0)) continue;
    if (entry !== undefined) {
      entries.push(entry);
    } else if (missing.length === 0 && op > sources.floor && isDenied(op, checksum, sources)) {
      return { entries, head: op - 1, missing };
    } else {
      missing.push(checksum === undefined ? { op } : { op, checksum });
    }
  }
  return { entries, head, missing };
}

/** From the head down, for an entry names the one before it. */
function slotsOf(canonical: DoViewChangeMessage, sources: Sources): Slot[] {
  const slots: Slot[] = [];
  let named: Checksum | undefined;
  for (let op = canonical.op; op > canonical.commit; op--) {
    const checksum = named ?? checksumIn(canonical, op) ?? checksumOfView(canonical, op, sources);
    const entry = checksum === undefined ? undefined : findEntry(op, checksum, sources);
    slots.push(checksum === undefined ? { op, entry } : { op, checksum, entry });
    named = entry?.parent;
  }
  return slots.reverse();
}

/** Two logs of one log_view never differ at an op (I31), so either may tell its checksum. */
function checksumOfView(
  { log_view }: DoViewChangeMessage,
  op: Op,
  { doViewChanges }: Sources,
): Checksum | undefined {
  for (const message of doViewChanges.values()) {
    const checksum = message.log_view === log_view ? checksumIn(message, op) : undefined;
    if (checksum !== undefined) return checksum;
  }
  return undefined;
}

function checksumIn({ entries, damaged }: DoViewChangeMessage, op: Op): Checksum | undefined {
  const isIt = (slot: DamagedSlot) => slot.op === op;
  return (entries.find(isIt) ?? damaged.find(isIt))?.checksum;
}

function findEntry(op: Op, checksum: Checksum, sources: Sources): Prepare | undefined {
  for (const { entries } of sources.doViewChanges.values()) {
    const found = entries.find((entry) => entry.op === op && entry.checksum === checksum);
    if (found !== undefined) return found;
  }
  return sources.find(op, checksum);
}

function isDenied(op: Op, checksum: Checksum | undefined, sources: Sources): boolean {
  let nacks = 0;
  for (const message of sources.doViewChanges.values()) {
    if (message.op < op) nacks++;
    else if (checksum !== undefined) {
      const other = message.entries.find((entry) => entry.op === op);
      if (other !== undefined && other.checksum !== checksum) nacks++;
    }
  }
  return nacks >= sources.nackQuorum;
}

/** Of what is missing, the ops that nobody can have any more, once all have spoken. */
export function lostForEver(
  missing: readonly DamagedSlot[],
  { doViewChanges }: Sources,
  replicaCount: number,
): Op[] {
  if (doViewChanges.size < replicaCount) return [];
  // One that has committed an op does not tell its entry, and may have it.
  const most = Math.max(...[...doViewChanges.values()].map(({ commit }) => commit));
  return missing.map(({ op }) => op).filter((op) => op > most);
}
