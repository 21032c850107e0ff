/**
 * Holds docs/wire.md against the code: every block of bytes in the page is built from the fields
 * that are stated here and read back, every kind of frame has one, and every number is in a table.
 */
import { readFileSync } from "node:fs";
import { type AnyRef, defineWireClass, isActorError, type RefAddress } from "@troupe/actor";
import { WireClasses } from "@troupe/actor/runtime";
import { describe, expect, test } from "vitest";
import { ByteWriter } from "../src/bytes.ts";
import { Codec } from "../src/codec/codec.ts";
import type { RefusalReason } from "../src/errors.ts";
import type { Directory, DirectoryListener, Writer } from "../src/groups/directory.ts";
import {
  type Change,
  type DirectoryMessage,
  decodeDirectoryMessage,
  encodeDirectoryMessage,
  type Place,
  Space,
} from "../src/groups/directory-messages.ts";
import { Presence } from "../src/groups/presence.ts";
import { ProcessGroups } from "../src/groups/process-groups.ts";
import { PubSub } from "../src/groups/pubsub.ts";
import type { Residents } from "../src/groups/residents.ts";
import { Connection } from "../src/link/connection.ts";
import {
  encodeFrame,
  FLAG_ANSWER,
  FLAG_CONTINUES,
  FLAG_MORE,
  type Frame,
  FrameKind,
  MAX_BODY_BYTES,
  MAX_FRAME_BYTES,
  readFrames,
} from "../src/link/frame.ts";
import { FrameBatch } from "../src/link/frame-batch.ts";
import {
  AcceptorHandshake,
  DialerHandshake,
  type HandshakeConfig,
  type HandshakeStep,
  MAX_HANDSHAKE_BYTES,
  rejectFrame,
} from "../src/link/handshake.ts";
import { LargeMessage } from "../src/link/lane-queue.ts";
import { channelLane } from "../src/link/lanes.ts";
import { Reassembly } from "../src/link/reassembly.ts";
import type { News } from "../src/membership/gossip.ts";
import {
  type MemberMessage,
  memberFrames,
  readMemberFrame,
} from "../src/membership/member-frames.ts";
import { MemberTable } from "../src/membership/member-table.ts";
import type { Channel } from "../src/remote/channels.ts";
import {
  answerFrame,
  type CallKind,
  type CallMessage,
  callFrame,
  channelBytes,
  lookupFrame,
  readAnswer,
  readCall,
  readChannel,
  readLookup,
  readReply,
  readStart,
  replyFrame,
  startFrame,
  writeChannel,
} from "../src/remote/messages.ts";
import {
  demonitorFrame,
  downFrame,
  exitFrame,
  linkFrame,
  monitorFrame,
  readDemonitor,
  readDown,
  readExit,
  readLink,
  readMonitor,
  readUnlink,
  unlinkFrame,
} from "../src/remote/relation-frames.ts";
import type { Socket } from "../src/transport/transport.ts";

const page = readFileSync(new URL("../../../docs/wire.md", import.meta.url), "utf8");

