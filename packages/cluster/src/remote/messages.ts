/**
 * The bodies of the frames between actors, as fixed layouts around values of users:
 *
 *     CALL, QUERY  u32 correlation | u64 incarnation | u64 process | u16+text operation | value
 *     CAST                           u64 incarnation | u64 process | u16+text operation | value
 *     START        u32 correlation | u16+text actor | u16+text name, empty for none     | value
 *     LOOKUP       u32 correlation | u16+text name
 *     REPLY        u32 correlation | u8 status: 0 value, 1 error                        | value
 *     CHANNEL      u16+text channel | bytes
 *
 * A value is CBOR and is not looked at here: a frame can be routed, and answered, although its
 * value is garbage. What is truncated is a ProtocolError.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";
import { encodeFrame, FrameKind, Lane } from "../link/frame.ts";

export interface CallMessage {
  /** 0 for a cast or an info, which nobody answers. */
  readonly correlation: number;
  /** The life of the node that the ref belongs to. */
  readonly incarnation: number;
  readonly process: number;
  readonly operation: string;
  readonly value: Uint8Array;
}

export type CallKind = "call" | "query" | "cast" | "info";

/** Whether somebody waits for a reply, which then has a number. */
function isAnswered(kind: CallKind): boolean {
  return kind === "call" || kind === "query";
}

export function callFrame(kind: CallKind, message: CallMessage): Buffer {
  const { correlation, incarnation, process, operation, value } = message;
  const correlated = isAnswered(kind) ? 4 : 0;
  const head = new ByteWriter(correlated + 8 + 8 + 2 + Buffer.byteLength(operation));
  if (isAnswered(kind)) head.u32(correlation);
  head.u64(incarnation).u64(process).text16(operation);
  return encodeFrame(FrameKind[kind], Lane.actors, 0, head.done(), value);
}

export function readCall(kind: CallKind, body: Uint8Array): CallMessage {
  const reader = new ByteReader(body, kind.toUpperCase());
  return {
    correlation: isAnswered(kind) ? reader.u32() : 0,
    incarnation: reader.u64(),
    process: reader.u64(),
    operation: reader.text16(),
    value: reader.rest(),
  };
}

export interface StartMessage {
  readonly correlation: number;
  readonly actor: string;
  readonly name: string | undefined;
  readonly value: Uint8Array;
}

export function startFrame({ correlation, actor, name = "", value }: StartMessage): Buffer {
  const size = 4 + 2 + Buffer.byteLength(actor) + 2 + Buffer.byteLength(name);
  const head = new ByteWriter(size).u32(correlation).text16(actor).text16(name);
  return encodeFrame(FrameKind.start, Lane.actors, 0, head.done(), value);
}

export function readStart(body: Uint8Array): StartMessage {
  const reader = new ByteReader(body, "START");
  return {
    correlation: reader.u32(),
    actor: reader.text16(),
    name: reader.text16() || undefined,
    value: reader.rest(),
  };
}

export interface LookupMessage {
  readonly correlation: number;
  readonly name: string;
}

export function lookupFrame({ correlation, name }: LookupMessage): Buffer {
  const body = new ByteWriter(4 + 2 + Buffer.byteLength(name)).u32(correlation).text16(name);
  return encodeFrame(FrameKind.lookup, Lane.actors, 0, body.done());
}

export function readLookup(body: Uint8Array): LookupMessage {
  const reader = new ByteReader(body, "LOOKUP");
  return { correlation: reader.u32(), name: reader.text16() };
}

export interface ReplyMessage {
  readonly correlation: number;
  readonly isError: boolean;
  readonly value: Uint8Array;
}

export function replyFrame({ correlation, isError, value }: ReplyMessage): Buffer {
  const head = new ByteWriter(5).u32(correlation).u8(isError ? 1 : 0);
  return encodeFrame(FrameKind.reply, Lane.actors, 0, head.done(), value);
}

export function readReply(body: Uint8Array): ReplyMessage {
  const reader = new ByteReader(body, "REPLY");
  return { correlation: reader.u32(), isError: reader.u8() !== 0, value: reader.rest() };
}

export interface ChannelMessage {
  readonly channel: string;
  readonly payload: Uint8Array;
}

export function channelFrame({ channel, payload }: ChannelMessage): Buffer {
  const head = new ByteWriter(2 + Buffer.byteLength(channel)).text16(channel);
  return encodeFrame(FrameKind.channel, Lane.channel, 0, head.done(), payload);
}

export function readChannel(body: Uint8Array): ChannelMessage {
  const reader = new ByteReader(body, "CHANNEL");
  return { channel: reader.text16(), payload: reader.rest() };
}
