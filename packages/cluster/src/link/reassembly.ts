/**
 * Puts the fragments of large messages together again: at most one message per lane at a time,
 * and all of them within a bound, whatever the peer sends.
 *
 *     first      MORE              u32 length of the whole body | its first bytes
 *     next       MORE, CONTINUES   more of its bytes
 *     last       CONTINUES         the rest
 *
 * Frames of other lanes come in between. What does not fit into a message that was announced is
 * a ProtocolError, and ends the link; a reassembly ends with its link, so that nothing of one
 * connection is ever completed by another.
 */
import { ProtocolError } from "../errors.ts";
import { FLAG_MORE, FRAGMENT_FLAGS, type Frame, WholeFrame } from "./frame.ts";
import { CONTROL_LANE } from "./lanes.ts";

/** Messages that are put together at a time add up to this many of the largest ones. */
export const PARTIAL_MESSAGES = 2;

/** A message of which a part has come. */
interface Partial {
  readonly kind: Frame["kind"];
  readonly flags: number;
  /** The whole body, of which the first `filled` bytes are there. */
  readonly body: Buffer;
  filled: number;
}

export class Reassembly {
  readonly #maxMessageBytes: number;
  readonly #partials = new Map<number, Partial>();
  #announcedBytes = 0;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** The memory that is held for messages that are not complete. */
  get heldBytes(): number {
    return this.#announcedBytes;
  }

  /**
   * Takes a frame in; returns the message that is complete with it, or undefined while more is
   * to come. Throws ProtocolError for a frame that has no place where it stands.
   */
  take(frame: Frame): Frame | undefined {
    const fragment = frame.flags & FRAGMENT_FLAGS;
    if (fragment === 0) {
      if (this.#partials.size > 0 && this.#partials.has(frame.lane)) {
        throw new ProtocolError("a whole frame amid the fragments of its lane");
      }
      return frame;
    }
    if (fragment === FLAG_MORE) {
      this.#begin(frame);
      return undefined;
    }
    return this.#goOn(frame);
  }

  /** Gives back what is held. */
  clear(): void {
    this.#partials.clear();
    this.#announcedBytes = 0;
  }

  #begin(frame: Frame): void {
    const { kind, lane } = frame;
    if (lane === CONTROL_LANE) throw new ProtocolError("a control frame in fragments");
    if (this.#partials.has(lane)) {
      throw new ProtocolError("a first fragment amid the fragments of its lane");
    }
    const reader = frame.open("FRAGMENT");
    const total = reader.u32();
    const bytes = reader.rest();
    if (total > this.#maxMessageBytes) {
      throw new ProtocolError(`a message of ${total} bytes, the limit is ${this.#maxMessageBytes}`);
    }
    if (bytes.length === 0 || bytes.length >= total) {
      throw new ProtocolError(`a first fragment of ${bytes.length} bytes of ${total}`);
    }
    const limit = PARTIAL_MESSAGES * this.#maxMessageBytes;
    if (this.#announcedBytes + total > limit) {
      throw new ProtocolError(`messages in fragments of more than ${limit} bytes together`);
    }
    this.#announcedBytes += total;
    // The memory is not touched before the bytes are there, so that a lie costs the liar's link
    // and next to nothing here.
    const body = Buffer.allocUnsafeSlow(total);
    body.set(bytes);
    const flags = frame.flags & ~FRAGMENT_FLAGS;
    this.#partials.set(lane, { kind, flags, body, filled: bytes.length });
  }

  #goOn(frame: Frame): Frame | undefined {
    const { kind, lane, body: bytes } = frame;
    const partial = this.#partials.get(lane);
    if (partial === undefined || partial.kind !== kind) {
      throw new ProtocolError("a fragment of a message that did not begin");
    }
    const { body, filled, flags } = partial;
    const left = body.length - filled;
    const isLast = (frame.flags & FLAG_MORE) === 0;
    const fits = isLast ? bytes.length === left : bytes.length < left;
    if (bytes.length === 0 || !fits) {
      throw new ProtocolError(`a fragment of ${bytes.length} bytes where ${left} are missing`);
    }
    body.set(bytes, filled);
    partial.filled += bytes.length;
    if (!isLast) return undefined;
    this.#partials.delete(lane);
    this.#announcedBytes -= body.length;
    return new WholeFrame(kind, flags, lane, body);
  }
}
