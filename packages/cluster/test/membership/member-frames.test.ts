import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Frame, FrameKind, readFrames, WholeFrame } from "../../src/link/frame.ts";
import type { News } from "../../src/membership/gossip.ts";
import { memberStatuses } from "../../src/membership/member.ts";
import {
  isMemberFrame,
  MAX_ACCUSERS,
  type MemberMessage,
  memberFrames,
  readMemberFrame,
} from "../../src/membership/member-frames.ts";

function cut(frames: readonly Uint8Array[]): Frame[] {
  const cutFrames: Frame[] = [];
  readFrames(
    Buffer.concat(frames),
    () => 10_000,
    (frame) => cutFrames.push(frame) > 0,
  );
  return cutFrames;
}

const roundTrip = (message: MemberMessage, maxBytes = 10_000) =>
  cut(memberFrames(message, maxBytes)).map(readMemberFrame);

const news = (name: string, accusers: string[] = []): News => ({
  record: {
    name,
    incarnation: 1_740_800_000_000_001,
    version: 1_740_800_000_000_002,
    status: "suspect",
    url: "ws://10.0.0.1:7400/",
    heartbeatMs: 1000,
  },
  accusers,
});

const anyNews: fc.Arbitrary<News> = fc.record({
  record: fc
    .record({
      name: fc.stringMatching(/^[a-zä-ü0-9@.-]{1,40}$/),
      incarnation: fc.maxSafeNat(),
      status: fc.constantFrom(...memberStatuses),
      url: fc.option(fc.webUrl({ size: "small" }), { nil: undefined }),
      heartbeatMs: fc.nat(),
    })
    .map((record) => ({ ...record, version: record.incarnation })),
  accusers: fc.array(fc.stringMatching(/^[a-z]{1,20}$/), { maxLength: MAX_ACCUSERS }),
});

describe("what is told of members", () => {
  test("arrives as it was sent", () => {
    fc.assert(
      fc.property(fc.array(anyNews), fc.boolean(), (list, answer) => {
        expect(roundTrip({ kind: "gossip", news: list })).toEqual([{ kind: "gossip", news: list }]);
        const sync = { kind: "sync", news: list, answer } as const;
        expect(roundTrip(sync)).toEqual([sync]);
      }),
    );
    for (const digest of [0, 1, Number.MAX_SAFE_INTEGER]) {
      expect(roundTrip({ kind: "digest", digest })).toEqual([{ kind: "digest", digest }]);
    }
  });

  test("has a layout that does not change", () => {
    const record = { ...news("b").record, incarnation: 5, version: 6, url: "ws://b" };
    const [frame] = memberFrames({ kind: "gossip", news: [{ record, accusers: ["a"] }] }, 1000);
    expect(frame?.toString("hex")).toBe(
      [
        "1400000000000024",
        "0001",
        "01",
        "0000000000000005",
        "0000000000000006",
        "000003e8",
        "0162",
        "000677733a2f2f62",
        "01",
        "0161",
      ].join(""),
    );
    const [digest] = memberFrames({ kind: "digest", digest: 258 }, 1000);
    expect(digest?.toString("hex")).toBe("15000000000000080000000000000102");
    const [sync] = memberFrames({ kind: "sync", news: [], answer: true }, 1000);
    expect(sync?.toString("hex")).toBe("16020000000000020000");
  });

  test("is split into frames that are not too large; the other table is asked for by the last", () => {
    const list = Array.from({ length: 200 }, (_, n) => news(`node-${n}`));
    const frames = memberFrames({ kind: "sync", news: list, answer: true }, 1024);
    expect(Math.max(...frames.map((frame) => frame.length - 8))).toBeLessThanOrEqual(1024);
    const messages = cut(frames).map(readMemberFrame);
    expect(messages.flatMap((message) => ("news" in message ? message.news : []))).toEqual(list);
    const answers = messages.map((message) => "answer" in message && message.answer);
    expect(answers.lastIndexOf(false)).toBe(frames.length - 2);
    expect(answers.at(-1)).toBe(true);
  });

  test("fits the smallest frame there is, if need be without the accusers", () => {
    const name = "n".repeat(128);
    const accusers = ["a", "b", "c", "d"].map((letter) => letter.repeat(128));
    const { record } = news(name, accusers);
    const long = { ...record, url: `ws://${"u".repeat(507)}` };
    const [frame] = memberFrames({ kind: "gossip", news: [{ record: long, accusers }] }, 1024);
    expect(frame?.length).toBeLessThanOrEqual(1024 + 8);
    expect(cut([frame as Buffer]).map(readMemberFrame)).toEqual([
      { kind: "gossip", news: [{ record: long, accusers: [] }] },
    ]);
    const five = ["a", "b", "c", "d", "e"];
    expect(roundTrip({ kind: "gossip", news: [news("n", five)] })).toEqual([
      { kind: "gossip", news: [news("n", five.slice(0, 4))] },
    ]);
  });
});

