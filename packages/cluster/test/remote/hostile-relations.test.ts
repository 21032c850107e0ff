/** A peer that knows the key and means harm by links, monitors, signals and answers. */
import type { AnyRef, RefAddress, ReplyTo } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import { Codec } from "../../src/codec/codec.ts";
import { FrameKind, type FrameKind as Kind } from "../../src/link/frame.ts";
import { type Node, tiesOf } from "../../src/node.ts";
import type { NodeOptions } from "../../src/options.ts";
import { answerFrame, callFrame } from "../../src/remote/messages.ts";
import {
  demonitorFrame,
  downFrame,
  exitFrame,
  linkFrame,
  monitorFrame,
  readDown,
  readExit,
  readLink,
  readMonitor,
  unlinkFrame,
} from "../../src/remote/relation-frames.ts";
import { enter, raw, target } from "../link/attacker.ts";
import { type Puppet, type PuppetRef, Trapper, word } from "./puppets.ts";

/** A ref as the attacker makes it up. */
class ForgedRef {
  readonly address: RefAddress;

  constructor(address: RefAddress) {
    this.address = address;
  }
}

const codec = new Codec({
  ref: {
    toAddress: (value) => (value instanceof ForgedRef ? value.address : undefined),
    fromAddress: (address) => new ForgedRef(address),
  },
});

/** The attacker is in, and a process of b traps exits and writes down what it hears. */
async function entered(options: Partial<NodeOptions> = {}) {
  const [bench, b] = await target(options);
  const log: unknown[] = [];
  const start = b.start.bind(b) as (definition: unknown, log: unknown[]) => Promise<PuppetRef>;
  const victim = await start(Trapper, log);
  const attacker = await enter(bench);
  const { incarnation, id: process } = victim.address;
  const to = { incarnation, process };
  const at = { incarnation, id: process };
  /** The ref that b has to a process of the attacker. */
  const refTo = async (id: number): Promise<AnyRef> => {
    const life = { node: "mallory", incarnation: 1 };
    const value = codec.encode(new ForgedRef({ kind: "process", ...life, id, actor: "evil" }));
    const cast = { correlation: 0, ...to, operation: "note", value };
    await attacker.send(callFrame("cast", cast));
    return log.pop() as AnyRef;
  };
  const run = async (step: Parameters<typeof Puppet.calls.run>[1]) => {
    await victim.call("run", step);
    await settle();
  };
  const last = (kind: Kind) => attacker.last(kind);
  return { bench, b, log, victim, attacker, to, at, refTo, run, last };
}

const noTies = { watching: 0, watched: 0, links: 0 };
const ties = (b: Node) => tiesOf(b).get("mallory") ?? noTies;
const shutdown = codec.encode("shutdown");
const isReason = (bytes: Uint8Array) => word(codec.decode(bytes) as never);

describe("a malformed frame", () => {
  const kinds = ["monitor", "demonitor", "down", "link", "unlink", "exit", "answer"] as const;
  const link = { incarnation: 1, process: 1, from: 1, actor: "", number: 1 };
  const exit = { ...link, number: 0, isLinkEnd: true, reason: shutdown };
  const body = (frame: Buffer) => frame.subarray(8);
  const oddKind = (frame: Buffer) => {
    frame.writeUInt8(2, 8 + 24 + 2);
    return body(frame);
  };
  const malformed: (readonly [what: string, kind: Kind, body: Uint8Array])[] = [
    ...kinds.map((kind) => [`an empty ${kind}`, FrameKind[kind], Buffer.alloc(0)] as const),
    ...kinds
      .filter((kind) => kind !== "demonitor" && kind !== "down")
      .map(
        (kind) => [`numbers above 2^53: ${kind}`, FrameKind[kind], Buffer.alloc(40, 255)] as const,
      ),
    ["a monitor that goes on", FrameKind.monitor, Buffer.alloc(40, 1)],
    ["a demonitor that goes on", FrameKind.demonitor, Buffer.alloc(5)],
    ["a link that goes on", FrameKind.link, Buffer.concat([body(linkFrame(link)), Buffer.of(0)])],
    ["a link to process 0", FrameKind.link, body(linkFrame({ ...link, process: 0 }))],
    ["a link of process 0", FrameKind.link, body(linkFrame({ ...link, from: 0 }))],
    ["a link without a number", FrameKind.link, body(linkFrame({ ...link, number: 0 }))],
    ["an unlink that goes on", FrameKind.unlink, Buffer.alloc(33)],
    [
      "a monitor without a number",
      FrameKind.monitor,
      body(monitorFrame({ number: 0, watcher: 1, target: { incarnation: 1, id: 1 } })),
    ],
    ["an exit of a kind that is none", FrameKind.exit, oddKind(exitFrame(exit))],
    [
      "an answer with a status that is none",
      FrameKind.answer,
      Buffer.from("00000000000000010205", "hex"),
    ],
    ["the end of a link of process 0", FrameKind.exit, body(exitFrame({ ...exit, from: 0 }))],
    [
      "a name longer than it",
      FrameKind.monitor,
      Buffer.concat([Buffer.alloc(28), Buffer.of(9, 9)]),
    ],
  ];
  test.each(malformed)("costs the link and not the node: %s", async (_what, kind, bytes) => {
    const { bench, b, attacker, victim } = await entered();
    await attacker.send(raw(kind, bytes));
    expect(attacker.closed).toBe(true);
    expect(bench.log).toEqual(["b: up mallory", "b: down mallory (protocol)"]);
    expect([b.nodes(), await victim.call("log")]).toEqual([[], []]);
  });
});

