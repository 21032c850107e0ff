/** An actor that does everything which an actor can do on every host, and notes what it did. */
import { inspect } from "node:util";
import {
  type AnyRef,
  defineActor,
  type EffectOptions,
  type EffectResult,
  type MonitorId,
  ReplyError,
  type ReplyTo,
  type TimerId,
} from "@troupe/actor";

/** What it may be told to do inside of one message besides noting it. */
export type Deed =
  | readonly ["timer", label: string, ms: number]
  | readonly ["chain", label: string, ms: number]
  | readonly ["cancel", label: string]
  | readonly ["tell", text: string]
  | readonly ["tell self", text: string]
  | readonly ["cast self", text: string]
  | readonly ["continue", times: number]
  | readonly ["watch"]
  | readonly ["unwatch"]
  | readonly ["release", value: unknown]
  | readonly ["refuse", code: string]
  | readonly ["effect", name: "echo" | "refuses" | "breaks" | "is bad", arg: unknown]
  | readonly ["hang", ms: number]
  | readonly ["misuse"];

export interface ClerkStart {
  /** The shortest time that it tells apart, in milliseconds: hosts are late by less than that. */
  readonly coarseMs: number;
  /** The state of another clerk, as its query `all` gives it. */
  readonly saved?: { readonly sum: number; readonly notes: string[]; readonly shelf: unknown };
}

interface State {
  readonly coarseMs: number;
  sum: number;
  notes: string[];
  readonly shelf: Map<string, unknown>;
  readonly waiting: ReplyTo<unknown>[];
  readonly timers: Map<string, TimerId>;
  readonly watches: MonitorId[];
  friend: AnyRef | undefined;
  /** The ids of effects whose outcomes have not come. */
  readonly open: string[];
  /** What came of effects, in no order that hosts would agree on. */
  readonly outcomes: unknown[];
}

interface Able {
  readonly self: AnyRef;
  now(): number;
  sendAfter(ms: number, message: string, arg?: unknown): TimerId;
  cancel(timer: TimerId): boolean;
  send(target: AnyRef, message: string, arg?: unknown): void;
  cast(target: AnyRef, operation: string, arg?: unknown): void;
  continue(operation: string, arg?: unknown): void;
  monitor(target: AnyRef): MonitorId;
  demonitor(monitor: MonitorId): void;
  reply<R>(to: ReplyTo<R>, reply: R): void;
  refuse(to: ReplyTo<never>, refusal: string, data?: unknown): void;
  effect(name: string, arg?: unknown, options?: EffectOptions): string;
}

const notesMax = 40;
const outcomesMax = 1000;

function note(s: State, what: string, ctx: Pick<Able, "now">): string {
  const line = `${what} at ${Math.floor(ctx.now() / s.coarseMs)}`;
  s.notes.push(line);
  if (s.notes.length > notesMax) s.notes.shift();
  return line;
}

function perform(s: State, deed: Deed, ctx: Able): unknown {
  const [what, first, second] = deed;
  note(s, what, ctx);
  switch (what) {
    case "timer":
    case "chain":
      s.timers.set(first as string, ctx.sendAfter(second as number, what, first));
      return s.timers.size;
    case "cancel":
      return ctx.cancel(s.timers.get(first as string) ?? "none");
    case "tell":
      if (s.friend !== undefined) ctx.cast(s.friend, "hear", first);
      return s.friend !== undefined;
    case "tell self":
      return ctx.send(ctx.self, "hear", first);
    case "cast self":
      return ctx.cast(ctx.self, "hear", first);
    case "continue":
      return ctx.continue("next", first);
    case "watch":
      if (s.friend !== undefined) s.watches.push(ctx.monitor(s.friend));
      return s.watches.length;
    case "unwatch":
      for (const watch of s.watches.splice(0)) ctx.demonitor(watch);
      return undefined;
    case "release":
      for (const to of s.waiting.splice(0, 1)) ctx.reply(to, [first, s.sum]);
      return s.waiting.length;
    case "refuse":
      for (const to of s.waiting.splice(0, 1)) ctx.refuse(to as never, first as string, s.sum);
      return s.waiting.length;
    case "effect":
      s.open.push(ctx.effect(first as string, second, { info: "came" }));
      return s.open.length;
    case "hang":
      s.open.push(ctx.effect("hangs", undefined, { info: "came", timeout: first as number }));
      return s.open.length;
    case "misuse":
      return ctx.sendAfter(1, "no such message");
  }
}

/** Does all of it and throws: then it has done nothing, or is no more. */
function throwAfter(s: State, deeds: readonly Deed[], ctx: Able): never {
  s.shelf.clear();
  for (const deed of deeds) perform(s, deed, ctx);
  throw new RangeError("dropped it");
}

