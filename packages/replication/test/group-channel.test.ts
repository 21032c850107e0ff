import type { Channel } from "@troupe/cluster";
import { Codec } from "@troupe/cluster/runtime";
import { describe, expect, test } from "vitest";
import { decodeRequests, encodeReplies, encodeRequests } from "../src/client-batch.ts";
import { decodeMessage, type Envelope, encodeMessage, type Header } from "../src/envelope.ts";
import { GroupChannel } from "../src/group-channel.ts";
import { type ResolvedGroupOptions, resolveGroupOptions } from "../src/options.ts";
import type { GroupMessage, WireMessage } from "../src/wire.ts";
import { Counter } from "./support/group-bench.ts";

const codec = new Codec();
const commit = { type: "commit", view: 1, commit: 0, checksum: "a".repeat(32) } as const;

/** What a member of the next configuration answers. */
const mismatch = {
  type: "config_mismatch",
  settings: JSON.stringify({
    ...resolveGroupOptions(Counter, { start: 0 }, { group: "g", replicas: ["a", "b"] }).shared,
    epoch: 1,
  }),
} as const;

/** The end of a group's channel on node `a`; `b` is a replica, and `c` none. */
class Stage {
  readonly options: ResolvedGroupOptions;
  readonly header: Header;
  readonly listener: GroupChannel;
  readonly heard: [string, GroupMessage][] = [];
  readonly sent: (Envelope & { readonly to: string })[] = [];
  readonly payloads: Uint8Array[] = [];
  /** What waits for the end of the turn. */
  readonly turns: (() => void)[] = [];
  #deliver: (from: string, payload: Uint8Array) => void = () => {};

  constructor(durability: "disk" | "memory" = "disk") {
    const options = { group: "g", replicas: ["a", "b"], durability };
    this.options = resolveGroupOptions(Counter, { start: 0 }, options);
    const { group, configuration, epoch } = this.options;
    this.header = { group, configuration, epoch, incarnation: 0 };
    const node = { channel: (name: string) => this.#channel(name) };
    this.listener = new GroupChannel(node, this.options, (flush) => this.turns.push(flush));
    this.listener.listen((from, message) => this.heard.push([from, message]));
  }

  /** Says a commit, with something about its envelope changed. */
  say(from: "b" | "c", changes: Partial<Header>, message: WireMessage = commit): void {
    this.#deliver(from, encodeMessage(codec, { ...this.header, ...changes }, message));
  }

  sayBytes(from: "b" | "c", bytes: Uint8Array): void {
    this.#deliver(from, bytes);
  }

  #channel(name: string): Channel {
    return {
      name,
      maxPayloadBytes: 2 ** 26,
      send: (to, payload) => {
        this.payloads.push(payload);
        const envelope = decodeMessage(codec, payload);
        if (envelope !== undefined) this.sent.push({ to, ...envelope });
        return true;
      },
      onMessage: (listener) => {
        this.#deliver = listener;
      },
      close: () => {},
    };
  }
}

const nothingRefused = { malformed: 0, group: 0, epoch: 0, configuration: 0, incarnation: 0 };

test("a message of the group, its configuration and its epoch is handed on", () => {
  const stage = new Stage();
  stage.say("b", {});
  stage.say("c", {});
  expect(stage.heard).toEqual([
    ["b", commit],
    ["c", commit],
  ]);
  expect(stage.listener.refused).toEqual(nothingRefused);
});

test("a message that is none of the protocol is counted and reaches nobody", () => {
  const stage = new Stage();
  stage.sayBytes("b", codec.encode(["g", commit]));
  stage.sayBytes("b", Uint8Array.of(0xff, 0x00));
  expect(stage.heard).toEqual([]);
  expect(stage.listener.refused).toEqual({ ...nothingRefused, malformed: 2 });
});

test("a message of another group is counted and not answered", () => {
  const stage = new Stage();
  stage.say("b", { group: "h" });
  expect(stage.heard).toEqual([]);
  expect(stage.listener.refused).toEqual({ ...nothingRefused, group: 1 });
  expect(stage.sent).toEqual([]);
});

test("a message of another epoch or configuration is answered with the own one", () => {
  const stage = new Stage();
  stage.say("b", { epoch: 1 });
  stage.say("c", { configuration: "f".repeat(32) });
  expect(stage.heard).toEqual([]);
  expect(stage.listener.refused).toEqual({ ...nothingRefused, epoch: 1, configuration: 1 });
  expect(stage.sent.map(({ to }) => to)).toEqual(["b", "c"]);
  for (const { to: _, message, ...header } of stage.sent) {
    expect(header).toEqual(stage.header);
    expect(message.type).toBe("config_mismatch");
    const { settings } = message as Extract<GroupMessage, { readonly type: "config_mismatch" }>;
    expect(JSON.parse(settings)).toEqual(stage.options.shared);
  }
});

