/**
 * Random programs for a state machine, an actor machine that runs them, and a model that says in
 * which order a machine of OTP would: one loop over plain lists, written from gen_statem's manual.
 */
import fc from "fast-check";
import { defineStateMachine, type MachineCtx, type MachineEnterCtx } from "../../src/index.ts";

export const names = ["a", "b", "c"] as const;
export type Name = (typeof names)[number];
export type Timer = "stateTimeout" | "eventTimeout" | "x" | "y";
export type Time = number | "cancel" | "update";

/** What a handler does, one after the other. */
export type Act =
  | { readonly does: "next"; readonly to: Name }
  | { readonly does: "repeat" | "postpone" | "fail" }
  | { readonly does: "internal"; readonly event: Event }
  | { readonly does: "time"; readonly timer: Timer; readonly time: Time; readonly event: Event };

/** An event says itself what is to be done with it, by state. */
export interface Event {
  readonly id: number;
  readonly acts: Readonly<Record<Name, readonly Act[]>>;
}

export type Kind = "call" | "cast" | "info";

/** Messages that are all sent at once; then so many milliseconds pass. */
export interface Batch {
  readonly sends: readonly { readonly kind: Kind; readonly event: Event }[];
  readonly ms: number;
}

export interface Plan {
  readonly enter: Readonly<Record<Name, readonly Act[]>>;
  readonly batches: readonly Batch[];
}

/** An event is acted upon so many times; after that it is only noted. It keeps programs finite. */
const maxActs = 3;

/** What happens to a plan. */
export interface Trace {
  /** `a call 3` when an event is handled, `enter b from a` when a state is entered. */
  readonly handled: string[];
  /** The numbers of the calls, as they are answered; negative when they are refused. */
  readonly answered: number[];
}

interface Data extends Trace {
  readonly enter: Plan["enter"];
  readonly counts: Map<string, number>;
}

/** Whether it still acts. */
function counted(counts: Map<string, number>, key: string): boolean {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count <= maxActs;
}

function setTime(ctx: MachineEnterCtx<Data, Name>, act: Extract<Act, { does: "time" }>): void {
  if (act.timer === "stateTimeout") ctx.stateTimeout(act.time, act.event);
  else if (act.timer === "eventTimeout") ctx.eventTimeout(act.time, act.event);
  else ctx.timeout(act.timer, act.time, act.event);
}

function run(kind: string) {
  return (data: Data, event: Event, ctx: MachineCtx<Data, Name>) => {
    data.handled.push(`${ctx.state} ${kind} ${event.id}`);
    if (!counted(data.counts, `${event.id}`)) return event.id;
    for (const act of event.acts[ctx.state]) {
      if (act.does === "next") ctx.next(act.to);
      else if (act.does === "repeat") ctx.repeat();
      else if (act.does === "postpone") ctx.postpone();
      else if (act.does === "internal") ctx.nextEvent("run", act.event);
      else if (act.does === "time") setTime(ctx, act);
      else ctx.fail("refused");
    }
    return event.id;
  };
}

export const Puppet = defineStateMachine("puppet", {
  init: (data: Data) => ({ state: "a", data }),
  states: { a: {}, b: {}, c: {} },
  any: {
    enter: (data, previous, ctx) => {
      data.handled.push(`enter ${ctx.state} from ${previous}`);
      if (!counted(data.counts, ctx.state)) return;
      for (const act of data.enter[ctx.state]) {
        if (act.does === "repeat") ctx.repeat();
        else if (act.does === "time") setTime(ctx, act);
      }
    },
    calls: { run: run("call") },
    casts: { run: run("cast") },
    info: { run: run("info") },
    internal: { run: run("internal") },
    stateTimeout: run("stateTimeout"),
    eventTimeout: run("eventTimeout"),
    timeouts: { x: run("x"), y: run("y") },
  },
});

export function puppetData(plan: Plan): Data {
  return { enter: plan.enter, counts: new Map(), handled: [], answered: [] };
}

interface Item {
  readonly kind: Kind | "internal" | Timer;
  readonly event: Event;
}

interface Running {
  event: Event;
  /** When it is due; undefined for a timeout of zero. */
  readonly at: number | undefined;
}

/** What the machine should have done. */
export class Model implements Trace {
  readonly handled: string[] = [];
  readonly answered: number[] = [];
  readonly #enter: Plan["enter"];
  readonly #counts = new Map<string, number>();
  #state: Name = "a";
  #inside: Item[] = [];
  #postponed: Item[] = [];
  #zero: Timer[] = [];
  #outside: Item[] = [];
  #now = 0;
  /** In the order in which they were set. */
  readonly #timers = new Map<Timer, Running>();

  constructor(plan: Plan) {
    this.#enter = plan.enter;
    this.#settleTimers("a", this.#entering("a", "a"));
    this.#work();
    for (const { sends, ms } of plan.batches) {
      this.#outside.push(...sends);
      this.#work();
      this.#pass(ms);
    }
  }

  #work(): void {
    for (let item = this.#next(); item !== undefined; item = this.#next()) this.#handle(item);
  }

