/**
 * The datagram with which a node tells its network where it is, and what makes one believable.
 *
 *     0   4   "TRPM"
 *     4   1   version, 1
 *     5   16  nonce
 *     21  8   milliseconds since 1970, unsigned, big endian
 *     29  …   cluster, name, URL: each with its length as u16 before it, in UTF-8
 *     …   32  HMAC-SHA-256 over everything before it
 *
 * Nothing may follow. The key of the HMAC is derived from a key of the cluster, so that what is
 * signed here can never pass for a proof of a handshake.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

export interface Announcement {
  readonly cluster: string;
  readonly name: string;
  readonly url: string;
  /** By the wall clock of the sender. */
  readonly sentAt: number;
  readonly nonce: Uint8Array;
}

/** Why a datagram is dropped. */
export type AnnouncementFault = "malformed" | "foreign" | "expired" | "unproven";

export const NONCE_BYTES = 16;

/** Fits into a packet of every network, so that a part of it is never missing. */
export const MAX_ANNOUNCEMENT_BYTES = 1200;

/** How far the wall clocks of two nodes may be apart. */
export const MAX_AGE_MS = 30_000;

const MAGIC = Buffer.from("TRPM\x01", "latin1");
const STAMP_AT = MAGIC.length + NONCE_BYTES;
const TEXTS_AT = STAMP_AT + 8;
const MAC_BYTES = 32;
const MIN_BYTES = TEXTS_AT + 6 + MAC_BYTES;
const PURPOSE = "troupe multicast discovery 1";

/** The key for announcements that belongs to a key of the cluster. */
export function announcementKey(key: string): Uint8Array {
  return createHmac("sha256", key).update(PURPOSE).digest();
}

/** The datagram; undefined if it would be too long. */
export function encodeAnnouncement(
  announcement: Announcement,
  key: Uint8Array,
): Uint8Array | undefined {
  const { cluster, name, url, sentAt, nonce } = announcement;
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(sentAt))));
  const signed = Buffer.concat([MAGIC, nonce, stamp, text(cluster), text(name), text(url)]);
  const datagram = Buffer.concat([signed, mac(signed, key)]);
  return datagram.length <= MAX_ANNOUNCEMENT_BYTES ? datagram : undefined;
}

/** Reads a datagram. What is cheap to see is looked at first, and nothing is kept of it. */
export function decodeAnnouncement(
  bytes: Uint8Array,
  expected: {
    readonly cluster: string;
    readonly keys: readonly Uint8Array[];
    readonly now: number;
  },
): Announcement | AnnouncementFault {
  if (bytes.length < MIN_BYTES || bytes.length > MAX_ANNOUNCEMENT_BYTES) return "malformed";
  const datagram = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!datagram.subarray(0, MAGIC.length).equals(MAGIC)) return "malformed";
  const end = datagram.length - MAC_BYTES;
  const texts = readTexts(datagram.subarray(TEXTS_AT, end));
  if (texts === undefined) return "malformed";
  const [cluster, name, url] = texts;
  if (cluster !== expected.cluster) return "foreign";
  const sentAt = Number(datagram.readBigUInt64BE(STAMP_AT));
  if (Math.abs(expected.now - sentAt) > MAX_AGE_MS) return "expired";
  const signed = datagram.subarray(0, end);
  const signature = datagram.subarray(end);
  if (!expected.keys.some((key) => timingSafeEqual(mac(signed, key), signature))) return "unproven";
  const nonce = Buffer.from(datagram.subarray(MAGIC.length, STAMP_AT));
  return { cluster, name, url, sentAt, nonce };
}

function mac(signed: Uint8Array, key: Uint8Array): Buffer {
  return createHmac("sha256", key).update(signed).digest();
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  const length = Buffer.alloc(2);
  // What is longer than this makes the datagram too long in any case.
  length.writeUInt16BE(Math.min(bytes.length, 0xffff));
  return Buffer.concat([length, bytes]);
}

function readTexts(bytes: Buffer): readonly [string, string, string] | undefined {
  const texts: string[] = [];
  let at = 0;
  while (texts.length < 3) {
    if (at + 2 > bytes.length) return undefined;
    const start = at + 2;
    at = start + bytes.readUInt16BE(at);
    if (at === start || at > bytes.length) return undefined;
    texts.push(bytes.toString("utf8", start, at));
  }
  return at === bytes.length ? (texts as [string, string, string]) : undefined;
}
