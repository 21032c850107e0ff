import { settle } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import { Bench } from "../support.ts";

const bytes = (text: string) => Buffer.from(text);

async function pairWithChannels() {
  const bench = new Bench();
  const limits = { softOutboxBytes: 2000, hardOutboxBytes: 10_000 };
  const [a, b] = await bench.pair({ limits });
  const heard: string[] = [];
  const listen = (name: string) => (from: string, payload: Uint8Array) =>
    heard.push(`${from} to ${name}: ${Buffer.from(payload)}`);
  const onA = a.channel("vsr");
  const onB = b.channel("vsr");
  onA.onMessage(listen("a"));
  onB.onMessage(listen("b"));
  return { bench, a, b, onA, onB, heard };
}

test("bytes reach the same channel of another node, in order", async () => {
  const { onA, onB, heard } = await pairWithChannels();
  expect(onA.send("b", bytes("one"))).toBe(true);
  expect(onA.send("b", bytes("two"))).toBe(true);
  expect(onB.send("a", bytes("three"))).toBe(true);
  await settle();
  expect(heard.sort()).toEqual(["a to b: one", "a to b: two", "b to a: three"]);
});

test("the payload is copied: the sender may reuse it, and the receiver may keep it", async () => {
  const { onA, onB } = await pairWithChannels();
  const kept: Uint8Array[] = [];
  onB.onMessage((_from, payload) => kept.push(payload));
  const buffer = bytes("once");
  onA.send("b", buffer);
  buffer.fill(0);
  await settle();
  expect(kept.map(String)).toEqual([String(Uint8Array.from(bytes("once")))]);
  expect(kept[0]?.buffer.byteLength).toBe(4);
});

test("sending to oneself is delivered, and never on the sender's stack", async () => {
  const { onA, heard } = await pairWithChannels();
  const payload = bytes("me");
  expect(onA.send("a", payload)).toBe(true);
  payload.fill(0);
  expect(heard).toEqual([]);
  await settle();
  expect(heard).toEqual(["a to a: me"]);
});

test("a node that is not connected gets nothing, now or later", async () => {
  const { bench, onA, a, heard } = await pairWithChannels();
  expect(onA.send("z", bytes("x"))).toBe(false);
  bench.network.sever("a", "b");
  await settle();
  expect(onA.send("b", bytes("x"))).toBe(false);
  await bench.until(() => a.nodes().length === 1);
  await settle();
  expect(heard).toEqual([]);
  expect(onA.send("b", bytes("y"))).toBe(true);
});

test("over the limit nothing is queued", async () => {
  const { bench, onA, heard } = await pairWithChannels();
  bench.network.cut("a", "b");
  const sent = Array.from({ length: 30 }, () => onA.send("b", Buffer.alloc(1000)));
  expect(sent.filter(Boolean)).toHaveLength(9);
  bench.network.heal("a", "b");
  await settle();
  expect(heard).toHaveLength(9);
  expect(onA.send("b", Buffer.alloc(1000))).toBe(true);
});

test("over the limit nothing is queued for oneself either", async () => {
  const { onA, heard } = await pairWithChannels();
  const sent = Array.from({ length: 30 }, () => onA.send("a", Buffer.alloc(1000)));
  expect(sent.filter(Boolean)).toHaveLength(10);
  await settle();
  expect(heard).toHaveLength(10);
});

test("a payload that no link would ever take is an error", async () => {
  const { onA } = await pairWithChannels();
  expect(() => onA.send("b", Buffer.alloc(10_000))).toThrow(
    expect.objectContaining({ code: "ERR_MESSAGE_TOO_LARGE", outcome: "not_run" }),
  );
});

test("a channel that nobody opened, or that is closed, drops what comes", async () => {
  const { a, onA, onB, heard } = await pairWithChannels();
  a.channel("lonely").send("b", bytes("x"));
  onB.close();
  onA.send("b", bytes("y"));
  await settle();
  expect(heard).toEqual([]);
  expect(onB.send("a", bytes("z"))).toBe(false);
});

test("a name can be open once, and again after it was closed", async () => {
  const { a, onA } = await pairWithChannels();
  expect(() => a.channel("vsr")).toThrow(
    /invalid option channel: expected a name that is not open/,
  );
  expect(() => a.channel("")).toThrow(/invalid option channel/);
  expect(() => a.channel("x".repeat(300))).toThrow(/at most 256 bytes/);
  onA.close();
  onA.close();
  expect(a.channel("vsr").send("a", bytes("x"))).toBe(true);
});

test("a listener that throws is reported and costs nothing else", async () => {
  const bench = new Bench();
  const errors: string[] = [];
  const [a, b] = await bench.pair({ logger: { warn() {}, error: (text) => errors.push(text) } });
  b.channel("bad").onMessage(() => {
    throw new RangeError("mine");
  });
  const heard: string[] = [];
  b.channel("good").onMessage((_from, payload) => heard.push(Buffer.from(payload).toString()));
  a.channel("bad").send("b", bytes("x"));
  a.channel("good").send("b", bytes("y"));
  await settle();
  expect(errors).toEqual(['the listener of channel "bad" threw']);
  expect(heard).toEqual(["y"]);
  expect(bench.log).toHaveLength(2);
});
