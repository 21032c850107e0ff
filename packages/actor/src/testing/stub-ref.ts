/**
 * A ref that reaches nobody: for tests in which it only matters who a message would go to.
 */
import type { AnyActorDefinition, RefOf } from "../actor.ts";
import { NoProcessError } from "../errors.ts";
import { type AnyRef, describeAddress, type RefAddress } from "../ref.ts";

/** Casts to it are gone, and calls reject with `NoProcessError`. */
class StubRef implements AnyRef {
  readonly address: RefAddress;

  constructor(actor: string, id: number) {
    this.address = Object.freeze({ kind: "process", node: undefined, incarnation: 0, id, actor });
  }

  async call(_operation: string, _arg?: unknown): Promise<never> {
    throw new NoProcessError(String(this));
  }

  query(operation: string, arg?: unknown): Promise<never> {
    return this.call(operation, arg);
  }

  cast(_operation: string, _arg?: unknown): void {}

  send(_message: string, _arg?: unknown): void {}

  toString(): string {
    return describeAddress(this.address);
  }
}

/**
 * Makes a ref that reaches nobody, typed by a definition or only named. Two of the same name and
 * number are equal in a comparison of their fields.
 *
 * @example
 * ```ts
 * const mailer = stubRef(Mailer);
 * const { effects } = runPure(Shop, { mailer, orders: [] }, "call", "order", "tea");
 * expect(effects).toEqual([{ type: "cast", to: mailer, operation: "mail", arg: "tea" }]);
 * ```
 */
export function stubRef<D extends AnyActorDefinition>(definition: D, id?: number): RefOf<D>;
export function stubRef(name: string, id?: number): AnyRef;
export function stubRef(of: AnyActorDefinition | string, id = 0): AnyRef {
  return new StubRef(typeof of === "string" ? of : of.name, id);
}
