/** Bugs around real actors: in how they run, in what they have open, and in who carries it out. */
import { type AnyActorDefinition, type Handler, HandlerError, isActorError } from "@troupe/actor";
import type { EffectInbox, Input, Replica } from "@troupe/replication/runtime";
import type { Plant } from "./plant.ts";

const profile = "actors";

/** Of an inbox: whom it has heard last. */
const senders = new WeakMap<EffectInbox, number>();

/** Runs every handler that changes the state in another way. */
function handlersAs(
  definition: AnyActorDefinition,
  change: (handler: Handler<unknown>) => Handler<unknown>,
): AnyActorDefinition {
  const all = (table: Readonly<Record<string, Handler<unknown>>>) =>
    Object.fromEntries(Object.entries(table).map(([name, handler]) => [name, change(handler)]));
  const { calls, casts, info } = definition;
  return { ...definition, calls: all(calls), casts: all(casts), info: all(info) };
}

/** Something is not in the state that is captured. */
function notCaptured(what: "timers" | "deferred"): NonNullable<Plant["inMachine"]> {
  return (machine) => {
    const snapshot = machine.snapshot.bind(machine);
    machine.snapshot = () => {
      machine.memory[what].clear();
      return snapshot();
    };
  };
}

/** What is given or over is never taken out of the state. */
function neverForgotten(what: "deferred" | "monitors"): NonNullable<Plant["inMachine"]> {
  return (machine) => {
    const apply = machine.apply.bind(machine);
    machine.apply = (committed) => {
      machine.memory[what].delete = () => false;
      return apply(committed);
    };
  };
}

/** Whatever its state has open is begun by a replica at each tick. */
const resumeWithEachTick: NonNullable<Plant["inChores"]> = (runner) => {
  const tick = runner.tick.bind(runner);
  runner.tick = () => {
    runner.resume();
    tick();
  };
};

type Applied = Extract<Input, { readonly type: "applied" }>;

/** Changes what a replica is told that an op came to. */
function applied(
  replica: Replica,
  change: (input: Applied, state: Replica["state"]) => Applied,
): void {
  const step = replica.step.bind(replica);
  replica.step = (input, now) => {
    step(input.type === "applied" ? change(input, replica.state) : input, now);
  };
}

