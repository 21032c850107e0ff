/**
 * One child of a supervisor: starting it, watching it, stopping it within its time.
 *
 * It works on any `StartedChild`, so it trusts no child to answer: every wait has an end, but for
 * a child whose spec says `"infinity"`. It never decides whether a child is restarted.
 */
import type { ChildSpec } from "./child-spec.ts";
import { StartError } from "./errors.ts";
import { type ExitReason, toErrorValue } from "./exit-reason.ts";
import type { AnyRef } from "./ref.ts";
import type { StartedChild } from "./startable.ts";
import { exitWithin } from "./stop.ts";
import type { ActorSystem } from "./system.ts";

/** How long a killed child may take to report its end, before the supervisor goes on without. */
const killedGraceMs = 5000;

/** What a child is doing. A `stopped` one has no process. */
export type ChildStatus = "starting" | "running" | "restarting" | "stopped";

/** The process of a child has ended by itself. */
export type ChildExitListener = (child: SupervisedChild, reason: ExitReason) => void;

/** A child, from the first start of its spec to its last stop. */
export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly #system: ActorSystem;
  readonly #onExit: ChildExitListener;
  #status: ChildStatus = "stopped";
  #started: StartedChild | undefined = undefined;
  /** The start that is under way: aborting it says that the child is no longer wanted. */
  #starting: { readonly abort: AbortController; readonly done: Promise<unknown> } | undefined;
  #waiters: ((reason: ExitReason) => void)[] = [];
  /** True while the supervisor itself ends the child, so that the end is no news. */
  #stopping = false;

  constructor(spec: ChildSpec, system: ActorSystem, onExit: ChildExitListener) {
    this.spec = spec;
    this.#system = system;
    this.#onExit = onExit;
  }

  get status(): ChildStatus {
    return this.#status;
  }

  /** The ref of the running process, if the child has one. */
  get ref(): AnyRef | undefined {
    return this.#started?.ref;
  }

  /** Starts the child; resolves with why it did not come up, or with undefined when it did. */
  start(status: "starting" | "restarting"): Promise<ExitReason | undefined> {
    this.#stopping = false;
    this.#status = status;
    const abort = new AbortController();
    const done = this.#launch(abort.signal);
    this.#starting = { abort, done };
    return done;
  }

  /** Ends the child as its spec says, also one whose start is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#starting !== undefined) await this.#cancelStart(this.#starting);
    const started = this.#started;
    if (started === undefined) return;
    const { shutdown } = this.spec;
    if (shutdown !== "brutal_kill") {
      started.exit("shutdown");
      if (await this.#hasEndedWithin(msOf(shutdown))) return;
    }
    started.exit("killed");
    await this.#hasEndedWithin(killedGraceMs);
  }

  /** Ends the child at once and waits for nothing. */
  kill(): void {
    this.#stopping = true;
    this.#starting?.abort.abort();
    this.#started?.exit("killed");
  }

  async #launch(signal: AbortSignal): Promise<ExitReason | undefined> {
    try {
      const started = await this.spec.start(this.#system, { signal });
      if (signal.aborted) {
        this.#status = "stopped";
        // It came up although it is no longer wanted, and maybe after the supervisor is gone.
        started.exit("killed");
        return "shutdown";
      }
      this.#adopt(started);
      return undefined;
    } catch (error) {
      this.#status = "stopped";
      return error instanceof StartError ? error.reason : { error: toErrorValue(error) };
    } finally {
      this.#starting = undefined;
    }
  }

  #adopt(started: StartedChild): void {
    this.#started = started;
    this.#status = "running";
    started.onExit((reason) => {
      if (this.#started !== started) return;
      this.#started = undefined;
      this.#status = "stopped";
      for (const waiter of this.#waiters.splice(0)) waiter(reason);
      if (!this.#stopping) this.#onExit(this, reason);
    });
  }

  /** Waits on the one listener that the child was given: it may well end while it is asked to. */
  async #hasEndedWithin(ms: number): Promise<boolean> {
    const onExit = (listener: (reason: ExitReason) => void) => {
      if (this.#started === undefined) listener("shutdown");
      else this.#waiters.push(listener);
    };
    return (await exitWithin({ onExit }, ms, this.#system.clock)) !== undefined;
  }

  async #cancelStart(starting: { abort: AbortController; done: Promise<unknown> }): Promise<void> {
    starting.abort.abort();
    const { shutdown } = this.spec;
    const { clock } = this.#system;
    const onExit = (listener: (reason: ExitReason) => void) => {
      void starting.done.then(() => listener("shutdown"));
    };
    await exitWithin({ onExit }, shutdown === "brutal_kill" ? 0 : msOf(shutdown), clock);
    this.#status = "stopped";
  }
}

function msOf(shutdown: number | "infinity"): number {
  return shutdown === "infinity" ? Number.POSITIVE_INFINITY : shutdown;
}
