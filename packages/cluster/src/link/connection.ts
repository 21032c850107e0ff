/**
 * One socket, seen as frames: what comes in is cut, judged and put together, what goes out is
 * batched.
 *
 * A connection does not know who is at the other end or what a frame means. Whatever the other
 * side sends, the worst that happens is that this connection closes with a reason.
 */
import { isActorError } from "@troupe/actor";
import type { ByteWriter } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import type { Socket } from "../transport/transport.ts";
import {
  encodeFrame,
  FLAG_ANSWER,
  FRAGMENT_FLAGS,
  FRAME_HEADER_BYTES,
  type Frame,
  FrameCursor,
  FrameKind,
  type FrameSink,
  MAX_BODY_BYTES,
} from "./frame.ts";
import { Pulse } from "./heartbeat.ts";
import { CONTROL_LANE } from "./lanes.ts";
import { Outbox, type OutboxLimits } from "./outbox.ts";
import { Reassembly } from "./reassembly.ts";

/**
 * Why a connection ended: the other side closed it or vanished (`lost`), was silent for too long
 * (`silent`), said goodbye (`left`), broke the protocol, was replaced by a newer connection,
 * never read what it was sent (`overloaded`), or was refused. `stopped`: this node stops.
 */
export type CloseReason =
  | "lost"
  | "silent"
  | "left"
  | "protocol"
  | "replaced"
  | "overloaded"
  | "refused"
  | "stopped";

export interface ConnectionLimits extends OutboxLimits {
  /** The largest message that this side takes, and sends. */
  readonly maxMessageBytes: number;
}

export interface ConnectionListener {
  frame(frame: Frame): void;
  /** Called once; no frame follows. */
  closed(reason: CloseReason, error?: Error): void;
}

/** What has passed through the connections of a node. */
export interface Traffic {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
}

