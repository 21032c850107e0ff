/**
 * The inside of a process as it can be looked into and held from outside: its phase, its state, a
 * suspension, a tracer.
 *
 * What reaches in does so between two messages, so nobody sees a state in the middle of a handler.
 * No message is handled here; `Process` builds on it.
 */
import { Bound } from "../deadlines.ts";
import type { ExitReason } from "../exit-reason.ts";
import type { Operation } from "../program.ts";
import { IdleTimeout } from "./idle-timeout.ts";
import type { Inbox } from "./inbox.ts";
import { Interruptions } from "./interruptions.ts";
import { Interlude } from "./notice.ts";
import type { TraceEvent, Tracer } from "./process-info.ts";
import { ProcessRelations } from "./process-relations.ts";

/**
 * `new` → `initialising` → `ready` ⇄ `busy` → `terminating` → `dead`. Only a ready process takes
 * messages; a busy one waits for an async handler. Any phase may go to `dead`, when killed.
 */
export type Phase = "new" | "initialising" | "ready" | "busy" | "terminating" | "dead";

/** What can be seen and held of a process. */
export abstract class ProcessInside extends ProcessRelations {
  abstract readonly inbox: Inbox;
  /** Changed by `Process` alone. */
  phase: Phase = "new";
  /** The state itself, not a copy. */
  state: unknown = undefined;
  /** True when something may come before the next message: see `Interruptions`, and `exitDue`. */
  protected isInterrupted = false;
  protected interruptions: Interruptions | undefined = undefined;
  protected idle: IdleTimeout | undefined = undefined;
  protected tracer: Tracer | undefined = undefined;
  #bound: Bound | undefined = undefined;

  override get isDead(): boolean {
    return this.phase === "dead";
  }

  protected override get isListening(): boolean {
    return this.phase !== "dead" && this.phase !== "terminating";
  }

  get isSuspended(): boolean {
    return this.interruptions?.suspended === true;
  }

  override describe(): string {
    return this.inbox.describe();
  }

  /** Asks for a turn, if the process can use one. In its first turn it initialises. */
  abstract wake(): void;

  /**
   * Runs a function between two messages: in order with what is queued, or at once when the
   * process is suspended. `drop` is called instead when it ends first.
   */
  between(run: () => void, drop: (reason: ExitReason) => void): void {
    if (this.exitReason !== undefined) drop(this.exitReason);
    else if (this.isSuspended && this.phase === "ready") run();
    else this.notify(new Interlude(run, drop));
  }

  /** Keeps messages for later. Only between two messages. OTP: `sys:suspend/1`. */
  suspend(): void {
    this.interrupt().suspended = true;
  }

  /** Takes messages again. OTP: `sys:resume/1`. */
  resume(): void {
    this.interrupt().suspended = false;
    this.wake();
  }

  /** Takes another idle timeout than the definition's, this time only. */
  setIdleTimeout(operation: Operation, ms: number): void {
    this.idle ??= this.#makeIdle(operation, Number.POSITIVE_INFINITY);
    this.idle.set(ms);
  }

  /** Makes the idle timeout of the definition, if it has one. */
  protected beginIdling(): void {
    const { idleTimeout } = this.program.definition;
    const operation = this.program.info.get("timeout");
    if (idleTimeout === Number.POSITIVE_INFINITY || operation === undefined) return;
    this.idle = this.#makeIdle(operation, idleTimeout);
  }

  #makeIdle(operation: Operation, ms: number): IdleTimeout {
    const { deadlines } = this.host;
    return new IdleTimeout({ deadlines, operation, ms, fire: (notice) => this.notify(notice) });
  }

  /** Tells a tracer what the process does from now on; undefined tells nobody. */
  trace(tracer: Tracer | undefined): void {
    this.tracer = tracer;
  }

  protected traced(event: TraceEvent): void {
    try {
      this.tracer?.(event);
    } catch (error) {
      this.host.warn(`a tracer of ${this.describe()} threw`, error);
    }
  }

  /** Limits how long the code of the definition that runs now may take. */
  protected limit(ms: number, expired: () => void): void {
    this.#bound = new Bound(expired);
    this.host.deadlines.add(this.#bound, ms);
  }

  protected unlimit(): void {
    if (this.#bound !== undefined) this.host.deadlines.remove(this.#bound);
    this.#bound = undefined;
  }

  protected interrupt(): Interruptions {
    this.isInterrupted = true;
    this.interruptions ??= new Interruptions();
    return this.interruptions;
  }
}
