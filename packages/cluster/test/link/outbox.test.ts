import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeFrame, FrameKind, MAX_FRAME_BYTES } from "../../src/link/frame.ts";
import { CONTROL_HEADROOM_BYTES, WINDOW_BYTES } from "../../src/link/outbox.ts";
import { bench, receive, roomy } from "./slow-socket.ts";

const small = { softOutboxBytes: 500, hardOutboxBytes: 1000 };
const TICK = encodeFrame(FrameKind.tick, 0, 0);

/** A frame of that size, header included. */
const frame = (size: number, fill = 0, lane = 9) =>
  encodeFrame(FrameKind.cast, lane, 0, Buffer.alloc(size - 8, fill));

const sizeOf = (messages: readonly Uint8Array[]) =>
  messages.reduce((sum, { length }) => sum + length, 0);

const bodies = (messages: readonly Uint8Array[]) =>
  receive(messages).whole.map(({ lane, body }) => `${lane}: ${body[0] ?? "-"} x ${body.length}`);

test("the frames of a turn leave as one message, in order", () => {
  const { outbox, messages, deferred, turn } = bench();
  outbox.offer(frame(10, 1));
  outbox.offer(frame(10, 2, 17));
  expect([messages.length, deferred.length]).toEqual([0, 1]);
  turn();
  expect(messages).toHaveLength(1);
  expect(bodies(messages)).toEqual(["9: 1 x 2", "17: 2 x 2"]);
  outbox.offer(frame(9, 3));
  turn();
  expect(messages).toHaveLength(2);
});

test("a frame is written where it will be sent from", () => {
  const { outbox, messages, turn } = bench();
  const writer = outbox.begin(FrameKind.reply, 12, 5);
  writer?.u32(7).u8(1).end();
  outbox.offer(frame(9, 3));
  turn();
  expect(Buffer.from(messages[0] as Uint8Array).toString("hex")).toBe(
    "2300000c00000005" + "0000000701" + "2000000900000001" + "03",
  );
});

test("a batch is sent early when the next frame would make it long", () => {
  const { outbox, messages, turn } = bench();
  for (let n = 0; n < 3; n++) outbox.offer(frame(4000, n));
  expect(messages.map((m) => m.length)).toEqual([8000]);
  outbox.offer(frame(60_000));
  expect(messages.map((m) => m.length)).toEqual([8000, 4000]);
  turn();
  expect(messages.map((m) => m.length)).toEqual([8000, 4000, 60_000]);
});

test("what is too much for one turn goes on after others had theirs", () => {
  const { outbox, socket, deferred, later, turn } = bench();
  socket.isQuick = true;
  expect(outbox.offer(frame(3 * WINDOW_BYTES, 1))).toBe(true);
  turn();
  expect(sizeOf(socket.messages)).toBeGreaterThanOrEqual(WINDOW_BYTES);
  expect(sizeOf(socket.messages)).toBeLessThan(2 * WINDOW_BYTES);
  expect([deferred.length, later.length]).toEqual([0, 1]);
  // What comes meanwhile asks for no turn of its own.
  outbox.offer(frame(10, 2));
  expect([deferred.length, later.length]).toEqual([0, 1]);
});

describe("the limits:", () => {
  test("what would go over the hard one is refused, counting what the socket holds", () => {
    const { outbox, socket, turn } = bench(small);
    expect(outbox.offer(frame(600))).toBe(true);
    expect(outbox.hasRoomFor(401)).toBe(false);
    expect(outbox.offer(frame(401))).toBe(false);
    expect(outbox.begin(FrameKind.cast, 9, 393)).toBeUndefined();
    expect(outbox.offer(frame(400))).toBe(true);
    turn();
    expect(socket.bufferedBytes).toBe(1000);
    expect(outbox.offer(frame(9))).toBe(false);
    socket.drain();
    expect(outbox.offer(frame(9))).toBe(true);
  });

  test("control frames have room of their own, which is bounded too", () => {
    const { outbox, socket } = bench(small);
    socket.bufferedBytes = 1000;
    expect(outbox.offer(TICK)).toBe(false);
    expect(outbox.offerControl(TICK)).toBe(true);
    socket.bufferedBytes = 1000 + CONTROL_HEADROOM_BYTES;
    expect(outbox.offerControl(TICK)).toBe(false);
  });

  test("congestion is told once per crossing, and so is its end", () => {
    const { outbox, socket, told, turn } = bench(small);
    for (let n = 0; n < 9; n++) outbox.offer(frame(100));
    turn();
    expect(told).toEqual(["congested 600"]);
    socket.drain();
    expect(told).toEqual(["congested 600", "relieved 0"]);
    for (let n = 0; n < 6; n++) outbox.offer(frame(100));
    turn();
    expect(told.slice(2)).toEqual(["congested 600"]);
  });

  test("congestion is not told while a frame is being written, and not at all if it is over", () => {
    const { outbox, socket, told, deferred, turn } = bench(small);
    outbox.offer(frame(600));
    expect(told).toEqual([]);
    outbox.flush();
    socket.drain();
    turn();
    expect(told).toEqual([]);
    outbox.offer(frame(600));
    expect(deferred).toHaveLength(2);
    turn();
    expect(told).toEqual(["congested 600"]);
  });

  test("nothing more is told of a link that is being closed", () => {
    const { outbox, socket, told, turn } = bench(small);
    outbox.offer(frame(600));
    turn();
    outbox.finish(undefined, () => {});
    socket.drain();
    expect(told).toEqual(["congested 600"]);
    expect(socket.bufferedBytes).toBe(0);
  });

  test("whoever is told of the congestion may close the link", () => {
    const { outbox, told, messages, turn } = bench(small);
    const close = told.push.bind(told);
    told.push = (...lines) => {
      outbox.close();
      return close(...lines);
    };
    expect(outbox.offer(frame(600))).toBe(true);
    turn();
    expect([told.length, messages.length, outbox.queuedBytes]).toEqual([1, 0, 0]);
  });
});

