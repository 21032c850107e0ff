/**
 * What may be said of damaged slots: DamageIsNoDenial, and how the others read a vote that names
 * some. Nobody may deny, or vouch for, what cannot be read (I12, I34).
 */
import type { GroupMessage, Replica } from "@troupe/replication/runtime";
import type { OnDisk } from "./ledger.ts";
import { holds } from "./violation.ts";

type Of<T extends GroupMessage["type"]> = Extract<GroupMessage, { readonly type: T }>;
type LogMessage = Of<"do_view_change"> | Of<"start_view">;

/** Told instead of a checksum where none is known, of damage or of what is cut off. */
export const anyEntry = "?";

/** The checksum at an op of a message; undefined beyond its log, `anyEntry` if none is known. */
export function checksumIn(message: LogMessage, op: number): string | undefined {
  if (op === message.commit) return message.commit_checksum;
  const found = message.entries.find((entry) => entry.op === op)?.checksum;
  if (found !== undefined || message.type === "start_view") return found;
  const slot = message.damaged.find((damaged) => damaged.op === op);
  return slot && (slot.checksum ?? anyEntry);
}

/** The same of a replica's own log. */
export function checksumAt({ state }: Replica, op: number): string | undefined {
  // What is cut off is in a checkpoint, whose end is held against the ledger.
  if (op < state.log.base.op) return anyEntry;
  return state.log.checksumAt(op) ?? (state.log.isDamaged(op) ? anyEntry : undefined);
}

/** DamageIsNoDenial: a vote has a slot for everything that stood on the disk and is damaged. */
export function deniesNoDamage(
  message: Of<"do_view_change">,
  { log, damaged }: OnDisk,
  who: () => string,
): void {
  for (const op of damaged) {
    if (op <= message.commit) continue;
    const told = checksumIn(message, op);
    holds(told === anyEntry || told === log[op - 1], "DamageIsNoDenial", () => {
      return `${who()} denies op ${op}, which is damaged on its disk`;
    });
  }
}
