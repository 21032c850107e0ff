/**
 * Bugs to plant: what a simulator is worth is how many of them it finds. They live here, as changes
 * to a replica or a disk of the simulation; the published package has no switch for them.
 */
import {
  type GroupConfig,
  quorumOf,
  type Recovered,
  type Replica,
  type Write,
} from "@troupe/replication/runtime";

export interface Plant {
  /** What a developer might have done wrong. */
  readonly mistake: string;
  /** The disk reports a write before the write is durable. */
  readonly lyingDisk?: boolean;
  readonly inReplica?: (replica: Replica, recovered: Recovered | undefined) => void;
  /** What the disk keeps instead of what it was given. */
  readonly onDisk?: (write: Write) => Write;
  /** The configuration that one replica believes in. */
  readonly inConfig?: (config: GroupConfig, index: number) => GroupConfig;
  /** The name that the client at an address takes for each of its sessions. */
  readonly clientId?: (address: number) => string;
}

export const mutants: Readonly<Record<string, Plant>> = {
  "ack-before-sync": {
    mistake: "a write is reported durable before it is",
    lyingDisk: true,
  },
  "send-before-write": {
    mistake: "messages that promise durability leave before the write that they speak of",
    inReplica: ({ state }) => {
      const { outbox, index } = state;
      const whenDurable = outbox.sendWhenDurable.bind(outbox);
      outbox.sendWhenDurable = (to, message) => {
        if (to === index) whenDurable(to, message);
        else outbox.send(to, message);
      };
    },
  },
  "commit-without-quorum": {
    mistake: "the primary commits what it alone holds",
    inReplica: ({ state }) => {
      const { index } = state;
      const alone = (acked: typeof state.acked) =>
        Object.defineProperty(acked, "quorumOp", { get: () => acked.of(index) });
      let acked = alone(state.acked);
      Object.defineProperty(state, "acked", {
        get: () => acked,
        set: (next: typeof state.acked) => {
          acked = alone(next);
        },
      });
    },
  },
  "longest-log-wins": {
    mistake: "the new view takes the longest log, whichever view it is of",
    inReplica: ({ state }) => {
      const set = state.doViewChanges.set.bind(state.doViewChanges);
      state.doViewChanges.set = (from, message) => set(from, { ...message, log_view: 0 });
    },
  },
  "votes-twice": {
    mistake: "a replica's vote counts as often as it is repeated",
    inReplica: ({ state }) => {
      const { votes, replicaCount } = state;
      votes.count = () => quorumOf(replicaCount);
      const get = Object.getOwnPropertyDescriptor(Map.prototype, "size")?.get;
      Object.defineProperty(state.doViewChanges, "size", {
        get: () => Math.max(get?.call(state.doViewChanges), quorumOf(replicaCount)),
      });
    },
  },
  "read-without-round": {
    mistake: "a primary answers queries without asking whether it still leads",
    inReplica: ({ state }) => {
      const { roundOks, replicaCount } = state;
      void roundOks;
      Object.defineProperty(state, "roundOks", {
        get: () => {
          const all = new Set<number>();
          for (let i = 0; i < replicaCount; i++) all.add(i);
          return all;
        },
        set: () => undefined,
      });
    },
  },
};
