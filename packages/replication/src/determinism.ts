/**
 * Whether an actor computes the same on every replica: a check for tests, before a group finds out.
 *
 * The operations run on three machines, one after the other. The second one goes on from a snapshot
 * after each, as a replica does that was restarted; the third runs when the others are done, so
 * that what a handler keeps outside of the state shows. Meanwhile the doors to time and chance tell
 * who goes through them.
 */
import type { AnyActorDefinition } from "@troupe/actor";
import type { Codec } from "@troupe/cluster/runtime";
import { DeterminismError } from "./errors.ts";
import type { Operation } from "./outcome.ts";
import { encodePulse } from "./pulse.ts";
import { ActorMachine } from "./state-machine.ts";
import { stateCodec } from "./target-ref.ts";
import type { Request } from "./vsr/index.ts";

/** One thing to run: an operation, or so many milliseconds that pass, after which timers fire. */
export type DeterminismStep =
  | readonly [kind: "call" | "cast" | "info", name: string, arg?: unknown]
  | readonly [kind: "query", name: string, arg?: unknown]
  | readonly [kind: "after", ms: number];

/** What a step showed: its reply, and the state after it. */
interface Shown {
  readonly reply: string;
  readonly digest: string;
}

const startMs = Date.UTC(2026, 0, 1);
const client = "0".repeat(32);
/** What a pulse may have; this one says nothing. */
const pulseBytes = 1024;

/**
 * Runs operations on an actor as replicas would, and compares. Throws DeterminismError, which names
 * the step and what is wrong: a handler that asks `Date`, `Math.random`, `performance` or `crypto`
 * instead of `ctx`, keeps something outside of the state, relies on two places of the state being
 * one object, or a query that changes the state. Throws what `init` throws, and
 * NotSerializableError for a state that cannot be encoded.
 *
 * @example
 * ```ts
 * checkDeterminism(Counter, { start: 0 }, [["call", "add", 5], ["after", 1000], ["query", "get"]]);
 * ```
 */
export function checkDeterminism(
  definition: AnyActorDefinition,
  arg: unknown,
  steps: readonly DeterminismStep[],
): void {
  const first = runAll(definition, arg, steps, false);
  compare(definition, steps, first, runAll(definition, arg, steps, true), "after a restart");
  compare(definition, steps, first, runAll(definition, arg, steps, false), "when it ran again");
}

function compare(
  { name }: AnyActorDefinition,
  steps: readonly DeterminismStep[],
  first: readonly Shown[],
  second: readonly Shown[],
  when: string,
): void {
  for (const [i, step] of steps.entries()) {
    const what = `step ${i} (${step[0]} ${step[1]}) of ${name}`;
    if (first[i]?.reply !== second[i]?.reply) {
      throw new DeterminismError(what, `it answered something else ${when}`);
    }
    if (first[i]?.digest !== second[i]?.digest) {
      throw new DeterminismError(what, `it left another state ${when}`);
    }
  }
}

function runAll(
  definition: AnyActorDefinition,
  arg: unknown,
  steps: readonly DeterminismStep[],
  restarts: boolean,
): Shown[] {
  const run = new CheckedRun(definition, arg);
  return steps.map((step, i) => {
    const what = `step ${i} (${step[0]} ${step[1]}) of ${definition.name}`;
    const shown = run.step(step, what);
    if (restarts) run.restart();
    return shown;
  });
}

class CheckedRun {
  readonly #make: () => ActorMachine;
  readonly #codec: Codec = stateCodec();
  #machine: ActorMachine;
  #op = 0;
  #nowMs = startMs;

  constructor(definition: AnyActorDefinition, arg: unknown) {
    this.#make = () => new ActorMachine(definition, arg, this.#codec, "determinism", "check");
    this.#machine = watched(`init of ${definition.name}`, this.#make);
  }

  step(step: DeterminismStep, what: string): Shown {
    if (step[0] === "query") return this.#query(step, what);
    if (step[0] === "after") this.#nowMs += step[1];
    const request = step[0] === "after" ? this.#pulse() : this.#call(step);
    const committed = { op: ++this.#op, view: 0, timestamp: this.#nowMs * 1000 };
    const applied = watched(what, () => this.#machine.apply({ ...committed, requests: [request] }));
    const late = (applied.late ?? []).map(({ body }) => body);
    return this.#shown([...applied.replies, ...late]);
  }

  /** Goes on as a replica does that comes back with a snapshot. */
  restart(): void {
    const slices = [...this.#machine.snapshot()];
    this.#machine = this.#make();
    const intake = this.#machine.restore({ op: this.#op, timestamp: this.#nowMs * 1000 });
    for (const slice of slices) intake.take(slice);
    intake.end();
  }

  #query([, name, arg]: readonly [string, string, unknown?], what: string): Shown {
    const before = this.#machine.digest(undefined);
    const operation: Operation = ["query", name, arg];
    const body = this.#codec.encode(operation);
    const shown = this.#shown([watched(what, () => this.#machine.answer(body))]);
    if (shown.digest === before) return shown;
    throw new DeterminismError(what, "a query changed the state");
  }

  #shown(replies: readonly (Uint8Array | undefined)[]): Shown {
    const reply = replies.map((body) => Buffer.from(body ?? []).toString("hex")).join();
    return { reply, digest: this.#machine.digest(undefined) };
  }

  #call([kind, name, arg]: readonly ["call" | "cast" | "info", string, unknown?]): Request {
    const operation: Operation = [kind, name, arg];
    const body = this.#codec.encode(operation);
    return { kind: "call", client, session: 1, number: this.#op + 1, acked: 1, body };
  }

  #pulse(): Request {
    const body = encodePulse(this.#codec, { done: [], downs: [], outcomes: [] }, pulseBytes);
    return { kind: "pulse", client: "", session: 0, number: 0, acked: 0, body };
  }
}

/** The doors to time and chance: whose, and which. */
const doors: readonly (readonly [owner: object, name: string, what: string])[] = [
  [Math, "random", "Math.random"],
  [Date, "now", "Date.now"],
  [performance, "now", "performance.now"],
  [crypto, "randomUUID", "crypto.randomUUID"],
  [crypto, "getRandomValues", "crypto.getRandomValues"],
  [globalThis, "setTimeout", "setTimeout"],
  [globalThis, "fetch", "fetch"],
];

/** Runs something while the doors are watched, and puts them back as they were. */
function watched<T>(what: string, run: () => T): T {
  const used = new Set<string>();
  const restores = doors.map(([owner, name, door]) => watch(owner, name, () => used.add(door)));
  restores.push(watchDate(() => used.add("new Date()")));
  let result: T;
  try {
    result = run();
  } finally {
    for (const restore of restores) restore();
  }
  const [door] = used;
  if (door === undefined) return result;
  throw new DeterminismError(what, `it uses ${door}; ctx has what is the same on every replica`);
}

function watch(owner: object, name: string, told: () => void): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") return () => undefined;
  const value = (...args: unknown[]): unknown => {
    told();
    return Reflect.apply(original, owner, args);
  };
  Object.defineProperty(owner, name, { configurable: true, writable: true, value });
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, own);
  };
}

/** A date of no argument is now; one that is made of something is plain data. */
function watchDate(told: () => void): () => void {
  const original = globalThis.Date;
  globalThis.Date = new Proxy(original, {
    construct: (target, args, newTarget) => {
      if (args.length === 0) told();
      return Reflect.construct(target, args, newTarget === globalThis.Date ? target : newTarget);
    },
  });
  return () => {
    globalThis.Date = original;
  };
}
