/** Bugs in what is made of damaged disks. */
import type { Recovered } from "@troupe/replication/runtime";
import { type Plant, receiving, sending } from "./plant.ts";

/** Fills damaged slots of known checksum with another entry's body, as unread bytes would. */
function misread({ damaged = [], ...rest }: Recovered): Recovered {
  const entries = [...rest.entries];
  const left: (typeof damaged)[number][] = [];
  for (const slot of damaged) {
    const { op, checksum, parent } = slot;
    const other = rest.entries.find((entry) => entry.op !== op);
    const before = rest.entries.findLast((entry) => entry.op < op);
    const after = rest.entries.find((entry) => entry.op > op);
    const room = (after?.timestamp ?? Number.POSITIVE_INFINITY) - (before?.timestamp ?? 0);
    if (checksum === undefined || parent === undefined || other === undefined || room < 2) {
      left.push(slot);
      continue;
    }
    const timestamp = (before?.timestamp ?? 0) + 1;
    entries.push({ ...other, op, checksum, parent, timestamp });
  }
  entries.sort((a, b) => a.op - b.op);
  return { ...rest, entries, damaged: left };
}

export const damageMutants = {
  "damage-cut-off": {
    mistake: "a log ends before its first damaged slot, as if that were a write never finished",
    profile: "storage",
    inRecovered: ({ damaged: [first] = [], ...rest }) => {
      if (first === undefined) return rest;
      return { ...rest, entries: rest.entries.filter(({ op }) => op < first.op) };
    },
  },
  "damage-unnoticed": {
    mistake: "what is read from a damaged record is taken as it is",
    profile: "storage",
    inRecovered: misread,
  },
  "damage-denied": {
    mistake: "a vote leaves out what is damaged, as if it had never been there",
    profile: "storage",
    inReplica: ({ state }) => {
      sending(state, (message) => {
        if (message.type !== "do_view_change") return message;
        const [first] = message.damaged;
        if (first === undefined) return message;
        const entries = message.entries.filter(({ op }) => op < first.op);
        return { ...message, op: first.op - 1, entries, damaged: [] };
      });
    },
  },
  "damage-acknowledged": {
    mistake: "an acknowledgement covers the damaged slots before the head",
    profile: "storage",
    inReplica: ({ state }) => {
      sending(state, (message) => {
        if (message.type !== "prepare_ok") return message;
        const { head } = state.log;
        const checksum = state.log.checksumAt(head);
        return checksum === undefined ? message : { ...message, op: head, checksum };
      });
    },
  },
  "repair-not-written": {
    mistake: "a repaired entry is in memory alone, and is acknowledged",
    profile: "storage",
    inReplica: ({ state }) => {
      state.repairEntry = (entry) => state.log.repair(entry);
    },
  },
  "recovering-head-votes": {
    mistake: "a replica that has lost its last slots votes and acknowledges with what is left",
    profile: "storage",
    inRecovered: ({ damaged = [], ...rest }) => {
      const head = rest.entries.at(-1)?.op ?? 0;
      return { ...rest, damaged: damaged.filter(({ op }) => op < head) };
    },
  },
  "any-nonce": {
    mistake: "a replica that has lost its last slot believes any start_view of its view",
    profile: "storage",
    inReplica: (replica) => {
      receiving(replica, (input, { status, nonce }) => {
        const { message } = input;
        if (message.type !== "start_view" || status !== "recovering_head") return input;
        return { ...input, message: { ...message, nonce } };
      });
    },
  },
} satisfies Readonly<Record<string, Plant>>;
