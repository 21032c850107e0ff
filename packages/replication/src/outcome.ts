/**
 * The bodies of requests, queries and replies: what is asked for, and what came of it.
 */
import {
  type AnyActorDefinition,
  HandlerError,
  isReplyError,
  NotSerializableError,
} from "@troupe/actor";
import { toErrorValue, toWireError, type WireError } from "@troupe/actor/runtime";
import type { Codec } from "@troupe/cluster/runtime";
import { replyBytesMax } from "./options.ts";
import { isOwnRefusal } from "./replicated-context.ts";
import type { Op } from "./vsr/index.ts";

/**
 * The body of a request or a query, before encoding. `read` looks into the state without a handler,
 * its argument is a path; `abandon` names the calls, by number, that their caller has given up.
 */
export type Operation = readonly [
  kind: "call" | "cast" | "info" | "query" | "read" | "abandon",
  name: string,
  arg: unknown,
];

/** The body of a reply: the value, or why there is none; and the op that it reflects. */
export type Outcome = ({ readonly value: unknown } | { readonly error: WireError }) & {
  readonly op: Op;
};

/** Encodes what comes of the operations of one actor. */
export class OutcomeEncoder {
  readonly #definition: AnyActorDefinition;
  readonly #codec: Codec;

  constructor(definition: AnyActorDefinition, codec: Codec) {
    this.#definition = definition;
    this.#codec = codec;
  }

  /** Throws NotSerializableError for a reply that cannot be sent: then the handler has failed. */
  value(value: unknown, op: Op): Uint8Array {
    return this.#encode({ value, op });
  }

  /** What a handler refused with or threw. */
  failure(error: unknown, op: Op): Uint8Array {
    return this.refusal(isRefusal(error) ? error : this.#handlerError(error), op);
  }

  /**
   * An error that says itself what it is. One whose data cannot be sent becomes one that can: no
   * answer may stop the replicas.
   */
  refusal(error: unknown, op: Op): Uint8Array {
    try {
      return this.#encode({ error: toWireError(error), op });
    } catch (unsendable) {
      return this.#encode({ error: toWireError(this.#handlerError(unsendable)), op });
    }
  }

  #encode(outcome: Outcome): Uint8Array {
    const bytes = this.#codec.encode(outcome, "reply");
    if (bytes.length <= replyBytesMax) return bytes;
    throw new NotSerializableError("reply", `${bytes.length} bytes, the limit is ${replyBytesMax}`);
  }

  #handlerError(error: unknown): HandlerError {
    const { message } = toErrorValue(error);
    const data = { actor: this.#definition.name };
    return new HandlerError(`a handler of ${data.actor} threw: ${message}`, data);
  }
}

/** An expected outcome, after which the state needs no mending. */
export function isRefusal(error: unknown): boolean {
  return isReplyError(error) || isOwnRefusal(error);
}
