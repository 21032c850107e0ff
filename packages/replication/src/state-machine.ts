/**
 * Any actor as a deterministic state machine: committed requests in, encoded replies out.
 *
 * What a handler learns about time and chance comes from the log, so every replica computes the
 * same. A handler that throws has done nothing: the state is rebuilt from the last snapshot and the
 * requests since, without the one that threw, and the call answers the error (I58). `ctx.fail`
 * refuses a call and rebuilds nothing, so it must come before the handler changes the state.
 */
import {
  type AnyActorDefinition,
  type Handler,
  HandlerError,
  isActorError,
  isReplyError,
  NotSerializableError,
  UnknownOperationError,
} from "@troupe/actor";
import { toErrorValue, toWireError, type WireError } from "@troupe/actor/runtime";
import type { Codec } from "@troupe/cluster/runtime";
import { checksum } from "./checksum.ts";
import { NotReplicableError } from "./errors.ts";
import { replyBytesMax } from "./options.ts";
import { isOwnRefusal, ReplicatedContext } from "./replicated-context.ts";
import type { Committed } from "./vsr/index.ts";

/** What the driver needs of a state machine; the simulator brings another one. */
export interface StateMachine {
  /** Runs the requests of a committed op, and gives one reply for each. */
  apply(committed: Committed): Uint8Array[];
  answer(query: Uint8Array): Uint8Array;
  /** A hash of the state: equal on all replicas that have run the same ops. */
  digest(extra: unknown): string;
  /**
   * The state as it is now, in slices, each made when it is asked for; nothing is applied before
   * the last one has been. Equal states give equal slices on all replicas. Throws what it cannot
   * encode.
   */
  snapshot(): Iterable<Uint8Array>;
  /** Begins to take in the state as it was after an op, instead of the one that it has. */
  restore(at: { readonly op: number; readonly timestamp: number }): StateIntake;
}

/** Takes the slices of a `snapshot` in, in their order; the machine has the state after `end`. */
export interface StateIntake {
  take(slice: Uint8Array): void;
  end(): void;
}

/** The body of a request or a query, before encoding. */
export type Operation = readonly [kind: "call" | "cast" | "query", name: string, arg: unknown];
/** The body of a reply: the value, or why there is none. */
export type Outcome = { readonly value: unknown } | { readonly error: WireError };

interface Step {
  readonly committed: Committed;
  /** Place of the request in its op. */
  readonly index: number;
}

/** After so many requests the next snapshot is due: what a throw costs at most to replay. */
const stepsMax = 4096;
/** How V8 says that the stack overflowed, which says nothing about the other replicas' stacks. */
const overflow = "Maximum call stack size exceeded";
const nothing = new Uint8Array(0);

export class ActorMachine implements StateMachine {
  readonly #definition: AnyActorDefinition;
  readonly #codec: Codec;
  readonly #seed: string;
  #state: unknown;
  #snapshot: Uint8Array;
  #steps: Step[] = [];
  #snapshotDue = stepsMax;
  /** The last op that was run: what a query sees, in its time. */
  #last = { op: 0, timestamp: 0 };
  #queries = 0;

  /** Throws what `init` throws, and NotSerializableError if its state cannot be encoded. */
  constructor(definition: AnyActorDefinition, arg: unknown, codec: Codec, seed: string) {
    this.#definition = definition;
    this.#codec = codec;
    this.#seed = seed;
    // A copy: the caller's own object must not become a part of the state.
    const own = codec.decode(codec.encode(arg));
    const state = definition.init(own, new ReplicatedContext(seed, 0, 0, 0));
    if (isThenable(state)) throw new NotReplicableError("an asynchronous init", "not_run");
    this.#snapshot = codec.encode(state, "state");
    this.#state = codec.decode(this.#snapshot);
  }

  apply(committed: Committed): Uint8Array[] {
    this.#last = committed;
    return committed.requests.map((request, index) =>
      request.kind === "call" ? this.#run(committed, index, request.body) : nothing,
    );
  }

