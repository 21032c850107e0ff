/**
 * What a replicated actor must come to, done the plain way: one machine that never fails, takes no
 * snapshot, keeps no list of steps, and undoes a throw with a copy of the state made before.
 *
 * It shares the definition, the codec and the rules that docs/replication.md states, and no code
 * with the machine that it is held against.
 */

import type { RefAddress } from "@troupe/actor";
import { type AnyActorDefinition, CallAbortedError, type Ctx, HandlerError } from "@troupe/actor";
import { toWireError, type WireError } from "@troupe/actor/runtime";
import type { Codec } from "@troupe/cluster/runtime";
import { type Committed, decodePulse, type Request } from "@troupe/replication/runtime";
import { type Asker, ReferenceContext, Refusal } from "./reference-context.ts";

/** What comes of a call. */
export type Said = { readonly value: unknown } | { readonly error: WireError };

export interface LateSaid {
  readonly client: string;
  readonly session: number;
  readonly number: number;
  readonly said: Said;
}

/** A message to somebody outside, by its name for ever. */
export interface Letter {
  readonly to: RefAddress;
  readonly kind: "info" | "cast";
  readonly name: string;
  readonly arg: unknown;
}

/** A named effect. */
export interface Deed {
  readonly id: string;
  readonly name: string;
  readonly arg: unknown;
  readonly info: string | undefined;
}

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly name: string;
  readonly arg: unknown;
}

export class Reference implements Asker {
  readonly definition: AnyActorDefinition;
  readonly seed: string;
  readonly group: string;
  readonly #codec: Codec;
  state: unknown;
  readonly timers = new Map<string, Timer>();
  readonly effects = new Map<string, Letter | Deed>();
  readonly deferred = new Map<number, Omit<LateSaid, "said">>();
  readonly monitors = new Map<string, RefAddress>();
  /** What the last op came to besides its replies. */
  late: LateSaid[] = [];
  begun: (readonly [name: string, wanted: Letter | Deed])[] = [];
  /** The effects of which the last op had the first outcome. */
  settled: (readonly [id: string, outcome: object])[] = [];
  #timersSet = 0;
  #committed: Committed = { op: 0, view: 0, timestamp: 0, requests: [] };

  constructor(definition: AnyActorDefinition, codec: Codec, seed: string, group: string) {
    this.definition = definition;
    this.#codec = codec;
    this.seed = seed;
    this.group = group;
    this.state = definition.init(undefined, undefined as unknown as Ctx<unknown>);
  }

  get op(): number {
    return this.#committed.op;
  }

  get nowMs(): number {
    return Math.floor(this.#committed.timestamp / 1000);
  }

  get timestamp(): number {
    return this.#committed.timestamp;
  }

  /** Runs an op; one answer for each request, none where it comes later or nobody asked. */
  run(committed: Committed): readonly (Said | undefined)[] {
    this.#committed = committed;
    this.late = [];
    this.begun = [];
    this.settled = [];
    return committed.requests.map((request, index) => {
      if (request.kind === "call") return this.#call(request, index);
      if (request.kind === "pulse") this.#pulse(request.body, index);
      return undefined;
    });
  }

  setTimer(id: string, timer: Omit<Timer, "order">): void {
    this.timers.set(id, { ...timer, order: ++this.#timersSet });
  }

  send(letter: Letter): void {
    this.#want(letter);
  }

  perform(deed: Deed): void {
    this.#want(deed);
  }

  answer(reply: number, said: Said): void {
    const call = this.deferred.get(reply);
    if (call === undefined) return;
    this.deferred.delete(reply);
    this.late.push({ ...call, said });
  }

  copy(value: unknown): unknown {
    return this.#codec.decode(this.#codec.encode(value));
  }

  #want(wanted: Letter | Deed): void {
    const name = `${this.op}.${this.begun.length}`;
    this.effects.set(name, wanted);
    this.begun.push([name, wanted]);
  }

  #call(request: Request, index: number): Said | undefined {
    const [kind, name, arg] = this.#codec.decode(request.body) as [string, string, unknown];
    if (kind === "abandon") return this.#abandon(request, arg as number[]);
    return this.#handle(kind, name, arg, index, kind === "call" ? request : undefined);
  }

  #abandon({ client, session }: Request, numbers: readonly number[]): Said {
    const error = toWireError(new CallAbortedError("unknown"));
    for (const [reply, call] of [...this.deferred]) {
      const isTheirs = call.client === client && call.session === session;
      if (isTheirs && numbers.includes(call.number)) this.answer(reply, { error });
    }
    return { value: undefined };
  }

  #handle(
    kind: string,
    name: string,
    arg: unknown,
    index: number | string,
    caller?: Request,
  ): Said | undefined {
    const { calls, casts, info } = this.definition;
    const handler = { call: calls, cast: casts, info }[kind]?.[name];
    if (handler === undefined) throw new Error(`the workload asks for ${kind} ${name}`);
    const before = this.#codec.encode(this.state);
    const ctx = new ReferenceContext(this, index, caller);
    try {
      const value = handler(this.state, arg, ctx as unknown as Ctx<unknown>);
      for (const take of ctx.asked) take();
      if (ctx.hasDeferred) return undefined;
      return { value: kind === "call" ? value : undefined };
    } catch (error) {
      this.state = this.#codec.decode(before);
      if (error instanceof Refusal) return { error: toWireError(error.error) };
      const { message } = error as Error;
      const { name: actor } = this.definition;
      return {
        error: toWireError(new HandlerError(`a handler of ${actor} threw: ${message}`, { actor })),
      };
    }
  }

  #pulse(body: Uint8Array, request: number): void {
    const { done, downs, outcomes } = decodePulse(this.#codec, body);
    for (const name of done) {
      const wanted = this.effects.get(name);
      if (wanted !== undefined && "id" in wanted) this.settled.push([wanted.id, {}]);
      this.effects.delete(name);
    }
    for (const [name, encoded] of outcomes) {
      const wanted = this.effects.get(name);
      if (wanted === undefined || !("id" in wanted)) continue;
      this.effects.delete(name);
      const outcome = this.#codec.decode(encoded) as object;
      this.settled.push([wanted.id, outcome]);
      const { id, name: effect, info } = wanted;
      if (info === undefined) continue;
      this.#handle("info", info, { id, effect, ...outcome }, `${request}/effect ${name}`);
    }
    for (const [monitor, reason] of downs) {
      const address = this.monitors.get(monitor);
      if (address === undefined) continue;
      this.monitors.delete(monitor);
      const down = { monitor, ref: { address }, name: undefined, reason };
      this.#handle("info", "down", down, `${request}/down ${monitor}`);
    }
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.due <= this.nowMs);
      due.sort(([, a], [, b]) => a.due - b.due || a.order - b.order);
      const [first] = due;
      if (first === undefined) return;
      const [id, { name, arg }] = first;
      this.timers.delete(id);
      this.#handle("info", name, this.copy(arg), `${request}/timer ${id}`);
    }
  }
}
