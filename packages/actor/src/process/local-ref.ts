/**
 * The ref of a process in this system: it hands messages to the receiver without any copy.
 *
 * One class serves every definition; the types are put on where a process is started. It never
 * runs the receiver on the caller's stack.
 */
import { type AnyRef, type CallOptions, describeAddress, type RefAddress } from "../ref.ts";
import type { Settle } from "./open-call.ts";

/** What a local ref delivers to. */
export interface Receiver {
  readonly address: RefAddress;
  /** Queues a message whose sender waits, or refuses it through `reject`. */
  request(
    kind: "call" | "query",
    operation: string,
    arg: unknown,
    options: CallOptions | undefined,
    resolve: Settle<unknown>,
    reject: Settle<unknown>,
  ): void;
  /** Queues a message that nobody waits for, or reports a dead letter. */
  post(kind: "cast" | "info", operation: string, arg: unknown): void;
}

/** A ref that reaches its process directly. */
export class LocalRef implements AnyRef {
  readonly #receiver: Receiver;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  get address(): RefAddress {
    return this.#receiver.address;
  }

  call(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#receiver.request("call", operation, arg, options, resolve, reject);
    });
  }

  query(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#receiver.request("query", operation, arg, options, resolve, reject);
    });
  }

  cast(operation: string, arg?: unknown): void {
    this.#receiver.post("cast", operation, arg);
  }

  send(message: string, arg?: unknown): void {
    this.#receiver.post("info", message, arg);
  }

  toString(): string {
    return describeAddress(this.address);
  }

  /** Shows the ref by its name in `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** The receiver behind a ref, or undefined when the ref is not a local one. */
  static receiverOf(ref: unknown): Receiver | undefined {
    return typeof ref === "object" && ref !== null && #receiver in ref ? ref.#receiver : undefined;
  }
}
