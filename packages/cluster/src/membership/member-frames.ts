/**
 * The frames by which nodes tell each other about members, as fixed layouts:
 *
 *     NEWS    u8 status | u64 incarnation | u64 version | u32 heartbeatMs | u8+text name
 *             | u16+text url, empty for none | u8 count | count × (u8+text accuser)
 *     GOSSIP  u16 count | count × NEWS
 *     SYNC    u16 count | count × NEWS      with the flag ANSWER: send me your table too
 *     DIGEST  u64
 *
 * All of them are on the lane of control. A table that does not fit one frame becomes several, and
 * each piece of news stands for itself. What is truncated or lies is a ProtocolError.
 */
import { type ByteReader, ByteWriter } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { encodeFrame, FLAG_ANSWER, type Frame, FrameKind } from "../link/frame.ts";
import { isNodeName } from "../link/handshake.ts";
import { CONTROL_LANE } from "../link/lanes.ts";
import type { News } from "./gossip.ts";
import { MAX_URL_BYTES, type MemberRecord, memberStatuses, rankOf } from "./member.ts";

/** What one node tells another about members. */
export type MemberMessage =
  | { readonly kind: "gossip"; readonly news: readonly News[] }
  | { readonly kind: "sync"; readonly news: readonly News[]; readonly answer: boolean }
  | { readonly kind: "digest"; readonly digest: number };

/** Accusers that are told with a suspicion. More than are waited for tell nothing more. */
export const MAX_ACCUSERS = 4;

/** The largest body of a frame here: lane 0 must stay free for ticks. */
const MAX_BODY_BYTES = 8 * 1024;

const COUNT_BYTES = 2;

/** Whether a frame is one of these. */
export function isMemberFrame(kind: FrameKind): boolean {
  return kind === FrameKind.gossip || kind === FrameKind.sync || kind === FrameKind.digest;
}

/** One or more frames, none of which has a larger body than is given. */
export function memberFrames(message: MemberMessage, maxBodyBytes: number): Buffer[] {
  if (message.kind === "digest") {
    const body = new ByteWriter(8).u64(message.digest).done();
    return [encodeFrame(FrameKind.digest, CONTROL_LANE, 0, body)];
  }
  const bodies = newsBodies(message.news, Math.min(MAX_BODY_BYTES, maxBodyBytes));
  const kind = FrameKind[message.kind];
  const asks = message.kind === "sync" && message.answer;
  // The other table is asked for once, when all of ours has arrived.
  return bodies.map((body, at) => {
    const flags = asks && at === bodies.length - 1 ? FLAG_ANSWER : 0;
    return encodeFrame(kind, CONTROL_LANE, flags, body);
  });
}

/** Reads one frame. Throws ProtocolError. */
export function readMemberFrame(frame: Frame): MemberMessage {
  const { kind, flags } = frame;
  if (kind === FrameKind.digest) {
    const reader = frame.open("DIGEST");
    const digest = reader.u64();
    atEnd(reader, "DIGEST");
    return { kind: "digest", digest };
  }
  const what = kind === FrameKind.gossip ? "GOSSIP" : "SYNC";
  const reader = frame.open(what);
  const news: News[] = [];
  for (let left = reader.u16(); left > 0; left--) news.push(readNews(reader, what));
  atEnd(reader, what);
  if (kind === FrameKind.gossip) return { kind: "gossip", news };
  return { kind: "sync", news, answer: (flags & FLAG_ANSWER) !== 0 };
}

function newsBodies(news: readonly News[], maxBytes: number): Buffer[] {
  const bodies: Buffer[] = [];
  let batch: News[] = [];
  let size = COUNT_BYTES;
  for (const item of news) {
    const fitting = fit(item, maxBytes - COUNT_BYTES);
    const bytes = newsBytes(fitting);
    if (batch.length > 0 && size + bytes > maxBytes) {
      bodies.push(newsBody(batch, size));
      batch = [];
      size = COUNT_BYTES;
    }
    batch.push(fitting);
    size += bytes;
  }
  bodies.push(newsBody(batch, size));
  return bodies;
}

/** The accusers are worth telling, but not at the price of the suspicion. */
function fit({ record, accusers }: News, maxBytes: number): News {
  const news = { record, accusers: accusers.slice(0, MAX_ACCUSERS) };
  return newsBytes(news) <= maxBytes ? news : { record, accusers: [] };
}

function newsBytes({ record, accusers }: News): number {
  let bytes = 1 + 8 + 8 + 4 + 1 + Buffer.byteLength(record.name) + 2 + 1;
  bytes += Buffer.byteLength(record.url ?? "");
  for (const accuser of accusers) bytes += 1 + Buffer.byteLength(accuser);
  return bytes;
}

function newsBody(news: readonly News[], size: number): Buffer {
  const writer = new ByteWriter(size).u16(news.length);
  for (const { record, accusers } of news) {
    writer
      .u8(rankOf(record.status))
      .u64(record.incarnation)
      .u64(record.version)
      .u32(record.heartbeatMs)
      .text8(record.name)
      .text16(record.url ?? "")
      .u8(accusers.length);
    for (const accuser of accusers) writer.text8(accuser);
  }
  return writer.done();
}

function readNews(reader: ByteReader, what: string): News {
  const status = memberStatuses[reader.u8()];
  const incarnation = reader.u64();
  const version = reader.u64();
  const heartbeatMs = reader.u32();
  const name = nodeName(reader.text8(), what);
  const url = reader.text16() || undefined;
  const count = reader.u8();
  if (status === undefined) throw new ProtocolError(`${what}: a status that is none`);
  if (version < incarnation) throw new ProtocolError(`${what}: a version before the incarnation`);
  if (url !== undefined && Buffer.byteLength(url) > MAX_URL_BYTES) {
    throw new ProtocolError(`${what}: an address of more than ${MAX_URL_BYTES} bytes`);
  }
  if (count > MAX_ACCUSERS) throw new ProtocolError(`${what}: ${count} accusers`);
  const accusers: string[] = [];
  for (let left = count; left > 0; left--) accusers.push(nodeName(reader.text8(), what));
  const record: MemberRecord = { name, incarnation, version, status, url, heartbeatMs };
  return { record, accusers };
}

function nodeName(text: string, what: string): string {
  if (!isNodeName(text)) throw new ProtocolError(`${what}: a node name that cannot be one`);
  return text;
}

function atEnd(reader: ByteReader, what: string): void {
  const { length } = reader.rest();
  if (length > 0) throw new ProtocolError(`${what}: ${length} bytes too many`);
}
