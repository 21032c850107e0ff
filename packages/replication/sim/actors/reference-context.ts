/** The `ctx` of the reference: what a handler asks for is noted, and done if it returns. */
import { type ActorError, type AnyRef, type RefAddress, ReplyError } from "@troupe/actor";
import { toWireError } from "@troupe/actor/runtime";
import { checksum, type Request } from "@troupe/replication/runtime";
import type { Deed, LateSaid, Letter, Said } from "./reference.ts";

/** What `ctx.fail` throws in a handler of the reference. */
export class Refusal extends Error {
  readonly error: ActorError;

  constructor(error: ActorError) {
    super(error.message);
    this.error = error;
  }
}

/** Who does what a handler asked for. */
export interface Asker {
  readonly seed: string;
  readonly group: string;
  readonly op: number;
  readonly nowMs: number;
  /** Of the op, in microseconds. */
  readonly timestamp: number;
  readonly timers: Map<string, unknown>;
  readonly deferred: Map<number, Omit<LateSaid, "said">>;
  readonly monitors: Map<string, RefAddress>;
  setTimer(id: string, timer: { due: number; name: string; arg: unknown }): void;
  send(letter: Letter): void;
  perform(deed: Deed): void;
  answer(reply: number, said: Said): void;
  copy(value: unknown): unknown;
}

interface ReplyTo {
  readonly replyTo: number;
  readonly system: string;
}

/** So many places has an op: the number of a late reply is made of the two. */
const placesOfOp = 2 ** 20;

export class ReferenceContext {
  readonly #asker: Asker;
  readonly #index: number | string;
  readonly #caller: Request | undefined;
  readonly asked: (() => void)[] = [];
  hasDeferred = false;
  #drawn = 0;

  constructor(asker: Asker, index: number | string, caller: Request | undefined) {
    this.#asker = asker;
    this.#index = index;
    this.#caller = caller;
  }

  now(): number {
    return this.#asker.nowMs;
  }

  id(): string {
    return this.#draw("");
  }

  effect(name: string, given?: unknown, options: { readonly info?: string } = {}): string {
    const id = this.#draw(`/effect/${this.#asker.timestamp}`);
    const deed = { id, name, arg: this.#asker.copy(given), info: options.info };
    this.asked.push(() => this.#asker.perform(deed));
    return id;
  }

  random(): number {
    return Number.parseInt(this.id().slice(0, 13), 16) / 2 ** 52;
  }

  fail(code: string, data?: unknown): never {
    throw new Refusal(new ReplyError(code, data));
  }

  sendAfter(ms: number, name: string, given?: unknown): string {
    const id = this.#newId();
    const [due, arg] = [this.now() + ms, this.#asker.copy(given)];
    this.asked.push(() => this.#asker.setTimer(id, { due, name, arg }));
    return id;
  }

  /** The actors of the workload cancel no timer in the message that sets it. */
  cancel(id: string): boolean {
    if (!this.#asker.timers.has(id)) return false;
    this.asked.push(() => this.#asker.timers.delete(id));
    return true;
  }

  send(target: AnyRef, name: string, arg?: unknown): void {
    this.#sendTo("info", target, name, arg);
  }

  cast(target: AnyRef, name: string, arg?: unknown): void {
    this.#sendTo("cast", target, name, arg);
  }

  defer(keep: (to: ReplyTo) => void): void {
    if (this.#caller === undefined) throw new Error("the workload defers where nobody waits");
    const { op, group, deferred } = this.#asker;
    const reply = op * placesOfOp + Number(this.#index);
    const { client, session, number } = this.#caller;
    this.asked.push(() => deferred.set(reply, { client, session, number }));
    this.hasDeferred = true;
    keep({ replyTo: reply, system: `group:${group}` });
  }

  reply({ replyTo }: ReplyTo, value: unknown): void {
    this.asked.push(() => this.#asker.answer(replyTo, { value }));
  }

  refuse({ replyTo }: ReplyTo, code: string, data?: unknown): void {
    const error = toWireError(new ReplyError(code, data));
    this.asked.push(() => this.#asker.answer(replyTo, { error }));
  }

  monitor(target: AnyRef): string {
    const id = this.#newId();
    const { address } = target as unknown as { readonly address: RefAddress };
    this.asked.push(() => this.#asker.monitors.set(id, address));
    return id;
  }

  demonitor(id: string): void {
    this.asked.push(() => this.#asker.monitors.delete(id));
  }

  #sendTo(kind: Letter["kind"], target: AnyRef, name: string, given: unknown): void {
    const { address: to } = target as unknown as { readonly address: RefAddress };
    const arg = this.#asker.copy(given);
    this.asked.push(() => this.#asker.send({ to, kind, name, arg }));
  }

  #draw(more: string): string {
    const { seed, op } = this.#asker;
    const source = `${seed}/${op}/${this.#index}/${++this.#drawn}${more}`;
    return checksum(new TextEncoder().encode(source));
  }

  #newId(): string {
    return `${this.#asker.op}/${this.#index}/${this.asked.length}`;
  }
}
