/** A socket that passes messages on when the test says so, and a receiver at its other end. */
import { FrameCursor, MAX_BODY_BYTES, WholeFrame } from "../../src/link/frame.ts";
import { Outbox, type OutboxLimits } from "../../src/link/outbox.ts";
import { Reassembly } from "../../src/link/reassembly.ts";
import type { Socket } from "../../src/transport/transport.ts";

export class SlowSocket implements Socket {
  readonly messages: Uint8Array[] = [];
  bufferedBytes = 0;
  closed = false;
  /** Whether it is quick: nothing ever waits in it. */
  isQuick = false;
  readonly #waiting: { readonly bytes: Uint8Array; readonly sent: (() => void) | undefined }[] = [];

  open(): void {}
  admit(): void {}
  terminate(): void {}

  close(): void {
    this.closed = true;
  }

  send(message: Uint8Array, sent?: () => void): void {
    this.messages.push(message);
    if (this.isQuick) return;
    this.bufferedBytes += message.length;
    this.#waiting.push({ bytes: message, sent });
  }

  /** Passes on some of the messages that wait; false if there were none. */
  drain(count = Number.POSITIVE_INFINITY): boolean {
    const passed = this.#waiting.splice(0, count);
    for (const { bytes, sent } of passed) {
      this.bufferedBytes -= bytes.length;
      sent?.();
    }
    return passed.length > 0;
  }
}

export const roomy: OutboxLimits = { softOutboxBytes: 1e9, hardOutboxBytes: 1e9 };

/** An outbox on a slow socket, with turns that the test ends. */
export function bench(limits: OutboxLimits = roomy, maxMessageBytes = 1 << 20) {
  const socket = new SlowSocket();
  const deferred: (() => void)[] = [];
  const later: (() => void)[] = [];
  const told: string[] = [];
  const ports = {
    defer: (flush: () => void) => deferred.push(flush),
    later: (flush: () => void) => later.push(flush),
    congested: (bytes: number) => told.push(`congested ${bytes}`),
    relieved: (bytes: number) => told.push(`relieved ${bytes}`),
  };
  const outbox = new Outbox(socket, limits, ports, maxMessageBytes);
  const turn = () => {
    for (const flush of [...deferred.splice(0), ...later.splice(0)]) flush();
    return deferred.length + later.length > 0;
  };
  /** Runs until nothing moves any more. */
  const settle = () => {
    while (turn() || socket.drain());
  };
  return { outbox, socket, messages: socket.messages, told, deferred, later, turn, settle };
}

/** The messages that come out at the other end, and the most that is held for unfinished ones. */
export function receive(messages: readonly Uint8Array[], maxMessageBytes = 1 << 20) {
  const reassembly = new Reassembly(maxMessageBytes);
  const whole: WholeFrame[] = [];
  const fragments: WholeFrame[] = [];
  let mostHeld = 0;
  for (const message of messages) {
    const cursor = new FrameCursor(message);
    while (cursor.next(MAX_BODY_BYTES)) {
      const { kind, flags, lane, body } = cursor;
      fragments.push(new WholeFrame(kind, flags, lane, body));
      const frame = reassembly.take(cursor);
      mostHeld = Math.max(mostHeld, reassembly.heldBytes);
      if (frame !== undefined) {
        const copy = Buffer.from(frame.body);
        whole.push(new WholeFrame(frame.kind, frame.flags, frame.lane, copy));
      }
    }
  }
  return { whole, fragments, mostHeld, heldBytes: reassembly.heldBytes };
}
