/**
 * The outer layout of everything two nodes say to each other:
 *
 *     u8 kind | u8 flags | u16 lane | u32 length | body
 *
 * One WebSocket message carries one or more frames. The layout is fixed and never CBOR, so that
 * a frame can be judged before anything in it is interpreted. This file checks lengths and kinds;
 * it does not know what a body means, and it holds no state.
 */
import { asBuffer } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";

/** Bytes before a frame's body. */
export const FRAME_HEADER_BYTES = 8;

/**
 * Every kind of frame. One name, one sender, one handler; the numbers are the wire's and are
 * never reused.
 */
export const FrameKind = {
  hello: 0x01,
  challenge: 0x02,
  proof: 0x03,
  welcome: 0x04,
  reject: 0x05,
  tick: 0x10,
  goodbye: 0x17,
  cast: 0x20,
  query: 0x21,
  call: 0x22,
  reply: 0x23,
  info: 0x24,
  start: 0x40,
  lookup: 0x41,
  channel: 0x60,
} as const;

export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** A frame with this flag may be skipped by a peer that does not know its kind. */
export const FLAG_OPTIONAL = 0x01;

/** On a tick: please say something at once (a tick is enough). */
export const FLAG_ANSWER = 0x02;

/** Flags that this version understands; the others are reserved for fragments. */
const KNOWN_FLAGS = FLAG_OPTIONAL | FLAG_ANSWER;

/** The lane of control frames, of channels, and of everything between actors. */
export const Lane = { control: 0, channel: 1, actors: 2 } as const;

const kinds: ReadonlySet<number> = new Set(Object.values(FrameKind));

export interface Frame {
  readonly kind: FrameKind;
  readonly flags: number;
  readonly lane: number;
  /** A view into the message it came in; copy what has to outlive the handler. */
  readonly body: Uint8Array;
}

/** Builds one frame in one piece of memory: the header, then the parts of its body. */
export function encodeFrame(
  kind: FrameKind,
  lane: number,
  flags: number,
  ...parts: readonly Uint8Array[]
): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length);
  frame.writeUInt8(kind, 0);
  frame.writeUInt8(flags, 1);
  frame.writeUInt16BE(lane, 2);
  frame.writeUInt32BE(length, 4);
  let at = FRAME_HEADER_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/**
 * Cuts a message into frames and hands them on in order. `visit` returns false to stop early:
 * nothing after a frame that closed the link may be delivered. The limit is asked for with every
 * frame, because the frame that ends a handshake and the first large one may share a message.
 *
 * Throws ProtocolError at the first frame that is truncated, over `maxBodyBytes`, of an unknown
 * kind without the optional flag, or that carries a reserved flag; the frames before it have
 * been visited.
 */
export function readFrames(
  message: Uint8Array,
  maxBodyBytes: () => number,
  visit: (frame: Frame) => boolean,
): void {
  const bytes = asBuffer(message);
  if (bytes.length === 0) throw new ProtocolError("an empty message");
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < FRAME_HEADER_BYTES) {
      throw new ProtocolError(`a truncated frame header of ${bytes.length - at} bytes`);
    }
    const kind = bytes.readUInt8(at);
    const flags = bytes.readUInt8(at + 1);
    const lane = bytes.readUInt16BE(at + 2);
    const length = bytes.readUInt32BE(at + 4);
    at += FRAME_HEADER_BYTES;
    const limit = maxBodyBytes();
    if (length > limit) {
      throw new ProtocolError(`a frame of ${length} bytes, the limit is ${limit}`);
    }
    if (length > bytes.length - at) {
      throw new ProtocolError(`a frame of ${length} bytes of which ${bytes.length - at} are there`);
    }
    const body = bytes.subarray(at, at + length);
    at += length;
    if (!isFrameKind(kind)) {
      if ((flags & FLAG_OPTIONAL) !== 0) continue;
      throw new ProtocolError(`unknown frame kind 0x${kind.toString(16).padStart(2, "0")}`);
    }
    if ((flags & ~KNOWN_FLAGS) !== 0) {
      throw new ProtocolError(`reserved frame flags 0x${flags.toString(16).padStart(2, "0")}`);
    }
    if (!visit({ kind, flags, lane, body })) return;
  }
}

function isFrameKind(kind: number): kind is FrameKind {
  return kinds.has(kind);
}
