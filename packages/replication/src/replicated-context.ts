/**
 * The `ctx` of a replicated handler: the same answers on every replica and at every replay.
 *
 * Time is the primary's at the moment it prepared the op; chance and ids are drawn from a hash of
 * the group, the op and the request's place in it. What would reach beyond the state (timers,
 * stopping) is refused by name until it can go through the log.
 */
import { type Ctx, type ExitReason, ReplyError } from "@troupe/actor";
import { checksum } from "./checksum.ts";
import { NotReplicableError } from "./errors.ts";

export class ReplicatedContext implements Ctx<unknown> {
  readonly #source: string;
  readonly #timestamp: number;
  #drawn = 0;

  constructor(seed: string, op: number, index: number | string, timestamp: number) {
    this.#source = `${seed}/${op}/${index}`;
    this.#timestamp = timestamp;
  }

  get self(): never {
    throw new NotReplicableError("ctx.self");
  }

  now(): number {
    return Math.floor(this.#timestamp / 1000);
  }

  random(): number {
    // 52 bits fill the mantissa of a double evenly.
    return Number.parseInt(this.#draw().slice(0, 13), 16) / 2 ** 52;
  }

  id(): string {
    return this.#draw();
  }

  fail(code: string, data?: unknown): never {
    throw new ReplyError(code, data);
  }

  stop(_reason?: ExitReason): never {
    throw new NotReplicableError("ctx.stop");
  }

  sendAfter(): never {
    throw new NotReplicableError("ctx.sendAfter");
  }

  cancel(): never {
    throw new NotReplicableError("ctx.cancel");
  }

  #draw(): string {
    this.#drawn++;
    return checksum(new TextEncoder().encode(`${this.#source}/${this.#drawn}`));
  }
}
