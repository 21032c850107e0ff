/**
 * The outer layout of everything two nodes say to each other:
 *
 *     u8 kind | u8 flags | u16 lane | u32 length | body
 *
 * One WebSocket message carries one or more frames. The layout is fixed and never CBOR, so that
 * a frame can be judged before anything in it is interpreted. This file checks lengths, kinds,
 * flags and lanes; it does not know what a body means, and it holds no state between messages.
 */
import {
  asBuffer,
  ByteReader,
  type Bytes,
  type ByteWriter,
  readU16,
  readU32,
  TwoParts,
} from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { LaneUse, laneUse } from "./lanes.ts";

/** Bytes before a frame's body. */
export const FRAME_HEADER_BYTES = 8;

/** No frame is larger, header included: a larger message is cut into fragments. */
export const MAX_FRAME_BYTES = 64 * 1024;

/** The largest body of one frame. */
export const MAX_BODY_BYTES = MAX_FRAME_BYTES - FRAME_HEADER_BYTES;

/**
 * Every kind of frame. One name, one sender, one handler; the numbers are the wire's and are
 * never reused. Those below 0x20 are control frames.
 */
export const FrameKind = {
  hello: 0x01,
  challenge: 0x02,
  proof: 0x03,
  welcome: 0x04,
  reject: 0x05,
  tick: 0x10,
  gossip: 0x14,
  digest: 0x15,
  sync: 0x16,
  goodbye: 0x17,
  cast: 0x20,
  query: 0x21,
  call: 0x22,
  reply: 0x23,
  info: 0x24,
  answer: 0x26,
  monitor: 0x30,
  demonitor: 0x31,
  down: 0x32,
  link: 0x33,
  unlink: 0x34,
  exit: 0x36,
  start: 0x40,
  lookup: 0x41,
  channel: 0x60,
} as const;

export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const FIRST_ORDINARY_KIND = 0x20;

/** A frame with this flag may be skipped by a peer that does not know its kind. */
export const FLAG_OPTIONAL = 0x01;

/** On a tick: please say something at once (a tick is enough). */
export const FLAG_ANSWER = 0x02;

/** A fragment: the message goes on in the next frame of this lane. */
export const FLAG_MORE = 0x04;

/** A fragment: the message began in an earlier frame of this lane. */
export const FLAG_CONTINUES = 0x08;

/** What makes a frame a fragment; a whole message has neither flag. */
export const FRAGMENT_FLAGS = FLAG_MORE | FLAG_CONTINUES;

/** Flags that this version understands; the others are reserved. */
const KNOWN_FLAGS = FLAG_OPTIONAL | FLAG_ANSWER | FRAGMENT_FLAGS;

/** By kind, the lanes on which it has its place; none if there is no such kind. */
const uses = new Uint8Array(256);
for (const kind of Object.values(FrameKind)) {
  if (kind < FIRST_ORDINARY_KIND) uses[kind] = LaneUse.control;
  else uses[kind] = kind === FrameKind.channel ? LaneUse.channel : LaneUse.actors;
}

/** One whole message, or a fragment of one. Good until its handler returns, like its bytes. */
export interface Frame {
  readonly kind: FrameKind;
  readonly flags: number;
  readonly lane: number;
  /** A view into the message it came in; copy what has to outlive the handler. */
  readonly body: Uint8Array;
  /** Begins to read the body; `what` names it in errors. */
  open(what: string): ByteReader;
}

/** Where frames are written, in place of being built and then copied. */
export interface FrameSink {
  /**
   * Makes room for a frame, whose body the caller then fills, to the last byte and at once: the
   * writer is shared. Undefined: there is no room, and nothing was queued.
   */
  begin(kind: FrameKind, lane: number, bodyBytes: number): ByteWriter | undefined;
}

/** A frame that stands by itself. */
export class WholeFrame implements Frame {
  readonly kind: FrameKind;
  readonly flags: number;
  readonly lane: number;
  readonly body: Uint8Array;

  constructor(kind: FrameKind, flags: number, lane: number, body: Uint8Array) {
    this.kind = kind;
    this.flags = flags;
    this.lane = lane;
    this.body = body;
  }

  open(what: string): ByteReader {
    return new ByteReader(this.body, what);
  }
}

