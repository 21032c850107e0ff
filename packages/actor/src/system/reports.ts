/**
 * What a system tells about its processes: events, dead letters, crashes in the log.
 *
 * Code of the application that listens must not disturb the runtime: what it throws is logged, and
 * the other listeners hear of the event all the same.
 */
import { EventEmitter } from "eventemitter3";
import { describeExit, type ExitReason } from "../exit-reason.ts";
import { functionOption } from "../option.ts";
import type { Failure } from "../process/process-host.ts";
import type { ProcessRelations } from "../process/process-relations.ts";
import type { OperationKind } from "../program.ts";
import type { AnyRef } from "../ref.ts";
import type { DeadLetterReason, Logger } from "./events.ts";

type Listener = (payload: unknown) => void;

/** An emitter on which a listener that throws hides the event from no other. */
class GuardedEvents {
  readonly #emitter = new EventEmitter();
  readonly #guard: (what: string, run: () => void) => void;
  /** A listener is known to the emitter by its guarded form, so `off` must find that again. */
  readonly #guarded = new WeakMap<Listener, Listener>();

  constructor(guard: (what: string, run: () => void) => void) {
    this.#guard = guard;
  }

  on(event: string, listener: Listener): this {
    this.#emitter.on(event, this.#guardedForm(event, listener));
    return this;
  }

  once(event: string, listener: Listener): this {
    this.#emitter.once(event, this.#guardedForm(event, listener));
    return this;
  }

  off(event: string, listener: Listener): this {
    this.#emitter.off(event, this.#guarded.get(listener) ?? listener);
    return this;
  }

  listenerCount(event: string): number {
    return this.#emitter.listenerCount(event);
  }

  emit(event: string, payload: unknown): void {
    this.#emitter.emit(event, payload);
  }

  #guardedForm(event: string, listener: Listener): Listener {
    functionOption("listener", listener);
    let guarded = this.#guarded.get(listener);
    if (guarded === undefined) {
      guarded = (payload) => this.#guard(`a listener of "${event}"`, () => listener(payload));
      this.#guarded.set(listener, guarded);
    }
    return guarded;
  }
}

/** The events and the log of one system. */
export class Reports {
  readonly #events = new GuardedEvents((what, run) => this.guard(what, run));
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The emitter; its types are put on by the system. */
  get events(): unknown {
    return this.#events;
  }

  emit(event: string, payload: unknown): void {
    this.#events.emit(event, payload);
  }

  /** Runs code of the application that must not disturb the runtime. */
  guard(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#logger.error(`${what} threw`, error);
    }
  }

  /** A process is over; with a failure it has crashed. OTP: crash reports of `proc_lib`. */
  ended(
    process: ProcessRelations,
    name: string | undefined,
    reason: ExitReason,
    failure: Failure | undefined,
  ): void {
    const { ref } = process;
    if (failure !== undefined) {
      const { operation, arg, error } = failure;
      const where = operation === undefined ? "" : ` in ${operation}`;
      this.#logger.error(`${process.describe()} crashed${where}: ${describeExit(reason)}`, error);
      this.emit("crash", { ref, name, reason, operation, arg, error });
    }
    this.emit("exit", { ref, name, reason });
  }

  /** A message was not handled and nobody waits for it. */
  deadLetter(
    ref: AnyRef | undefined,
    kind: OperationKind,
    operation: string,
    arg: unknown,
    reason: DeadLetterReason,
  ): void {
    if (kind === "info" && reason === "unknown_operation") {
      this.#logger.warn(`${String(ref)} does not handle the message "${String(operation)}"`, arg);
    }
    this.emit("deadLetter", { ref, kind, operation, arg, reason });
  }

  /** An effect has failed, and nobody wanted to be told. */
  effectFailed(ref: AnyRef, id: string, effect: string, error: unknown): void {
    this.#logger.warn(`the effect "${effect}" of ${String(ref)} failed`, error);
    this.emit("effectFailed", { ref, group: undefined, id, effect, error });
  }
}