export const actorMutants = {
  "random-of-the-machine": {
    mistake: "chance in a handler is that of the machine that runs it",
    profile,
    inDefinition: (definition, { random }) =>
      handlersAs(definition, (handler) => (state, arg, ctx) => {
        ctx.random = random;
        return handler(state, arg, ctx);
      }),
  },
  "now-of-the-machine": {
    mistake: "a handler is told the time of the machine that runs it",
    profile,
    inDefinition: (definition, { now }) =>
      handlersAs(definition, (handler) => (state, arg, ctx) => {
        ctx.now = now;
        return handler(state, arg, ctx);
      }),
  },
  "throw-keeps-half": {
    mistake: "a handler that throws has changed the state up to there",
    profile,
    inDefinition: (definition) =>
      handlersAs(definition, (handler) => (state, arg, ctx) => {
        try {
          return handler(state, arg, ctx);
        } catch (error) {
          if (isActorError(error)) throw error;
          const { name: actor } = definition;
          const message = `a handler of ${actor} threw: ${(error as Error).message}`;
          // Answered like a throw, and undone like a refusal: not at all.
          return ctx.fail(new HandlerError(message, { actor }));
        }
      }),
  },
  "timers-not-captured": {
    mistake: "a checkpoint is without the timers that are set",
    profile,
    inMachine: notCaptured("timers"),
  },
  "deferred-not-captured": {
    mistake: "a checkpoint is without the calls whose replies are left for later",
    profile,
    inMachine: notCaptured("deferred"),
  },
  "timers-by-own-clock": {
    mistake: "each replica looks at its own clock for the timers that are due",
    profile,
    inMachine: (machine, { now }) => {
      const apply = machine.apply.bind(machine);
      machine.apply = (committed) => {
        const isPulse = committed.requests.some(({ kind }) => kind === "pulse");
        return apply(isPulse ? { ...committed, timestamp: now() * 1000 } : committed);
      };
    },
  },
  "answered-again": {
    mistake: "a reply that was left for later is owed still when it has been given",
    profile,
    inMachine: neverForgotten("deferred"),
  },
  "down-again": {
    mistake: "a monitor is there still when its actor has been said to be over",
    profile,
    inMachine: neverForgotten("monitors"),
  },
  "late-reply-not-at-backups": {
    mistake: "only the primary keeps a reply that comes later than its call ran",
    profile,
    inReplica: (replica) =>
      applied(replica, (input, { isPrimary }) => (isPrimary ? input : { ...input, late: [] })),
  },
  "late-reply-not-in-checkpoints": {
    mistake: "a checkpoint is without the replies that came later than their calls ran",
    profile,
    inReplica: (replica) => {
      const { outbox } = replica.state;
      const names = new Set<string>();
      applied(replica, (input) => {
        for (const { client, number } of input.late ?? []) names.add(`${client}/${number}`);
        return input;
      });
      const checkpoint = outbox.checkpoint.bind(outbox);
      outbox.checkpoint = (head) => {
        const clients = head.clients.map(([client, session, last, lastOp, acked, kept]) => {
          const left = kept.filter(([number]) => !names.has(`${client}/${number}`));
          return [client, session, last, lastOp, acked, left] as const;
        });
        checkpoint({ ...head, clients });
      };
    },
  },
  "carried-by-all": {
    mistake: "every replica carries the messages that its state has open",
    profile,
    inRunner: (ports) => ({ ...ports, leads: () => true }),
    inChores: resumeWithEachTick,
  },
  "not-carried-on": {
    mistake: "a new primary carries what is asked for from now on, and nothing from before",
    profile,
    inChores: (runner) => {
      runner.resume = () => runner.rest();
    },
  },
  "done-when-sent": {
    mistake: "a message counts as arrived when it has been sent",
    profile,
    inRunner: (ports) => ({
      ...ports,
      deliver: (effect, floor, done) => {
        ports.deliver(effect, floor, done);
        done();
      },
    }),
  },
  "down-told-once": {
    mistake: "that an actor is over is told to the log once, whether or not it was taken",
    profile,
    inRunner: (ports) => {
      const told = new Set<string>();
      return {
        ...ports,
        pulse: ({ downs, ...said }) => {
          const news = downs.filter(([monitor]) => !told.has(monitor));
          for (const [monitor] of news) told.add(monitor);
          ports.pulse({ ...said, downs: news });
        },
      };
    },
  },
  "named-when-sent": {
    mistake: "a message that is sent again has another name",
    profile,
    inCourier: (ports) => {
      let sent = 0;
      return {
        ...ports,
        send: (node, message) => ports.send(node, { ...message, at: message.at + ++sent }),
      };
    },
  },
  "floor-too-high": {
    mistake: "a message says that all before it has arrived",
    profile,
    inRunner: (ports) => ({
      ...ports,
      deliver: (effect, _floor, done) => ports.deliver(effect, effect.at, done),
    }),
  },
  "read-ahead": {
    mistake: "a replica that is asked alone takes itself to be an op further than it has run",
    profile,
    inReads: (ports) => ({
      ...ports,
      applied: () => {
        const applied = ports.applied();
        return applied === undefined ? undefined : applied + 1;
      },
    }),
  },
  "inbox-by-sender": {
    mistake: "a node forgets what it took when the next primary sends",
    profile,
    inInbox: (inbox, fresh, from) => {
      const before = senders.get(inbox) ?? from;
      const next = before === from ? inbox : fresh();
      senders.set(next, from);
      return next;
    },
  },
  "inbox-by-place": {
    mistake: "a node knows messages by their place in an op, whichever op that was",
    profile,
    inInbox: (inbox) => {
      if (Object.hasOwn(inbox, "receive")) return inbox;
      const receive = inbox.receive.bind(inbox);
      inbox.receive = (from, message) => receive(from, { ...message, at: 0, floor: 0 });
      return inbox;
    },
  },
  "outcome-again": {
    mistake: "an effect is open still when its outcome has been told",
    profile,
    inMachine: (machine) => {
      const apply = machine.apply.bind(machine);
      machine.apply = (committed) => {
        const { effects } = machine.memory;
        effects.delete = (name) =>
          effects.get(name)?.kind !== "effect" && Map.prototype.delete.call(effects, name);
        return apply(committed);
      };
    },
  },
  "performed-by-all": {
    mistake: "every replica performs the effects that its state has open",
    profile,
    inRunner: (ports) => ({
      ...ports,
      leads: () => true,
      deliver: (...letter) => ports.leads() && ports.deliver(...letter),
    }),
    inChores: resumeWithEachTick,
  },
  "done-when-taken-on": {
    mistake: "an effect counts as done when a primary has taken it on",
    profile,
    inRunner: (ports) => ({
      ...ports,
      perform: (effect, settled) => {
        ports.perform(effect, () => undefined);
        settled(undefined);
      },
    }),
  },
  "outcome-told-once": {
    mistake: "what came of an effect is told to the log once, and after that only that it is done",
    profile,
    inRunner: (ports) => {
      const told = new Set<string>();
      return {
        ...ports,
        pulse: ({ done, outcomes, ...said }) => {
          const news = outcomes.filter(([name]) => !told.has(name));
          const old = outcomes.map(([name]) => name).filter((name) => told.has(name));
          for (const [name] of news) told.add(name);
          ports.pulse({ ...said, done: [...done, ...old], outcomes: news });
        },
      };
    },
  },
  "id-of-the-performer": {
    mistake: "an effect gets its id from whoever performs it, so the next primary has another one",
    profile,
    inRunner: (ports) => {
      const ids = new Map<string, string>();
      return {
        ...ports,
        perform: (effect, settled) => {
          const id = ids.get(effect.id) ?? `${effect.id.slice(0, 24)}${ports.now().toString(16)}`;
          ids.set(effect.id, id);
          ports.perform({ ...effect, id }, settled);
        },
      };
    },
  },
  "waiting-effects-forgotten": {
    mistake: "a new primary performs what is asked for from now on, and nothing from before",
    profile,
    inRunner: (ports) => {
      let resumedAt = 0;
      return {
        ...ports,
        forget: () => {
          ports.forget();
          for (const { op } of ports.machine.memory.effects.values()) resumedAt = op;
        },
        perform: (effect, settled) => {
          if (effect.op > resumedAt) ports.perform(effect, settled);
        },
      };
    },
  },
} satisfies Readonly<Record<string, Plant>>;
