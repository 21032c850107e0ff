/**
 * One call or query of a group's ref that waits for its answer: a single object, which is at once
 * what the session answers, what the deadline ends and what the promise hangs on.
 */
import { type Deadlines, OpenCall, type Settle } from "@troupe/actor/runtime";
import type { Answered, Cancel } from "./session.ts";

/** What all calls of one ref have in common. */
export interface GroupCallPorts {
  readonly deadlines: Deadlines;
  /** A reply has come for a call that is still open. */
  readonly decode: (call: GroupCall, body: Uint8Array) => void;
  readonly evictedError: () => Error;
  readonly timeoutError: (call: GroupCall) => Error;
  /** What becomes of an error when the call never left this node. */
  readonly neverSent: (error: unknown, call: GroupCall) => unknown;
  readonly closed: (call: GroupCall) => void;
}

export class GroupCall extends OpenCall<unknown> implements Answered {
  readonly operation: string;
  readonly timeoutMs: number;
  /** Takes it back, and tells whether it ever left this node; absent until it is handed on. */
  sent: Cancel | undefined;
  /** Its number among the queries that one replica answers; 0 if it is none of them. */
  asked = 0;
  readonly #ports: GroupCallPorts;

  constructor(
    ports: GroupCallPorts,
    operation: string,
    timeoutMs: number,
    resolve: Settle<unknown>,
    reject: Settle<unknown>,
  ) {
    super(resolve, reject);
    this.#ports = ports;
    this.operation = operation;
    this.timeoutMs = timeoutMs;
  }

  reply(body: Uint8Array): void {
    if (this.isOpen) this.#ports.decode(this, body);
  }

  evicted(): void {
    this.reject(this.#ports.evictedError());
  }

  override reject(error: unknown): void {
    if (!this.isOpen) return;
    super.reject(this.sent?.cancel() ? this.#ports.neverSent(error, this) : error);
  }

  protected override get deadlines(): Deadlines {
    return this.#ports.deadlines;
  }

  protected override timeoutError(): Error {
    return this.#ports.timeoutError(this);
  }

  protected override closed(): void {
    this.#ports.closed(this);
  }
}