  answer(query: Uint8Array): Uint8Array {
    try {
      // Whatever kind it says: only a query may run outside the log.
      const [, name, arg] = this.#codec.decode(query) as Operation;
      const { op, timestamp } = this.#last;
      const ctx = new ReplicatedContext(this.#seed, op, `query ${++this.#queries}`, timestamp);
      const value = this.#handler("query", name)(this.#state, arg, ctx);
      return this.#encodeOutcome({ value });
    } catch (error) {
      return this.#encodeError(error);
    }
  }

  *snapshot(): Iterable<Uint8Array> {
    const bytes = this.#codec.encode(this.#state, "state");
    this.#continueFrom(bytes);
    yield bytes;
  }

  restore(at: { readonly op: number; readonly timestamp: number }): StateIntake {
    const slices: Uint8Array[] = [];
    return {
      take: (slice) => slices.push(slice),
      end: () => {
        this.#last = at;
        this.#continueFrom(Buffer.concat(slices));
      },
    };
  }

  digest(extra: unknown): string {
    return checksum(this.#codec.encode([this.#state, extra]));
  }

  #run(committed: Committed, index: number, body: Uint8Array): Uint8Array {
    let operation: Operation;
    try {
      operation = this.#codec.decode(body) as Operation;
    } catch (error) {
      return this.#encodeError(error);
    }
    if (this.#steps.length >= this.#snapshotDue) this.#takeSnapshot();
    const step: Step = { committed, index };
    try {
      const value = this.#perform(step, operation);
      // Encoded before the step counts as done: a reply that cannot be sent is a throw as well.
      const reply = this.#encodeOutcome({ value: operation[0] === "cast" ? undefined : value });
      this.#steps.push(step);
      return reply;
    } catch (error) {
      if (error instanceof RangeError && error.message === overflow) throw error;
      if (isRefusal(error)) this.#steps.push(step);
      else this.#rebuild();
      return this.#encodeError(error);
    }
  }

  #perform({ committed, index }: Step, [kind, name, arg]: Operation): unknown {
    const { op, timestamp } = committed;
    const ctx = new ReplicatedContext(this.#seed, op, index, timestamp);
    const value = this.#handler(kind, name)(this.#state, arg, ctx);
    if (isThenable(value)) throw new NotReplicableError(`the asynchronous handler "${name}"`);
    return value;
  }

  /** Runs the requests since the snapshot again; each of them has run before without a throw. */
  #rebuild(): void {
    this.#state = this.#codec.decode(this.#snapshot);
    for (const step of this.#steps) {
      // Decoded anew: the state may have kept, and since changed, the argument of the first run.
      const body = step.committed.requests[step.index]?.body ?? nothing;
      try {
        this.#perform(step, this.#codec.decode(body) as Operation);
      } catch (error) {
        if (!isRefusal(error)) throw error;
      }
    }
  }

  /**
   * Goes on from the snapshot itself, so that the state after a rebuild has the same shape as one
   * that never needed any: where two places shared an object, they no longer do.
   */
  #takeSnapshot(): void {
    try {
      this.#continueFrom(this.#codec.encode(this.#state, "state"));
    } catch {
      // A handler has put something into the state that cannot be encoded: the same on every
      // replica, so it must not stop them all. The older snapshot serves, with more to replay.
      this.#snapshotDue += stepsMax;
    }
  }

  #continueFrom(snapshot: Uint8Array): void {
    this.#snapshot = snapshot;
    this.#state = this.#codec.decode(snapshot);
    this.#steps = [];
    this.#snapshotDue = stepsMax;
  }

  #handler(kind: Operation[0], name: string): Handler<unknown> {
    const { calls, casts, queries } = this.#definition;
    const tables = { call: calls, cast: casts, query: queries };
    // The kind comes from outside: "constructor" must not name what every object inherits.
    const table = Object.hasOwn(tables, kind) ? tables[kind] : undefined;
    const handler: Handler<unknown> | undefined = table?.[name];
    if (handler === undefined) {
      const known = Object.keys(table ?? {});
      throw new UnknownOperationError(this.#definition.name, kind, name, known);
    }
    return handler;
  }

  /** Throws NotSerializableError for a reply that cannot be sent: then the handler has failed. */
  #encodeOutcome(outcome: Outcome): Uint8Array {
    const bytes = this.#codec.encode(outcome, "reply");
    if (bytes.length <= replyBytesMax) return bytes;
    throw new NotSerializableError("reply", `${bytes.length} bytes, the limit is ${replyBytesMax}`);
  }

  /** An error whose data cannot be sent becomes one that can: no answer may stop the replicas. */
  #encodeError(error: unknown): Uint8Array {
    try {
      return this.#encodeOutcome({ error: this.#callError(error) });
    } catch (unsendable) {
      return this.#encodeOutcome({ error: this.#callError(unsendable) });
    }
  }

  #callError(error: unknown): WireError {
    if (isRefusal(error)) return toWireError(error);
    const { message } = toErrorValue(error);
    const data = { actor: this.#definition.name };
    return toWireError(new HandlerError(`a handler of ${data.actor} threw: ${message}`, data));
  }
}

/** An expected outcome, after which the state needs no mending. */
function isRefusal(error: unknown): boolean {
  const isKnown = isReplyError(error) || isActorError(error, "ERR_UNKNOWN_OPERATION");
  return isKnown || isOwnRefusal(error);
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
