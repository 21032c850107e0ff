/**
 * What a caller holds of a supervisor: its ref, with a method for each thing that it can be asked.
 *
 * The ref turns a refusal into the error of its code. A child spec holds functions, which do not
 * travel in messages: it is left with the supervisor, and its number is sent.
 */
import { isReplyError, OptionError } from "../errors.ts";
import { objectOption, withDefaults } from "../option.ts";
import { LocalRef, type Receiver } from "../process/local-ref.ts";
import type { AnyRef, CallOptions } from "../ref.ts";
import { fromWireError, type WireError } from "../wire-error.ts";
import type { ChildSpec } from "./child-spec.ts";
import type { ChildStatus } from "./supervised-child.ts";
import {
  ChildAlreadyPresentError,
  ChildAlreadyStartedError,
  ChildNotFoundError,
  ChildRestartingError,
  ChildRunningError,
  MaxChildrenError,
} from "./supervisor-errors.ts";

/** One child, as its supervisor sees it. */
export interface ChildInfo {
  readonly id: string;
  /** The running process; undefined while there is none, and for a child that has no ref. */
  readonly ref: AnyRef | undefined;
  readonly status: ChildStatus;
  readonly type: ChildSpec["type"];
  readonly restart: ChildSpec["restart"];
}

/** How many children a supervisor has, and of which kind. A restarting one is not active. */
export interface ChildCounts {
  readonly specs: number;
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

/** What every supervisor can be asked. */
export interface SupervisorView extends AnyRef {
  /** The children, newest first. Rejects as a query does. OTP: `supervisor:which_children`. */
  whichChildren(options?: CallOptions): Promise<readonly ChildInfo[]>;
  /** Counts the children. Rejects as a query does. OTP: `supervisor:count_children`. */
  countChildren(options?: CallOptions): Promise<ChildCounts>;
}

/**
 * The ref of a supervisor.
 *
 * Its methods wait for as long as the child takes, as in OTP, unless `options.timeout` says
 * otherwise; they also reject as a call does. What rejects with an error of its own has changed
 * nothing.
 */
export interface SupervisorRef extends SupervisorView {
  /**
   * Adds a child, the newest, and starts it; resolves with its ref, or with undefined when it has
   * none. Rejects with `ChildAlreadyStartedError` (it carries the ref), `ChildAlreadyPresentError`,
   * `OptionError` (did not run), or `StartError`, and then there is no such child. A restarted
   * supervisor has its static children only. OTP: `supervisor:start_child`.
   *
   * @example
   * ```ts
   * const counter = await app.startChild(child(Counter, { start: 0 }, { id: "c2" }));
   * ```
   */
  startChild<R extends AnyRef | undefined>(
    spec: ChildSpec<R>,
    options?: CallOptions,
  ): Promise<R | undefined>;
  /**
   * Stops a child; it stays, without a process, unless it is temporary. A restart that is under
   * way, or that failed and is tried again, is called off; of a group restart the children that it
   * has not reached stay stopped. Rejects with `ChildNotFoundError`. OTP: `terminate_child`.
   */
  terminateChild(id: string, options?: CallOptions): Promise<void>;
  /**
   * Starts a stopped child again; resolves like {@link startChild}. Rejects with
   * `ChildNotFoundError`, `ChildRunningError`, `ChildRestartingError` or `StartError`. OTP:
   * `supervisor:restart_child`.
   */
  restartChild(id: string, options?: CallOptions): Promise<AnyRef | undefined>;
  /**
   * Forgets a stopped child. Rejects with `ChildNotFoundError`, `ChildRunningError` or
   * `ChildRestartingError`. OTP: `supervisor:delete_child`.
   */
  deleteChild(id: string, options?: CallOptions): Promise<void>;
}

/** Values that are left with a supervisor, by number, until it takes them. */
export class Offers<T> {
  readonly #values = new Map<number, T>();
  #lastId = 0;

  /** Leaves a value and returns its number. */
  put(value: T): number {
    this.#lastId += 1;
    this.#values.set(this.#lastId, value);
    return this.#lastId;
  }

  /** Takes a value; undefined when it is gone. */
  take(id: number): T | undefined {
    const value = this.#values.get(id);
    this.#values.delete(id);
    return value;
  }
}

/** A supervisor's ref: a local ref with methods for what it can be asked. */
export class LocalSupervisorRef extends LocalRef implements SupervisorView {
  readonly #offers: Offers<ChildSpec>;

  constructor(receiver: Receiver, offers: Offers<ChildSpec>) {
    super(receiver);
    this.#offers = offers;
  }

  async whichChildren(options?: CallOptions): Promise<readonly ChildInfo[]> {
    return (await this.query("whichChildren", undefined, options)) as readonly ChildInfo[];
  }

  async countChildren(options?: CallOptions): Promise<ChildCounts> {
    return (await this.query("countChildren", undefined, options)) as ChildCounts;
  }

  /** Asks for something that may take its time. */
  protected async ask<T>(operation: string, arg: unknown, options?: CallOptions): Promise<T> {
    if (options !== undefined) objectOption("options", options);
    const patient = { timeout: Number.POSITIVE_INFINITY };
    try {
      return (await this.call(operation, arg, withDefaults(patient, options ?? {}))) as T;
    } catch (error) {
      throw typed(error);
    }
  }

  /** Asks for a new child. */
  protected async askToStart<R>(spec: ChildSpec, options?: CallOptions): Promise<R | undefined> {
    const offer = this.#offers.put(spec);
    try {
      return await this.ask<R | undefined>("startChild", offer, options);
    } finally {
      // The message may have been refused, or the caller may have given up before its turn.
      this.#offers.take(offer);
    }
  }
}

/** A static supervisor's ref. */
export class LocalStaticRef extends LocalSupervisorRef implements SupervisorRef {
  startChild<R extends AnyRef | undefined>(
    spec: ChildSpec<R>,
    options?: CallOptions,
  ): Promise<R | undefined> {
    return this.askToStart<R>(spec, options);
  }

  terminateChild(id: string, options?: CallOptions): Promise<void> {
    return this.ask("terminateChild", id, options);
  }

  restartChild(id: string, options?: CallOptions): Promise<AnyRef | undefined> {
    return this.ask("restartChild", id, options);
  }

  deleteChild(id: string, options?: CallOptions): Promise<void> {
    return this.ask("deleteChild", id, options);
  }
}

/** What a supervisor refuses with; the rest of the errors is known to the wire. */
const refusals = {
  ChildAlreadyPresentError,
  ChildAlreadyStartedError,
  ChildNotFoundError,
  ChildRestartingError,
  ChildRunningError,
  MaxChildrenError,
};

/** A supervisor refuses with the whole error as data; what else went wrong stays as it is. */
function typed(error: unknown): unknown {
  if (!isReplyError(error)) return error;
  return fromWireError(error.data as WireError, refusals);
}

/** A payload that must be a number of an offer. For callers that bypass the methods. */
export function offerPayload(arg: unknown): true | string {
  return typeof arg === "number" || "what the method of the same name sends";
}

/** A payload that must name a child. */
export function idPayload(arg: unknown): true | string {
  return (typeof arg === "string" && arg !== "") || "the id of a child";
}

/** The ref of a child, as it was given to a method. Throws `OptionError`. */
export function childRefOption(ref: unknown): AnyRef {
  if (typeof (ref as AnyRef | undefined)?.address === "object") return ref as AnyRef;
  throw new OptionError("ref", "the ref of a child", ref);
}
