/**
 * The lanes of one link, while the socket is busy: what waits on each, and whose turn it is.
 *
 * Control frames go first. The other lanes take turns, with one run of small frames or one
 * fragment each, so that a message has never more than a fragment of each other lane before it,
 * however large the messages are that it shares the link with. Knows no socket and no limit of
 * the whole: it is the outbox that refuses.
 *
 * Source: Erlang's fragments (OTP 22), Pekko Artery's lanes.
 */
import { assert } from "@troupe/actor/runtime";
import { BATCH_BYTES, FrameBatch } from "./frame-batch.ts";
import { LaneQueue, LargeMessage } from "./lane-queue.ts";
import { CONTROL_LANE, LANES } from "./lanes.ts";
import { PARTIAL_MESSAGES } from "./reassembly.ts";

const FIRST_LANE = CONTROL_LANE + 1;

export class LaneScheduler {
  /** The largest message that the peer takes; it puts only a few of them together at a time. */
  maxMessageBytes: number;
  /** Bytes that wait on all lanes. */
  bytes = 0;
  /** One queue per lane, made when it is needed; an idle link has none. */
  readonly #lanes: (LaneQueue | undefined)[] = [];
  /** The lane whose turn it is. */
  #turn = FIRST_LANE;
  /** The sizes of the large messages of which a part has left, added up. */
  #partialBytes = 0;
  /** The lane whose large message waits for others to be through; no other one begins before. */
  #starved: LaneQueue | undefined;

  constructor(maxMessageBytes: number) {
    this.maxMessageBytes = maxMessageBytes;
  }

  /** Where the next frame of a lane, of that size, has to be written. */
  batchFor(lane: number, frameBytes: number): FrameBatch {
    this.bytes += frameBytes;
    return this.#queueOf(lane).batchFor(frameBytes);
  }

  push(message: LargeMessage): void {
    assert(message.lane !== CONTROL_LANE, "a control frame has at most 64 KiB");
    assert(message.body.length <= this.maxMessageBytes, "a message that the peer takes");
    this.bytes += message.bytes;
    this.#queueOf(message.lane).push(message);
  }

  /** Adds what is due to a message that has been begun, if any, until it is full. */
  fill(begun: FrameBatch | undefined): FrameBatch | undefined {
    let batch = begun;
    const control = this.#lanes[CONTROL_LANE];
    while (control?.first !== undefined) {
      const filled = this.#move(control, batch);
      if (filled === undefined) return batch;
      batch = filled;
    }
    for (let passed = FIRST_LANE; passed < LANES; passed++) {
      const queue = this.#lanes[this.#turn];
      if (queue?.first !== undefined && !this.#mustWait(queue)) {
        const filled = this.#move(queue, batch);
        // The lane whose item did not fit is the first one in the next message.
        if (filled === undefined) return batch;
        batch = filled;
        passed = CONTROL_LANE;
      }
      this.#turn = this.#turn + 1 === LANES ? FIRST_LANE : this.#turn + 1;
    }
    return batch;
  }

  clear(): void {
    this.#lanes.length = 0;
    this.bytes = 0;
    this.#partialBytes = 0;
    this.#starved = undefined;
  }

  #queueOf(lane: number): LaneQueue {
    let queue = this.#lanes[lane];
    if (queue === undefined) {
      queue = new LaneQueue();
      this.#lanes[lane] = queue;
    }
    return queue;
  }

  /** Whether a large message has to wait until the peer has put others together. */
  #mustWait(queue: LaneQueue): boolean {
    const item = queue.first;
    if (!(item instanceof LargeMessage) || item.sent > 0) return false;
    const isItsTurn = this.#starved === undefined || this.#starved === queue;
    const wouldBe = this.#partialBytes + item.body.length;
    if (isItsTurn && wouldBe <= PARTIAL_MESSAGES * this.maxMessageBytes) return false;
    this.#starved ??= queue;
    return true;
  }

  /** Moves the first item of a lane, or a fragment of it; undefined if it has no room. */
  #move(queue: LaneQueue, batch: FrameBatch | undefined): FrameBatch | undefined {
    const item = queue.first;
    if (item instanceof LargeMessage) return this.#moveFragment(queue, item, batch);
    if (item === undefined || (batch !== undefined && item.length > batch.room)) return undefined;
    queue.shift();
    this.bytes -= item.length;
    batch?.append(item.view());
    return batch ?? item;
  }

  #moveFragment(
    queue: LaneQueue,
    item: LargeMessage,
    begun: FrameBatch | undefined,
  ): FrameBatch | undefined {
    const batch = begun ?? new FrameBatch(BATCH_BYTES);
    const isFirst = item.sent === 0;
    const before = item.bytes;
    if (!item.cutInto(batch)) return undefined;
    if (isFirst) this.#partialBytes += item.body.length;
    if (isFirst && this.#starved === queue) this.#starved = undefined;
    this.bytes -= before - item.bytes;
    if (!item.hasLeft) return batch;
    this.bytes -= item.bytes;
    this.#partialBytes -= item.body.length;
    queue.shift();
    return batch;
  }
}