/** The blocks of bytes, by name. What stands behind a bar explains. */
const blocks = new Map<string, string>();
for (const [, name = "", text = ""] of page.matchAll(/^```hex (.+)\n([^`]*)^```$/gm)) {
  expect(blocks.has(name), `two blocks named ${name}`).toBe(false);
  blocks.set(name, text);
}

const bare = (text: string) => text.replace(/\|.*$/gm, "").replace(/\s/g, "");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function given(name: string): Buffer {
  const text = bare(blocks.get(name) ?? "");
  expect(text, `the block "${name}"`).toMatch(/^([0-9a-f]{2})+$/);
  return Buffer.from(text, "hex");
}

/** The one frame in the bytes. */
function only(bytes: Uint8Array): Frame {
  const frames: Frame[] = [];
  readFrames(
    bytes,
    () => MAX_BODY_BYTES,
    (frame) => frames.push(frame) > 0,
  );
  expect(frames).toHaveLength(1);
  return frames[0] as Frame;
}

// What the page says of the two nodes.
const A: Writer = { name: "a", incarnation: 0x00063b0000000001 };
const B: Writer = { name: "b", incarnation: 0x00063b0000000802 };

/** A ref, as far as the codec and the views look at it. */
class PageRef {
  readonly address: RefAddress;

  constructor(address: RefAddress) {
    this.address = address;
  }
}

class Money {
  readonly cents: number;

  constructor(cents: number) {
    this.cents = cents;
  }
}

const MoneyOnWire = defineWireClass("Money", Money, {
  toData: ({ cents }) => ({ cents }),
  fromData: ({ cents }) => new Money(cents),
});

const codec = new Codec({
  classes: new WireClasses([MoneyOnWire]),
  ref: {
    toAddress: (value) => (value instanceof PageRef ? value.address : undefined),
    fromAddress: (address) => new PageRef(address),
  },
});

/** What was read, with its bytes as values. */
function legible(read: object): object {
  const entries = Object.entries(read).map(([key, field]) =>
    field instanceof Uint8Array ? [key, codec.decode(field)] : [key, field],
  );
  return Object.fromEntries(entries);
}

interface Check {
  readonly build: () => Uint8Array;
  readonly read: (bytes: Buffer) => unknown;
  /** What `read` gives. */
  readonly fields: unknown;
}

/** A frame that is built from fields and read back to the same, with the value beside them. */
function framed<M extends object>(
  fields: M,
  build: (fields: M) => Uint8Array,
  read: (frame: Frame) => unknown,
): Check {
  const legibly = (bytes: Buffer) => legible(read(only(bytes)) as object);
  return { build: () => build(fields), read: legibly, fields: legible(fields) };
}

const value = (what: unknown) => codec.encode(what);
const process33 = { incarnation: B.incarnation, process: 33 };
const named = { incarnation: 0, process: 0, name: "c1", actor: "counter" };
const ends = { ...process33, from: 17 };

function calling(kind: CallKind, fields: Omit<CallMessage, "correlation">): Check {
  const correlation = kind === "call" || kind === "query" ? 7 : 0;
  const message = { name: undefined, actor: undefined, correlation, ...fields };
  return framed(
    message,
    (all) => callFrame(kind, all),
    (frame) => readCall(kind, frame),
  );
}

const told: readonly News[] = [
  {
    record: {
      name: "a",
      incarnation: A.incarnation,
      version: A.incarnation,
      status: "alive",
      url: "ws://a:7400",
      heartbeatMs: 1000,
    },
    accusers: [],
  },
  {
    record: {
      name: "b",
      incarnation: B.incarnation,
      version: B.incarnation + 1,
      status: "suspect",
      url: undefined,
      heartbeatMs: 1000,
    },
    accusers: ["a"],
  },
];

function telling(message: MemberMessage): Check {
  return {
    build: () => Buffer.concat(memberFrames(message, MAX_BODY_BYTES)),
    read: (bytes) => readMemberFrame(only(bytes)),
    fields: message,
  };
}

function digest(): number {
  const table = new MemberTable();
  for (const { record } of told) table.set(record);
  return table.digest();
}

/** An empty control frame; what it does is shown over a connection. */
function control(kind: FrameKind, flags: number): Check {
  return {
    build: () => encodeFrame(kind, 0, flags),
    read: (bytes) => {
      const { lane, body } = only(bytes);
      return { lane, length: body.length, ...effectOf(bytes) };
    },
    fields: { lane: 0, length: 0, ...effects[`${kind} ${flags}`] },
  };
}

const effects: Readonly<Record<string, object>> = {
  [`${FrameKind.tick} 0`]: { sent: [], closed: undefined },
  [`${FrameKind.tick} ${FLAG_ANSWER}`]: { sent: ["1000000000000000"], closed: undefined },
  [`${FrameKind.goodbye} 0`]: { sent: [], closed: "left" },
};

/** What a proven connection makes of a message. */
function effectOf(bytes: Uint8Array): object {
  const sent: string[] = [];
  let closed: string | undefined;
  let hand: (message: Uint8Array) => void = () => {};
  const socket: Socket = {
    binding: undefined,
    peerNames: undefined,
    bufferedBytes: 0,
    open: (listener) => {
      hand = listener.message;
    },
    send: (message) => sent.push(hex(message)),
    admit: () => {},
    close: () => {},
    terminate: () => {},
  };
  const limits = { softOutboxBytes: 1e6, hardOutboxBytes: 1e6, maxMessageBytes: 1e6 };
  const flushes: (() => void)[] = [];
  const listener = {
    frame: () => {},
    closed: (reason: string) => {
      closed = reason;
    },
  };
  const push = (flush: () => void) => flushes.push(flush);
  const ports = { limits, defer: push, later: push };
  const connection = new Connection(socket, ports, listener, MAX_HANDSHAKE_BYTES);
  connection.open();
  connection.establish(listener, 1e6);
  hand(bytes);
  for (const flush of flushes) flush();
  return { sent, closed };
}

/** The same CAST as in the block of that name, of which one fragment is built. */
function fragment(flags: number): Check {
  const body = () => given("CAST").subarray(8);
  const head = () => new ByteWriter(4).u32(body().length).done();
  return {
    build: () =>
      flags === FLAG_MORE
        ? encodeFrame(FrameKind.cast, 9, flags, head(), body().subarray(0, 8))
        : encodeFrame(FrameKind.cast, 9, flags, body().subarray(8)),
    read: () => {
      const reassembly = new Reassembly(1e6);
      const first = reassembly.take(only(given("CAST first fragment")));
      const whole = reassembly.take(only(given("CAST last fragment")));
      return { first, body: hex(whole?.body ?? Buffer.alloc(0)), lane: whole?.lane };
    },
    fields: { first: undefined, body: bare(blocks.get("CAST") ?? "").slice(16), lane: 9 },
  };
}

const entry = (space: number, topic: string, key: string, bytes?: Uint8Array): Change => {
  const copy = bytes === undefined ? undefined : new Uint8Array(bytes);
  return { space, topic, key, value: copy };
};

function directory(message: () => DirectoryMessage): Check {
  return {
    build: () => encodeDirectoryMessage(message()),
    read: (bytes) => decodeDirectoryMessage(bytes, 100),
    get fields() {
      return message();
    },
  };
}

/** A directory of one node, which shows at once what is set, and keeps the last value. */
class PageDirectory {
  last: Uint8Array | undefined;
  readonly #listeners = new Map<number, DirectoryListener>();

  listen(space: number, listener: DirectoryListener): void {
    this.#listeners.set(space, listener);
  }

  set({ space, topic, key }: Place, bytes: Uint8Array): void {
    this.last = bytes;
    this.show(A, entry(space, topic, key, bytes));
  }

  show(writer: Writer, { space, topic, key, value: bytes }: Change): void {
    this.#listeners.get(space)?.([{ writer, topic, key, value: bytes }])?.();
  }
}

const counter = new PageRef({ kind: "process", node: "a", ...life(A), id: 33, actor: "counter" });

function life({ incarnation }: Writer): { incarnation: number } {
  return { incarnation };
}

function views(self: string) {
  const shown = new PageDirectory();
  const published: Uint8Array[] = [];
  let hear: (from: string, payload: Uint8Array) => void = () => {};
  const channel = {
    maxPayloadBytes: 1e6,
    send: (_to: string, payload: Uint8Array) => published.push(payload) > 0,
    onMessage: (listener: typeof hear) => {
      hear = listener;
    },
  };
  const ports = {
    directory: shown as unknown as Directory,
    residents: { require: (ref: AnyRef) => ref, attend: () => () => {} } as unknown as Residents,
    codec,
    self,
    refAt: (address: RefAddress) => new PageRef(address) as unknown as AnyRef,
    listenerThrew: () => {},
    unreadable: (_node: string, what: string) => expect.unreachable(what),
  };
  const pubsub = new PubSub({
    ...ports,
    channel: channel as unknown as Channel,
    maxSubscriptions: 10,
    dropped: () => expect.unreachable("nothing is dropped"),
  });
  return {
    shown,
    published,
    pubsub,
    hear: (from: string, payload: Uint8Array) => hear(from, payload),
    groups: new ProcessGroups(ports),
    presence: new Presence(ports),
  };
}

const checks: Readonly<Record<string, Check>> = {
  "optional of an unknown kind": {
    build: () => Buffer.concat([Buffer.from("7f01000000000002", "hex"), Buffer.from([1, 2])]),
    read: (bytes) => only(Buffer.concat([bytes, given("TICK")])).kind,
    fields: FrameKind.tick,
  },
  REJECT: {
    build: () => rejectFrame("duplicate"),
    read: (bytes) => new DialerHandshake(configOf("a")).receive(only(bytes)),
    fields: { kind: "refused", reason: "duplicate" },
  },
  TICK: control(FrameKind.tick, 0),
  "TICK answer": control(FrameKind.tick, FLAG_ANSWER),
  GOODBYE: control(FrameKind.goodbye, 0),
  GOSSIP: telling({ kind: "gossip", news: told.slice(1) }),
  SYNC: telling({ kind: "sync", news: told, answer: true }),
  DIGEST: telling({ kind: "digest", digest: digest() }),
  CAST: calling("cast", { ...process33, operation: "set", value: value(5) }),
  QUERY: calling("query", { ...process33, operation: "get", value: value(undefined) }),
  CALL: calling("call", { ...process33, operation: "add", value: value(5) }),
  "CALL by name": calling("call", { ...named, operation: "add", value: value(5) }),
  INFO: calling("info", { ...process33, operation: "tick", value: value(null) }),
  "CAST first fragment": fragment(FLAG_MORE),
  "CAST last fragment": fragment(FLAG_CONTINUES),
  REPLY: framed({ correlation: 7, isError: false, value: value(42) }, replyFrame, readReply),
  "REPLY error": framed(
    {
      correlation: 7,
      isError: true,
      value: value({
        name: "NoProcessError",
        code: "ERR_NO_PROCESS",
        outcome: "not_run",
        message: "it is over",
      }),
    },
    replyFrame,
    readReply,
  ),
  ANSWER: framed({ number: 5, isError: false, value: value(true) }, answerFrame, readAnswer),
  START: framed(
    { correlation: 7, actor: "counter", name: "c1", value: value({ start: 0 }) },
    startFrame,
    readStart,
  ),
  LOOKUP: framed({ correlation: 7, name: "c1" }, lookupFrame, readLookup),
  MONITOR: framed(
    { number: 3, watcher: 17, target: { incarnation: B.incarnation, id: 33 } },
    monitorFrame,
    readMonitor,
  ),
  "MONITOR by name": framed(
    { number: 3, watcher: 0, target: { incarnation: 0, id: 0, name: "c1", actor: "counter" } },
    monitorFrame,
    readMonitor,
  ),
  DEMONITOR: framed(
    { number: 3 },
    ({ number }) => demonitorFrame(number, { incarnation: B.incarnation, id: 33 }),
    (frame) => ({ number: readDemonitor(frame) }),
  ),
  DOWN: framed({ number: 3, reason: value("normal") }, (down) => downFrame(down, 17), readDown),
  LINK: framed({ ...ends, actor: "counter", number: 4 }, linkFrame, readLink),
  UNLINK: framed({ ...ends, number: 4, numberThere: 0 }, unlinkFrame, readUnlink),
  EXIT: framed(
    { ...ends, actor: "counter", isLinkEnd: false, number: 0, reason: value("kill") },
    exitFrame,
    readExit,
  ),
  "EXIT of a link": framed(
    { ...ends, actor: "", isLinkEnd: true, number: 4, reason: value("noproc") },
    exitFrame,
    readExit,
  ),
  CHANNEL: {
    build: () => {
      const body = new ByteWriter(channelBytes("chat", Buffer.from([1, 2, 3])));
      writeChannel(body, "chat", Buffer.from([1, 2, 3]));
      return encodeFrame(FrameKind.channel, channelLane("chat"), 0, body.done());
    },
    read: (bytes) => {
      const { channel, payload } = readChannel(only(bytes));
      return [channel, hex(payload)];
    },
    fields: ["chat", "010203"],
  },
  "troupe.directory snapshot": directory(() => ({
    kind: "snapshot",
    isFirst: true,
    isLast: true,
    version: 6,
    changes: [
      entry(Space.groups, "lobby", "33", given("group entry")),
      entry(Space.pubsub, "news", "", Buffer.alloc(0)),
    ],
  })),
  "troupe.directory delta": directory(() => ({
    kind: "delta",
    version: 7,
    changes: [
      entry(Space.presence, "lobby", "33:alice", given("presence entry")),
      entry(Space.groups, "lobby", "33"),
    ],
  })),
  "troupe.directory ask": directory(() => ({ kind: "ask" })),
  "group entry": {
    build: () => {
      const { groups, shown } = views("a");
      groups.join("lobby", counter as unknown as AnyRef);
      groups.join("lobby", counter as unknown as AnyRef);
      return shown.last as Uint8Array;
    },
    read: (bytes) => {
      const { groups, shown } = views("b");
      shown.show(A, entry(Space.groups, "lobby", "33", bytes));
      return groups.members("lobby");
    },
    fields: [counter, counter],
  },
  "presence entry": {
    build: () => {
      const { presence, shown } = views("a");
      const ref = counter as unknown as AnyRef;
      presence.track("lobby", "alice", { away: false }, { ref });
      return shown.last as Uint8Array;
    },
    read: (bytes) => {
      const { presence, shown } = views("b");
      shown.show(A, entry(Space.presence, "lobby", "33:alice", bytes));
      return presence.list("lobby");
    },
    fields: new Map([["alice", [{ node: "a", ref: counter, meta: { away: false } }]]]),
  },
  "troupe.pubsub publication": {
    build: () => {
      const { pubsub, shown, published } = views("a");
      shown.show(B, entry(Space.pubsub, "news", "", Buffer.alloc(0)));
      pubsub.publish("news", "hello");
      return published[0] as Uint8Array;
    },
    read: (bytes) => {
      const { pubsub, hear } = views("b");
      const heard: unknown[] = [];
      pubsub.subscribe("news", (message, about) => heard.push(message, about));
      hear("a", bytes);
      return heard;
    },
    fields: ["hello", { topic: "news", node: "a" }],
  },
};

describe("a block of the page", () => {
  test.each(Object.entries(checks))("%s is what the code writes and reads", (name, check) => {
    const bytes = given(name);
    expect(hex(check.build())).toBe(hex(bytes));
    expect(check.read(bytes)).toStrictEqual(check.fields);
  });

  test("has a check, and every check a block", () => {
    const checked = [...Object.keys(checks), ...handshakeBlocks, "values"];
    expect([...blocks.keys()].sort()).toEqual(checked.sort());
  });

  test("is there for every kind of frame, under its name", () => {
    for (const [name, kind] of Object.entries(FrameKind)) {
      expect(given(name.toUpperCase())[0], name).toBe(kind);
    }
  });
});

const handshakeBlocks = ["HELLO", "CHALLENGE", "PROOF", "WELCOME", "PROOF bound", "WELCOME bound"];

function configOf(name: "a" | "b", keys = ["correct horse battery"]): HandshakeConfig {
  return {
    cluster: "shop",
    self: {
      ...(name === "a" ? A : B),
      boot: `0${name}`.repeat(16),
      url: `ws://${name}:7400`,
      heartbeatMs: 1000,
      maxMessageBytes: 32 * 1024 * 1024,
    },
    keys: keys.map((key) => Buffer.from(key)),
    randomBytes: (size) => Buffer.alloc(size, name === "a" ? 0xd1 : 0xac),
  };
}