  #next(): Item | undefined {
    const inside = this.#inside.shift();
    if (inside !== undefined) return inside;
    const timer = this.#zero.shift();
    return timer === undefined ? this.#outside.shift() : this.#expired(timer);
  }

  #expired(timer: Timer): Item {
    const { event } = this.#timers.get(timer) as Running;
    this.#timers.delete(timer);
    return { kind: timer, event };
  }

  #pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let first: Timer | undefined;
      for (const [timer, { at = Number.POSITIVE_INFINITY }] of this.#timers) {
        const best = first === undefined ? end : (this.#timers.get(first)?.at ?? end);
        if (first === undefined ? at <= best : at < best) first = timer;
      }
      if (first === undefined) break;
      this.#now = this.#timers.get(first)?.at ?? end;
      this.#outside.push(this.#expired(first));
      this.#work();
    }
    this.#now = end;
  }

  #handle(item: Item): void {
    const { event, kind } = item;
    this.handled.push(`${this.#state} ${kind} ${event.id}`);
    const acts = counted(this.#counts, `${event.id}`) ? event.acts[this.#state] : [];
    if (acts.some(({ does }) => does === "fail")) {
      if (kind === "call") this.answered.push(-event.id);
      return;
    }
    let to = this.#state;
    let enters = false;
    for (const act of acts) {
      if (act.does === "next") to = act.to;
      else if (act.does === "repeat") to = this.#state;
      if (act.does === "next") enters = to !== this.#state;
      else if (act.does === "repeat") enters = true;
    }
    const timing = [...acts, ...(enters ? this.#entering(to, this.#state) : [])];
    if (acts.some(({ does }) => does === "postpone")) this.#postponed.push(item);
    else if (kind === "call") this.answered.push(event.id);
    const inserted = acts.flatMap((act) => (act.does === "internal" ? [act.event] : []));
    const retried = to === this.#state ? [] : this.#postponed.splice(0);
    this.#inside = [
      ...inserted.map((one): Item => ({ kind: "internal", event: one })),
      ...retried,
      ...this.#inside,
    ];
    this.#settleTimers(to, timing);
  }

  /** What the enter handlers do, one after the other. */
  #entering(to: Name, from: Name): Act[] {
    this.handled.push(`enter ${to} from ${from}`);
    const acts = counted(this.#counts, to) ? this.#enter[to] : [];
    const repeats = acts.some(({ does }) => does === "repeat");
    return repeats ? [...acts, ...this.#entering(to, from)] : [...acts];
  }

  #settleTimers(to: Name, acts: readonly Act[]): void {
    if (to !== this.#state) this.#cancel("stateTimeout");
    this.#state = to;
    this.#cancel("eventTimeout");
    const timing = acts.filter((act) => act.does === "time");
    for (const [i, { timer, time, event }] of timing.entries()) {
      if (timing.slice(i + 1).some((later) => later.timer === timer)) continue;
      const running = this.#timers.get(timer);
      if (time === "update" && running !== undefined) {
        running.event = event;
        continue;
      }
      this.#cancel(timer);
      if (time === "cancel") continue;
      const ms = time === "update" ? 0 : time;
      if (ms === 0) this.#zero.push(timer);
      this.#timers.set(timer, { event, at: ms === 0 ? undefined : this.#now + ms });
    }
  }

  #cancel(timer: Timer): void {
    this.#timers.delete(timer);
    this.#zero = this.#zero.filter((one) => one !== timer);
  }
}

/** Random plans; `times` are those of timeouts, and `fails` says whether events may be refused. */
export function plans(times: readonly Time[], fails: boolean): fc.Arbitrary<Plan> {
  const event = (depth: number): fc.Arbitrary<Event> =>
    fc.record({
      id: fc.constant(0),
      acts: fc.record({ a: acts(depth), b: acts(depth), c: acts(depth) }),
    });
  const time = (depth: number): fc.Arbitrary<Act> =>
    fc.record({
      does: fc.constant("time" as const),
      timer: fc.constantFrom<Timer>("stateTimeout", "eventTimeout", "x", "y"),
      time: fc.constantFrom(...times),
      event: event(depth - 1),
    });
  const acts = (depth: number): fc.Arbitrary<Act[]> => {
    const choices: fc.Arbitrary<Act>[] = [
      fc.record({ does: fc.constant("next" as const), to: fc.constantFrom(...names) }),
      fc.record({ does: fc.constantFrom("postpone" as const, "repeat" as const) }),
    ];
    if (fails) choices.push(fc.record({ does: fc.constant("fail" as const) }));
    if (depth === 0) return fc.array(fc.oneof(...choices), { maxLength: 2 });
    choices.push(fc.record({ does: fc.constant("internal" as const), event: event(depth - 1) }));
    return fc.array(fc.oneof(...choices, time(depth)), { maxLength: 3 });
  };
  const repeat = fc.record({ does: fc.constant("repeat" as const) });
  const entering = fc.array(fc.oneof(repeat, time(1)), { maxLength: 1 });
  const send = fc.record({ kind: fc.constantFrom<Kind>("call", "cast", "info"), event: event(2) });
  const batch = fc.record({
    sends: fc.array(send, { maxLength: 5 }),
    ms: fc.constantFrom(0, 7, 20),
  });
  return fc
    .record({
      enter: fc.record({ a: entering, b: entering, c: entering }),
      batches: fc.array(batch, { maxLength: 3 }),
    })
    .map(numbered);
}

/** The plan with its events numbered from 1, in the order in which they stand. */
function numbered(plan: Plan): Plan {
  let lastId = 0;
  const byState = (acts: Event["acts"]): Event["acts"] => ({
    a: acts.a.map(renumber),
    b: acts.b.map(renumber),
    c: acts.c.map(renumber),
  });
  const one = ({ acts }: Event): Event => {
    lastId += 1;
    return { id: lastId, acts: byState(acts) };
  };
  const renumber = (act: Act): Act => ("event" in act ? { ...act, event: one(act.event) } : act);
  return {
    enter: byState(plan.enter),
    batches: plan.batches.map(({ sends, ms }) => ({
      sends: sends.map((send) => ({ ...send, event: one(send.event) })),
      ms,
    })),
  };
}
