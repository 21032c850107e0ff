/** A ref to a process of another node. It holds an address and passes everything on. */
import type { AnyRef, CallOptions, RefAddress } from "@troupe/actor";
import { describeAddress } from "@troupe/actor/runtime";

/** What carries the calls of remote refs. */
export interface RemoteCaller {
  call(
    ref: RemoteRef,
    kind: "call" | "query",
    operation: string,
    arg: unknown,
    options: CallOptions | undefined,
  ): Promise<unknown>;
  post(ref: RemoteRef, kind: "cast" | "info", operation: string, arg: unknown): void;
}

/**
 * Reaches a process on another node, in the life in which the ref was made: when the node is
 * restarted, the ref answers NoProcessError and never reaches a process of the same number.
 */
export class RemoteRef implements AnyRef {
  readonly address: RefAddress;
  readonly #caller: RemoteCaller;

  constructor(address: RefAddress, caller: RemoteCaller) {
    this.address = Object.freeze(address);
    this.#caller = caller;
  }

  call(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#caller.call(this, "call", operation, arg, options);
  }

  query(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#caller.call(this, "query", operation, arg, options);
  }

  cast(operation: string, arg?: unknown): void {
    this.#caller.post(this, "cast", operation, arg);
  }

  send(message: string, arg?: unknown): void {
    this.#caller.post(this, "info", message, arg);
  }

  toString(): string {
    return describeAddress(this.address);
  }
}