const frameOf = (step: HandshakeStep) => (step.kind === "send" ? hex(step.frame) : step.kind);

describe("the handshake of the page", () => {
  test.each([
    ["without TLS", undefined, ""],
    ["bound to TLS", Buffer.alloc(32, 0xbe), " bound"],
  ])("is made and accepted %s, to the byte", (_title, binding, suffix) => {
    const dialer = new DialerHandshake(configOf("a"), binding);
    // The key that signs here is another one there.
    const acceptor = new AcceptorHandshake(
      configOf("b", ["correct horse battery", "next"]),
      binding,
    );
    expect(hex(dialer.start())).toBe(hex(given("HELLO")));
    const challenge = acceptor.receive(only(given("HELLO")));
    expect(frameOf(challenge)).toBe(hex(given("CHALLENGE")));
    const claimed = dialer.receive(only(given("CHALLENGE")));
    const { cluster: _a, ...b } = { ...configOf("b").self, cluster: "" };
    expect(claimed).toEqual({ kind: "claimed", peer: { ...b, version: 1, features: 0 } });
    expect(hex(dialer.prove())).toBe(hex(given(`PROOF${suffix}`)));
    const { cluster: _b, ...a } = { ...configOf("a").self, cluster: "" };
    const proven = acceptor.receive(only(given(`PROOF${suffix}`)));
    expect(proven).toEqual({ kind: "proven", peer: { ...a, version: 1, features: 0 } });
    expect(hex(acceptor.admit())).toBe(hex(given(`WELCOME${suffix}`)));
    const welcomed = dialer.receive(only(given(`WELCOME${suffix}`)));
    expect(welcomed).toEqual({ kind: "established", peer: { ...b, version: 1, features: 0 } });
  });

  test("is accepted with any key of the ring, and with no other", () => {
    for (const [keys, outcome] of [
      [["next", "correct horse battery"], "proven"],
      [["next"], "refused"],
      [[], "refused"],
    ] as const) {
      const acceptor = new AcceptorHandshake(configOf("b", [...keys]));
      acceptor.receive(only(given("HELLO")));
      expect(acceptor.receive(only(given("PROOF"))).kind).toBe(outcome);
    }
  });
});