describe("a monitor", () => {
  test("with a number that is in use ends the link, and everything with it", async () => {
    const { b, bench, attacker, at } = await entered();
    const monitor = monitorFrame({ number: 3, watcher: 1, target: at });
    await attacker.send(monitor, monitor);
    expect(bench.log).toContain("b: down mallory (protocol)");
    expect(tiesOf(b).size).toBe(0);
  });

  test("of another life, of nobody, or of a name that nobody has is told noproc", async () => {
    const { b, attacker, last, at } = await entered();
    let number = 0;
    for (const target of [
      { ...at, incarnation: at.incarnation - 1 },
      { ...at, id: at.id + 1000 },
      { incarnation: 0, id: 0, name: "", actor: "" },
      { incarnation: 0, id: 0, name: "__proto__", actor: "" },
    ]) {
      number += 1;
      await attacker.send(monitorFrame({ number, watcher: 2, target }));
      const down = readDown(last(FrameKind.down));
      expect([down.number, isReason(down.reason)]).toEqual([number, "noproc"]);
    }
    expect(ties(b)).toEqual(noTies);
  });

  test("too many are refused, and cost nothing", async () => {
    const { b, attacker, last, at } = await entered({ limits: { maxRelations: 3 } });
    for (let number = 1; number <= 10; number++) {
      await attacker.send(monitorFrame({ number, watcher: 2, target: at }));
    }
    expect(ties(b)).toEqual({ ...noTies, watched: 3 });
    expect(isReason(readDown(last(FrameKind.down)).reason)).toBe("error ERR_OVERLOADED");
    await attacker.send(demonitorFrame(1, at), demonitorFrame(1, at), demonitorFrame(99, at));
    expect([ties(b).watched, attacker.closed]).toEqual([2, false]);
  });

  test("of ours fires once, whatever the peer says, and for garbage too", async () => {
    const { b, log, attacker, refTo, run, last } = await entered();
    const ref = await refTo(77);
    await run((ctx) => ctx.monitor(ref));
    const { number, target, watcher } = readMonitor(last(FrameKind.monitor));
    expect(target).toMatchObject({ id: 77, incarnation: 1 });
    expect(watcher).toBeGreaterThan(0);
    const garbage = Buffer.from([0x9a, 1, 0xc9, 0xc3, 0x80]);
    await attacker.send(
      downFrame({ number: number + 1, reason: shutdown }, watcher),
      downFrame({ number, reason: garbage }, watcher),
      downFrame({ number, reason: shutdown }, watcher),
    );
    expect(log).toEqual([`down ${ref} error ERR_DECODE`]);
    expect([ties(b), attacker.closed]).toEqual([noTies, false]);
  });
});

describe("a link", () => {
  test("to nobody is refused by its number, and made twice is one", async () => {
    const { b, attacker, to, last } = await entered();
    const link = { ...to, from: 5, actor: "evil", number: 4 };
    await attacker.send(linkFrame({ ...link, process: to.process + 9 }));
    const { reason, ...exit } = readExit(last(FrameKind.exit));
    expect(exit).toEqual({
      incarnation: 1,
      process: 5,
      from: to.process + 9,
      actor: "",
      isLinkEnd: true,
      number: 4,
    });
    expect(isReason(reason)).toBe("noproc");
    await attacker.send(linkFrame(link), linkFrame({ ...link, number: 6 }));
    expect(ties(b).links).toBe(1);
    // The number that counts is the last one.
    const unlink = { ...to, from: 5, number: 4, numberThere: 0 };
    await attacker.send(unlinkFrame(unlink));
    expect(ties(b).links).toBe(1);
    await attacker.send(unlinkFrame({ ...unlink, number: 6 }));
    expect([ties(b), attacker.closed]).toEqual([noTies, false]);
  });

  test("of many made-up processes is bounded", async () => {
    const { b, attacker, to } = await entered({ limits: { maxRelations: 5 } });
    for (let from = 1; from <= 50; from++) {
      await attacker.send(linkFrame({ ...to, from, actor: "evil", number: from }));
    }
    expect([ties(b).links, attacker.closed]).toEqual([5, false]);
  });

  test("that there is not can neither be ended nor taken back", async () => {
    const { b, log, attacker, to } = await entered();
    const exit = { ...to, from: 5, actor: "evil", isLinkEnd: true, number: 0, reason: shutdown };
    await attacker.send(
      exitFrame(exit),
      unlinkFrame({ ...to, from: 5, number: 1, numberThere: 1 }),
      exitFrame({ ...exit, process: to.process + 1 }),
      exitFrame({ ...exit, incarnation: to.incarnation + 1, isLinkEnd: false }),
    );
    expect([log, ties(b), attacker.closed]).toEqual([[], noTies, false]);
  });

  test("of ours can be refused by its number only, and ends once", async () => {
    const { b, log, attacker, to, refTo, run, last } = await entered();
    const ref = await refTo(77);
    await run((ctx) => ctx.link(ref));
    const { number, actor } = readLink(last(FrameKind.link));
    expect(actor).toBe("trapper");
    const exit = { ...to, from: 77, actor: "", isLinkEnd: true, number, reason: shutdown };
    await attacker.send(exitFrame({ ...exit, number: number + 1 }));
    expect([log, ties(b).links]).toEqual([[], 1]);
    await attacker.send(exitFrame(exit), exitFrame(exit), exitFrame({ ...exit, number: 0 }));
    expect([log, ties(b).links]).toEqual([[`exit ${ref} shutdown`], 0]);
  });

  test("ends with the connection, for every process that had one", async () => {
    const { b, bench, log, attacker, to, victim, at } = await entered();
    await attacker.send(linkFrame({ ...to, from: 5, actor: "evil", number: 1 }));
    await attacker.send(monitorFrame({ number: 1, watcher: 5, target: at }));
    await attacker.send(raw(0x7f));
    expect(bench.log).toContain("b: down mallory (protocol)");
    expect(log).toEqual(["exit evil <5@mallory> noconnection"]);
    expect(tiesOf(b).size).toBe(0);
    expect(b.inspect(victim as unknown as AnyRef).links).toEqual([]);
  });
});

