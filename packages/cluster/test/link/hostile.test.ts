/** A peer that means harm: first without the key, then with it. */
import { settle } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import { ByteWriter } from "../../src/bytes.ts";
import {
  encodeFrame,
  FLAG_ANSWER,
  FLAG_CONTINUES,
  FLAG_MORE,
  FrameKind,
} from "../../src/link/frame.ts";
import { AcceptorHandshake } from "../../src/link/handshake.ts";
import { CONTROL_LANE } from "../../src/link/lanes.ts";
import type { NodeDeadLetter } from "../../src/node-events.ts";
import { callFrame, lookupFrame, replyFrame, startFrame } from "../../src/remote/messages.ts";
import { memoryUrl } from "../../src/transport/memory.ts";
import { Bench, Counter, names } from "../support.ts";
import { Attacker, codec, dial, enter, handshakeOf, raw, target } from "./attacker.ts";

describe("without the key,", () => {
  test.each([
    ["a call", raw(FrameKind.call, Buffer.alloc(40))],
    ["a tick that asks for an answer", raw(FrameKind.tick, undefined, FLAG_ANSWER)],
    ["a goodbye", raw(FrameKind.goodbye)],
    ["a welcome", raw(FrameKind.welcome, Buffer.alloc(32))],
    ["a proof before the hello", raw(FrameKind.proof, Buffer.alloc(32))],
    ["an empty hello", raw(FrameKind.hello)],
    ["a frame larger than any of a handshake", raw(FrameKind.hello, Buffer.alloc(2000))],
    ["a frame of an unknown kind", raw(0x99)],
    ["half a frame", raw(FrameKind.hello, Buffer.alloc(100)).subarray(0, 50)],
  ])("%s closes the connection, and nothing comes of it", async (_name, message) => {
    const [bench, b] = await target();
    const attacker = await dial(bench);
    await attacker.send(message);
    await settle();
    expect(attacker.closed).toBe(true);
    expect(attacker.frames.map((frame) => frame.kind)).not.toContain(FrameKind.tick);
    expect([b.nodes(), bench.log]).toEqual([[], []]);
  });

  test("a hello is answered with a challenge, and a wrong proof with a bare reason", async () => {
    const [bench, b] = await target();
    const attacker = await enter(bench, { key: "guess" });
    expect(attacker.frames.map((frame) => frame.kind)).toEqual([
      FrameKind.challenge,
      FrameKind.reject,
    ]);
    expect(attacker.closed).toBe(true);
    expect(b.nodes()).toEqual([]);
  });

  test("the answer is the same whether the name is connected or not", async () => {
    const bench = new Bench();
    const b = await bench.node("b", [], { keys: ["key"] });
    const a = await bench.node("a", ["b"], { keys: ["key"] });
    await bench.until(() => names(a).length === 1);
    const reasons: number[][] = [];
    for (const name of ["a", "unheard-of"]) {
      const attacker = await enter(bench, { key: "guess", name, incarnation: 2 ** 52 });
      reasons.push([...attacker.last(FrameKind.reject).body]);
    }
    expect(reasons[0]).toEqual(reasons[1]);
    await bench.pass(5000);
    expect(names(b)).toEqual(["a"]);
    expect(bench.log).toHaveLength(2);
  });

  test("saying nothing, or only half of it, ends at the deadline", async () => {
    const [bench] = await target();
    const mute = await dial(bench);
    const slow = await dial(bench);
    await slow.send(handshakeOf({}).start());
    await bench.pass(5000);
    expect([mute.closed, slow.closed]).toEqual([true, true]);
  });

  test("many connections at a time push out each other, and nobody who has a key", async () => {
    const [bench, b] = await target({ limits: { maxUnauthenticated: 3 } });
    const crowd = [];
    for (let n = 0; n < 5; n++) crowd.push(await dial(bench));
    await settle();
    expect(crowd.map((one) => one.closed)).toEqual([true, true, false, false, false]);
    await bench.node("a", ["b"], { keys: ["key"] });
    await bench.until(() => names(b).length === 1, 100);
  });

  test("strangers do not push out one who is proven and waits to be let in", async () => {
    const [bench, b] = await target({ limits: { maxUnauthenticated: 3 } });
    // The incumbent does not answer when it is asked for a sign of life.
    const incumbent = await enter(bench, { name: "x" });
    const waiting = await enter(bench, { name: "x", incarnation: 2, boot: "bb" });
    for (let n = 0; n < 10; n++) await dial(bench);
    expect([incumbent.closed, waiting.closed, b.nodes()[0]?.incarnation]).toEqual([
      false,
      false,
      1,
    ]);
    await bench.pass(1000);
    expect([incumbent.closed, waiting.closed, b.nodes()[0]?.incarnation]).toEqual([true, false, 2]);
  });

  test("whoever is dialled does not learn from how we hang up whom we are connected to", async () => {
    const [bench, b] = await target();
    const liars: Attacker[] = [];
    const transport = bench.network.transport("liar");
    await transport.listen({ host: "liar", port: 0 }, (socket) => {
      const liar = new Attacker(socket);
      const self = { name: "b", incarnation: b.incarnation, boot: "cc".repeat(16), url: undefined };
      const acceptor = new AcceptorHandshake({
        cluster: "troupe",
        self: { ...self, heartbeatMs: 1000, maxMessageBytes: 1 << 20 },
        keys: [Buffer.from("guess")],
        randomBytes: (size) => Buffer.alloc(size, 6),
      });
      liars.push(liar);
      void settle().then(() => {
        const step = acceptor.receive(liar.last(FrameKind.hello));
        if (step.kind === "send") void liar.send(step.frame);
      });
    });
    let lie: () => void = () => {};
    const connected = new Promise<void>((resolve) => {
      lie = resolve;
    });
    const misled = {
      name: "misled",
      async *watch() {
        yield [memoryUrl("b")];
        await connected;
        yield [memoryUrl("b"), memoryUrl("liar")];
      },
    };
    const a = await bench.node("a", [], { keys: ["key"], discovery: [misled] });
    const reasons: string[] = [];
    a.events.on("refused", ({ reason }) => reasons.push(reason));
    await bench.until(() => names(a).length === 1);
    lie();
    await bench.until(() => reasons.length > 0);
    expect(reasons[0]).toBe("duplicate");
    expect(liars[0]?.closed).toBe(true);
    expect(liars[0]?.frames.map(({ kind }) => kind)).toEqual([FrameKind.hello]);
    expect(names(a)).toEqual(["b"]);
  });
});