describe("a table of the page", () => {
  const rows = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, ...cells]) => cells);

  test("has every kind of frame, with its number and its lanes, and no other", () => {
    const listed = rows(/^\| 0x([0-9a-f]{2}) \| ([A-Z]+) \| (\S+) \|/gm);
    expect(listed.map(([number, name]) => [name?.toLowerCase(), Number(`0x${number}`)])).toEqual(
      Object.entries(FrameKind).sort(([, one], [, other]) => one - other),
    );
    const lanes: Record<string, readonly number[]> = {
      "0": [0],
      "1–7": [1, 2, 3, 4, 5, 6, 7],
      "8–23": Array.from({ length: 16 }, (_, at) => 8 + at),
    };
    for (const [number, name, places = ""] of listed) {
      const taken = Array.from({ length: 40 }, (_, lane) => lane).filter((lane) => {
        try {
          only(encodeFrame(Number(`0x${number}`) as FrameKind, lane, 0));
          return true;
        } catch (error) {
          if (!isActorError(error, "ERR_PROTOCOL")) throw error;
          return false;
        }
      });
      expect(taken, name).toEqual(lanes[places]);
    }
  });

  test("has every reason of a REJECT, with its number, and no other", () => {
    const listed = rows(/^\| (\d+) \| `([a-z_]+)` \|/gm);
    // Every number that is understood; one that is not is read as `protocol`.
    const known: [number, RefusalReason][] = [];
    for (let code = 0; code < 256; code++) {
      const frame = only(encodeFrame(FrameKind.reject, 0, 0, Buffer.from([code])));
      const step = new DialerHandshake(configOf("a")).receive(frame);
      if (step.kind !== "refused") expect.unreachable("a REJECT refuses");
      else if (hex(rejectFrame(step.reason)) === hex(rejectFrame("protocol")) && code !== 4)
        continue;
      else known.push([code, step.reason]);
    }
    expect(listed.map(([code, reason]) => [Number(code), reason])).toEqual(known);
    for (const [code, reason] of known) expect(rejectFrame(reason).at(-1)).toBe(code);
  });

  test("has every tag that is taken, and no other", () => {
    const taken: number[] = [];
    for (let tag = 0; tag < 0x1_0000; tag++) {
      try {
        codec.decode(Buffer.from([0xd9, tag >>> 8, tag & 0xff, 0xf5]));
      } catch (error) {
        const { message } = error as Error;
        if (!message.includes(`: tag ${tag},`)) taken.push(tag);
      }
    }
    const values = page.slice(page.indexOf("## Values"), page.indexOf("```hex values"));
    const named = [...values.matchAll(/\btag (\d+)|\bor (\d+) for a negative/g)];
    const arrays = [...values.matchAll(/Array \| (\d+) \|/g)];
    const listed = [...named, ...arrays].map(([, one, other]) => Number(one ?? other));
    expect([...new Set(listed)].sort((one, other) => one - other)).toEqual(taken);
  }, 60_000);

  test("has every space of the directory", () => {
    const listed = rows(/^\| (\d) (groups|pubsub|presence) \|/gm);
    expect(Object.fromEntries(listed.map(([number, name]) => [name, Number(number)]))).toEqual(
      Space,
    );
  });
});