describe("bytes that lie", () => {
  const [honest] = memberFrames({ kind: "gossip", news: [news("b", ["a"])] }, 1000);
  const body = (honest as Buffer).subarray(8);

  /** A gossip body that differs in some bytes. */
  function changed(at: number, ...bytes: number[]): Frame {
    const copy = Buffer.from(body);
    copy.set(bytes, at);
    return new WholeFrame(FrameKind.gossip, 0, 0, copy);
  }

  test("truncated anywhere are a protocol error, for every kind", () => {
    for (const kind of [FrameKind.gossip, FrameKind.sync, FrameKind.digest]) {
      expect(isMemberFrame(kind)).toBe(true);
      const whole = kind === FrameKind.digest ? Buffer.alloc(8) : body;
      for (let length = 0; length < whole.length; length++) {
        const frame = new WholeFrame(kind, 0, 0, whole.subarray(0, length));
        expect(() => readMemberFrame(frame)).toThrow(
          expect.objectContaining({ code: "ERR_PROTOCOL" }),
        );
      }
      const longer = new WholeFrame(kind, 0, 0, Buffer.concat([whole, Buffer.alloc(1)]));
      expect(() => readMemberFrame(longer)).toThrow("bytes too many");
    }
    expect(isMemberFrame(FrameKind.call)).toBe(false);
  });

  test.each([
    ["a count beyond what is there", changed(0, 0xff, 0xff), "truncated"],
    ["a status that is none", changed(2, 5), "a status that is none"],
    ["a number above 2^53", changed(3, 0xff), "above 2^53"],
    ["a version before the incarnation", changed(11, 0, 0, 0), "version before the incarnation"],
    ["a name with a space", changed(24, 0x20), "a node name that cannot be one"],
    ["too many accusers", changed(body.length - 3, 5), "5 accusers"],
    ["an accuser that is no name", changed(body.length - 1, 0x0a), "cannot be one"],
  ])("%s", (_name, frame, problem) => {
    expect(() => readMemberFrame(frame)).toThrow(problem);
    expect(() => readMemberFrame(frame)).toThrow(expect.objectContaining({ code: "ERR_PROTOCOL" }));
  });

  test("an address that is endless", () => {
    const { record } = news("b");
    const list = [{ record: { ...record, url: `ws://${"u".repeat(600)}` }, accusers: [] }];
    const frames = cut(memberFrames({ kind: "gossip", news: list }, 10_000));
    expect(() => frames.map(readMemberFrame)).toThrow("an address of more than 512 bytes");
  });

  test("whatever they are, they are read or refused, and nothing else is thrown", () => {
    const kinds = [FrameKind.gossip, FrameKind.sync, FrameKind.digest] as const;
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.uint8Array({ maxLength: 200 }), (kind, bytes) => {
        try {
          readMemberFrame(new WholeFrame(kind, 0, 0, bytes));
        } catch (error) {
          expect(error).toMatchObject({ code: "ERR_PROTOCOL" });
        }
      }),
    );
  });
});
