/**
 * The named effects of one process: asked for by a handler, begun when it has returned, and done
 * beside the mailbox. The outcome stands in the mailbox as a timer that fired does.
 *
 * When the process is over what still runs is told so, and its outcome is dropped.
 */
import type { Clock } from "../clock.ts";
import { type EffectHandler, type EffectResult, limitEffects } from "../effect.ts";
import { EffectAttempt, type Performed } from "../effect-attempt.ts";
import { onAbort } from "../on-abort.ts";
import type { Operation } from "../program.ts";
import type { AnyRef } from "../ref.ts";
import { sendPerformed } from "../wire-error.ts";
import type { Notice } from "./notice.ts";

/** What the effects of a process need. */
export interface RunningEffectsOptions {
  readonly clock: Clock;
  readonly ref: AnyRef;
  /** Names the process in errors. */
  readonly owner: string;
  /** Aborted when the process is over and everybody has been told. */
  readonly endSignal: AbortSignal;
  /** Copies what an effect returned as the codec would, in a system that copies its messages. */
  readonly copy: ((value: unknown, root: string) => unknown) | undefined;
  /** Called with the outcome of an effect that somebody is to be told of. */
  readonly fire: (notice: Notice) => void;
  /** Called when an effect has failed and nobody is to be told. */
  readonly failed: (id: string, effect: string, error: unknown) => void;
}

/** What a handler asked for. */
export interface WantedEffect {
  readonly id: string;
  readonly effect: string;
  readonly handler: EffectHandler;
  readonly arg: unknown;
  readonly timeoutMs: number;
  /** The info that is told of the outcome. */
  readonly told: Operation | undefined;
}

/** The outcome of an effect, at its place in the mailbox. */
class Settled implements Notice {
  readonly operation: Operation;
  readonly arg: EffectResult;
  readonly #take: () => boolean;

  constructor(operation: Operation, arg: EffectResult, take: () => boolean) {
    this.operation = operation;
    this.arg = arg;
    this.#take = take;
  }

  take(): boolean {
    return this.#take();
  }
}

/** The named effects of one process. */
export class RunningEffects {
  readonly #options: RunningEffectsOptions;
  readonly #open = new Map<string, EffectAttempt>();

  constructor(options: RunningEffectsOptions) {
    this.#options = options;
    const { endSignal } = options;
    onAbort(endSignal, () => this.#abort(endSignal.reason));
  }

  /** How many are being done, or have an outcome that waits for its turn. */
  get size(): number {
    return this.#open.size;
  }

  /** Makes an effect that has not begun. Throws `MailboxFullError` at the cap. */
  add(wanted: WantedEffect): void {
    const { clock, owner } = this.#options;
    limitEffects(owner, this.#open.size);
    const settled = (performed: Performed) => this.#settled(wanted, performed);
    this.#open.set(wanted.id, new EffectAttempt({ ...wanted, clock, settled }));
  }

  /** The handler has returned. */
  begin(id: string): void {
    this.#open.get(id)?.begin();
  }

  /** The handler has not returned. */
  remove(id: string): void {
    this.#open.delete(id);
  }

  /** The process is over: no outcome is told any more. */
  clear(): void {
    for (const attempt of this.#open.values()) attempt.drop();
  }

  #abort(reason: unknown): void {
    for (const attempt of this.#open.values()) attempt.abort(reason);
    this.#open.clear();
  }

  #settled({ id, effect, told }: WantedEffect, performed: Performed): void {
    const { fire, failed } = this.#options;
    if (told !== undefined) {
      const result = this.#resultOf(id, effect, performed);
      fire(new Settled(told, result, () => this.#take(id, told, result)));
      return;
    }
    this.#open.delete(id);
    if ("error" in performed) failed(id, effect, performed.error);
  }

  #take(id: string, told: Operation, result: EffectResult): boolean {
    this.#open.delete(id);
    if ((told.expects?.(result) ?? true) === true) return true;
    // Sent the plain way it is refused, and reported, as any message that its handler cannot take.
    this.#options.ref.send(told.name, result);
    return false;
  }

  #resultOf(id: string, effect: string, performed: Performed): EffectResult {
    const { copy } = this.#options;
    return sendPerformed(performed, (outcome) => {
      const result: EffectResult = { id, effect, ...outcome };
      return copy === undefined ? result : (copy(result, "result") as EffectResult);
    });
  }
}