/** Whether a frame breaks the protocol where its body is read. */
function isMalformed(name: string, body: Uint8Array): boolean {
  const { kind, lane, flags } = only(given(name));
  const frame = encodeFrame(kind, lane, flags, body);
  try {
    // What is judged by the connection costs it there.
    const made = checks[name]?.read(frame) as { closed?: string };
    return made.closed === "protocol";
  } catch (error) {
    if (!isActorError(error, "ERR_PROTOCOL")) throw error;
    return true;
  }
}

describe("what is malformed", () => {
  const tail = (name: string) => Buffer.concat([given(name).subarray(8), Buffer.from([0])]);

  test("is a body with more behind it, for the kinds that the page names", () => {
    const row = /^\| bytes behind (.+) \| closes \|$/m.exec(page);
    const named = row?.[1]?.split(", ") ?? [];
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(isMalformed(name, tail(name)), name).toBe(true);
  });

  test("is a status, or a kind of EXIT, that the page does not have", () => {
    const places = { REPLY: 4, ANSWER: 8, EXIT: 8 * 3 + 2 + "counter".length };
    for (const [name, at] of Object.entries(places)) {
      const body = Buffer.from(given(name).subarray(8));
      body[at] = 1;
      expect(isMalformed(name, body), name).toBe(false);
      body[at] = 2;
      expect(isMalformed(name, body), name).toBe(true);
    }
  });

  test("is a body that is cut short, of every kind that has a fixed part", () => {
    for (const name of Object.keys(FrameKind).map((key) => key.toUpperCase())) {
      if (checks[name] === undefined || given(name).length === 8) continue;
      expect(isMalformed(name, Buffer.alloc(0)), name).toBe(true);
    }
  });
});

