/**
 * Performs the named effects of a replicated actor, on the node of its primary, and makes of what
 * comes of each something that the log can hold.
 *
 * An effect is over with its first outcome, be it a failure: whether it is worth another try is for
 * the actor to say. What was stopped tells nothing; another primary performs it again.
 */
import {
  type Clock,
  type EffectHandlers,
  NotSerializableError,
  UnknownOperationError,
} from "@troupe/actor";
import { EffectAttempt, sendPerformed } from "@troupe/actor/runtime";
import type { Codec } from "@troupe/cluster/runtime";
import type { OpenPerformance } from "./actor-memory.ts";
import { EffectStoppedError } from "./errors.ts";

export interface EffectPerformerPorts {
  /** The name of the definition, and its effects. */
  readonly actor: string;
  readonly effects: EffectHandlers;
  readonly clock: Clock;
  /** Decodes arguments, and encodes what comes of effects. */
  readonly codec: Codec;
  /**
   * Runs something when the turn of the replica is over: what an effect does at once must not
   * happen in the middle of it.
   */
  readonly later: (run: () => void) => void;
  /** What an outcome may have. */
  readonly outcomeBytesMax: number;
  /** Told of one that failed and whose actor is not to be told. */
  readonly failed: (effect: OpenPerformance, error: unknown) => void;
}

export class EffectPerformer {
  readonly #ports: EffectPerformerPorts;
  readonly #attempts = new Set<EffectAttempt>();

  constructor(ports: EffectPerformerPorts) {
    this.#ports = ports;
  }

  /** Says what came of it, encoded; undefined if the actor is not to be told. */
  perform(effect: OpenPerformance, settled: (outcome: Uint8Array | undefined) => void): void {
    const { clock, later } = this.#ports;
    const { id, name, timeout: timeoutMs } = effect;
    const attempt: EffectAttempt = new EffectAttempt({
      ...{ id, effect: name, clock, timeoutMs, arg: effect.arg },
      // Decoded in here, so that an argument which cannot be is a failure like any other.
      handler: (arg: Uint8Array, run) => this.#handlerOf(name)(this.#ports.codec.decode(arg), run),
      settled: (performed) => {
        this.#attempts.delete(attempt);
        if (effect.info !== undefined) settled(sendPerformed(performed, this.#encode));
        else {
          if ("error" in performed) this.#ports.failed(effect, performed.error);
          settled(undefined);
        }
      },
    });
    this.#attempts.add(attempt);
    later(() => attempt.begin());
  }

  /** This replica leads no more: what is under way is told so, and its outcome is dropped. */
  forget(): void {
    const attempts = [...this.#attempts];
    this.#attempts.clear();
    for (const attempt of attempts) attempt.abort(new EffectStoppedError());
  }

  #handlerOf(name: string): EffectHandlers[string] {
    const { actor, effects } = this.#ports;
    const handler = Object.hasOwn(effects, name) ? effects[name] : undefined;
    if (handler !== undefined) return handler;
    // The log outlives the definition that it was written with.
    throw new UnknownOperationError(actor, "effect", name, Object.keys(effects));
  }

  readonly #encode = (outcome: object): Uint8Array => {
    const { codec, outcomeBytesMax: max } = this.#ports;
    const bytes = codec.encode(outcome, "result");
    if (bytes.length <= max) return bytes;
    throw new NotSerializableError("result", `${bytes.length} bytes, the limit is ${max}`);
  };
}
