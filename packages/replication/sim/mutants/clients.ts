/** Bugs around sessions, at the replicas and at the client. */
import type { Plant } from "./plant.ts";

export const clientMutants = {
  "client-keeps-its-name": {
    mistake: "a client that comes back takes its old name, and gets the replies of its old calls",
    profile: "clients",
    clientId: (address) => address.toString(16).padStart(32, "0"),
  },
  "evicted-by-the-clock": {
    mistake: "each replica forgets a client when its own clock says that it has been idle",
    profile: "clients",
    inReplica: (replica) => {
      const { clients } = replica.state;
      const step = replica.step.bind(replica);
      const judge = clients.judge.bind(clients);
      const heard = new Map<string, number>();
      let ticks = 0;
      replica.step = (input, now) => {
        if (input.type === "tick") ticks++;
        step(input, now);
      };
      clients.judge = (request) => {
        const last = heard.get(request.client) ?? ticks;
        heard.set(request.client, ticks);
        return request.kind === "call" && ticks - last > 60 ? "no_session" : judge(request);
      };
    },
  },
  "limits-differ": {
    mistake: "replicas have room for different numbers of sessions",
    profile: "clients",
    inConfig: (config, index) => ({ ...config, sessionsMax: config.sessionsMax + index }),
  },
  "reply-not-kept": {
    mistake: "a reply that was lost on its way cannot be sent again",
    profile: "clients",
    inReplica: ({ state }) => {
      state.clients.keepReply = () => undefined;
    },
  },
  "any-session-will-do": {
    mistake: "a session that was evicted and registered anew goes on with the old one's calls",
    profile: "clients",
    inReplica: ({ state }) => {
      const { clients } = state;
      const judge = clients.judge.bind(clients);
      clients.judge = (request) => {
        const session = clients.sessionOf(request.client) ?? request.session;
        return judge(request.kind === "call" ? { ...request, session } : request);
      };
    },
  },
} satisfies Readonly<Record<string, Plant>>;