test("the channels of the page are on the lanes that it says", () => {
  const lane = (name: string) =>
    Number(/on lane (\d)/.exec(page.slice(page.indexOf(`### ${name}`)))?.[1]);
  for (const name of ["troupe.directory", "troupe.pubsub"]) {
    expect(lane(name), name).toBe(channelLane(name));
  }
});

test("a large message leaves in fragments as the page says, the first with the length", () => {
  const body = Buffer.alloc(150_000, 7);
  const message = new LargeMessage(FrameKind.cast, 0, 9, body);
  const frames: Frame[] = [];
  const reassembly = new Reassembly(body.length);
  const wholes: (Frame | undefined)[] = [];
  while (!message.hasLeft) {
    const batch = new FrameBatch(MAX_FRAME_BYTES);
    expect(message.cutInto(batch)).toBe(true);
    expect(batch.length).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    const frame = only(batch.view());
    frames.push(frame);
    wholes.push(reassembly.take(frame));
  }
  const more = FLAG_MORE | FLAG_CONTINUES;
  expect(frames.map(({ flags }) => flags)).toEqual([FLAG_MORE, more, FLAG_CONTINUES]);
  expect(frames[0]?.open("first").u32()).toBe(body.length);
  expect(wholes.map((whole) => whole?.body.length)).toEqual([undefined, undefined, body.length]);
});

