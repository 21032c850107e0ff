/**
 * Exit reasons on the wire. A reason says why something is over, so it must arrive: what cannot be
 * encoded, or is too large, is reduced to its text, and what cannot be read becomes an error.
 */
import type { ExitReason } from "@troupe/actor";
import { isExitReason, toErrorValue } from "@troupe/actor/runtime";
import type { Bytes } from "../bytes.ts";
import type { Codec } from "../codec/codec.ts";

/** A larger reason is reduced: news of an end uses room that is kept for small frames. */
export const MAX_REASON_BYTES = 16 * 1024;

/** The longest text in a reduced reason; of three texts, three bytes a character at most. */
const MAX_TEXT = 1500;

/** Encodes a reason, into memory that the next encoding overwrites. */
export function encodeReason(codec: Codec, reason: ExitReason | "kill"): Bytes {
  try {
    const bytes = codec.encodeShared(reason, "reason");
    if (bytes.length <= MAX_REASON_BYTES) return bytes;
  } catch {
    // Whatever is wrong with it, the process is over all the same.
  }
  return codec.encodeShared(reduced(reason), "reason");
}

/** Decodes what another node gave as a reason. */
export function decodeReason(codec: Codec, bytes: Uint8Array): ExitReason {
  try {
    const reason = codec.decode(bytes);
    if (isExitReason(reason)) return reason;
  } catch (error) {
    return { error: toErrorValue(error) };
  }
  return unreadable;
}

/** The same for an exit signal, which may also be the one that cannot be trapped. */
export function decodeSignal(codec: Codec, bytes: Uint8Array): ExitReason | "kill" {
  return isKill(codec, bytes) ? "kill" : decodeReason(codec, bytes);
}

function isKill(codec: Codec, bytes: Uint8Array): boolean {
  try {
    return codec.decode(bytes) === "kill";
  } catch {
    return false;
  }
}

const unreadable: ExitReason = {
  error: { name: "DecodeError", code: "ERR_DECODE", message: "an exit reason that is none" },
};

function reduced(reason: ExitReason | "kill"): ExitReason | "kill" {
  if (typeof reason === "string") return reason;
  if ("shutdown" in reason) return { shutdown: clip(toErrorValue(reason.shutdown).message) };
  const { name, message, stack, code } = reason.error;
  const error = { name: clip(name), message: clip(message) };
  const more = { ...(stack && { stack: clip(stack) }), ...(code && { code: clip(code) }) };
  return { error: { ...error, ...more } };
}

/** Shortens text, and mends what CBOR cannot carry in it. */
function clip(text: string): string {
  return Buffer.from(String(text).slice(0, MAX_TEXT), "utf8").toString("utf8");
}
