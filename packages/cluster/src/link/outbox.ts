/**
 * What waits to be sent over one link: frames are written into one piece of memory for a turn,
 * and leave as one message.
 *
 * A WebSocket message costs a system call, so the frames of a turn are joined, up to 64 KiB.
 * Bytes are handed to the socket only while little waits there; what comes meanwhile waits here,
 * on its lane. The outbox is bounded by bytes, counting what the socket has not passed on; a
 * frame that does not fit is refused, never queued and never waited for.
 */
import { asBuffer, ByteWriter } from "../bytes.ts";
import type { Socket } from "../transport/transport.ts";
import {
  FRAME_HEADER_BYTES,
  type FrameKind,
  type FrameSink,
  MAX_FRAME_BYTES,
  writeHeader,
} from "./frame.ts";
import { FrameBatch } from "./frame-batch.ts";
import { LargeMessage } from "./lane-queue.ts";
import { LaneScheduler } from "./lane-scheduler.ts";

/** Nothing more is given to a socket in which this much waits, nor more in one turn. */
export const WINDOW_BYTES = 256 * 1024;

export const EAGER_BYTES = 8 * 1024;

/** Control frames have this much room above the hard limit; a peer that fills it is dead. */
export const CONTROL_HEADROOM_BYTES = 1024 * 1024;

export interface OutboxLimits {
  /** Above this the link reports that it is congested. */
  readonly softOutboxBytes: number;
  /** Above this nothing more is taken. */
  readonly hardOutboxBytes: number;
}

export interface OutboxPorts {
  /** Calls back when the turn is over. */
  readonly defer: (flush: () => void) => void;
  /** Calls back when others had their turn. */
  readonly later: (flush: () => void) => void;
  /**
   * The link went above the soft limit; called once until it was below half of it again, and never
   * on the stack of a sender: its value lies in memory that the next one overwrites.
   */
  readonly congested: (queuedBytes: number) => void;
  /** A link that was congested is below half of the soft limit again. */
  readonly relieved: (queuedBytes: number) => void;
}

/** What happens once everything has left. */
interface Finish {
  readonly last: Uint8Array | undefined;
  readonly done: () => void;
}

/** The sending half of a connection. */
export class Outbox implements FrameSink {
  readonly #socket: Socket;
  readonly #limits: OutboxLimits;
  readonly #ports: OutboxPorts;
  readonly #writer = new ByteWriter(0);
  /** The message that is being put together. */
  #batch: FrameBatch | undefined;
  #lastBatchBytes = 0;
  readonly #lanes: LaneScheduler;
  #scheduled = false;
  /** Whether the socket is to call us when it has sent what it has. */
  #waiting = false;
  #congested = false;
  /** How much was waiting when it became congested; undefined once that was told. */
  #untold: number | undefined;
  #closed = false;
  #finish: Finish | undefined;

  constructor(socket: Socket, limits: OutboxLimits, ports: OutboxPorts, maxMessageBytes: number) {
    this.#socket = socket;
    this.#limits = limits;
    this.#ports = ports;
    this.#lanes = new LaneScheduler(maxMessageBytes);
  }

  /** The largest message that the peer takes. */
  set maxMessageBytes(bytes: number) {
    this.#lanes.maxMessageBytes = bytes;
  }

  /** Bytes that have not left this process. */
  get queuedBytes(): number {
    return this.#lanes.bytes + (this.#batch?.length ?? 0) + this.#socket.bufferedBytes;
  }

  /** Whether a frame of that size would be taken. */
  hasRoomFor(bytes: number): boolean {
    return this.#isOpen && this.queuedBytes + bytes <= this.#limits.hardOutboxBytes;
  }