/** The values of the page, by what it says of each. */
const values: Readonly<Record<string, unknown>> = {
  "0": 0,
  "24": 24,
  "4294967295": 4294967295,
  "-1": -1,
  "-4294967296": -4294967296,
  "4294967296": 4294967296,
  "1.5": 1.5,
  "-0": -0,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "10n": 10n,
  "-5n": -5n,
  "2n ** 64n": 2n ** 64n,
  "-(2n ** 64n)": -(2n ** 64n),
  false: false,
  true: true,
  null: null,
  undefined: undefined,
  '"é"': "é",
  "Buffer 1, 2": Buffer.from([1, 2]),
  "Uint8Array 1, 2": new Uint8Array([1, 2]),
  "Uint16Array 1, 2": new Uint16Array([1, 2]),
  "Float64Array 1.5": new Float64Array([1.5]),
  "[1, -1]": [1, -1],
  "{ x: 1 }": { x: 1 },
  "Date 1000 ms": new Date(1000),
  "Date 1500 ms": new Date(1500),
  "Set of 1": new Set([1]),
  "Map of 1 to 2": new Map([[1, 2]]),
  "ref to process 33": new PageRef({
    kind: "process",
    node: "b",
    ...life(B),
    id: 33,
    actor: "counter",
  }),
  'ref to the name "c1"': new PageRef({
    kind: "name",
    node: "b",
    incarnation: 0,
    id: 0,
    actor: "counter",
    name: "c1",
  }),
  "a RangeError": new RangeError("boom"),
  'an instance of the class "Money"': new Money(5),
};

describe("a value of the page", () => {
  const listed = new Map<string, string>();
  for (const [, text = "", what = ""] of (blocks.get("values") ?? "").matchAll(
    /([^|]*)\| (.*)\n/g,
  )) {
    listed.set(what, text.replace(/\s/g, ""));
  }

  test.each(Object.entries(values))("%s is what the codec writes and reads", (what, value) => {
    expect(hex(codec.encode(value))).toBe(listed.get(what));
    const decoded = codec.decode(Buffer.from(listed.get(what) ?? "", "hex"));
    expect(decoded).toStrictEqual(value);
  });

  test("has a check, and every check is in the page", () => {
    expect([...listed.keys()].sort()).toEqual(Object.keys(values).sort());
  });
});
