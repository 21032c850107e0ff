/**
 * The `ctx` of a replicated handler: the same answers on every replica and at every replay.
 *
 * Time is the primary's at the moment it prepared the op; chance and ids are drawn from a hash of
 * the group, the op and the request's place in it. What would reach beyond the state (timers,
 * stopping) is refused by name until it can go through the log.
 */
import { type ActorError, type Ctx, isActorError, ReplyError } from "@troupe/actor";
import { checksum } from "./checksum.ts";
import { NotReplicableError } from "./errors.ts";

const refusals = new WeakSet<object>();

/** Whether a handler threw this to refuse, through `ctx.fail`. */
export function isOwnRefusal(error: unknown): boolean {
  return typeof error === "object" && error !== null && refusals.has(error);
}

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

  fail(refusal: string | ActorError, data?: unknown): never {
    const error = isActorError(refusal) ? refusal : new ReplyError(refusal, data);
    refusals.add(error);
    throw error;
  }

  get signal(): never {
    throw new NotReplicableError("ctx.signal");
  }

  stop(): never {
    throw new NotReplicableError("ctx.stop");
  }

  sendAfter(): never {
    throw new NotReplicableError("ctx.sendAfter");
  }

  cancel(): never {
    throw new NotReplicableError("ctx.cancel");
  }

  send(): never {
    throw new NotReplicableError("ctx.send");
  }

  cast(): never {
    throw new NotReplicableError("ctx.cast");
  }

  defer(): never {
    throw new NotReplicableError("ctx.defer");
  }

  reply(): never {
    throw new NotReplicableError("ctx.reply");
  }

  refuse(): never {
    throw new NotReplicableError("ctx.refuse");
  }

  continue(): never {
    throw new NotReplicableError("ctx.continue");
  }

  idleTimeout(): never {
    throw new NotReplicableError("ctx.idleTimeout");
  }

  monitor(): never {
    throw new NotReplicableError("ctx.monitor");
  }

  demonitor(): never {
    throw new NotReplicableError("ctx.demonitor");
  }

  link(): never {
    throw new NotReplicableError("ctx.link");
  }

  unlink(): never {
    throw new NotReplicableError("ctx.unlink");
  }

  exit(): never {
    throw new NotReplicableError("ctx.exit");
  }

  start(): never {
    throw new NotReplicableError("ctx.start");
  }

  startLink(): never {
    throw new NotReplicableError("ctx.startLink");
  }

  #draw(): string {
    this.#drawn++;
    return checksum(new TextEncoder().encode(`${this.#source}/${this.#drawn}`));
  }
}