describe("while the socket is busy", () => {
  /** An outbox whose socket has no room, with something on its way. */
  function busy(maxMessageBytes?: number) {
    const all = bench(roomy, maxMessageBytes);
    while (all.socket.bufferedBytes < WINDOW_BYTES) {
      all.outbox.offer(frame(MAX_FRAME_BYTES, 99));
      all.turn();
    }
    const before = all.messages.length;
    all.outbox.offer(frame(MAX_FRAME_BYTES, 99));
    all.outbox.offer(frame(10, 98));
    return { ...all, later: () => all.messages.slice(before + 1) };
  }

  test("it is given nothing more, and goes on when it has sent something", () => {
    const { socket, messages, turn, settle } = busy();
    turn();
    expect(messages.length * MAX_FRAME_BYTES).toBe(WINDOW_BYTES);
    // It tells only of messages that made it half full.
    socket.drain(2);
    turn();
    expect(messages.length * MAX_FRAME_BYTES).toBeGreaterThan(WINDOW_BYTES);
    settle();
    expect(bodies(messages).at(-1)).toBe("9: 98 x 2");
  });

  test("a control frame goes before whatever waits on the other lanes", () => {
    const { outbox, settle, later } = busy();
    outbox.offer(frame(500_000, 1));
    outbox.offerControl(TICK);
    settle();
    expect(bodies(later())[0]).toBe("0: - x 0");
  });

  test("lanes take turns, with one fragment each", () => {
    const { outbox, settle, later } = busy();
    outbox.offer(frame(200_000, 1, 8));
    outbox.offer(frame(200_000, 2, 20));
    outbox.offer(frame(10, 3, 15));
    settle();
    const { fragments, whole } = receive(later());
    expect(fragments.map(({ lane }) => lane).filter((lane) => lane !== 9)).toEqual([
      8, 15, 20, 8, 20, 8, 20, 8, 20,
    ]);
    expect(whole.map(({ lane }) => lane)).toEqual([9, 15, 8, 20]);
  });

  test("a small message waits for a fragment of each lane at most, whatever was asked before it", () => {
    const { outbox, settle, later } = busy(20 << 20);
    outbox.offer(frame(20 << 20, 1, 8));
    for (let n = 0; n < 12; n++) outbox.offer(frame(2 << 20, 2, 10 + (n % 3)));
    outbox.offer(frame(10, 3, 23));
    settle();
    const { fragments } = receive(later(), 20 << 20);
    const at = fragments.findIndex(({ lane }) => lane === 23);
    const ahead = fragments.slice(0, at).reduce((sum, { body }) => sum + 8 + body.length, 0);
    expect(ahead).toBeLessThanOrEqual(5 * MAX_FRAME_BYTES);
  });

  test("messages on their way together are no more than the peer puts together", () => {
    const max = 1 << 20;
    const { outbox, settle, messages, later } = busy(max);
    for (let lane = 8; lane < 24; lane++) outbox.offer(frame(900_000, lane, lane));
    outbox.offer(frame(max + 8, 7, 8));
    settle();
    const { whole, mostHeld, heldBytes } = receive(messages, max);
    expect(whole.filter(({ body }) => body.length === 900_000 - 8)).toHaveLength(16);
    expect(whole.filter(({ body }) => body.length === max)).toHaveLength(1);
    expect(mostHeld).toBeLessThanOrEqual(2 * max);
    expect([heldBytes, later().length > 200]).toEqual([0, true]);
  });

  test("a large message that has to wait for others is the next to begin", () => {
    const max = 1 << 20;
    const { outbox, settle, messages } = busy(max);
    outbox.offer(frame(max, 1, 10));
    outbox.offer(frame(max - 400_000, 2, 11));
    outbox.offer(frame(max, 3, 12));
    for (let n = 0; n < 20; n++) outbox.offer(frame(200_000, 4, 13 + (n % 8)));
    settle();
    const begun = receive(messages, max).fragments.filter(({ flags }) => flags === 4);
    expect(begun.map(({ body }) => body[4]).slice(0, 3)).toEqual([1, 2, 3]);
  });

  test("a million small frames cost the bytes that they have", () => {
    const { outbox } = busy();
    const writer = (n: number) =>
      outbox
        .begin(FrameKind.cast, 8 + (n % 16), 4)
        ?.u32(n)
        .end();
    const before = process.memoryUsage().arrayBuffers;
    const queued = outbox.queuedBytes;
    for (let n = 0; n < 1_000_000; n++) writer(n);
    expect(outbox.queuedBytes - queued).toBe(12_000_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(30_000_000);
  });
});

describe("the end:", () => {
  test("a closed outbox takes and sends nothing", () => {
    const { outbox, messages, turn } = bench();
    outbox.offer(frame(8));
    outbox.offer(frame(200_000));
    outbox.close();
    turn();
    expect(outbox.offer(frame(8))).toBe(false);
    expect(outbox.hasRoomFor(1)).toBe(false);
    expect([messages, outbox.queuedBytes]).toEqual([[], 0]);
  });

  test("a finishing one takes nothing more, sends everything, then the last frame, then calls", () => {
    const { outbox, messages, settle } = bench();
    outbox.offer(frame(600_000, 1, 8));
    outbox.offer(frame(10, 2, 9));
    let done = 0;
    outbox.finish(TICK, () => done++);
    expect([outbox.offer(frame(10)), outbox.offerControl(TICK), done]).toEqual([false, false, 0]);
    settle();
    expect(bodies(messages)).toEqual(["9: 2 x 2", "8: 1 x 599992", "0: - x 0"]);
    expect(done).toBe(1);
  });

  test("one without anything to send finishes at once", () => {
    const { outbox, messages } = bench();
    let done = 0;
    outbox.finish(undefined, () => done++);
    expect([done, messages]).toEqual([1, []]);
  });

  test("one whose peer does not read does not finish, until it is closed", () => {
    const { outbox, messages, turn } = bench();
    outbox.offer(frame(600_000, 1, 8));
    outbox.finish(TICK, () => expect.unreachable());
    while (turn());
    expect(messages.length * MAX_FRAME_BYTES).toBe(WINDOW_BYTES);
    outbox.close();
    expect(turn()).toBe(false);
  });
});

test("whatever is sent over any lanes arrives complete, and in order on each", () => {
  const max = 200_000;
  const limits = { softOutboxBytes: 100_000, hardOutboxBytes: 2_000_000 };
  const sizes = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 65_000, max: 66_000 }),
    fc.integer({ min: 0, max }),
  );
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ lane: fc.integer({ min: 0, max: 23 }), size: sizes }) },
    { weight: 1, arbitrary: fc.constant("turn" as const) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 5 }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, written) => {
      const { outbox, socket, messages, turn, settle } = bench(limits, max);
      const expected = new Map<number, string[]>();
      for (const [n, one] of steps.entries()) {
        if (one === "turn") turn();
        else if (typeof one === "number") socket.drain(one);
        else {
          const size = one.lane === 0 ? one.size % 1000 : one.size;
          const kind = one.lane === 0 ? FrameKind.tick : kindOf(one.lane);
          const body = Buffer.alloc(size, n);
          let taken: boolean;
          if (written) {
            const writer = outbox.begin(kind, one.lane, size);
            writer?.bytes(body).end();
            taken = writer !== undefined;
          } else taken = outbox.offer(encodeFrame(kind, one.lane, 0, body));
          const list = expected.get(one.lane) ?? [];
          if (taken) expected.set(one.lane, [...list, `${n} x ${size}`]);
        }
        expect(outbox.queuedBytes).toBeLessThan(limits.hardOutboxBytes + 1000);
        expect(socket.bufferedBytes).toBeLessThan(WINDOW_BYTES + MAX_FRAME_BYTES);
      }
      settle();
      expect(messages.every((m) => m.length > 0 && m.length <= MAX_FRAME_BYTES)).toBe(true);
      const { whole, mostHeld, heldBytes } = receive(messages, max);
      const arrived = new Map<number, string[]>();
      for (const { lane, body } of whole) {
        const n = body.length === 0 ? -1 : (body[0] as number);
        expect(Buffer.compare(body, Buffer.alloc(body.length, n))).toBe(0);
        arrived.set(lane, [...(arrived.get(lane) ?? []), `${n} x ${body.length}`]);
      }
      const without = (lists: Map<number, string[]>) =>
        [...lists]
          .map(([lane, list]) => [lane, list.map((text) => text.replace(/^.* x 0$/, "empty"))])
          .sort(([a], [b]) => Number(a) - Number(b));
      expect(without(arrived)).toEqual(without(expected));
      expect([heldBytes, outbox.queuedBytes]).toEqual([0, 0]);
      expect(mostHeld).toBeLessThanOrEqual(2 * max);
    }),
    { numRuns: 100 },
  );
});

function kindOf(lane: number): FrameKind {
  return lane < 8 ? FrameKind.channel : FrameKind.cast;
}