describe("with the key,", () => {
  test("a peer is a node like any other", async () => {
    const [bench, b] = await target();
    await enter(bench);
    expect(b.nodes()).toEqual([{ name: "mallory", incarnation: 1 }]);
  });

  test.each([
    ["a second hello", raw(FrameKind.hello, Buffer.alloc(100))],
    ["a call of three bytes", raw(FrameKind.call, Buffer.alloc(3))],
    ["an empty cast", raw(FrameKind.cast)],
    ["an empty reply", raw(FrameKind.reply)],
    [
      "a start whose name is longer than it",
      raw(FrameKind.start, Buffer.from("00000001ffff", "hex")),
    ],
    ["an empty lookup", raw(FrameKind.lookup)],
    ["a lookup that goes on", raw(FrameKind.lookup, Buffer.from("00000001000161ff", "hex"))],
    ["a tick that says something", raw(FrameKind.tick, Buffer.of(0))],
    ["a goodbye that goes on", raw(FrameKind.goodbye, Buffer.of(0))],
    [
      "a reply with a status that is none",
      raw(FrameKind.reply, Buffer.from("0000000102f6", "hex")),
    ],
    ["an empty channel", raw(FrameKind.channel)],
    ["gossip that promises more than it has", raw(FrameKind.gossip, Buffer.from([0, 1]))],
    ["an empty table of members", raw(FrameKind.sync)],
    ["a digest of nine bytes", raw(FrameKind.digest, Buffer.alloc(9))],
    ["an unknown kind", raw(0x7f)],
    ["reserved flags", raw(FrameKind.tick, undefined, 0x40)],
    ["a process number above 2^53", raw(FrameKind.cast, Buffer.alloc(30, 0xff))],
    ["rubbish behind a tick", Buffer.concat([raw(FrameKind.tick), Buffer.from([1, 2, 3])])],
  ])("%s ends the link and not the node", async (_name, message) => {
    const [bench, b] = await target();
    const attacker = await enter(bench);
    await attacker.send(message);
    await settle();
    expect(attacker.closed).toBe(true);
    expect(bench.log).toEqual(["b: up mallory", "b: down mallory (protocol)"]);
    expect(b.nodes()).toEqual([]);
  });

  describe("in fragments,", () => {
    const channel = (flags: number, body: Uint8Array | string, lane = 1) =>
      encodeFrame(FrameKind.channel, lane, flags, Buffer.from(body));
    const begin = (total: number, data = "data", lane = 1) => {
      const head = new ByteWriter(4).u32(total).done();
      return channel(FLAG_MORE, Buffer.concat([head, Buffer.from(data)]), lane);
    };

    test("a message is put together, beside others", async () => {
      const [bench, b] = await target();
      const heard: string[] = [];
      b.channel("c").onMessage((_from, payload) => heard.push(Buffer.from(payload).toString()));
      const attacker = await enter(bench);
      const body = new ByteWriter(8).text16("c").bytes(Buffer.from("whole")).done();
      await attacker.send(begin(8, body.subarray(0, 4).toString("latin1")));
      await attacker.send(channel(0, new ByteWriter(4).text16("c").u8(33).done(), 2));
      await attacker.send(channel(FLAG_CONTINUES, body.subarray(4)));
      expect([heard, attacker.closed]).toEqual([["!", "whole"], false]);
    });

    test.each([
      ["a last fragment without a first", channel(FLAG_CONTINUES, "x")],
      ["a whole frame amid them", Buffer.concat([begin(9), channel(0, "x")])],
      [
        "another kind amid them",
        Buffer.concat([
          encodeFrame(FrameKind.call, 9, FLAG_MORE, new ByteWriter(5).u32(9).u8(0).done()),
          encodeFrame(FrameKind.cast, 9, FLAG_CONTINUES, Buffer.alloc(8)),
        ]),
      ],
      ["more than was announced", Buffer.concat([begin(5), channel(FLAG_CONTINUES, "xx")])],
      ["less than was announced", Buffer.concat([begin(9), channel(FLAG_CONTINUES, "x")])],
      [
        "nothing in one of them",
        Buffer.concat([begin(9), channel(FLAG_MORE | FLAG_CONTINUES, "")]),
      ],
      ["a message over the limit", begin(100_001)],
      ["messages over the limit together", Buffer.concat([1, 2, 3].map((n) => begin(1e5, "x", n)))],
      ["a goodbye", encodeFrame(FrameKind.goodbye, CONTROL_LANE, FLAG_MORE, Buffer.alloc(8))],
    ])("%s ends the link and not the node", async (_name, message) => {
      const [bench, b] = await target({ limits: { maxMessageBytes: 100_000 } });
      const attacker = await enter(bench);
      await attacker.send(message);
      await settle();
      expect(bench.log).toEqual(["b: up mallory", "b: down mallory (protocol)"]);
      expect([attacker.closed, b.nodes()]).toEqual([true, []]);
    });

    test("a handshake cannot come, not even half of it", async () => {
      const [bench] = await target();
      const attacker = await dial(bench);
      const hello = handshakeOf({}).start();
      hello[1] = FLAG_MORE;
      await attacker.send(hello);
      await settle();
      expect([attacker.closed, attacker.frames]).toEqual([true, []]);
    });

    test("what was begun on one connection is not completed by the next", async () => {
      const [bench, b] = await target();
      const heard: string[] = [];
      b.channel("c").onMessage((_from, payload) => heard.push(Buffer.from(payload).toString()));
      const attacker = await enter(bench);
      const body = new ByteWriter(8).text16("c").bytes(Buffer.from("whole")).done();
      await attacker.send(begin(8, body.subarray(0, 4).toString("latin1")));
      bench.network.sever("mallory", "b");
      await settle();
      const again = await enter(bench);
      await again.send(channel(FLAG_CONTINUES, body.subarray(4)));
      await settle();
      expect([heard, again.closed]).toEqual([[], true]);
      expect(bench.log.at(-1)).toBe("b: down mallory (protocol)");
    });
  });

  test("a peer is sent nothing larger than it says that it takes", async () => {
    const [bench, b] = await target();
    const attacker = await enter(bench, { maxMessageBytes: 70_000 });
    await settle();
    // A link begins with the snapshot of the directory, which is a message of a channel.
    attacker.frames.length = 0;
    const channel = b.channel("c");
    expect(channel.maxPayloadBytes).toBeGreaterThan(70_000);
    const refused = { code: "ERR_MESSAGE_TOO_LARGE", outcome: "not_run" };
    const start = b.startOn("mallory", Counter, {
      start: 0,
      padding: Buffer.alloc(70_000),
    } as never);
    await expect(start).rejects.toMatchObject(refused);
    expect(channel.send("mallory", Buffer.alloc(70_000))).toBe(false);
    await settle();
    expect(attacker.frames.map(({ kind }) => kind)).not.toContain(FrameKind.channel);
    expect(channel.send("mallory", Buffer.alloc(69_990))).toBe(true);
    await settle();
    expect(attacker.frames.filter(({ kind }) => kind === FrameKind.channel)).toHaveLength(2);
  });

  test("a call with garbage for an argument is answered, and the link stays", async () => {
    const [bench, b] = await target();
    const counter = await b.start(Counter, { start: 0 });
    const attacker = await enter(bench);
    const { incarnation, id: process } = counter.address;
    const call = { correlation: 9, incarnation, process, operation: "echo" };
    await attacker.send(callFrame("call", { ...call, value: Buffer.from("9a01c9c380", "hex") }));
    expect(attacker.reply()).toMatchObject({
      correlation: 9,
      isError: true,
      value: { code: "ERR_DECODE", outcome: "not_run" },
    });
    await attacker.send(callFrame("call", { ...call, value: codec.encode("fine") }));
    expect(attacker.reply()).toEqual({ correlation: 9, isError: false, value: "fine" });
    expect(attacker.closed).toBe(false);
  });

  test("a cast with garbage is a dead letter, and the link stays", async () => {
    const [bench, b] = await target();
    const letters: NodeDeadLetter[] = [];
    b.events.on("deadLetter", (letter) => letters.push(letter));
    const { incarnation } = b;
    const attacker = await enter(bench);
    const value = Buffer.from([0xff]);
    const cast = { correlation: 0, incarnation, process: 1, operation: "set", value };
    await attacker.send(callFrame("cast", cast));
    expect(letters).toMatchObject([{ operation: "set", error: { code: "ERR_DECODE" } }]);
    expect([b.undelivered, attacker.closed]).toEqual([1, false]);
  });

  test("a start or a lookup with garbage is answered", async () => {
    const [bench] = await target();
    const attacker = await enter(bench);
    const start = { correlation: 3, actor: "counter", name: undefined, value: Buffer.from([0xc1]) };
    await attacker.send(startFrame(start));
    expect(attacker.reply()).toMatchObject({ isError: true, value: { code: "ERR_DECODE" } });
    await attacker.send(lookupFrame({ correlation: 4, name: "\u0000".repeat(99) }));
    expect(attacker.reply()).toMatchObject({ correlation: 4, value: { code: "ERR_NO_PROCESS" } });
  });

  test("a lookup of no name is answered: nobody has it", async () => {
    const [bench] = await target();
    const attacker = await enter(bench);
    await attacker.send(lookupFrame({ correlation: 4, name: "" }));
    expect(attacker.reply()).toMatchObject({
      correlation: 4,
      isError: true,
      value: { code: "ERR_NO_PROCESS", outcome: "not_run" },
    });
    expect(attacker.closed).toBe(false);
  });

  test("a call to another life of the node, or to nobody, reaches nobody", async () => {
    const [bench, b] = await target();
    const counter = await b.start(Counter, { start: 0 });
    const attacker = await enter(bench);
    const { incarnation, id: process } = counter.address;
    const call = { correlation: 1, operation: "add", value: codec.encode(1) };
    for (const wrong of [
      { incarnation: incarnation - 1, process },
      { incarnation, process: process + 1000 },
      { incarnation, process: 0 },
    ]) {
      await attacker.send(callFrame("call", { ...call, ...wrong }));
      expect(attacker.reply()).toMatchObject({ value: { code: "ERR_NO_PROCESS" } });
    }
    expect(await counter.query("get")).toBe(0);
  });

  test("replies to calls that were never made are dropped", async () => {
    const [bench] = await target();
    const attacker = await enter(bench);
    const value = codec.encode({ name: 5 });
    for (const isError of [true, false]) {
      await attacker.send(replyFrame({ correlation: 77, isError, value }));
      await attacker.send(replyFrame({ correlation: 77, isError, value: Buffer.from([0xff]) }));
    }
    expect(attacker.closed).toBe(false);
  });

  test.each([
    ["garbage", false, Buffer.from([0xff]), { code: "ERR_DECODE", outcome: "ran" }],
    ["an error that is none", true, codec.encode(5), { code: "ERR_DECODE", outcome: "unknown" }],
    [
      "an error of an unknown class",
      true,
      codec.encode({ name: "Evil", code: "E", outcome: "ran", message: "x", data: { a: 1 } }),
      { name: "Evil", code: "E", outcome: "ran", data: { a: 1 } },
    ],
    [
      "an error named like a property of every object",
      true,
      codec.encode({ name: "__proto__", code: "E", outcome: "ran", message: "x" }),
      { name: "__proto__", code: "E" },
    ],
  ])("%s as the answer to a call rejects that call", async (_name, isError, value, expected) => {
    const [bench, b] = await target();
    const attacker = await enter(bench);
    const found = b.refOn("mallory", "x");
    await settle();
    const lookup = attacker.last(FrameKind.lookup);
    const correlation = Buffer.from(lookup.body).readUInt32BE(0);
    const rejected = expect(found).rejects.toMatchObject(expected);
    await attacker.send(replyFrame({ correlation, isError, value }));
    await rejected;
    expect(attacker.closed).toBe(false);
  });

  test("a lookup that is answered with something that is no ref rejects", async () => {
    const [bench, b] = await target();
    const attacker = await enter(bench);
    const found = b.refOn("mallory", "x", Counter);
    await settle();
    const correlation = Buffer.from(attacker.last(FrameKind.lookup).body).readUInt32BE(0);
    const rejected = expect(found).rejects.toMatchObject({ code: "ERR_DECODE" });
    await attacker.send(replyFrame({ correlation, isError: false, value: codec.encode(null) }));
    await rejected;
  });

  test("the name of this node cannot be taken", async () => {
    const [bench, b] = await target();
    const twin = await enter(bench, { name: "b", incarnation: 2 ** 52 });
    expect([...twin.last(FrameKind.reject).body]).toEqual([6]);
    expect(b.nodes()).toEqual([]);
  });

  test("a tick is answered if it asks for it, and a flood of them does not grow", async () => {
    const [bench, b] = await target();
    const attacker = await enter(bench);
    const asks = raw(FrameKind.tick, undefined, FLAG_ANSWER);
    await attacker.send(asks);
    expect(attacker.last(FrameKind.tick)).toBeDefined();
    // It asks and never reads the answers.
    bench.network.cut("mallory", "b");
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => asks));
    for (let n = 0; n < 5; n++) attacker.socket.send(flood);
    bench.network.heal("mallory", "b");
    await settle();
    expect(names(b)).toEqual(["mallory"]);
  });

  test("a peer that never reads is cut off once even errors have no room", async () => {
    const limits = { softOutboxBytes: 1000, hardOutboxBytes: 4000 };
    const [bench, b] = await target({ limits });
    const attacker = await enter(bench);
    const junk = Buffer.concat(
      Array.from({ length: 10_000 }, () => lookupFrame({ correlation: 1, name: "nobody" })),
    );
    await attacker.send(junk);
    expect(bench.log).toContain("b: down mallory (overloaded)");
    expect(b.nodes()).toEqual([]);
  });

  test("an optional frame of a later version is skipped", async () => {
    const [bench] = await target();
    const attacker = await enter(bench);
    const body = new ByteWriter(4).u32(1).done();
    await attacker.send(raw(0x71, body, 0x01), raw(FrameKind.tick, undefined, FLAG_ANSWER));
    expect([attacker.closed, attacker.frames.at(-1)?.kind]).toEqual([false, FrameKind.tick]);
  });
});
