/** The layouts, to the byte: a frame of another implementation must look like this. */
import { describe, expect, test } from "vitest";
import { FRAME_HEADER_BYTES, type Frame, readFrames, WholeFrame } from "../../src/link/frame.ts";
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
} from "../../src/remote/relation-frames.ts";

const reason = Buffer.from([0xf6]);
const target = { incarnation: 0x0102, id: 0x21 };
const ends = { incarnation: 0x0102, process: 0x21, from: 0x43 };

function only(bytes: Uint8Array): Frame {
  const frames: Frame[] = [];
  readFrames(
    bytes,
    () => 100_000,
    (frame) => frames.push(frame) > 0,
  );
  expect(frames).toHaveLength(1);
  return frames[0] as Frame;
}

const vectors: [
  string,
  Buffer,
  kind: number,
  body: string,
  read: (frame: Frame) => unknown,
  value: unknown,
][] = [
  [
    "MONITOR",
    monitorFrame({ number: 7, watcher: 9, target }),
    0x30,
    "00000007 0000000000000009 0000000000000102 0000000000000021",
    readMonitor,
    { number: 7, watcher: 9, target },
  ],
  [
    "MONITOR of a name",
    monitorFrame({
      number: 7,
      watcher: 0,
      target: { incarnation: 0, id: 0, name: "c1", actor: "x" },
    }),
    0x30,
    "00000007 0000000000000000 0000000000000000 0000000000000000 0002 6331 0001 78",
    readMonitor,
    { number: 7, watcher: 0, target: { incarnation: 0, id: 0, name: "c1", actor: "x" } },
  ],
  ["DEMONITOR", demonitorFrame(7, target), 0x31, "00000007", readDemonitor, 7],
  [
    "DOWN",
    downFrame({ number: 7, reason }, 9),
    0x32,
    "00000007 f6",
    readDown,
    { number: 7, reason },
  ],
  [
    "LINK",
    linkFrame({ ...ends, actor: "x", number: 7 }),
    0x33,
    "0000000000000102 0000000000000021 0000000000000043 0001 78 00000007",
    readLink,
    { ...ends, actor: "x", number: 7 },
  ],
  [
    "UNLINK",
    unlinkFrame({ ...ends, number: 7, numberThere: 8 }),
    0x34,
    "0000000000000102 0000000000000021 0000000000000043 00000007 00000008",
    readUnlink,
    { ...ends, number: 7, numberThere: 8 },
  ],
  [
    "EXIT",
    exitFrame({ ...ends, actor: "x", isLinkEnd: true, number: 7, reason }),
    0x36,
    "0000000000000102 0000000000000021 0000000000000043 0001 78 01 00000007 f6",
    readExit,
    { ...ends, actor: "x", isLinkEnd: true, number: 7, reason },
  ],
];

describe("a frame", () => {
  test.each(vectors)(
    "%s has its layout, and is read back",
    (_name, bytes, kind, body, read, value) => {
      const frame = only(bytes);
      expect(frame.kind).toBe(kind);
      expect(Buffer.from(frame.body).toString("hex")).toBe(body.replaceAll(" ", ""));
      expect(read(frame)).toEqual(value);
    },
  );

  test.each(vectors)(
    "%s that is cut short is refused wherever it is cut",
    (_n, bytes, _k, _b, read) => {
      const body = bytes.subarray(FRAME_HEADER_BYTES);
      // A reason has no length of its own: without it there is an empty one.
      const fixed = body.length - (body.at(-1) === 0xf6 ? 1 : 0);
      for (let length = 0; length < fixed; length++) {
        const cut = new WholeFrame(only(bytes).kind, 0, 8, body.subarray(0, length));
        expect(() => read(cut)).toThrow(expect.objectContaining({ code: "ERR_PROTOCOL" }));
      }
    },
  );
});

const long = "é".repeat(40_000);

test("the name of a definition is cut where a frame would have no room for it", () => {
  const message = { ...ends, actor: long, number: 1 };
  const link = readLink(only(linkFrame(message)));
  const exit = readExit(only(exitFrame({ ...message, isLinkEnd: true, reason })));
  for (const { actor } of [link, exit]) {
    expect(long.startsWith(actor)).toBe(true);
    expect(Buffer.byteLength(actor)).toBeGreaterThan(20_000);
    expect(Buffer.byteLength(actor)).toBeLessThanOrEqual(32 * 1024);
  }
});
