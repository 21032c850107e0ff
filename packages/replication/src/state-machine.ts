/**
 * Any actor as a deterministic state machine: committed requests in, encoded replies out.
 *
 * What a handler learns about time and chance comes from the log, so every replica computes the
 * same. A handler that throws has done nothing: the memory is rebuilt from the last snapshot and
 * the steps since, without the one that threw, and the call answers the error (I58). `ctx.fail`
 * refuses a call and rebuilds nothing, so it must come before the handler changes the state.
 */
import {
  type AnyActorDefinition,
  CallAbortedError,
  type ExitReason,
  type MonitorId,
} from "@troupe/actor";
import type { Codec } from "@troupe/cluster/runtime";
import type { ActorMemory } from "./actor-memory.ts";
import { RunningChecksum } from "./checksum.ts";
import { NotReplicableError } from "./errors.ts";
import { handlerOf } from "./handler.ts";
import type { Applied, StateIntake, StateMachine } from "./machine-port.ts";
import { isRefusal, type Operation, OutcomeEncoder } from "./outcome.ts";
import { decodePulse } from "./pulse.ts";
import {
  type Asked,
  type ContextSources,
  type Place,
  ReplicatedContext,
} from "./replicated-context.ts";
import type { ShelvedSlices } from "./slice-shelf.ts";
import { readPath } from "./state-path.ts";
import { TargetRef } from "./target-ref.ts";
import type { Committed, Request, RequestName } from "./vsr/index.ts";
import { WorkingMemory } from "./working-memory.ts";

/** A handler that ran without a throw, or what was taken out of the memory without one. */
type Step =
  | { readonly place: Place; readonly kind: Run; readonly name: string; readonly arg: Uint8Array }
  | { readonly forget: () => void };

/** Told what a handler threw that has no caller: of a timer, outcome, `down`, continuation. */
export type Unheard = (operation: string, error: unknown) => void;

/** The tables of handlers that change the state. */
type Run = "call" | "cast" | "info" | "continue";

/** After so many steps the next snapshot is due: what a throw costs at most to replay. */
const stepsMax = 4096;
/** More timers than this are not fired in one op, which holds up all that comes after. */
const timersPerOp = 512;
/** More continuations than this follow no message. */
const continuationsMax = 1024;
/** What a client may ask to be run. */
const fromOutside = new Set<string>(["call", "cast", "info"]);
/** How V8 says that this process had too little of something: another replica's may have enough. */
const exhausted = ["Maximum call stack size exceeded", "Array buffer allocation failed"];
const nothing = new Uint8Array(0);

export class ActorMachine implements StateMachine {
  readonly #definition: AnyActorDefinition;
  readonly #codec: Codec;
  readonly #outcomes: OutcomeEncoder;
  readonly #sources: ContextSources;
  readonly #work: WorkingMemory;
  readonly #unheard: Unheard | undefined;
  /** What a rebuild begins with, in slices. */
  #snapshot: ShelvedSlices;
  #steps: Step[] = [];
  #snapshotDue = stepsMax;
  /** The last op that was run: what a query sees, in its time. */
  #last = { op: 0, timestamp: 0 };
  #queries = 0;
  /** How many continuations follow the message that is being handled. */
  #continued = 0;

