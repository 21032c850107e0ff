import { expect, test } from "vitest";
import { CONTROL_HEADROOM_BYTES, Outbox } from "../../src/link/outbox.ts";
import type { Socket } from "../../src/transport/transport.ts";

function bench(limits = { softOutboxBytes: 500, hardOutboxBytes: 1000 }) {
  const messages: Uint8Array[] = [];
  const deferred: (() => void)[] = [];
  const congested: number[] = [];
  const socket = {
    bufferedBytes: 0,
    send: (message: Uint8Array) => messages.push(message),
  };
  const outbox = new Outbox(socket as unknown as Socket, limits, {
    defer: (flush) => deferred.push(flush),
    congested: (bytes) => congested.push(bytes),
  });
  const turn = () => {
    for (const flush of deferred.splice(0)) flush();
  };
  return { outbox, socket, messages, congested, deferred, turn };
}

const bytes = (size: number, fill = 0) => Buffer.alloc(size, fill);

test("the frames of a turn leave as one message, in order", () => {
  const { outbox, messages, deferred, turn } = bench();
  outbox.offer(bytes(2, 1));
  outbox.offer(bytes(2, 2));
  expect(messages).toEqual([]);
  expect(deferred).toHaveLength(1);
  turn();
  expect(messages.map((m) => [...m])).toEqual([[1, 1, 2, 2]]);
  outbox.offer(bytes(1, 3));
  turn();
  expect(messages).toHaveLength(2);
});

test("a batch is sent early at 64 KiB, and a larger frame goes alone", () => {
  const { outbox, messages, turn } = bench({ softOutboxBytes: 1e9, hardOutboxBytes: 1e9 });
  outbox.offer(bytes(60_000));
  outbox.offer(bytes(10_000));
  expect(messages.map((m) => m.length)).toEqual([60_000]);
  outbox.offer(bytes(200_000));
  expect(messages.map((m) => m.length)).toEqual([60_000, 10_000, 200_000]);
  turn();
  expect(messages).toHaveLength(3);
});

test("what would go over the hard limit is refused, counting what the socket holds", () => {
  const { outbox, socket, turn } = bench();
  expect(outbox.offer(bytes(600))).toBe(true);
  expect(outbox.hasRoomFor(401)).toBe(false);
  expect(outbox.offer(bytes(401))).toBe(false);
  expect(outbox.offer(bytes(400))).toBe(true);
  turn();
  socket.bufferedBytes = 1000;
  expect(outbox.offer(bytes(1))).toBe(false);
  socket.bufferedBytes = 0;
  expect(outbox.offer(bytes(1))).toBe(true);
});

test("control frames have room of their own, which is bounded too", () => {
  const { outbox, socket } = bench();
  socket.bufferedBytes = 1000;
  expect(outbox.offer(bytes(8))).toBe(false);
  expect(outbox.offerControl(bytes(8))).toBe(true);
  socket.bufferedBytes = 1000 + CONTROL_HEADROOM_BYTES;
  expect(outbox.offerControl(bytes(8))).toBe(false);
});

test("congestion is told once per crossing", () => {
  const { outbox, congested, turn } = bench();
  for (let n = 0; n < 9; n++) outbox.offer(bytes(100));
  expect(congested).toEqual([600]);
  turn();
  outbox.offer(bytes(100));
  for (let n = 0; n < 6; n++) outbox.offer(bytes(100));
  expect(congested).toEqual([600, 600]);
});

test("a closed outbox takes and sends nothing", () => {
  const { outbox, messages, turn } = bench();
  outbox.offer(bytes(8));
  outbox.close();
  turn();
  expect(outbox.offer(bytes(8))).toBe(false);
  expect(outbox.hasRoomFor(1)).toBe(false);
  expect(messages).toEqual([]);
});
