/** A ref to a process of another node. It holds an address and passes everything on. */
import { type AnyRef, type CallOptions, OptionError, type RefAddress } from "@troupe/actor";
import { describeAddress, nameOption } from "@troupe/actor/runtime";
import { DecodeError } from "../errors.ts";

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
 *
 * With a name in place of a number it reaches whoever has the name there when it is used, in
 * whatever life of the node, and on this node too.
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

/** The longest name in an address, and the longest name of a definition beside it, in bytes. */
const MAX_NAME_BYTES = 1024;

/** The address of whoever has a name on a node. Throws OptionError. */
export function nameAddress(node: string, name: string, actor = ""): RefAddress {
  nameOption("node", node);
  nameOption("name", name);
  const address: RefAddress = { kind: "name", node, incarnation: 0, id: 0, actor, name };
  if (isFit(address)) return address;
  throw new OptionError("name", `a name of at most ${MAX_NAME_BYTES} bytes`, name);
}

/** Throws DecodeError for an address that came in and that no other node could be asked with. */
export function checkNameAddress(address: RefAddress): void {
  if (!isFit(address)) throw new DecodeError("a ref to a name that is too long");
}

function isFit({ name, actor }: RefAddress): boolean {
  if (name === undefined) return true;
  return Math.max(Buffer.byteLength(name), Buffer.byteLength(actor)) <= MAX_NAME_BYTES;
}
