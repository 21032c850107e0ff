/** Bugs of normal operation: acknowledgements, commits, the pipeline and the client table. */
import { decodeBatch, primaryOf, quorumOf, type Request } from "@troupe/replication/runtime";
import { computed, type Plant, receiving, type State, sending } from "./plant.ts";

/** Counts acknowledgements in another way than the real set does, in every view. */
function counting(state: State, change: (acked: State["acked"]) => void): void {
  let { acked } = state;
  change(acked);
  computed(
    state,
    "acked",
    () => acked,
    (next) => {
      acked = next;
      change(acked);
    },
  );
}

export const normalMutants = {
  "commit-without-quorum": {
    mistake: "the primary commits what it alone holds",
    profile: "calm",
    inReplica: ({ state }) => {
      counting(state, (acked) => computed(acked, "quorumOp", () => acked.of(state.index)));
    },
  },
  "acks-twice": {
    mistake: "an acknowledgement counts as often as it is repeated",
    profile: "network",
    inReplica: (replica) => {
      const { state } = replica;
      let votes: number[] = [];
      counting(state, (acked) => {
        votes = [];
        computed(
          acked,
          "quorumOp",
          () => votes.sort((a, b) => b - a)[state.replicationQuorum - 1] ?? 0,
        );
        const add = acked.add.bind(acked);
        acked.add = (from, op) => {
          votes.push(op);
          add(from, op);
          return true;
        };
      });
    },
  },
  "quorum-of-the-connected": {
    mistake: "a majority of those that were heard of lately is enough",
    profile: "network",
    inReplica: (replica) => {
      const { state } = replica;
      let ticks = 0;
      const heard = new Map<number, number>();
      const step = replica.step.bind(replica);
      replica.step = (input, now) => {
        if (input.type === "tick") ticks++;
        if (input.type === "message") heard.set(input.from, ticks);
        step(input, now);
      };
      const connected = () => [...heard.values()].filter((at) => ticks - at < 50).length + 1;
      const quorum = () => (ticks < 10 ? quorumOf(state.replicaCount) : quorumOf(connected()));
      computed(state, "replicationQuorum", quorum);
      computed(state, "viewChangeQuorum", quorum);
      counting(state, (acked) => {
        const ops = () => Array.from({ length: state.replicaCount }, (_, i) => acked.of(i));
        computed(acked, "quorumOp", () => ops().sort((a, b) => b - a)[quorum() - 1] ?? 0);
      });
    },
  },
  "votes-count-as-acks": {
    mistake: "a new primary takes votes for acknowledgements of what it inherited",
    profile: "crashes",
    inReplica: ({ state }) => {
      const { doViewChanges, log } = state;
      const set = doViewChanges.set.bind(doViewChanges);
      const voted = new Map<number, number>();
      doViewChanges.set = (from, message) => {
        voted.set(from, message.op);
        return set(from, message);
      };
      counting(state, (acked) => {
        const add = acked.add.bind(acked);
        for (const [from, op] of voted) add(from, Math.min(op, log.head));
        voted.clear();
        // Whoever acknowledges no more than it had voted with still gives a reason to count.
        acked.add = (from, op) => add(from, op) || op === acked.of(from);
      });
    },
  },
  "inherited-is-committed": {
    mistake: "a new primary takes what it inherited for committed",
    profile: "crashes",
    inReplica: ({ state }) => {
      const learnCommit = state.learnCommit.bind(state);
      state.learnCommit = (commit) => {
        const begins = state.status === "view_change" && state.logView === state.view;
        learnCommit(begins ? state.log.head : commit);
      };
    },
  },
  "ack-to-the-old-primary": {
    mistake: "an inherited entry is acknowledged to whoever prepared it, in that view",
    profile: "network",
    inReplica: ({ state }) => {
      const { outbox, index, log } = state;
      const whenDurable = outbox.sendWhenDurable.bind(outbox);
      outbox.sendWhenDurable = (to, message) => {
        const isAck = message.type === "prepare_ok" && message.op > 0 && to !== index;
        if (!isAck) return whenDurable(to, message);
        const { view } = log.get(message.op);
        const author = primaryOf(view, state.replicaCount);
        if (author !== index) whenDurable(author, { ...message, view });
      };
    },
  },
  "ack-by-number": {
    mistake: "a backup that has an op of that number acknowledges it, whatever it says",
    profile: "crashes",
    inReplica: (replica) => {
      receiving(replica, (input, state) => {
        const { message } = input;
        if (message.type === "prepare_ok") {
          const checksum = state.log.checksumAt(message.op) ?? message.checksum;
          return { ...input, message: { ...message, checksum } };
        }
        if (message.type !== "start_view" || state.index === input.from) return input;
        const { log } = state;
        const mine = message.entries.map(({ op }) => (op <= log.head ? log.get(op) : undefined));
        if (mine.every((entry) => entry === undefined)) return input;
        const entries = message.entries.map((entry, i) => mine[i] ?? entry);
        const chained = entries.every(({ parent }, i) => {
          return i === 0 || parent === entries[i - 1]?.checksum;
        });
        return chained ? { ...input, message: { ...message, entries } } : input;
      });
    },
  },
  "ack-after-leaving": {
    mistake: "a replica that has voted for a view still takes part in the one before it",
    profile: "network",
    inReplica: (replica) => {
      receiving(replica, (input, state) => {
        const { message, from } = input;
        const { log, outbox } = state;
        if (message.type !== "prepare" || state.status !== "view_change") return input;
        if (message.view !== state.logView || !log.connects(message.entry)) return input;
        state.appendEntry(message.entry);
        const { view } = message;
        const { head: op, headChecksum: checksum } = log;
        outbox.sendWhenDurable(from, { type: "prepare_ok", view, op, checksum });
        return undefined;
      });
    },
  },
  "old-prepare-accepted": {
    mistake: "a prepare of an older view passes for one of this view",
    profile: "network",
    inReplica: (replica) => {
      receiving(replica, (input, state) => {
        const { message } = input;
        const isOld = message.type === "prepare" && message.view < state.view && state.isBackup;
        if (!isOld) return input;
        return { ...input, from: state.primary, message: { ...message, view: state.view } };
      });
    },
  },
  "commit-on-prepare": {
    mistake: "a backup runs an op as soon as it has it",
    profile: "calm",
    inReplica: (replica) => {
      receiving(replica, (input) => {
        const { message } = input;
        if (message.type !== "prepare") return input;
        return { ...input, message: { ...message, commit: message.entry.op } };
      });
    },
  },
  "heartbeat-of-the-head": {
    mistake: "the heartbeat tells the head of the log for what is committed",
    profile: "network",
    inReplica: ({ state }) => {
      sending(state, (message) => {
        if (message.type !== "commit") return message;
        return { ...message, commit: state.log.head, checksum: state.log.headChecksum };
      });
    },
  },
  "pipeline-unbounded": {
    mistake: "the primary prepares as much as it gets",
    profile: "calm",
    inConfig: (config) => ({ ...config, pipelineMax: 1_000 }),
  },
  "time-goes-back": {
    mistake: "an entry is stamped with the clock alone",
    profile: "default",
    inReplica: ({ state }) => computed(state.log, "headTimestamp", () => 0),
  },
  "table-at-prepare": {
    mistake: "the primary writes the client table when it prepares, as the paper has it",
    profile: "clients",
    inReplica: ({ state }) => {
      const { clients, log } = state;
      const commit = clients.commit.bind(clients);
      const append = log.append.bind(log);
      const name = ({ client, session, number }: Request) => `${client}/${session}/${number}`;
      const written = new Map<string, ReturnType<typeof commit>>();
      log.append = (entry) => {
        append(entry);
        if (!state.isPrimary || entry.view !== state.view) return;
        for (const request of decodeBatch(entry.body)) {
          written.set(name(request), commit(request, entry.op));
        }
      };
      clients.commit = (request, op) => {
        const verdict = written.get(name(request)) ?? commit(request, op);
        written.delete(name(request));
        return verdict;
      };
    },
  },
  "duplicate-runs-again": {
    mistake: "a call that was retried runs twice",
    profile: "clients",
    inReplica: ({ state }) => {
      const { clients } = state;
      const judge = clients.judge.bind(clients);
      const lastOf = clients.lastOf.bind(clients);
      let again: Request | undefined;
      clients.judge = (request) => {
        const verdict = judge(request);
        again = verdict === "duplicate" && request.kind === "call" ? request : undefined;
        return again === undefined ? verdict : "run";
      };
      clients.lastOf = (client) => {
        return again?.client === client ? again.number - 1 : lastOf(client);
      };
    },
  },
} satisfies Readonly<Record<string, Plant>>;