  begin(kind: FrameKind, lane: number, bodyBytes: number): ByteWriter | undefined {
    const frameBytes = FRAME_HEADER_BYTES + bodyBytes;
    if (!this.#admit(frameBytes, this.#limits.hardOutboxBytes)) return undefined;
    if (frameBytes > MAX_FRAME_BYTES) {
      const body = Buffer.allocUnsafeSlow(bodyBytes);
      this.#pushLarge(new LargeMessage(kind, 0, lane, body));
      return this.#writer.aim(body, 0, bodyBytes);
    }
    const batch = this.#batchFor(lane, frameBytes);
    const start = batch.reserve(frameBytes);
    const at = writeHeader(batch.bytes, start, kind, 0, lane, bodyBytes);
    this.#schedule();
    return this.#writer.aim(batch.bytes, at, at + bodyBytes);
  }

  /** Takes a frame, whose bytes it may keep, or returns false: over the hard limit, or closed. */
  offer(frame: Uint8Array): boolean {
    return this.#take(frame, this.#limits.hardOutboxBytes);
  }

  /** Takes a frame that has room of its own. False means that the peer is dead. */
  offerControl(frame: Uint8Array): boolean {
    return this.#take(frame, this.#limits.hardOutboxBytes + CONTROL_HEADROOM_BYTES);
  }

  /**
   * Sends what is collected, as far as the socket has room for it, and not so much at a time that
   * others who want this thread would notice. What is left follows by itself.
   */
  flush(): void {
    for (let sent = 0; sent < WINDOW_BYTES; sent += this.#lastBatchBytes) {
      if (this.#lanes.bytes === 0 && this.#batch === undefined && !this.#finish) return;
      if (this.#socket.bufferedBytes >= WINDOW_BYTES) {
        this.#waiting = true;
        return;
      }
      const batch = this.#lanes.bytes > 0 ? this.#lanes.fill(this.#batch) : this.#batch;
      if (batch !== undefined) this.#send(batch);
      else if (this.#finish !== undefined) this.#end(this.#finish);
    }
    this.#schedule(this.#ports.later);
  }

  /**
   * Takes nothing more. Sends everything that was taken, then one last frame, then calls back;
   * that may be never, if the peer does not read.
   */
  finish(last: Uint8Array | undefined, done: () => void): void {
    if (!this.#isOpen) return;
    this.#finish = { last, done };
    this.flush();
  }

  /** Drops what was not sent. */
  close(): void {
    this.#closed = true;
    this.#finish = undefined;
    this.#batch = undefined;
    this.#lanes.clear();
  }

  get #isOpen(): boolean {
    return !this.#closed && this.#finish === undefined;
  }

  #admit(bytes: number, limit: number): boolean {
    if (!this.#isOpen) return false;
    const queued = this.queuedBytes + bytes;
    if (queued > limit) return false;
    if (queued > this.#limits.softOutboxBytes && !this.#congested) {
      this.#congested = true;
      this.#untold = queued;
      this.#ports.defer(this.#tellCongested);
    }
    return true;
  }

  readonly #tellCongested = (): void => {
    const queued = this.#untold;
    this.#untold = undefined;
    if (this.#isOpen && queued !== undefined) this.#ports.congested(queued);
  };

  #take(frame: Uint8Array, limit: number): boolean {
    if (!this.#admit(frame.length, limit)) return false;
    const lane = ((frame[2] as number) << 8) | (frame[3] as number);
    if (frame.length > MAX_FRAME_BYTES) {
      const body = asBuffer(frame).subarray(FRAME_HEADER_BYTES);
      const [kind, flags] = frame as unknown as [FrameKind, number];
      this.#pushLarge(new LargeMessage(kind, flags, lane, body));
      return true;
    }
    this.#batchFor(lane, frame.length).append(frame);
    this.#schedule();
    return true;
  }

  /** Where a frame of that lane is written: straight into the message, unless others wait. */
  #batchFor(lane: number, frameBytes: number): FrameBatch {
    if (this.#lanes.bytes === 0) {
      if (this.#batch !== undefined && this.#batch.length + frameBytes > EAGER_BYTES) this.flush();
      this.#batch ??= new FrameBatch(Math.max(frameBytes, this.#lastBatchBytes));
      if (frameBytes <= this.#batch.room) return this.#batch;
    }
    return this.#lanes.batchFor(lane, frameBytes);
  }

  #pushLarge(message: LargeMessage): void {
    this.#lanes.push(message);
    this.#schedule();
  }

  #schedule(callBack = this.#ports.defer): void {
    if (this.#scheduled || this.#waiting) return;
    this.#scheduled = true;
    callBack(this.#onDeferred);
  }

  readonly #onDeferred = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  #send(batch: FrameBatch): void {
    this.#batch = undefined;
    this.#lastBatchBytes = batch.length;
    // To be called back costs a stream some microseconds, so it is asked for only if somebody may
    // wait for it: for room in the socket, or for the end of the congestion.
    const buffered = this.#socket.bufferedBytes + batch.length;
    const isAwaited = buffered >= WINDOW_BYTES / 2 || this.#congested;
    this.#socket.send(batch.view(), isAwaited ? this.#onSent : undefined);
  }

  /** The socket has passed on a message. */
  readonly #onSent = (): void => {
    if (this.#closed) return;
    if (this.#waiting) {
      this.#waiting = false;
      this.#schedule();
    }
    // Of a link that is being closed nobody wants to hear any more.
    if (!this.#congested || !this.#isOpen) return;
    const queued = this.queuedBytes;
    if (queued > this.#limits.softOutboxBytes / 2) return;
    this.#congested = false;
    if (this.#untold === undefined) this.#ports.relieved(queued);
    this.#untold = undefined;
  };

  #end({ last, done }: Finish): void {
    this.close();
    if (last !== undefined) this.#socket.send(last);
    done();
  }
}