/** Nothing yet. */
export function noTraffic(): Traffic {
  return { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
}

export interface ConnectionPorts {
  /** Where to count, besides the other connections. @default nowhere */
  readonly traffic?: Traffic;
  readonly defer: (flush: () => void) => void;
  readonly later: (flush: () => void) => void;
  readonly limits: ConnectionLimits;
}

const TICK = encodeFrame(FrameKind.tick, CONTROL_LANE, 0);
const TICK_ANSWER = encodeFrame(FrameKind.tick, CONTROL_LANE, FLAG_ANSWER);
const GOODBYE = encodeFrame(FrameKind.goodbye, CONTROL_LANE, 0);

export class Connection implements FrameSink {
  /** Resolves when the socket is closed, which may be after `closed` was reported. */
  readonly finished: Promise<void>;
  /** Told when the link goes above the soft limit. */
  onCongested: ((queuedBytes: number) => void) | undefined = undefined;
  /** Told when a congested link is below half of the soft limit again. */
  onRelieved: ((queuedBytes: number) => void) | undefined = undefined;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #reassembly: Reassembly;
  readonly #traffic: Traffic;
  /** The largest message that both ends take, and that could ever fit into the outbox. */
  #maxMessageBytes: number;
  #bodyLimit: number;
  #listener: ConnectionListener;
  readonly #pulse = new Pulse();
  #established = false;
  #closed = false;
  #probes: ((alive: boolean) => void)[] = [];
  #finish: () => void = () => {};

  constructor(
    socket: Socket,
    ports: ConnectionPorts,
    listener: ConnectionListener,
    firstFramesBytes: number,
  ) {
    this.#socket = socket;
    this.#listener = listener;
    this.#traffic = ports.traffic ?? noTraffic();
    const { maxMessageBytes, hardOutboxBytes } = ports.limits;
    this.#maxMessageBytes = Math.min(maxMessageBytes, hardOutboxBytes);
    this.#reassembly = new Reassembly(maxMessageBytes);
    this.#bodyLimit = firstFramesBytes;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const outboxPorts = {
      defer: ports.defer,
      later: ports.later,
      congested: (queuedBytes: number) => this.onCongested?.(queuedBytes),
      relieved: (queuedBytes: number) => this.onRelieved?.(queuedBytes),
    };
    this.#outbox = new Outbox(socket, ports.limits, outboxPorts, maxMessageBytes);
  }

  /** Begins delivery. Separate from the constructor, so that the owner knows us by then. */
  open(): void {
    this.#socket.open({
      message: (bytes) => this.#onMessage(bytes),
      closed: () => {
        this.#finish();
        this.#outbox.close();
        this.#end("lost");
      },
    });
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  /**
   * The largest body of a message: what both ends take, and what could ever fit. Whoever sends
   * asks first; a larger one would cost the link.
   */
  get maxMessageBytes(): number {
    return this.#maxMessageBytes;
  }

  /** The peer knows the key, but may have to wait for our decision. */
  proven(): void {
    this.#socket.proven?.();
  }

  /**
   * The peer is let in: frames of full size, another listener, heartbeats, and messages as large
   * as it takes them.
   */
  establish(listener: ConnectionListener, peerMaxMessageBytes: number): void {
    this.#established = true;
    this.#listener = listener;
    this.#bodyLimit = MAX_BODY_BYTES;
    this.#maxMessageBytes = Math.min(this.#maxMessageBytes, peerMaxMessageBytes);
    this.#outbox.maxMessageBytes = peerMaxMessageBytes;
    this.#socket.admit();
  }

  /** Whether a frame of that size, header included, would be taken now. */
  hasRoomFor(bytes: number): boolean {
    return this.#outbox.hasRoomFor(bytes);
  }

  /** Makes room for a frame that the caller fills at once; see {@link FrameSink}. */
  begin(kind: FrameKind, lane: number, bodyBytes: number): ByteWriter | undefined {
    const writer = this.#outbox.begin(kind, lane, bodyBytes);
    if (writer !== undefined) this.#sent(FRAME_HEADER_BYTES + bodyBytes);
    return writer;
  }

  /** Queues a frame, whose bytes belong to the link from here on; false if it does not fit. */
  send(frame: Uint8Array): boolean {
    const taken = this.#outbox.offer(frame);
    if (taken) this.#sent(frame.length);
    return taken;
  }

  /** Queues a frame that the link itself needs. A peer that leaves no room for it is cut off. */
  sendControl(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#sent(frame.length);
    this.#offerControl(frame);
  }

  /** Ends a round of the heartbeat with a tick. True: something was heard while it lasted. */
  round(): boolean {
    this.#sent(TICK.length);
    this.#offerControl(TICK);
    return this.#pulse.round();
  }

  /** Asks for a sign of life: called back once, with the next message or with the end. */
  probe(answer: (alive: boolean) => void): void {
    if (this.#closed) {
      answer(false);
      return;
    }
    this.#probes.push(answer);
    this.sendControl(TICK_ANSWER);
  }

  /** Lets everything that was sent leave, says goodbye, and closes. */
  leave(): void {
    this.closeAfter("stopped", GOODBYE);
  }

  /**
   * Closes once everything that was sent has left, and behind it a last frame, if any. Nothing
   * comes in or is taken any more. A peer that does not read must be cut off by the caller.
   */
  closeAfter(reason: CloseReason, lastFrame?: Uint8Array): void {
    if (this.#closed) return;
    this.#outbox.finish(lastFrame, () => this.#socket.close());
    this.#end(reason);
  }

  /** Closes at once, and drops what has not left. */
  terminate(reason: CloseReason, error?: Error): void {
    if (this.#closed) return;
    this.#outbox.close();
    this.#socket.terminate();
    this.#end(reason, error);
  }

  /** Closes at once, even if it is on its way to close by itself. */
  cut(): void {
    this.#outbox.close();
    this.#socket.terminate();
    this.#end("stopped");
  }

  #onMessage(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#pulse.heard();
    this.#traffic.bytesIn += bytes.length;
    this.#answerProbes(true);
    try {
      const cursor = new FrameCursor(bytes);
      while (!this.#closed && cursor.next(this.#bodyLimit)) this.#onFrame(cursor);
    } catch (error) {
      const problem = isActorError(error, "ERR_PROTOCOL") ? error : unexpected(error);
      this.terminate("protocol", problem);
    }
  }

  #onFrame(frame: Frame): void {
    this.#traffic.framesIn += 1;
    if (!this.#established) {
      // During the handshake every frame is the handshake's to judge.
      if ((frame.flags & FRAGMENT_FLAGS) !== 0) throw new ProtocolError("an early fragment");
      this.#listener.frame(frame);
      return;
    }
    const whole = this.#reassembly.take(frame);
    if (whole === undefined) return;
    if (whole.kind === FrameKind.tick) {
      whole.open("TICK").end();
      if ((whole.flags & FLAG_ANSWER) !== 0) this.sendControl(TICK);
    } else if (whole.kind === FrameKind.goodbye) {
      whole.open("GOODBYE").end();
      this.terminate("left");
    } else {
      this.#listener.frame(whole);
    }
  }

  #sent(bytes: number): void {
    this.#traffic.framesOut += 1;
    this.#traffic.bytesOut += bytes;
  }

  #offerControl(frame: Uint8Array): void {
    if (!this.#outbox.offerControl(frame)) this.terminate("overloaded");
  }

  #answerProbes(alive: boolean): void {
    if (this.#probes.length === 0) return;
    for (const answer of this.#probes.splice(0)) answer(alive);
  }

  #end(reason: CloseReason, error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reassembly.clear();
    this.#answerProbes(false);
    this.#listener.closed(reason, error);
  }
}

/** A bug of ours that a message has triggered must cost the link, and not the node. */
function unexpected(error: unknown): Error {
  const problem = new ProtocolError(error instanceof Error ? error.message : String(error));
  problem.cause = error;
  return problem;
}
