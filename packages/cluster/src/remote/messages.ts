/**
 * The bodies of the frames between actors, as fixed layouts around values of users:
 *
 *     CALL, QUERY  u32 correlation | TARGET | u16+text operation                        | value
 *     CAST, INFO                     TARGET | u16+text operation                        | value
 *     START        u32 correlation | u16+text actor | u16+text name, empty for none     | value
 *     LOOKUP       u32 correlation | u16+text name
 *     REPLY        u32 correlation | u8 status: 0 value, 1 error                        | value
 *     ANSWER       u64 number      | u8 status: 0 value, 1 error                        | value
 *     CHANNEL      u16+text channel | bytes
 *
 * TARGET is `u64 incarnation | u64 process`. No process has the number 0: behind it stand
 * `u16+text name | u16+text actor`, the name that is looked up there and the definition that is
 * expected, empty for any; the incarnation is 0 then, for any life of the node.
 *
 * A value is CBOR and is not looked at here: a frame can be routed, and answered, although its
 * value is garbage. What is truncated, or too long, or says what it cannot, is a ProtocolError.
 */
import { type ByteReader, type Bytes, ByteWriter, textBytes } from "../bytes.ts";
import { MessageTooLargeError } from "../errors.ts";
import { encodeFrame, type Frame, FrameKind } from "../link/frame.ts";
import { correlationLane, processLane } from "../link/lanes.ts";

/** The process that a message is for, by its number or by its name. Every address is one. */
export interface Target {
  /** The life of the node that the ref belongs to; 0 for a name, which is looked up in any. */
  readonly incarnation: number;
  /** The number of the process; 0 for a name. */
  readonly id: number;
  readonly name?: string | undefined;
  /** The definition that whoever has the name must be of; empty for any. */
  readonly actor?: string | undefined;
}

/** How many bytes a target takes. */
export function targetBytes({ id, name = "", actor = "" }: Target): number {
  return id !== 0 ? 16 : 16 + text16Bytes(name) + text16Bytes(actor);
}

export function writeTarget(writer: ByteWriter, target: Target): ByteWriter {
  const { incarnation, id } = target;
  writer.u64(incarnation).u64(id);
  return id !== 0 ? writer : writer.text16(target.name ?? "").text16(target.actor ?? "");
}

export function readTarget(reader: ByteReader): Target {
  const incarnation = reader.u64();
  const id = reader.u64();
  if (id !== 0) return { incarnation, id };
  return { incarnation, id, name: reader.text16(), actor: reader.text16() };
}

export interface CallMessage {
  /** 0 for a cast or an info, which nobody answers. */
  readonly correlation: number;
  /** The life of the node that the ref belongs to. */
  readonly incarnation: number;
  readonly process: number;
  /** In place of a process, which is 0 then. */
  readonly name?: string | undefined;
  readonly actor?: string | undefined;
  readonly operation: string;
  readonly value: Uint8Array;
}

/** A message as it is before it is written: its value may still lie where it is from. */
type Sent<Message> = Omit<Message, "value"> & { readonly value: Bytes };

export type CallKind = "call" | "query" | "cast" | "info";

/** Whether somebody waits for a reply, which then has a number. */
function isAnswered(kind: CallKind): boolean {
  return kind === "call" || kind === "query";
}

/** How many bytes a text field takes; it can say so in two bytes, or the message is refused. */
function text16Bytes(text: string): number {
  const bytes = textBytes(text);
  if (bytes > 0xffff) throw new MessageTooLargeError(bytes, 0xffff);
  return 2 + bytes;
}

/** The size of the body that `writeCall` fills. */
export function callBytes(kind: CallKind, target: Target, operation: string, value: Bytes): number {
  const numbers = (isAnswered(kind) ? 4 : 0) + targetBytes(target);
  return numbers + text16Bytes(operation) + value.length;
}

/** Fills the body of a call, a query, a cast or an info, which is on the lane of its process. */
export function writeCall(
  writer: ByteWriter,
  kind: CallKind,
  correlation: number,
  target: Target,
  operation: string,
  value: Bytes,
): void {
  if (isAnswered(kind)) writer.u32(correlation);
  writeTarget(writer, target).text16(operation).bytes(value).end();
}

