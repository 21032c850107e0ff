/** Bugs in how states are captured, kept, fetched and gone on from, and in what is cut off. */
import { computed, type Plant } from "./plant.ts";

/** Leaves holds of one kind out: what they would keep back runs at once. */
function withoutHold(until: "captured" | "restored"): NonNullable<Plant["inReplica"]> {
  return ({ state }) => {
    let { hold } = state;
    computed(
      state,
      "hold",
      () => hold,
      (next) => {
        hold = next?.until === until ? undefined : next;
      },
    );
  };
}

export const stateMutants = {
  "cut-before-the-checkpoint": {
    mistake: "the log is forgotten when its checkpoint begins to be written",
    profile: "storage",
    inReplica: ({ state }) => {
      const { outbox, log } = state;
      const checkpoint = outbox.checkpoint.bind(outbox);
      outbox.checkpoint = (head) => {
        const { op, checksum, timestamp } = head;
        checkpoint(head);
        if (log.intactHead < op) return;
        log.cut({ op, checksum, timestamp });
        outbox.writeCut(op);
      };
    },
  },
  "cut-without-quorum": {
    mistake: "a replica forgets its log when it keeps the state itself, whoever else does",
    profile: "transfer",
    inReplica: ({ state: { checkpoints } }) => {
      computed(checkpoints, "cutOp", () => checkpoints.newest?.op ?? 0);
    },
  },
  "checkpoint-before-sync": {
    mistake: "a checkpoint is reported durable before it is",
    profile: "storage",
    checkpointAtOnce: "own",
  },
  "fetched-before-sync": {
    mistake: "the log begins anew behind a fetched state that is not durable yet",
    profile: "transfer",
    checkpointAtOnce: "fetched",
  },
  "checkpoint-without-table": {
    mistake: "a checkpoint is the state alone, without the client table",
    profile: "transfer",
    inReplica: ({ state: { outbox } }) => {
      const checkpoint = outbox.checkpoint.bind(outbox);
      outbox.checkpoint = (head) => checkpoint({ ...head, clients: [] });
    },
  },
  "table-not-restored": {
    mistake: "who takes a state in goes on with the client table that it had",
    profile: "transfer",
    inReplica: ({ state: { clients } }) => {
      clients.restore = () => undefined;
    },
  },
  "old-log-dropped-first": {
    mistake: "a replica throws its log away when it begins to fetch a state",
    profile: "transfer",
    inReplica: ({ state }) => {
      const { outbox, log } = state;
      const fetch = outbox.fetch.bind(outbox);
      outbox.fetch = (from, checkpoint) => {
        fetch(from, checkpoint);
        if (state.commitMin >= log.base.op) state.truncateLog(state.commitMin);
      };
    },
  },
  "fetched-not-verified": {
    mistake: "what was fetched is kept under the name that it was to have, whatever it is",
    profile: "transfer",
    unverified: true,
  },
  "rotten-state-taken": {
    mistake: "a checkpoint is read without a look at whether it is what was written",
    profile: "rot",
    rotUnnoticed: true,
  },
  "runs-while-captured": {
    mistake: "later ops run while the state is being encoded",
    profile: "transfer",
    inReplica: withoutHold("captured"),
  },
  "runs-before-restored": {
    mistake: "later ops run on the old state, before the fetched one has been taken in",
    profile: "transfer",
    inReplica: withoutHold("restored"),
  },
  "hollow-in-silence": {
    mistake: "replicas that have all lost the state before their logs wait for each other for ever",
    profile: "beyond",
    inReplica: ({ state: { checkpoints } }) =>
      computed(checkpoints, "othersAreHollow", () => false),
  },
  "hollow-runs": {
    mistake: "who has lost the state before its log runs the log on an empty one",
    profile: "rot",
    inReplica: ({ state }) => computed(state, "isHollow", () => false),
  },
} satisfies Readonly<Record<string, Plant>>;
