import { describe, expect, test } from "vitest";
import {
  FLAG_CONTINUES,
  FLAG_MORE,
  FLAG_OPTIONAL,
  FrameKind,
  WholeFrame,
} from "../../src/link/frame.ts";
import { Reassembly } from "../../src/link/reassembly.ts";

const MAX = 1000;
const BOTH = FLAG_MORE | FLAG_CONTINUES;

interface Piece {
  readonly kind?: FrameKind;
  readonly flags?: number;
  readonly lane?: number;
  readonly body?: Buffer | string;
}

const piece = ({ kind = FrameKind.cast, flags = 0, lane = 9, body = "" }: Piece) =>
  new WholeFrame(kind, flags, lane, Buffer.from(body));

const first = (total: number, data: string, lane = 9) => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(total);
  return piece({ flags: FLAG_MORE, lane, body: Buffer.concat([head, Buffer.from(data)]) });
};

function after(...pieces: WholeFrame[]): Reassembly {
  const reassembly = new Reassembly(MAX);
  for (const one of pieces) expect(reassembly.take(one)).toBeUndefined();
  return reassembly;
}

test("a frame that is whole is handed on as it is", () => {
  const whole = piece({ body: "x" });
  expect(after().take(whole)).toBe(whole);
});

test("fragments become the message, and what came between them on other lanes goes its way", () => {
  const reassembly = after(first(7, "abc"), first(4, "x", 10));
  const other = piece({ lane: 11, body: "other" });
  expect(reassembly.take(other)).toBe(other);
  expect(reassembly.take(piece({ flags: BOTH, body: "de" }))).toBeUndefined();
  expect(reassembly.heldBytes).toBe(11);
  const message = reassembly.take(piece({ flags: FLAG_CONTINUES, body: "fg" }));
  expect(message).toMatchObject({ kind: FrameKind.cast, flags: 0, lane: 9 });
  expect(Buffer.from(message?.body ?? []).toString()).toBe("abcdefg");
  const second = reassembly.take(piece({ flags: FLAG_CONTINUES, lane: 10, body: "yz!" }));
  expect(Buffer.from(second?.body ?? []).toString()).toBe("xyz!");
  expect(reassembly.heldBytes).toBe(0);
});

test("a lane can carry the next message when one is complete", () => {
  const reassembly = after(first(2, "a"));
  reassembly.take(piece({ flags: FLAG_CONTINUES, body: "b" }));
  expect(reassembly.take(piece({ body: "x" }))).toBeDefined();
  expect(reassembly.take(first(2, "c"))).toBeUndefined();
});

test("the flags of the message are those of its first fragment", () => {
  const begin = first(2, "a");
  const optional = new WholeFrame(begin.kind, begin.flags | FLAG_OPTIONAL, 9, begin.body);
  const message = after(optional).take(piece({ flags: FLAG_CONTINUES, body: "b" }));
  expect(message?.flags).toBe(FLAG_OPTIONAL);
});

describe("what breaks the protocol:", () => {
  const cases: [string, Reassembly, WholeFrame, RegExp][] = [
    ["a last fragment without a first", after(), piece({ flags: FLAG_CONTINUES }), /not begin/],
    ["a middle one without a first", after(), piece({ flags: BOTH, body: "x" }), /not begin/],
    [
      "a last one of another kind",
      after(first(4, "ab")),
      piece({ kind: FrameKind.call, flags: FLAG_CONTINUES, body: "cd" }),
      /not begin/,
    ],
    ["a whole frame in the middle", after(first(4, "ab")), piece({ body: "cd" }), /amid/],
    ["a second first fragment", after(first(4, "ab")), first(4, "ab"), /amid/],
    [
      "a middle one without bytes",
      after(first(4, "ab")),
      piece({ flags: BOTH }),
      /0 bytes where 2/,
    ],
    [
      "a last one without bytes",
      after(first(4, "ab")),
      piece({ flags: FLAG_CONTINUES }),
      /0 bytes/,
    ],
    [
      "more bytes than announced",
      after(first(4, "ab")),
      piece({ flags: FLAG_CONTINUES, body: "cde" }),
      /3 bytes where 2 are missing/,
    ],
    [
      "an end before the end",
      after(first(4, "ab")),
      piece({ flags: FLAG_CONTINUES, body: "c" }),
      /1 bytes where 2 are missing/,
    ],
    [
      "all bytes and yet more to come",
      after(first(4, "ab")),
      piece({ flags: BOTH, body: "cd" }),
      /2 bytes where 2 are missing/,
    ],
    ["a first one that is all", after(), first(2, "ab"), /first fragment of 2 bytes of 2/],
    ["a first one with more than all", after(), first(1, "ab"), /2 bytes of 1/],
    ["a first one without bytes", after(), first(4, ""), /0 bytes of 4/],
    ["a message of no bytes", after(), first(0, ""), /0 bytes of 0/],
    [
      "a first one without a length",
      after(),
      piece({ flags: FLAG_MORE, body: "abc" }),
      /FRAGMENT: truncated/,
    ],
    ["a message over the limit", after(), first(MAX + 1, "a"), /of 1001 bytes, the limit is 1000/],
    [
      "messages that are too much together",
      after(first(MAX, "a", 9), first(MAX, "a", 10)),
      first(2, "a", 11),
      /more than 2000 bytes together/,
    ],
    ["a control frame in fragments", after(), first(4, "ab", 0), /a control frame in fragments/],
  ];
  test.each(cases)("%s", (_name, reassembly, frame, message) => {
    const held = reassembly.heldBytes;
    expect(() => reassembly.take(frame)).toThrow(
      expect.objectContaining({
        code: "ERR_PROTOCOL",
        message: expect.stringMatching(message),
      }),
    );
    expect(reassembly.heldBytes).toBe(held);
  });
});

test("a cleared one holds nothing and completes nothing", () => {
  const reassembly = after(first(4, "ab"));
  reassembly.clear();
  expect(reassembly.heldBytes).toBe(0);
  expect(() => reassembly.take(piece({ flags: FLAG_CONTINUES, body: "cd" }))).toThrow(/not begin/);
});