export const Clerk = defineActor("clerk", {
  init: ({ coarseMs, saved }: ClerkStart): State => ({
    coarseMs,
    sum: saved?.sum ?? 0,
    notes: saved?.notes ?? [],
    shelf: (saved?.shelf ?? new Map()) as Map<string, unknown>,
    waiting: [],
    timers: new Map(),
    watches: [],
    friend: undefined,
    open: [],
    outcomes: [],
  }),
  queries: {
    all: ({ sum, notes, shelf, waiting, timers, watches, open, outcomes }) => ({
      sum,
      notes,
      shelf,
      waiting: waiting.length,
      timers: [...timers.keys()],
      watches: watches.length,
      open: open.length,
      outcomes: new Map(outcomes.map((outcome) => [inspect(outcome), outcome] as const).sort()),
    }),
    look: (s, place: string) => s.shelf.get(place),
    refuseToLook: (_s, why: unknown, ctx) => ctx.fail("blind", why),
  },
  calls: {
    befriend: (s, friend: AnyRef) => {
      s.friend = friend;
    },
    add: (s, n: number, ctx) => {
      s.sum += n;
      return note(s, `${n}`, ctx);
    },
    put: (s, [place, value]: [string, unknown]) => {
      const before = s.shelf.get(place);
      s.shelf.set(place, value);
      return before;
    },
    /** Refuses what it does not have. */
    take: (s, n: number, ctx) => {
      if (n > s.sum) ctx.fail("too_little", { have: s.sum });
      s.sum -= n;
      return s.sum;
    },
    /** Refuses when it has changed the state already, which stays changed. */
    failLate: (s, data: unknown, ctx) => {
      s.sum += 1000;
      ctx.fail("too_late", data);
    },
    perform: (s, deed: Deed, ctx) => perform(s, deed, ctx),
    throwAfter: (s, deeds: readonly Deed[], ctx) => throwAfter(s, deeds, ctx),
    wait: (s, _: undefined, ctx) => ctx.defer<unknown>((to) => s.waiting.push(to)),
    /** Defers, and answers in the same message. */
    waitNot: (s, value: unknown, ctx) =>
      ctx.defer<unknown>((to) => {
        ctx.reply(to, value);
        ctx.reply(to, "a second answer");
        note(s, "answered", ctx);
      }),
    checked: (s, n: number) => {
      s.sum += n;
    },
    chance: (_s, _: undefined, ctx) => {
      const [random, id] = [ctx.random(), ctx.id()];
      return [random >= 0, random < 1, /^[0-9a-f]{32}$/.test(id), id === ctx.id()];
    },
  },
  casts: {
    throwAfter: (s, deeds: readonly Deed[], ctx) => throwAfter(s, deeds, ctx),
    hear: (s, text: string, ctx) => {
      note(s, `hears ${text}`, ctx);
    },
    perform: (s, deed: Deed, ctx) => {
      perform(s, deed, ctx);
    },
    failLate: (s, data: unknown, ctx) => {
      s.sum += 1000;
      ctx.fail("too_late", data);
    },
  },
  info: {
    throwAfter: (s, deeds: readonly Deed[], ctx) => throwAfter(s, deeds, ctx),
    hear: (s, text: string, ctx) => {
      note(s, `reads ${text}`, ctx);
    },
    timer: (s, label: string, ctx) => {
      s.timers.delete(label);
      note(s, `timer ${label}`, ctx);
    },
    came: (s, result: EffectResult, ctx) => {
      const at = s.open.indexOf(result.id);
      if (at < 0) note(s, "an outcome of nothing", ctx);
      else s.open.splice(at, 1);
      const came = "value" in result ? { value: result.value } : { error: result.error };
      if (s.outcomes.push([result.effect, came]) > outcomesMax) s.outcomes.shift();
      // Another try, under another id.
      const isBroken = "error" in result && result.effect === "breaks";
      if (isBroken) s.open.push(ctx.effect("echo", result.error.message, { info: "came" }));
    },
    chain: (s, label: string, ctx) => {
      note(s, `chain ${label}`, ctx);
      s.timers.set(label, ctx.sendAfter(s.coarseMs / 2, "timer", label));
    },
    down: (s, { reason }: { reason: unknown }, ctx) => {
      note(s, `down ${JSON.stringify(reason)}`, ctx);
    },
  },
  continue: {
    next: (s, times: number, ctx) => {
      s.sum += times;
      note(s, `continues ${times}`, ctx);
      if (times > 0) ctx.continue("next", times - 1);
    },
  },
  effects: {
    echo: async (arg: unknown) => arg,
    refuses: (arg: unknown): never => {
      throw new ReplyError("no", arg);
    },
    breaks: async (arg: unknown) => {
      throw new TypeError(`it broke with ${typeof arg}`);
    },
    hangs: () => new Promise(() => undefined),
    /** No wire can carry what it returns. */
    "is bad": () => ({ odd: () => 1 }),
  },
  payloads: { checked: (arg) => typeof arg === "number" || "a number" },
});

/** Whom the clerk tells things. */
export const Friend = defineActor("friend", {
  init: () => ({ heard: [] as string[] }),
  queries: { heard: (s) => [...s.heard].sort() },
  casts: {
    hear: (s, text: string) => {
      s.heard.push(text);
    },
  },
});
