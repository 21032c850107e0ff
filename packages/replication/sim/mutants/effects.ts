/** Bugs in what the group asks of itself: effects, pulses and checkpoints. */
import type { Recovered } from "@troupe/replication/runtime";
import { computed, type Plant, type State } from "./plant.ts";

/** Hands effects out beside those that the real replica does, when `also` says so. */
function effectsAlso(
  also: (state: State, op: number, recovered: Recovered | undefined) => boolean,
): NonNullable<Plant["inReplica"]> {
  return (replica, recovered) => {
    const step = replica.step.bind(replica);
    replica.step = (input, now) => {
      const { state } = replica;
      if (input.type === "applied" && !state.leads && also(state, input.op, recovered)) {
        const { op, effects = [] } = input;
        for (const [index, body] of effects.entries()) state.outbox.effect({ op, index, body });
      }
      step(input, now);
    };
  };
}

export const effectMutants = {
  "effects-at-backups": {
    mistake: "a backup begins what the state wants done outside",
    inReplica: effectsAlso((state) => state.isBackup),
  },
  "effects-on-replay": {
    mistake: "a replica that comes back begins what it wanted done when it first ran its log",
    inReplica: effectsAlso((_state, op, recovered) => op <= (recovered?.commit ?? 0)),
  },
  "effects-not-resumed": {
    mistake: "a new primary does not go on with what the state still wants done",
    inReplica: ({ state }) => {
      state.outbox.resume = () => undefined;
    },
  },
  "effects-at-prepare": {
    mistake: "the primary begins what a call wants done when it prepares it",
    inReplica: ({ state }) => {
      const append = state.appendEntry.bind(state);
      state.appendEntry = (entry) => {
        append(entry);
        const body = new Uint8Array(0);
        if (state.leads) state.outbox.effect({ op: entry.op, index: 0, body });
      };
    },
  },
  "pulse-until-acknowledged": {
    mistake: "a pulse is prepared again as long as it is not committed",
    inReplica: ({ state }) => {
      let { pulse } = state;
      computed(
        state,
        "pulse",
        () => pulse && { body: pulse.body, prepared: false },
        (next) => {
          pulse = next;
        },
      );
    },
  },
  "checkpoint-by-own-count": {
    mistake: "a replica takes a checkpoint when it has itself run so many ops in normal operation",
    inReplica: ({ state }) => {
      const apply = state.outbox.apply.bind(state.outbox);
      let ran = 0;
      state.outbox.apply = ({ checkpoint: _agreed, ...committed }) => {
        if (state.status === "normal") ran++;
        const isDue = ran > 0 && ran % state.options.config.checkpointEvery === 0;
        apply(isDue ? { ...committed, checkpoint: true } : committed);
      };
    },
  },
} satisfies Readonly<Record<string, Plant>>;
