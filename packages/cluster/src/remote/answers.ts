/**
 * Answers to calls whose reply another node has deferred: whoever got hold of a `ReplyTo` answers
 * it from where it is, and the answer goes to the node whose caller waits.
 *
 * Like any reply it is sent once and not kept: an answer to a node that is not connected, or is in
 * another life, is dropped, because nobody waits there any more. Who waits is told what went wrong.
 */
import type { ReplyTo } from "@troupe/actor";
import type { ReplyPort, WireError } from "@troupe/actor/runtime";
import type { Bytes } from "../bytes.ts";
import type { Codec } from "../codec/codec.ts";
import { errorForCaller, withoutCargo } from "../codec/wire-errors.ts";
import { MessageTooLargeError, OverloadedError } from "../errors.ts";
import { FRAME_HEADER_BYTES } from "../link/frame.ts";
import type { Link } from "../link/link.ts";
import { answerFrame } from "./messages.ts";
import type { LinkDirectory } from "./outbound.ts";

export interface AnswersPorts {
  readonly codec: Codec;
  readonly links: LinkDirectory;
}

/** Where the reply to another node's caller goes; undefined if the address is of no node. */
export function answerPort(
  { codec, links }: AnswersPorts,
  to: ReplyTo<never>,
): ReplyPort | undefined {
  const parts = /^(.+)\/(\d+)$/.exec(to.system);
  const [, name = "", incarnation = ""] = parts ?? [];
  if (parts === null || !Number.isSafeInteger(to.replyTo) || to.replyTo < 0) return undefined;
  const link = links.get(name);
  const isSameLife = link?.peer.incarnation === Number(incarnation);
  if (link === undefined || !isSameLife) return nobody;
  return new RemoteAnswer(codec, link, to.replyTo);
}

const nobody: ReplyPort = { resolve() {}, reject() {} };

class RemoteAnswer implements ReplyPort {
  readonly #codec: Codec;
  readonly #link: Link;
  readonly #number: number;

  constructor(codec: Codec, link: Link, number: number) {
    this.#codec = codec;
    this.#link = link;
    this.#number = number;
  }

  resolve(reply: unknown): void {
    try {
      this.#send(false, this.#codec.encodeShared(reply, "reply"));
    } catch (error) {
      this.#tell({ ...errorForCaller(error), outcome: "ran" });
    }
  }

  reject(error: unknown): void {
    const wire = errorForCaller(error);
    try {
      this.#send(true, this.#codec.encodeShared(wire, "error"));
    } catch {
      this.#tell(wire);
    }
  }

  #send(isError: boolean, value: Bytes): void {
    const { connection, name } = this.#link;
    const frame = answerFrame({ number: this.#number, isError, value });
    const bodyBytes = frame.length - FRAME_HEADER_BYTES;
    if (bodyBytes > connection.maxMessageBytes) {
      throw new MessageTooLargeError(bodyBytes, connection.maxMessageBytes);
    }
    if (!connection.send(frame)) throw new OverloadedError(name, connection.queuedBytes);
  }

  /** An error without what it carries is small, and may use the room of control frames. */
  #tell(error: WireError): void {
    const value = this.#codec.encodeShared(withoutCargo(error, MAX_MESSAGE_LENGTH));
    const frame = answerFrame({ number: this.#number, isError: true, value });
    this.#link.connection.sendControl(frame);
  }
}

/** The message of such an error is cut to this length. */
const MAX_MESSAGE_LENGTH = 1000;