test("what an earlier life of a replica said is dropped once a later one has spoken", () => {
  const stage = new Stage();
  for (const incarnation of [7, 7, 9]) stage.say("b", { incarnation });
  expect(stage.heard).toHaveLength(3);
  for (const incarnation of [8, 0]) stage.say("b", { incarnation });
  expect(stage.heard).toHaveLength(3);
  expect(stage.listener.refused).toEqual({ ...nothingRefused, incarnation: 2 });
  stage.say("b", { incarnation: 9 });
  expect(stage.heard).toHaveLength(4);
});

test("who rejoins is heard though its clock went back, and so is all that it says after that", () => {
  const stage = new Stage();
  stage.say("b", { incarnation: 9 });
  const recovery = { type: "recovery", nonce: 1, round: 1, founding: false, view: 0 } as const;
  stage.say("b", { incarnation: 7 }, recovery);
  stage.say("b", { incarnation: 7 });
  expect(stage.heard).toHaveLength(3);
  expect(stage.listener.refused).toEqual(nothingRefused);
});

test("in a memory group the crash vector judges lives, and the envelope does not", () => {
  const stage = new Stage("memory");
  for (const incarnation of [9, 7]) stage.say("b", { incarnation });
  expect(stage.heard).toHaveLength(2);
});

test("a node that holds no replica has no lives", () => {
  const stage = new Stage();
  for (const incarnation of [7, 0]) stage.say("c", { incarnation });
  expect(stage.heard).toHaveLength(2);
});

test("a message says in which life of its replica it was sent", () => {
  const stage = new Stage();
  stage.listener.send("c", commit);
  stage.listener.beginLife(5);
  stage.listener.send("c", commit);
  const inEnvelope = { to: "c", ...stage.header, message: commit };
  expect(stage.sent).toEqual([inEnvelope, { ...inEnvelope, incarnation: 5 }]);
});

describe("requests and replies", () => {
  const client = "ab".repeat(16);
  const body = Uint8Array.of(7);
  const request = (number: number) =>
    ({ type: "request", kind: "call", client, session: 1, number, acked: 1, body }) as const;
  const reply = { type: "reply", view: 1, client, session: 1, number: 2, body } as const;

  test("of one turn leave together, one batch for each node", () => {
    const stage = new Stage();
    for (const number of [1, 2]) stage.listener.send("b", request(number));
    stage.listener.send("c", reply);
    expect(stage.sent).toEqual([]);
    expect(stage.turns).toHaveLength(1);
    stage.turns[0]?.();
    const batches = stage.sent.map(({ to, message }) => [to, message]);
    expect(batches).toEqual([
      ["b", { type: "requests", batch: encodeRequests([request(1), request(2)]) }],
      ["c", { type: "replies", batch: encodeReplies([reply]) }],
    ]);
    stage.listener.send("b", request(3));
    expect(stage.turns).toHaveLength(2);
  });

  test("are handed on one by one", () => {
    const stage = new Stage();
    const requests = { type: "requests", batch: encodeRequests([request(1), request(2)]) } as const;
    stage.sayBytes("c", encodeMessage(codec, stage.header, requests));
    const replies = { type: "replies", batch: encodeReplies([reply]) } as const;
    stage.sayBytes("b", encodeMessage(codec, stage.header, replies));
    expect(stage.heard).toEqual([
      ["c", request(1)],
      ["c", request(2)],
      ["b", reply],
    ]);
  });

  test("make no batch longer than a quarter of a mebibyte, but for one message alone", () => {
    const stage = new Stage();
    const large = (kib: number) => ({ ...request(1), body: new Uint8Array(kib * 1024) });
    for (const kib of [100, 100, 100, 300, 1]) stage.listener.send("b", large(kib));
    stage.turns[0]?.();
    const counts = stage.sent.map(({ message }) =>
      message.type === "requests" ? decodeRequests(message.batch)?.length : undefined,
    );
    expect(counts).toEqual([2, 1, 1, 1]);
  });

  test("that make no batch are counted as malformed", () => {
    const stage = new Stage();
    const requests = { type: "requests", batch: Uint8Array.of(1, 2, 3) } as const;
    stage.sayBytes("c", encodeMessage(codec, stage.header, requests));
    expect(stage.heard).toEqual([]);
    expect(stage.listener.refused).toEqual({ ...nothingRefused, malformed: 1 });
  });

  test("that wait leave before the channel closes", () => {
    const stage = new Stage();
    stage.listener.send("b", request(1));
    stage.listener.close();
    expect(stage.sent).toHaveLength(1);
    stage.turns[0]?.();
    expect(stage.sent).toHaveLength(1);
  });
});

test("one message to all is one piece of bytes, and another message is another one", () => {
  const stage = new Stage();
  for (const to of ["b", "c"]) stage.listener.send(to, commit);
  stage.listener.send("b", { ...commit, view: 2 });
  const [first, second, third] = stage.payloads;
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  expect(stage.sent.map(({ message }) => message)).toEqual([
    commit,
    commit,
    { ...commit, view: 2 },
  ]);
});

test("two that disagree answer each other once", () => {
  const stage = new Stage();
  const told: string[] = [];
  stage.listener.onMismatch((error) => told.push(error.message));
  stage.sayBytes("b", encodeMessage(codec, { ...stage.header, epoch: 1 }, mismatch));
  expect(stage.sent).toEqual([]);
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("epoch");
});
