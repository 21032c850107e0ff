/** Bugs in what is made of damaged disks. */
import type { Recovered } from "@troupe/replication/runtime";
import { type Plant, receiving, type State, sending } from "./plant.ts";

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

/** Lets a replica take any entry for the one that it asked for. */
function trusting(replica: Parameters<NonNullable<Plant["inReplica"]>>[0]): void {
  const { state } = replica;
  const { log, options } = state;
  const { hash } = options;
  let trusted: string | undefined;
  Object.assign(state, {
    options: {
      ...options,
      hash: (...bytes: Parameters<typeof hash>) => trusted ?? hash(...bytes),
    },
  });
  const step = replica.step.bind(replica);
  replica.step = (input, now) => {
    trusted = undefined;
    if (input.type !== "message" || input.message.type !== "requested_prepare") {
      step(input, now);
      return;
    }
    const { entry } = input.message;
    const checksum = log.isDamaged(entry.op) ? log.checksumAt(entry.op) : undefined;
    const parent = log.checksumAt(entry.op - 1);
    if (checksum === undefined || parent === undefined) {
      step(input, now);
      return;
    }
    trusted = checksum;
    const taken = { ...entry, checksum, parent };
    step({ ...input, message: { type: "requested_prepare", entry: taken } }, now);
    trusted = undefined;
  };
}

/** An entry of the log, whichever it is, for whoever asks for one of that number. */
const byNumber = ({ log }: State, op: number) => log.find(op)?.checksum;

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
    profile: "rot",
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
  "repair-by-number": {
    mistake: "a repair is asked for, answered and taken by its number, and not by its checksum",
    profile: "rot",
    inReplica: (replica) => {
      receiving(replica, (input, state) => {
        if (input.message.type !== "request_prepare") return input;
        const checksum = byNumber(state, input.message.op) ?? input.message.checksum;
        return { ...input, message: { ...input.message, checksum } };
      });
      trusting(replica);
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
    profile: "rot",
    inReplica: (replica) => {
      receiving(replica, (input, { status, nonce }) => {
        const { message } = input;
        if (message.type !== "start_view" || status !== "recovering_head") return input;
        return { ...input, message: { ...message, nonce } };
      });
    },
  },
  "denials-count-twice": {
    mistake: "a candidate drops a damaged entry at half the denials that it takes",
    profile: "rot",
    inReplica: ({ state: { doViewChanges } }) => {
      const once = doViewChanges.values.bind(doViewChanges);
      // The comparison of logs iterates over pairs; the values are what denials are counted of.
      doViewChanges.values = () => [...once(), ...once()].values();
    },
  },
} satisfies Readonly<Record<string, Plant>>;