describe("a ref to a name", () => {
  test("that is too long to be asked for is refused where it comes in", async () => {
    const { b, log, attacker, to } = await entered();
    const letters: unknown[] = [];
    b.events.on("deadLetter", (letter) => letters.push(letter));
    const life = { node: "mallory", incarnation: 0, id: 0 };
    for (const [name, actor] of [
      ["x".repeat(1025), ""],
      ["x", "é".repeat(513)],
    ] as const) {
      const value = codec.encode(new ForgedRef({ kind: "name", ...life, name, actor }));
      const cast = { correlation: 0, ...to, operation: "note", value };
      await attacker.send(callFrame("cast", cast));
    }
    expect(letters).toMatchObject(new Array(2).fill({ error: { code: "ERR_DECODE" } }));
    expect([log, attacker.closed]).toEqual([[], false]);
  });
});

describe("a signal or an answer", () => {
  test("with garbage for a reason is a signal all the same", async () => {
    const { log, attacker, to } = await entered();
    const reason = Buffer.from([0xff]);
    await attacker.send(
      exitFrame({ ...to, from: 5, actor: "x", isLinkEnd: false, number: 0, reason }),
    );
    expect(log).toEqual(["exit x <5@mallory> error ERR_DECODE"]);
  });

  test("to a reply that nobody waits for is dropped", async () => {
    const { attacker, log } = await entered();
    for (const number of [0, 1, 2 ** 52]) {
      for (const isError of [true, false]) {
        await attacker.send(answerFrame({ number, isError, value: Buffer.from([0xff]) }));
      }
    }
    expect([attacker.closed, log]).toEqual([false, []]);
  });

  test("to a call of somebody else is not given by counting: it takes the address", async () => {
    const { attacker, victim, bench } = await entered();
    const kept: ReplyTo<unknown>[] = [];
    const answers: unknown[] = [];
    for (let call = 0; call < 3; call++) {
      void victim
        .call("run", (ctx) => ctx.defer((to) => kept.push(to)))
        .then((answer) => answers.push(answer));
    }
    await settle();
    expect(kept).toHaveLength(3);
    const value = codec.encode("forged");
    const forged = (number: number) => answerFrame({ number, isError: false, value });
    await attacker.send(...Array.from({ length: 1000 }, (_, number) => forged(number)));
    const [first] = kept as [ReplyTo<unknown>];
    await attacker.send(forged(first.replyTo - 1), forged(first.replyTo + 1));
    expect([answers, attacker.closed]).toEqual([[], false]);
    await attacker.send(forged(first.replyTo));
    expect(answers).toEqual(["forged"]);
    expect(bench.log).toEqual(["b: up mallory"]);
    for (const to of kept.slice(1)) await victim.call("run", (ctx) => ctx.reply(to, "own"));
    await settle();
    expect(answers).toEqual(["forged", "own", "own"]);
  });

  test("of which the answers are never read is the end of the link, not of the memory", async () => {
    const limits = { softOutboxBytes: 1000, hardOutboxBytes: 4000 };
    const { bench, attacker, at } = await entered({ limits });
    const target = { ...at, id: at.id + 1 };
    const flood = Array.from({ length: 60_000 }, (_, n) =>
      monitorFrame({ number: n + 1, watcher: 1, target }),
    );
    await attacker.send(...flood);
    expect(bench.log).toContain("b: down mallory (overloaded)");
  });
});
