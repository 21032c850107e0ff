/**
 * One socket, seen as frames: what comes in is cut and judged, what goes out is batched.
 *
 * A connection does not know who is at the other end or what a frame means. Whatever the other
 * side sends, the worst that happens is that this connection closes with a reason.
 */
import { isActorError } from "@troupe/actor";
import { ProtocolError } from "../errors.ts";
import type { Socket } from "../transport/transport.ts";
import { encodeFrame, FLAG_ANSWER, type Frame, FrameKind, Lane, readFrames } from "./frame.ts";
import { Silence, type Verdict } from "./heartbeat.ts";
import { Outbox, type OutboxLimits } from "./outbox.ts";

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
  readonly maxFrameBytes: number;
}

export interface ConnectionListener {
  frame(frame: Frame): void;
  /** Called once; no frame follows. */
  closed(reason: CloseReason, error?: Error): void;
}

export interface ConnectionPorts {
  readonly defer: (flush: () => void) => void;
  readonly limits: ConnectionLimits;
}

const TICK = encodeFrame(FrameKind.tick, Lane.control, 0);
const TICK_ANSWER = encodeFrame(FrameKind.tick, Lane.control, FLAG_ANSWER);
const GOODBYE = encodeFrame(FrameKind.goodbye, Lane.control, 0);

export class Connection {
  /** Resolves when the socket is closed, which may be after `closed` was reported. */
  readonly finished: Promise<void>;
  /** Told when the link goes above the soft limit. */
  onCongested: ((queuedBytes: number) => void) | undefined = undefined;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #maxFrameBytes: number;
  #bodyLimit: number;
  #listener: ConnectionListener;
  #silence = new Silence(Number.POSITIVE_INFINITY);
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
    this.#maxFrameBytes = ports.limits.maxFrameBytes;
    this.#bodyLimit = firstFramesBytes;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#outbox = new Outbox(socket, ports.limits, {
      defer: ports.defer,
      congested: (queuedBytes) => this.onCongested?.(queuedBytes),
    });
  }

  /** Begins delivery. Separate from the constructor, so that the owner knows us by then. */
  open(): void {
    this.#socket.open({
      message: (bytes) => this.#onMessage(bytes),
      closed: () => {
        this.#finish();
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

  get maxFrameBytes(): number {
    return this.#maxFrameBytes;
  }

  /** The peer is proven: frames of full size, another listener, heartbeats. */
  establish(listener: ConnectionListener, deadAfterRounds: number): void {
    this.#established = true;
    this.#listener = listener;
    this.#bodyLimit = this.#maxFrameBytes;
    this.#silence = new Silence(deadAfterRounds);
    this.#socket.admit();
  }

  /** Whether a frame of that size, header included, would be taken now. */
  hasRoomFor(bytes: number): boolean {
    return this.#outbox.hasRoomFor(bytes);
  }

  /** Queues a frame; false if it does not fit. */
  send(frame: Uint8Array): boolean {
    const taken = this.#outbox.offer(frame);
    if (taken) this.#silence.sent();
    return taken;
  }

  /** Queues a frame that the link itself needs. A peer that leaves no room for it is cut off. */
  sendControl(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#silence.sent();
    this.#offerControl(frame);
  }

  /** Ends a round of the heartbeat, ticking if nothing else was sent. */
  round(late: boolean): void {
    const verdict: Verdict = this.#silence.round(late);
    if (verdict === "dead") this.terminate("silent");
    else if (verdict === "idle") this.#offerControl(TICK);
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

  /** Says goodbye, lets what was sent leave, and closes. */
  leave(): void {
    if (this.#closed) return;
    this.sendControl(GOODBYE);
    this.closeAfter("stopped");
  }

  /** Sends a last frame, if any, and closes once it has left. */
  closeAfter(reason: CloseReason, lastFrame?: Uint8Array): void {
    if (this.#closed) return;
    if (lastFrame !== undefined) this.#outbox.offerControl(lastFrame);
    this.#outbox.flush();
    this.#socket.close();
    this.#end(reason);
  }

  /** Closes at once. */
  terminate(reason: CloseReason, error?: Error): void {
    if (this.#closed) return;
    this.#socket.terminate();
    this.#end(reason, error);
  }

  /** Closes at once, even if it is on its way to close by itself. */
  cut(): void {
    this.#socket.terminate();
    this.#end("stopped");
  }

  #onMessage(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#silence.heard();
    this.#answerProbes(true);
    try {
      readFrames(
        bytes,
        () => this.#bodyLimit,
        (frame) => this.#onFrame(frame),
      );
    } catch (error) {
      const problem = isActorError(error, "ERR_PROTOCOL") ? error : unexpected(error);
      this.terminate("protocol", problem);
    }
  }

  #onFrame(frame: Frame): boolean {
    if (this.#closed) return false;
    if (!this.#established) {
      // During the handshake every frame is the handshake's to judge.
      this.#listener.frame(frame);
    } else if (frame.kind === FrameKind.tick) {
      if ((frame.flags & FLAG_ANSWER) !== 0) this.sendControl(TICK);
    } else if (frame.kind === FrameKind.goodbye) {
      this.terminate("left");
    } else {
      this.#listener.frame(frame);
    }
    return !this.#closed;
  }

  #offerControl(frame: Uint8Array): void {
    if (!this.#outbox.offerControl(frame)) this.terminate("overloaded");
  }

  #answerProbes(alive: boolean): void {
    for (const answer of this.#probes.splice(0)) answer(alive);
  }

  #end(reason: CloseReason, error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outbox.close();
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
