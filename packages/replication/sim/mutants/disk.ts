/** Bugs in what is written, and in what waits for it. */
import { type Plant, sending } from "./plant.ts";

/** Sends messages of one kind without waiting for their write. */
function early(type: string): NonNullable<Plant["inReplica"]> {
  return ({ state }) => {
    const { outbox, index } = state;
    const whenDurable = outbox.sendWhenDurable.bind(outbox);
    outbox.sendWhenDurable = (to, message) => {
      if (to === index || message.type !== type) whenDurable(to, message);
      else outbox.send(to, message);
    };
  };
}

export const diskMutants = {
  "ack-before-sync": {
    mistake: "a write is reported durable before it is",
    lyingDisk: true,
    profile: "storage",
  },
  "prepare-ok-before-write": {
    mistake: "a backup acknowledges what it has not written yet",
    inReplica: early("prepare_ok"),
    profile: "storage",
  },
  "do-view-change-before-write": {
    mistake: "a vote leaves before the view that it is for is durable",
    inReplica: early("do_view_change"),
    profile: "crashes",
  },
  "start-view-before-write": {
    mistake: "a view begins before the log that it begins with is durable",
    inReplica: early("start_view"),
    profile: "crashes",
  },
  "own-ack-before-write": {
    mistake: "the primary counts its own vote before its own write",
    profile: "storage",
    inReplica: ({ state }) => {
      const { outbox, index } = state;
      const whenDurable = outbox.sendWhenDurable.bind(outbox);
      const forSelf = outbox.takeForSelf.bind(outbox);
      let early: ReturnType<typeof forSelf> = [];
      outbox.sendWhenDurable = (to, message) => {
        if (to === index && message.type === "prepare_ok") early.push(message);
        else whenDurable(to, message);
      };
      outbox.takeForSelf = (self) => {
        const taken = [...early, ...forSelf(self)];
        early = [];
        return taken;
      };
    },
  },
  "view-not-persisted": {
    mistake: "a replica that left for a view and crashed knows nothing of it",
    onDisk: (write) => ({ ...write, view: write.log_view }),
    profile: "crashes",
  },
  "log-view-not-persisted": {
    mistake: "after a restart the log passes for one of the first view",
    onDisk: (write) => ({ ...write, log_view: 0 }),
    profile: "crashes",
  },
  "truncation-not-persisted": {
    mistake: "what a new view threw away comes back after a restart",
    profile: "crashes",
    onDisk: ({ truncate: _lost, ...write }) => write,
  },
  "log-not-persisted": {
    mistake: "the entries that a view begins with are not written with it",
    profile: "crashes",
    inReplica: ({ state }) => {
      const { outbox } = state;
      const writeEntry = outbox.writeEntry.bind(outbox);
      outbox.writeEntry = (entry) => {
        if (state.status === "normal") writeEntry(entry);
      };
    },
  },
  "new-state-uncommitted": {
    mistake: "whoever asks is given all of the log as if it were committed",
    profile: "network",
    inReplica: ({ state }) => {
      sending(state, (message) => {
        if (message.type !== "new_state") return message;
        const { log } = state;
        const after = (message.entries[0]?.op ?? 1) - 1;
        return { ...message, commit: log.head, entries: log.slice(after, log.head) };
      });
    },
  },
} satisfies Readonly<Record<string, Plant>>;
