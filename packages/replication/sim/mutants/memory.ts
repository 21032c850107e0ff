/** Bugs of groups without journals: lives, recovery, and who is lost. */
import { quorumOf } from "@troupe/replication/runtime";
import { computed, type Of, type Plant, type Received, receiving, type State } from "./plant.ts";

type Lives = NonNullable<State["memory"]>;

/** Changes what a recovering replica is told. */
function answering(
  replica: Parameters<typeof receiving>[0],
  change: (
    response: Of<"recovery_response">,
    memory: Lives,
    input: Received,
  ) => Received["message"],
): void {
  receiving(replica, (input, { memory }) => {
    const { message } = input;
    if (message.type !== "recovery_response" || memory === undefined) return input;
    return { ...input, message: change(message, memory, input) };
  });
}

/** Lets messages of some types of a life that has ended pass for those of the one that followed. */
function passing(...types: readonly string[]): NonNullable<Plant["inReplica"]> {
  return (replica) => {
    receiving(replica, (input, { memory }) => {
      const { message, from } = input;
      const { crash_vector: lives } = message;
      if (memory === undefined || lives === undefined || !types.includes(message.type))
        return input;
      const known = lives.map((life, i) =>
        i === from ? Math.max(life, memory.crash.of(i)) : life,
      );
      return { ...input, message: { ...message, crash_vector: known } };
    });
  };
}

export const memoryMutants = {
  "lives-not-merged": {
    mistake: "a replica takes in nothing of what others tell it of lives",
    profile: "memory",
    inReplica: ({ state }) => {
      if (state.memory !== undefined) state.memory.crash.merge = () => [];
    },
  },
  "vote-of-an-ended-life": {
    mistake: "votes count that a replica sent in a life before",
    profile: "voters",
    inReplica: passing("start_view_change", "do_view_change"),
  },
  "view-told-too-soon": {
    mistake: "clients are told of a view that has not begun and may never do so",
    profile: "voters",
    inReplica: ({ state }) => {
      computed(state, "toldView", () => Math.min(state.view, state.outbox.durableView));
    },
  },
  "one-response-is-enough": {
    mistake: "a replica is whole when the primary alone has answered it",
    profile: "memory",
    inReplica: ({ state }) => {
      const { memory, replicaCount } = state;
      if (memory === undefined) return;
      const { responses } = memory;
      const count = responses[Symbol.iterator].bind(responses);
      computed(responses, "size", () => ([...count()].length > 0 ? quorumOf(replicaCount) : 0));
    },
  },
  "recovers-from-a-backup": {
    mistake: "a replica takes the log of whoever answers, be it a backup",
    profile: "memory",
    inReplica: ({ state }) => {
      const { memory } = state;
      if (memory === undefined) return;
      const { responses } = memory;
      responses.get = () => [...responses.values()].find(({ view }) => view === memory.view);
    },
  },
  "recovering-one-counts": {
    mistake: "an answer counts that another replica gave which has forgotten everything too",
    profile: "memory",
    inReplica: (replica) => {
      answering(replica, (response) =>
        response.status === "recovering" ? { ...response, status: "normal" } : response,
      );
    },
  },
  "answers-while-leaving": {
    mistake: "a replica that has voted for a view tells what it knows of it, as if it were normal",
    profile: "memory",
    inReplica: (replica) => {
      const step = replica.step.bind(replica);
      replica.step = (input, now) => {
        const { state } = replica;
        const isAsked = input.type === "message" && input.message.type === "recovery";
        if (!isAsked || state.status !== "view_change") return step(input, now);
        const { view, logView } = state;
        state.status = "normal";
        state.view = logView;
        step(input, now);
        state.status = "view_change";
        state.view = view;
      };
    },
  },
  "any-view-will-do": {
    mistake:
      "a replica takes the log of the first view that it hears of, though others are further",
    profile: "memory",
    inReplica: (replica) => {
      const first = new Map<number, number>();
      answering(replica, (response, { nonce, view: highest }) => {
        if (response.status !== "normal") return response;
        const view = first.get(nonce) ?? Math.max(response.view, highest);
        first.set(nonce, view);
        return response.view > view ? { ...response, view, entries: [] } : response;
      });
    },
  },
  "life-used-again": {
    mistake: "a replica comes back under the number of the life that has ended",
    profile: "memory",
    inLife: (life) => ({ ...life, incarnation: 1 }),
  },
  "bootstrap-left-on": {
    mistake: "every start is told that the group has never run",
    profile: "memory",
    inLife: (life) => ({ ...life, bootstrap: true }),
  },
  "empty-rather-than-lost": {
    mistake: "when too many have forgotten everything they begin anew with nothing",
    profile: "memory",
    inReplica: (replica) => {
      const step = replica.step.bind(replica);
      replica.step = (input, now) => {
        step(input, now);
        const { state } = replica;
        if (state.status !== "lost") return;
        state.status = "normal";
        if (state.primary === state.index) state.timeouts.heartbeat.start();
        else state.timeouts.primarySilence.start();
      };
    },
  },
  "lost-by-hearsay": {
    mistake: "the group is given up when enough have ever said that they knew nothing",
    profile: "memory",
    inReplica: ({ state }) => {
      const { memory } = state;
      if (memory === undefined) return;
      const said = new Set<number>();
      const note = memory.noteForgetful.bind(memory);
      memory.noteForgetful = (from, round, founding, lives) => {
        said.add(from);
        note(from, round, founding, lives);
      };
      computed(memory, "forgetfulAtOnce", () => said.size + 1);
    },
  },
  "never-lost": {
    mistake: "replicas that have all forgotten everything ask each other for ever",
    profile: "memory",
    inReplica: ({ state }) => {
      if (state.memory !== undefined) computed(state.memory, "forgetfulAtOnce", () => 1);
    },
  },
} satisfies Readonly<Record<string, Plant>>;
