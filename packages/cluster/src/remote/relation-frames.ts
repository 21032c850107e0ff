/**
 * The bodies of the frames that tie processes of two nodes together, as fixed layouts:
 *
 *     MONITOR    u32 number | u64 watcher, 0 for none | TARGET
 *     DEMONITOR  u32 number
 *     DOWN       u32 number | reason
 *     LINK       u64 incarnation | u64 process | u64 from | u16+text actor | u32 number
 *     UNLINK     u64 incarnation | u64 process | u64 from | u32 number | u32 number there
 *     EXIT       u64 incarnation | u64 process | u64 from, 0 for none | u16+text actor
 *                | u8 kind: 0 signal, 1 end of a link | u32 number, 0 for any | reason
 *
 * `incarnation` and `process` name the receiver, `from` and `actor` the sender. The node that sets
 * a monitor, or makes a link, numbers it; a number belongs to one link between two nodes and is
 * not used again. TARGET is that of a call. A reason is CBOR and is not looked at here.
 */
import { type ByteReader, type Bytes, ByteWriter, textBytes } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { encodeFrame, type Frame, FrameKind } from "../link/frame.ts";
import { processLane } from "../link/lanes.ts";
import { readTarget, type Target, targetBytes, writeTarget } from "./messages.ts";

export interface MonitorMessage {
  readonly number: number;
  /** The process that is told; it fixes the lane of the answer. */
  readonly watcher: number;
  readonly target: Target;
}

export function monitorFrame({ number, watcher, target }: MonitorMessage): Buffer {
  const body = new ByteWriter(4 + 8 + targetBytes(target)).u32(number).u64(watcher);
  writeTarget(body, target);
  return encodeFrame(FrameKind.monitor, processLane(target.id), 0, body.done());
}

export function readMonitor(frame: Frame): MonitorMessage {
  const reader = frame.open("monitor");
  const message = { number: reader.u32(), watcher: reader.u64(), target: readTarget(reader) };
  reader.end();
  if (message.number === 0) throw new ProtocolError("monitor: its number is 0");
  return message;
}

/** `target` is what was watched: the frame must not overtake the one that set the monitor. */
export function demonitorFrame(number: number, target: Target): Buffer {
  const body = new ByteWriter(4).u32(number).done();
  return encodeFrame(FrameKind.demonitor, processLane(target.id), 0, body);
}

export function readDemonitor(frame: Frame): number {
  const reader = frame.open("demonitor");
  const number = reader.u32();
  reader.end();
  return number;
}

/** News as it is before it is written. */
type Sent<Message> = Omit<Message, "reason"> & { readonly reason: Bytes };

export interface DownMessage {
  readonly number: number;
  readonly reason: Uint8Array;
}

/** The news follows the last words: it takes the lane of everything else to the watcher. */
export function downFrame({ number, reason }: Sent<DownMessage>, watcher: number): Buffer {
  const head = new ByteWriter(4).u32(number).done();
  return encodeFrame(FrameKind.down, processLane(watcher), 0, head, reason);
}

export function readDown(frame: Frame): DownMessage {
  const reader = frame.open("down");
  return { number: reader.u32(), reason: reader.rest() };
}

/** The receiver of a frame, and its sender. */
export interface Ends {
  readonly incarnation: number;
  readonly process: number;
  readonly from: number;
}

function writeEnds(body: ByteWriter, { incarnation, process, from }: Ends): ByteWriter {
  return body.u64(incarnation).u64(process).u64(from);
}

function readEnds(reader: ByteReader): Ends {
  return { incarnation: reader.u64(), process: reader.u64(), from: reader.u64() };
}

/** What the name of a definition may take, so that any peer takes the frame, with its reason. */
const MAX_NAME_BYTES = 32 * 1024;

/** What one unit of a string takes in UTF-8, at most. */
const MAX_UNIT_BYTES = 3;

/**
 * The name of a definition as far as it fits. Nothing is found by it, and an end that cannot be
 * told because of a name would be worse than half a name.
 */
function fittingName(actor: string): string {
  if (textBytes(actor) <= MAX_NAME_BYTES) return actor;
  return actor.slice(0, Math.floor(MAX_NAME_BYTES / MAX_UNIT_BYTES));
}

export interface LinkMessage extends Ends {
  /** What the sender's definition is called, so that the receiver can name the sender. */
  readonly actor: string;
  readonly number: number;
}

export function linkFrame(message: LinkMessage): Buffer {
  const { number, process } = message;
  const actor = fittingName(message.actor);
  const body = new ByteWriter(24 + 2 + textBytes(actor) + 4);
  writeEnds(body, message).text16(actor).u32(number);
  return encodeFrame(FrameKind.link, processLane(process), 0, body.done());
}

export function readLink(frame: Frame): LinkMessage {
  const reader = frame.open("link");
  const message = { ...readEnds(reader), actor: reader.text16(), number: reader.u32() };
  reader.end();
  const { process, from, number } = message;
  if (process === 0 || from === 0 || number === 0) throw new ProtocolError("link: a number is 0");
  return message;
}

export interface UnlinkMessage extends Ends {
  /** The number of the sender's own link, 0 for none. */
  readonly number: number;
  /** The number of the receiver's link as far as the sender knows of one, 0 for none. */
  readonly numberThere: number;
}

export function unlinkFrame(message: UnlinkMessage): Buffer {
  const body = writeEnds(new ByteWriter(24 + 8), message);
  body.u32(message.number).u32(message.numberThere);
  return encodeFrame(FrameKind.unlink, processLane(message.process), 0, body.done());
}

export function readUnlink(frame: Frame): UnlinkMessage {
  const reader = frame.open("unlink");
  const message = { ...readEnds(reader), number: reader.u32(), numberThere: reader.u32() };
  reader.end();
  return message;
}

export interface ExitMessage extends Ends {
  readonly actor: string;
  /** Whether it came through a link, which is gone then. */
  readonly isLinkEnd: boolean;
  /** The one link of the receiver that was refused; 0 when the sender is over. */
  readonly number: number;
  readonly reason: Uint8Array;
}

export function exitFrame(message: Sent<ExitMessage>): Buffer {
  const { isLinkEnd, number, process, reason } = message;
  const actor = fittingName(message.actor);
  const head = new ByteWriter(24 + 2 + textBytes(actor) + 1 + 4);
  writeEnds(head, message)
    .text16(actor)
    .u8(isLinkEnd ? 1 : 0)
    .u32(number);
  return encodeFrame(FrameKind.exit, processLane(process), 0, head.done(), reason);
}

export function readExit(frame: Frame): ExitMessage {
  const reader = frame.open("exit");
  const message = {
    ...readEnds(reader),
    actor: reader.text16(),
    isLinkEnd: reader.flag(),
    number: reader.u32(),
    reason: reader.rest(),
  };
  if (message.isLinkEnd && message.from === 0) throw new ProtocolError("exit: a link of nobody");
  return message;
}