  /**
   * `seed` names the history, `group` the group. Throws what `init` throws, and
   * NotSerializableError if its state cannot be encoded.
   */
  constructor(
    definition: AnyActorDefinition,
    arg: unknown,
    codec: Codec,
    seed: string,
    group = "",
    unheard?: Unheard,
  ) {
    this.#definition = definition;
    this.#unheard = unheard;
    this.#codec = codec;
    this.#outcomes = new OutcomeEncoder(definition, codec);
    this.#sources = {
      definition,
      seed,
      group,
      encode: (value, root) => codec.encode(value, root),
      encodeReply: (value) => this.#outcomes.value(value, this.#last.op),
      encodeRefusal: (error) => this.#outcomes.refusal(error, this.#last.op),
    };
    // A copy: the caller's own object must not become a part of the state.
    const own = codec.decode(codec.encode(arg));
    const place = { op: 0, index: 0, timestamp: 0, bare: "init" };
    const state = definition.init(own, new ReplicatedContext(this.#sources, place));
    if (isThenable(state)) throw new NotReplicableError("an asynchronous init", "not_run");
    this.#work = new WorkingMemory(codec, this.#sources.encodeRefusal, state);
    const { take, end } = this.#work.intake();
    for (const slice of this.#work.slices()) take(slice);
    this.#snapshot = end();
  }

  /** When the next timer is due, in milliseconds of the log's time; undefined if none is set. */
  get nextDue(): number | undefined {
    return this.#work.nextDue;
  }

  /** What is open, for whoever carries it out and for reports; to be read only. */
  get memory(): Pick<ActorMemory, "timers" | "effects" | "deferred" | "monitors"> {
    return this.#work.now;
  }

  apply(committed: Committed): Applied {
    this.#last = committed;
    // Between two ops only: what is named by its place in an op is named so again by a rebuild.
    if (this.#steps.length >= this.#snapshotDue) this.#takeSnapshot();
    this.#work.outcomes = { late: [], effects: [] };
    const replies = committed.requests.map((request, index) => {
      if (request.kind === "call") return this.#run(committed, request, index);
      if (request.kind === "pulse") this.#beat(committed, request.body, index);
      return nothing;
    });
    return { replies, ...this.#work.outcomes };
  }

  answer(query: Uint8Array): Uint8Array {
    const { op, timestamp } = this.#last;
    try {
      // Whatever kind it says: only a query may run outside the log.
      const [kind, name, arg] = this.#codec.decode(query) as Operation;
      if (kind === "read") return this.#outcomes.value(readPath(this.#work.now.state, arg), op);
      const index = `query ${++this.#queries}`;
      const handler = handlerOf(this.#definition, "query", name, arg);
      if (!(typeof handler === "function")) return this.#outcomes.refusal(handler, op);
      const place = { op, index, timestamp, bare: "a query" };
      const ctx = new ReplicatedContext(this.#sources, place, this.#work.now);
      return this.#outcomes.value(handler(this.#work.now.state, arg, ctx), op);
    } catch (error) {
      return this.#outcomes.failure(error, op);
    }
  }

  *snapshot(): Iterable<Uint8Array> {
    this.#goOnFrom(yield* this.#work.capture(() => this.#rebuild()));
  }

  restore(at: { readonly op: number; readonly timestamp: number }): StateIntake {
    const { take, end } = this.#work.intake();
    return {
      take,
      end: () => {
        this.#goOnFrom(end());
        this.#last = at;
      },
    };
  }

  digest(extra: unknown): string {
    const sum = new RunningChecksum();
    for (const slice of this.#work.slices()) sum.add(slice);
    sum.add(this.#codec.encode(extra));
    return sum.end();
  }

  #run(committed: Committed, request: Request, index: number): Uint8Array | undefined {
    const { op, timestamp } = committed;
    let operation: Operation;
    try {
      operation = this.#codec.decode(request.body) as Operation;
      const [kind, name, arg] = operation;
      if (kind === "abandon") return this.#abandon(request, arg);
      const handler = handlerOf(this.#definition, fromOutside.has(kind) ? kind : "", name, arg);
      if (!(typeof handler === "function")) return this.#outcomes.refusal(handler, op);
    } catch (error) {
      return this.#outcomes.failure(error, op);
    }
    const [kind, name] = operation as readonly [Run, string, unknown];
    const call = kind === "call" ? nameOf(request) : undefined;
    this.#continued = 0;
    const place = { op, index, timestamp, call, room: continuationsMax };
    const step = { place, kind, name, arg: request.body };
    let reply: Uint8Array | undefined;
    this.#attempt(
      () => {
        const [value, ctx] = this.#perform(step, operation[2]);
        // Encoded before the step counts as done: a reply that cannot be sent is a throw as well.
        const answer = kind === "call" ? value : undefined;
        reply = ctx.hasDeferred ? undefined : this.#outcomes.value(answer, op);
        return ctx;
      },
      step,
      (error) => {
        reply = this.#outcomes.failure(error, op);
      },
    );
    return reply;
  }

  /** Runs a message that nobody waits for; one that throws has done nothing. */
  #runAlone(place: Place, kind: Run, name: string, arg: Uint8Array): void {
    const step = { place, kind, name, arg };
    const perform = () => this.#perform(step, this.#codec.decode(arg))[1];
    this.#attempt(perform, step, (error) => {
      if (!isRefusal(error)) this.#unheard?.(name, error);
    });
  }

  /** Performs a step, lets take place what it asks for, and remembers it; or undoes it. */
  #attempt(
    perform: () => ReplicatedContext,
    step: Extract<Step, { place: Place }>,
    failed: (error: unknown) => void,
  ): void {
    let asked: readonly Asked[];
    try {
      ({ asked } = perform());
    } catch (error) {
      if (error instanceof RangeError && exhausted.includes(error.message)) throw error;
      if (isRefusal(error)) this.#steps.push(step);
      else this.#rebuild();
      failed(error);
      return;
    }
    this.#steps.push(step);
    if (asked.length === 0) return;
    this.#work.fulfil(step.place, asked);
    this.#goOn(step.place, asked);
  }

  /** What `ctx.continue` asked for runs before anything else, each by itself. */
  #goOn(place: Place, asked: readonly Asked[]): void {
    const continuations = asked.filter((one) => one.type === "continue");
    this.#continued += continuations.length;
    for (const [i, { name, arg }] of continuations.entries()) {
      const { op, timestamp } = place;
      const room = continuationsMax - this.#continued;
      this.#runAlone({ op, index: `${place.index}+${i}`, timestamp, room }, "continue", name, arg);
    }
  }

  #perform(step: Extract<Step, { place: Place }>, arg: unknown): [unknown, ReplicatedContext] {
    const { place, kind, name } = step;
    const handler = handlerOf(this.#definition, kind, name, arg);
    if (!(typeof handler === "function")) throw handler;
    const ctx = new ReplicatedContext(this.#sources, place, this.#work.now);
    const value = handler(this.#work.now.state, arg, ctx);
    if (isThenable(value)) throw new NotReplicableError(`the asynchronous handler "${name}"`);
    return [value, ctx];
  }

  /** What the group tells itself: what has been done, what came of it, who is over, what is due. */
  #beat({ op, timestamp }: Committed, body: Uint8Array, request: number): void {
    const { done, downs, outcomes } = decodePulse(this.#codec, body);
    if (done.length > 0) {
      this.#forget(() => {
        for (const name of done) this.#work.now.effects.delete(name);
      });
    }
    for (const [name, outcome] of outcomes) {
      const index = `${request}/effect ${name}`;
      this.#continued = 0;
      this.#settled({ op, index, timestamp, room: continuationsMax }, name, outcome);
    }
    for (const [monitor, reason] of downs) {
      const index = `${request}/down ${monitor}`;
      this.#continued = 0;
      this.#down({ op, index, timestamp, room: continuationsMax }, monitor, reason);
    }
    const now = Math.floor(timestamp / 1000);
    for (let fired = 0; fired < timersPerOp; fired++) {
      const id = this.#work.dueAt(now) ?? "";
      const timer = this.#work.now.timers.get(id);
      if (timer === undefined) return;
      this.#forget(() => this.#work.now.timers.delete(id));
      const index = `${request}/timer ${id}`;
      this.#continued = 0;
      const place = { op, index, timestamp, room: continuationsMax };
      this.#runAlone(place, timer.kind, timer.name, timer.arg);
    }
  }

  /** An effect is over with its first outcome, whatever becomes of the handler that is told. */
  #settled(place: Place, name: string, outcome: Uint8Array): void {
    const effect = this.#work.now.effects.get(name);
    if (effect?.kind !== "effect") return;
    this.#forget(() => this.#work.now.effects.delete(name));
    const { id, name: asked, info } = effect;
    if (info === undefined) return;
    const result = { id, effect: asked, ...(this.#codec.decode(outcome) as object) };
    this.#runAlone(place, "info", info, this.#codec.encode(result, "result"));
  }

  #down(place: Place, monitor: MonitorId, reason: ExitReason): void {
    const address = this.#work.now.monitors.get(monitor);
    if (address === undefined) return;
    this.#forget(() => this.#work.now.monitors.delete(monitor));
    const down = { monitor, ref: new TargetRef(address), name: undefined, reason };
    this.#runAlone(place, "info", "down", this.#codec.encode(down, "down"));
  }

  /** Takes something out of the memory, whatever becomes of the handler that follows. */
  #forget(forget: () => void): void {
    forget();
    this.#steps.push({ forget });
  }

  /** Calls whose caller has given up wait no longer: so their places in the window are free. */
  #abandon(request: Request, numbers: unknown): Uint8Array {
    const given = new Set(Array.isArray(numbers) ? numbers : []);
    const { client, session } = request;
    const abandoned = [...this.#work.now.deferred].filter(
      ([, call]) => call.client === client && call.session === session && given.has(call.number),
    );
    const { op } = this.#last;
    const body = this.#outcomes.refusal(new CallAbortedError("unknown"), op);
    this.#forget(() => {
      for (const [reply] of abandoned) this.#work.answer(reply, body);
    });
    return this.#outcomes.value(undefined, op);
  }

  /** Runs the steps since the snapshot again; each of them has run before without a throw. */
  #rebuild(): void {
    const { outcomes } = this.#work;
    this.#work.restore(this.#snapshot);
    this.#work.outcomes = { late: [], effects: [] };
    let op = 0;
    for (const step of this.#steps) {
      if ("forget" in step) {
        step.forget();
        continue;
      }
      if (step.place.op !== op) this.#work.outcomes = { late: [], effects: [] };
      op = step.place.op;
      this.#replay(step);
    }
    // They were told when their steps ran first.
    this.#work.outcomes = outcomes;
  }

  #replay(step: Extract<Step, { place: Place }>): void {
    // Decoded anew: the state may have kept, and since changed, the argument of the first run.
    const decoded = this.#codec.decode(step.arg);
    const isRequest = typeof step.place.index === "number";
    try {
      const arg = isRequest ? (decoded as Operation)[2] : decoded;
      this.#work.fulfil(step.place, this.#perform(step, arg)[1].asked);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }

  /**
   * Goes on from the snapshot itself, so that the state after a rebuild has the same shape as one
   * that never needed any: where two places shared an object, they no longer do.
   */
  #takeSnapshot(): void {
    try {
      Array.from(this.snapshot());
    } catch {
      // A handler has put something into the state that cannot be encoded: the same on every
      // replica, so it must not stop them all. The older snapshot serves, with more to replay.
      this.#snapshotDue += stepsMax;
    }
  }

  #goOnFrom(slices: ShelvedSlices): void {
    this.#snapshot.clear();
    this.#snapshot = slices;
    this.#steps = [];
    this.#snapshotDue = stepsMax;
  }
}

function nameOf({ client, session, number }: Request): RequestName {
  return { client, session, number };
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
