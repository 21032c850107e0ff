/** Bugs in reading without the log. */
import { computed, type Plant, receiving } from "./plant.ts";

export const readMutants = {
  "read-without-round": {
    mistake: "a primary answers queries without asking whether it still leads",
    profile: "reads",
    inReplica: ({ state }) => {
      const all = () => new Set(Array.from({ length: state.replicaCount }, (_, i) => i));
      computed(state, "roundOks", all);
    },
  },
  "late-ok-confirms": {
    mistake: "an answer to an earlier round confirms the one that is under way",
    profile: "reads",
    inReplica: (replica) => {
      receiving(replica, (input, state) => {
        const { message } = input;
        if (message.type !== "read_round_ok") return input;
        return { ...input, message: { ...message, round: state.round } };
      });
    },
  },
  "old-round-confirmed": {
    mistake: "a backup confirms the primary of a view that it has left",
    profile: "reads",
    inReplica: (replica) => {
      receiving(replica, (input, state) => {
        const { message, from } = input;
        if (message.type !== "read_round" || message.view >= state.view) return input;
        state.outbox.send(from, { ...message, type: "read_round_ok" });
        return undefined;
      });
    },
  },
  "read-at-a-backup": {
    mistake: "a backup answers queries from what it has run",
    profile: "reads",
    inReplica: (replica) => {
      const step = replica.step.bind(replica);
      replica.step = (input, now) => {
        const { state } = replica;
        const isQuery = input.type === "client" && input.message.type === "query";
        if (!isQuery || !state.isBackup) return step(input, now);
        const { client, number, body } = input.message;
        state.outbox.query({ client, number, body });
      };
    },
  },
  "leads-before-it-is-settled": {
    mistake: "a new primary answers before it has committed what it inherited",
    profile: "reads",
    inReplica: ({ state }) => computed(state, "isSettled", () => state.isPrimary),
  },
} satisfies Readonly<Record<string, Plant>>;