/** Writes a header, and returns where the body begins. */
export function writeHeader(
  bytes: Buffer,
  at: number,
  kind: number,
  flags: number,
  lane: number,
  bodyBytes: number,
): number {
  bytes[at] = kind;
  bytes[at + 1] = flags;
  bytes[at + 2] = lane >>> 8;
  bytes[at + 3] = lane;
  bytes[at + 4] = bodyBytes >>> 24;
  bytes[at + 5] = bodyBytes >>> 16;
  bytes[at + 6] = bodyBytes >>> 8;
  bytes[at + 7] = bodyBytes;
  return at + FRAME_HEADER_BYTES;
}

/** Builds one frame in one piece of memory: the header, then the parts of its body. */
export function encodeFrame(
  kind: FrameKind,
  lane: number,
  flags: number,
  ...parts: readonly Bytes[]
): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length);
  let at = writeHeader(frame, 0, kind, flags, lane, length);
  for (const part of parts) {
    if (part instanceof TwoParts) part.copyTo(frame, at);
    else frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/**
 * Cuts a message into frames, one after the other; itself, it is the frame that it stands at.
 *
 * A message of a thousand small frames is read without an object for each of them, so the frame
 * has to be done with before the next one is asked for.
 */
export class FrameCursor implements Frame {
  kind: FrameKind = FrameKind.tick;
  flags = 0;
  lane = 0;
  readonly #bytes: Buffer;
  readonly #reader: ByteReader;
  #start = 0;
  #end = 0;

  constructor(message: Uint8Array) {
    this.#bytes = asBuffer(message);
    this.#reader = new ByteReader(this.#bytes, "");
    if (message.length === 0) throw new ProtocolError("an empty message");
  }

  /**
   * Goes to the next frame; false at the end of the message. The limit is asked for with every
   * frame, because the one that ends a handshake and the first large one may share a message.
   *
   * Throws ProtocolError at a frame that is truncated, over `maxBodyBytes`, of an unknown kind
   * without the optional flag, with a reserved flag, or on a lane where its kind has no place.
   */
  next(maxBodyBytes: number): boolean {
    const bytes = this.#bytes;
    for (;;) {
      const at = this.#end;
      if (at === bytes.length) return false;
      if (bytes.length - at < FRAME_HEADER_BYTES) {
        throw new ProtocolError(`a truncated frame header of ${bytes.length - at} bytes`);
      }
      const kind = bytes[at] as number;
      const flags = bytes[at + 1] as number;
      const length = readU32(bytes, at + 4);
      this.#start = at + FRAME_HEADER_BYTES;
      checkLength(length, bytes.length - this.#start, maxBodyBytes);
      this.#end = this.#start + length;
      if (!isFrameKind(kind)) {
        if ((flags & FLAG_OPTIONAL) !== 0) continue;
        throw new ProtocolError(`unknown frame kind 0x${hex(kind)}`);
      }
      if ((flags & ~KNOWN_FLAGS) !== 0) {
        throw new ProtocolError(`reserved frame flags 0x${hex(flags)}`);
      }
      this.kind = kind;
      this.flags = flags;
      this.lane = readU16(bytes, at + 2);
      if (laneUse(this.lane) !== uses[kind]) {
        throw new ProtocolError(`a frame of kind 0x${hex(kind)} on lane ${this.lane}`);
      }
      return true;
    }
  }

  get body(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  open(what: string): ByteReader {
    return this.#reader.aim(this.#bytes, this.#start, this.#end, what);
  }
}

/**
 * Hands the frames of a message on in order, each of them good for as long as its bytes are.
 * `visit` returns false to stop early. Throws like the cursor.
 */
export function readFrames(
  message: Uint8Array,
  maxBodyBytes: () => number,
  visit: (frame: Frame) => boolean,
): void {
  const cursor = new FrameCursor(message);
  while (cursor.next(maxBodyBytes())) {
    const { kind, flags, lane, body } = cursor;
    if (!visit(new WholeFrame(kind, flags, lane, body))) return;
  }
}

function checkLength(length: number, available: number, limit: number): void {
  if (length > limit) {
    throw new ProtocolError(`a frame of ${length} bytes, the limit is ${limit}`);
  }
  if (length > available) {
    throw new ProtocolError(`a frame of ${length} bytes of which ${available} are there`);
  }
}

function isFrameKind(kind: number): kind is FrameKind {
  return uses[kind] !== LaneUse.none;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
