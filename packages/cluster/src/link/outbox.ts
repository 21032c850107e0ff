/**
 * What waits to be sent over one link: frames are collected for a turn and leave as one message.
 *
 * A WebSocket message costs a system call, so the frames of a turn are joined, up to 64 KiB or
 * one larger frame. The outbox is bounded by bytes, counting what the socket has not passed on;
 * a frame that does not fit is refused, never queued and never waited for.
 */
import type { Socket } from "../transport/transport.ts";

/** A message is sent early once it has this many bytes. */
export const BATCH_BYTES = 64 * 1024;

export interface OutboxLimits {
  /** Above this the link reports that it is congested. */
  readonly softOutboxBytes: number;
  /** Above this nothing more is taken. */
  readonly hardOutboxBytes: number;
}

export interface OutboxPorts {
  /** Calls back when the turn is over. */
  readonly defer: (flush: () => void) => void;
  /** The link went above the soft limit; called once until it was below half of it again. */
  readonly congested: (queuedBytes: number) => void;
}

/** Control frames have this much room above the hard limit; a peer that fills it is dead. */
export const CONTROL_HEADROOM_BYTES = 1024 * 1024;

/** The sending half of a connection. */
export class Outbox {
  readonly #socket: Socket;
  readonly #limits: OutboxLimits;
  readonly #ports: OutboxPorts;
  #frames: Uint8Array[] = [];
  #frameBytes = 0;
  #scheduled = false;
  #congested = false;
  #closed = false;

  constructor(socket: Socket, limits: OutboxLimits, ports: OutboxPorts) {
    this.#socket = socket;
    this.#limits = limits;
    this.#ports = ports;
  }

  /** Bytes that have not left this process. */
  get queuedBytes(): number {
    return this.#frameBytes + this.#socket.bufferedBytes;
  }

  /** Whether `offer` would take a frame of that size. */
  hasRoomFor(bytes: number): boolean {
    return !this.#closed && this.queuedBytes + bytes <= this.#limits.hardOutboxBytes;
  }

  /** Takes a frame, or returns false: over the hard limit, or closed. */
  offer(frame: Uint8Array): boolean {
    return this.#take(frame, this.#limits.hardOutboxBytes);
  }

  /** Takes a control frame, which has room of its own. False means that the peer is dead. */
  offerControl(frame: Uint8Array): boolean {
    return this.#take(frame, this.#limits.hardOutboxBytes + CONTROL_HEADROOM_BYTES);
  }

  /** Sends what is collected, at once. */
  flush(): void {
    if (this.#closed || this.#frames.length === 0) return;
    const only = this.#frames.length === 1 ? this.#frames[0] : undefined;
    const message = only ?? Buffer.concat(this.#frames, this.#frameBytes);
    this.#frames = [];
    this.#frameBytes = 0;
    this.#socket.send(message);
  }

  /** Drops what was not sent. */
  close(): void {
    this.#closed = true;
    this.#frames = [];
    this.#frameBytes = 0;
  }

  #take(frame: Uint8Array, limit: number): boolean {
    if (this.#closed) return false;
    const queued = this.queuedBytes + frame.length;
    if (queued > limit) return false;
    if (this.#frameBytes > 0 && this.#frameBytes + frame.length > BATCH_BYTES) this.flush();
    this.#frames.push(frame);
    this.#frameBytes += frame.length;
    this.#report(queued);
    if (this.#frameBytes >= BATCH_BYTES) this.flush();
    else this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#ports.defer(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  #report(queued: number): void {
    if (queued <= this.#limits.softOutboxBytes / 2) this.#congested = false;
    if (queued <= this.#limits.softOutboxBytes || this.#congested) return;
    this.#congested = true;
    this.#ports.congested(queued);
  }
}