export function callFrame(kind: CallKind, message: Sent<CallMessage>): Buffer {
  const { correlation, incarnation, process, name, actor, operation, value } = message;
  const target = { incarnation, id: process, name, actor };
  const body = new ByteWriter(callBytes(kind, target, operation, value));
  writeCall(body, kind, correlation, target, operation, value);
  return encodeFrame(FrameKind[kind], processLane(process), 0, body.done());
}

export function readCall(kind: CallKind, frame: Frame): CallMessage {
  const reader = frame.open(kind);
  const correlation = isAnswered(kind) ? reader.u32() : 0;
  const incarnation = reader.u64();
  const process = reader.u64();
  const name = process === 0 ? reader.text16() : undefined;
  const actor = process === 0 ? reader.text16() : undefined;
  const operation = reader.text16();
  return { correlation, incarnation, process, name, actor, operation, value: reader.rest() };
}

export interface StartMessage {
  readonly correlation: number;
  readonly actor: string;
  readonly name: string | undefined;
  readonly value: Uint8Array;
}

export function startFrame({ correlation, actor, name = "", value }: Sent<StartMessage>): Buffer {
  const size = 4 + text16Bytes(actor) + text16Bytes(name);
  const head = new ByteWriter(size).u32(correlation).text16(actor).text16(name);
  return encodeFrame(FrameKind.start, correlationLane(correlation), 0, head.done(), value);
}

export function readStart(frame: Frame): StartMessage {
  const reader = frame.open("start");
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
  const body = new ByteWriter(4 + text16Bytes(name)).u32(correlation).text16(name);
  return encodeFrame(FrameKind.lookup, correlationLane(correlation), 0, body.done());
}

export function readLookup(frame: Frame): LookupMessage {
  const reader = frame.open("lookup");
  const message = { correlation: reader.u32(), name: reader.text16() };
  reader.end();
  return message;
}

export interface ReplyMessage {
  readonly correlation: number;
  readonly isError: boolean;
  readonly value: Uint8Array;
}

/** The size of the body that `writeReply` fills. */
export function replyBytes(value: Bytes): number {
  return 5 + value.length;
}

/** Fills the body of a reply, which is on the lane of its number. */
export function writeReply(
  writer: ByteWriter,
  correlation: number,
  isError: boolean,
  value: Bytes,
): void {
  writer
    .u32(correlation)
    .u8(isError ? 1 : 0)
    .bytes(value)
    .end();
}

export function replyFrame({ correlation, isError, value }: Sent<ReplyMessage>): Buffer {
  const body = new ByteWriter(replyBytes(value));
  writeReply(body, correlation, isError, value);
  return encodeFrame(FrameKind.reply, correlationLane(correlation), 0, body.done());
}

export function readReply(frame: Frame): ReplyMessage {
  const reader = frame.open("reply");
  return { correlation: reader.u32(), isError: reader.flag(), value: reader.rest() };
}

/** The answer to a call whose reply its own node has deferred; `number` is from `ctx.defer`. */
export interface AnswerMessage {
  readonly number: number;
  readonly isError: boolean;
  readonly value: Uint8Array;
}

export function answerFrame({ number, isError, value }: Sent<AnswerMessage>): Buffer {
  const head = new ByteWriter(9).u64(number).u8(isError ? 1 : 0);
  return encodeFrame(FrameKind.answer, correlationLane(number), 0, head.done(), value);
}

export function readAnswer(frame: Frame): AnswerMessage {
  const reader = frame.open("answer");
  return { number: reader.u64(), isError: reader.flag(), value: reader.rest() };
}

export interface ChannelMessage {
  readonly channel: string;
  readonly payload: Uint8Array;
}

/** The size of the body that `writeChannel` fills. */
export function channelBytes(channel: string, payload: Uint8Array): number {
  return text16Bytes(channel) + payload.length;
}

/** Fills the body of a message of a channel, which is on the lane of that channel. */
export function writeChannel(writer: ByteWriter, channel: string, payload: Uint8Array): void {
  writer.text16(channel).bytes(payload).end();
}

export function readChannel(frame: Frame): ChannelMessage {
  const reader = frame.open("channel");
  return { channel: reader.text16(), payload: reader.rest() };
}
