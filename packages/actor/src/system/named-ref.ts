/**
 * A ref to whoever has a name: it looks the name up each time it is used.
 *
 * So it reaches the new process after a restart, where a ref to the old one would not. Where names
 * are kept is hidden behind a port: in the system, or in a registry. It keeps no process.
 */
import type { AnyActorDefinition } from "../actor.ts";
import { NoProcessError, OptionError } from "../errors.ts";
import { type AnyRef, type CallOptions, describeAddress, type RefAddress } from "../ref.ts";
import type { DeadLetterReason } from "./events.ts";

/** One name, and where it is looked up. */
export interface NameLookup {
  /** The process that has the name now. */
  find(): AnyRef | undefined;
  /** Names the name in messages: `"c1"`. */
  describe(): string;
  /** A message was not delivered and nobody waits for it. */
  deadLetter(
    ref: AnyRef,
    kind: "cast" | "info",
    operation: string,
    arg: unknown,
    reason: DeadLetterReason,
  ): void;
}

/** The `id` in the address of a named ref while nobody has the name. No process has it. */
const nobody = 0;

/** A ref that is resolved at each use. */
export class NamedRef implements AnyRef {
  readonly #lookup: NameLookup;
  readonly #definition: AnyActorDefinition | undefined;

  /** With a definition, a process of another definition is refused. */
  constructor(lookup: NameLookup, definition?: AnyActorDefinition) {
    this.#lookup = lookup;
    this.#definition = definition;
  }

  /**
   * The address of the process that has the name at this moment. While there is none, an address
   * that no process has: its `id` is 0.
   */
  get address(): RefAddress {
    const found = this.#lookup.find();
    if (found !== undefined) return found.address;
    const actor = this.#definition?.name ?? this.#lookup.describe();
    return { kind: "process", node: undefined, incarnation: 0, id: nobody, actor };
  }

  call(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown> {
    const target = this.#lookup.find();
    if (target === undefined) return Promise.reject(new NoProcessError(this.toString()));
    if (!this.#fits(target)) return Promise.reject(this.#misfit(target));
    return target.call(operation, arg, options);
  }

  query(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown> {
    const target = this.#lookup.find();
    if (target === undefined) return Promise.reject(new NoProcessError(this.toString()));
    if (!this.#fits(target)) return Promise.reject(this.#misfit(target));
    return target.query(operation, arg, options);
  }

  cast(operation: string, arg?: unknown): void {
    const target = this.#lookup.find();
    if (target !== undefined && this.#fits(target)) target.cast(operation, arg);
    else this.#drop(target, "cast", operation, arg);
  }

  send(message: string, arg?: unknown): void {
    const target = this.#lookup.find();
    if (target !== undefined && this.#fits(target)) target.send(message, arg);
    else this.#drop(target, "info", message, arg);
  }

  toString(): string {
    const name = this.#lookup.describe();
    return this.#definition === undefined ? name : `${this.#definition.name} ${name}`;
  }

  /** Shows the ref by its name in `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** The process that a ref means now: undefined for a name that nobody has, else a plain ref. */
  static resolve(ref: AnyRef): AnyRef | undefined;
  /** Anything that is no named ref is its own answer. */
  static resolve(value: unknown): unknown;
  static resolve(value: unknown): unknown {
    if (typeof value !== "object" || value === null || !(#lookup in value)) return value;
    return value.#lookup.find();
  }

  #fits({ address }: AnyRef): boolean {
    return this.#definition === undefined || address.actor === this.#definition.name;
  }

  #misfit({ address }: AnyRef): OptionError {
    const who = `the definition of ${describeAddress(address)}, which has the name`;
    return new OptionError("definition", who, this.#definition?.name);
  }

  #drop(target: AnyRef | undefined, kind: "cast" | "info", operation: string, arg: unknown): void {
    const reason = target === undefined ? "no_process" : "unknown_operation";
    this.#lookup.deadLetter(target ?? this, kind, operation, arg, reason);
  }
}
