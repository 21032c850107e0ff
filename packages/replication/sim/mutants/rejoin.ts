/** Bugs of replicas that rejoin after their disk was lost, and of those that they ask. */
import type { Recovered } from "@troupe/replication/runtime";
import { nackQuorum } from "@troupe/replication/runtime";
import { computed, type Plant, receiving } from "./plant.ts";

/** Comes back as one that has rejoined, where it has not. */
function rejoined(recovered: Recovered): Recovered {
  const { lives } = recovered;
  return lives === undefined ? recovered : { ...recovered, lives: { ...lives, rejoining: false } };
}

export const rejoinMutants = {
  "wiped-takes-part": {
    mistake: "a replica whose disk was lost takes part at once, as if it were a new one",
    profile: "rejoin",
    inRecovered: rejoined,
  },
  "rejoin-over-at-restart": {
    mistake: "a replica that crashes while it rejoins is restarted as one that has a journal",
    profile: "rejoin",
    inRecovered: (recovered) => (recovered.view > 0 ? rejoined(recovered) : recovered),
  },
  "rejoin-one-answer": {
    mistake: "a replica rejoins when the primary alone has answered it",
    profile: "rejoin",
    inReplica: ({ state }) => {
      const { memory, replicaCount } = state;
      const { responses } = memory;
      const count = responses[Symbol.iterator].bind(responses);
      computed(responses, "size", () => ([...count()].length > 0 ? nackQuorum(replicaCount) : 0));
    },
  },
  "rejoin-from-a-backup": {
    mistake: "a replica that rejoins takes the log of whoever answers, be it a backup",
    profile: "rejoin",
    inReplica: ({ state: { memory } }) => {
      const { responses } = memory;
      responses.get = () => [...responses.values()].find(({ view }) => view === memory.view);
    },
  },
  "rejoin-any-view": {
    mistake: "a replica that rejoins takes the log of a view, though it was told of a later one",
    profile: "rejoin",
    inReplica: ({ state: { memory } }) => {
      let first: number | undefined;
      computed(
        memory,
        "view",
        () => first ?? 0,
        (view) => {
          first ??= view;
        },
      );
    },
  },
  "rejoin-acks-before-write": {
    mistake: "who rejoins acknowledges before its new log is durable",
    profile: "rejoin",
    inReplica: ({ state: { outbox, memory } }) => {
      if (!memory.isRejoining) return;
      const { sendWhenDurable } = outbox;
      outbox.sendWhenDurable = (to, message) => {
        if (message.type === "prepare_ok") outbox.send(to, message);
        else sendWhenDurable.call(outbox, to, message);
      };
    },
  },
  "rejoin-log-not-written": {
    mistake: "the journal of who rejoins says that it has, and has not the log that it was given",
    profile: "rejoin",
    onDisk: (write) => (write.lives?.rejoining === false ? { ...write, entries: [] } : write),
  },
  "vote-of-a-lost-disk": {
    mistake: "votes count that a replica sent before its disk was lost",
    profile: "rejoin",
    inReplica: (replica) => {
      receiving(replica, (input, { memory, index }) => {
        const { message, from } = input;
        if (!voteTypes.has(message.type)) return input;
        const { crash_vector: told = memory.crash.lives.map(() => 0) } = message;
        // Of its own life it must not be told anything new.
        const known = told.map((life, i) => (i === index ? life : memory.crash.of(i)));
        known[from] = Math.max(told[from] ?? 0, memory.crash.of(from));
        return { ...input, message: { ...message, crash_vector: known } };
      });
    },
  },
} satisfies Readonly<Record<string, Plant>>;

const voteTypes = new Set<string>(["start_view_change", "do_view_change"]);
