/** Raw hands on a socket to a node: a peer that means harm, with the key or without. */
import { settle } from "@troupe/actor/testing";
import { Codec } from "../../src/codec/codec.ts";
import { encodeFrame, type Frame, FrameKind, readFrames } from "../../src/link/frame.ts";
import { DialerHandshake } from "../../src/link/handshake.ts";
import { CONTROL_LANE, channelLane, processLane } from "../../src/link/lanes.ts";
import type { Node } from "../../src/node.ts";
import type { NodeOptions } from "../../src/options.ts";
import { readReply } from "../../src/remote/messages.ts";
import { memoryUrl } from "../../src/transport/memory.ts";
import type { Socket } from "../../src/transport/transport.ts";
import { Bench } from "../support.ts";

export const codec = new Codec();

/** Raw hands on a socket to a node. */
export class Attacker {
  readonly frames: Frame[] = [];
  closed = false;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.open({
      message: (bytes) => {
        readFrames(
          Uint8Array.from(bytes),
          () => 1 << 30,
          (frame) => this.frames.push(frame) > 0,
        );
      },
      closed: () => {
        this.closed = true;
      },
    });
  }

  async send(...frames: Uint8Array[]): Promise<void> {
    this.socket.send(Buffer.concat(frames));
    await settle();
  }

  last(kind: FrameKind): Frame {
    const found = this.frames.findLast((frame) => frame.kind === kind);
    if (found === undefined) throw new Error(`no frame of kind ${kind} came`);
    return found;
  }

  reply(): { isError: boolean; value: unknown; correlation: number } {
    const { correlation, isError, value } = readReply(this.last(FrameKind.reply));
    return { correlation, isError, value: codec.decode(value) };
  }
}

export async function dial(bench: Bench, from = "mallory"): Promise<Attacker> {
  const transport = bench.network.transport(from);
  const socket = await transport.dial(memoryUrl("b"), new AbortController().signal);
  return new Attacker(socket);
}

export interface Life {
  readonly name?: string;
  readonly incarnation?: number;
  readonly boot?: string;
  readonly key?: string;
  readonly maxMessageBytes?: number;
}

export function handshakeOf({ maxMessageBytes = 1 << 20, key = "key", ...life }: Life) {
  const { name = "mallory", incarnation = 1, boot = "aa" } = life;
  return new DialerHandshake({
    cluster: "troupe",
    self: {
      name,
      incarnation,
      boot: boot.repeat(16),
      url: undefined,
      heartbeatMs: 1000,
      maxMessageBytes,
    },
    keys: [Buffer.from(key)],
    randomBytes: (size) => Buffer.alloc(size, 5),
  });
}

/** An attacker who knows the key. */
export async function enter(bench: Bench, life: Life = {}): Promise<Attacker> {
  const attacker = await dial(bench, life.name);
  const handshake = handshakeOf(life);
  await attacker.send(handshake.start());
  handshake.receive(attacker.last(FrameKind.challenge));
  await attacker.send(handshake.prove());
  return attacker;
}

export async function target(options: Partial<NodeOptions> = {}): Promise<[Bench, Node]> {
  const bench = new Bench();
  return [bench, await bench.node("b", [], { keys: ["key"], ...options })];
}

export const raw = (kind: number, body: Uint8Array = Buffer.alloc(0), flags = 0) =>
  encodeFrame(kind as FrameKind, laneOf(kind), flags, body);

function laneOf(kind: number): number {
  if (kind < 0x20) return CONTROL_LANE;
  return kind === FrameKind.channel ? channelLane("x") : processLane(1);
}
