/** Bugs in changing the view and in catching up. */
import { quorumOf } from "@troupe/replication/runtime";
import { computed, type Plant, receiving, type State } from "./plant.ts";

/** Changes each vote before the candidate compares them. */
function comparing({ doViewChanges }: State, change: (vote: Vote) => Vote): void {
  const set = doViewChanges.set.bind(doViewChanges);
  doViewChanges.set = (from, message) => set(from, change(message));
}

type Vote = State["doViewChanges"] extends Map<number, infer T> ? T : never;

export const viewMutants = {
  "longest-log-wins": {
    mistake: "the new view takes the longest log, whichever view it is of",
    profile: "crashes",
    inReplica: ({ state }) => comparing(state, (vote) => ({ ...vote, log_view: 0 })),
  },
  "newest-log-view-only": {
    mistake: "of the logs of one view the first to come wins, and not the longest",
    profile: "crashes",
    inReplica: ({ state }) => {
      // The comparison sees one length, so the first with the highest log_view stays the best.
      comparing(state, (vote) => {
        const { log_view } = vote;
        const held = [...state.doViewChanges.values()].find((one) => one.log_view === log_view);
        return held ?? vote;
      });
    },
  },
  "votes-not-cleared": {
    mistake: "votes of the last view change count in the next one",
    profile: "network",
    inReplica: ({ state }) => {
      state.doViewChanges.clear = () => undefined;
    },
  },
  "votes-twice": {
    mistake: "a vote counts as often as it is repeated",
    profile: "network",
    inReplica: ({ state }) => {
      const { doViewChanges: votes, index } = state;
      let counted = 0;
      const set = votes.set.bind(votes);
      const clear = votes.clear.bind(votes);
      const has = votes.has.bind(votes);
      votes.has = (from) => from === index && has(from);
      votes.set = (from, message) => {
        counted++;
        return set(from, message);
      };
      votes.clear = () => {
        counted = 0;
        clear();
      };
      computed(votes, "size", () => counted);
    },
  },
  "one-vote-is-enough": {
    mistake: "the candidate begins the view with its own vote",
    profile: "network",
    inReplica: ({ state }) => {
      computed(state.doViewChanges, "size", () => quorumOf(state.replicaCount));
    },
  },
  "vote-changes": {
    mistake: "a vote that is said again has forgotten what was not committed",
    profile: "network",
    inReplica: ({ state }) => {
      const { outbox, index } = state;
      const whenDurable = outbox.sendWhenDurable.bind(outbox);
      let voted = -1;
      outbox.sendWhenDurable = (to, message) => {
        const isAgain = message.type === "do_view_change" && message.view === voted;
        if (message.type === "do_view_change") voted = message.view;
        if (!isAgain || to === index) return whenDurable(to, message);
        whenDurable(to, { ...message, op: message.commit, entries: [] });
      };
    },
  },
  "truncates-to-catch-up": {
    mistake: "a replica throws its log away before it has the new one, as the paper has it",
    profile: "network",
    inReplica: (replica) => {
      const { state } = replica;
      const step = replica.step.bind(replica);
      replica.step = (input, now) => {
        const { view } = state;
        step(input, now);
        const joined = state.status === "view_change" && state.sentDoViewChange === undefined;
        if (state.view === view || !joined) return;
        state.truncateLog(state.commitMin);
        state.logView = state.view;
        state.outbox.writeMeta();
      };
    },
  },
  "stale-start-view": {
    mistake: "a late copy of the beginning of this view replaces what has come since",
    profile: "network",
    inReplica: (replica) => {
      receiving(replica, (input, state) => {
        const { message, from } = input;
        const isLate = message.type === "start_view" && message.view === state.view;
        if (isLate && state.isBackup && from === state.primary) state.status = "view_change";
        return input;
      });
    },
  },
  "view-resumed": {
    mistake: "a primary that comes back goes on with its view",
    profile: "crashes",
    inReplica: ({ state }, recovered) => {
      const { view, logView, index, primary } = state;
      const led = recovered !== undefined && recovered.view === recovered.log_view;
      if (!led || view !== logView || primary !== index) return;
      state.status = "normal";
      state.wantsView = undefined;
      state.votes.clear();
      state.inheritedHead = state.log.head;
      for (const timeout of Object.values(state.timeouts)) timeout.stop();
      state.timeouts.heartbeat.start();
      state.timeouts.resend.start();
      const { headChecksum: checksum, head: op } = state.log;
      state.outbox.sendWhenDurable(index, { type: "prepare_ok", view, op, checksum });
    },
  },
  "takes-part-before-the-log": {
    mistake: "a backup that hears of a newer view is in it before it has its log",
    profile: "network",
    inReplica: (replica) => {
      receiving(replica, (input, state) => {
        const { message, from } = input;
        const begun = message.type === "prepare" || message.type === "commit";
        if (!begun || message.view <= state.view || from === state.index) return input;
        state.view = message.view;
        state.logView = message.view;
        state.status = "normal";
        state.outbox.writeMeta();
        return input;
      });
    },
  },
  "candidate-keeps-its-log": {
    mistake: "the new primary begins with its own log when that is as long as the best",
    profile: "crashes",
    inReplica: ({ state }) => {
      const { doViewChanges, index } = state;
      const values = doViewChanges.entries.bind(doViewChanges);
      doViewChanges[Symbol.iterator] = function* () {
        const mine = doViewChanges.get(index);
        for (const [from, vote] of values()) {
          const longer = mine !== undefined && mine.op >= vote.op;
          yield longer ? [index, mine] : [from, vote];
        }
      } as (typeof doViewChanges)[typeof Symbol.iterator];
    },
  },
} satisfies Readonly<Record<string, Plant>>;
