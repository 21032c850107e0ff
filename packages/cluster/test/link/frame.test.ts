import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeFrame,
  FLAG_OPTIONAL,
  type Frame,
  FrameCursor,
  FrameKind,
  readFrames,
} from "../../src/link/frame.ts";
import { CONTROL_LANE, processLane } from "../../src/link/lanes.ts";

const LIMIT = 1024;
const ACTOR_LANE = processLane(2);

function read(message: Uint8Array, limit = LIMIT): Frame[] {
  const frames: Frame[] = [];
  readFrames(
    message,
    () => limit,
    (frame) => frames.push(frame) > 0,
  );
  return frames;
}

const protocolError = expect.objectContaining({ code: "ERR_PROTOCOL" });

test("a frame is eight bytes of header and its body, in network order", () => {
  const frame = encodeFrame(FrameKind.channel, 1, 0, Buffer.from([1]), Buffer.from([2]));
  expect(frame.toString("hex")).toBe("6000000100000002" + "0102");
});

test("a cursor is the frame that it stands at, and reads its body in place", () => {
  const call = encodeFrame(FrameKind.call, ACTOR_LANE, FLAG_OPTIONAL, Buffer.from([0, 0, 0, 7, 1]));
  const cursor = new FrameCursor(Buffer.concat([call, encodeFrame(FrameKind.tick, 0, 0)]));
  expect(cursor.next(LIMIT)).toBe(true);
  expect(cursor).toMatchObject({ kind: FrameKind.call, flags: FLAG_OPTIONAL, lane: ACTOR_LANE });
  const reader = cursor.open("CALL");
  expect([reader.u32(), cursor.body.length]).toEqual([7, 5]);
  expect(() => reader.u16()).toThrow("CALL: truncated, 2 bytes expected at 4 of 5");
  expect(cursor.next(LIMIT)).toBe(true);
  expect(cursor.open("TICK").rest()).toHaveLength(0);
  expect(cursor.next(LIMIT)).toBe(false);
});

test("several frames in one message come out in order", () => {
  const one = encodeFrame(FrameKind.tick, CONTROL_LANE, 0);
  const two = encodeFrame(FrameKind.call, ACTOR_LANE, 0, Buffer.from("hello"));
  const frames = read(Buffer.concat([one, two]));
  expect(frames.map((frame) => [frame.kind, Buffer.from(frame.body).toString()])).toEqual([
    [FrameKind.tick, ""],
    [FrameKind.call, "hello"],
  ]);
});

test("the visitor can stop the reading", () => {
  const tick = encodeFrame(FrameKind.tick, CONTROL_LANE, 0);
  let seen = 0;
  readFrames(
    Buffer.concat([tick, tick, tick]),
    () => LIMIT,
    () => ++seen < 2,
  );
  expect(seen).toBe(2);
});

describe("what is no frame is a protocol error:", () => {
  const call = encodeFrame(FrameKind.call, ACTOR_LANE, 0, Buffer.alloc(10));

  test("an empty message", () => {
    expect(() => read(new Uint8Array(0))).toThrow(protocolError);
  });

  test.each([1, 7])("a header of %i bytes", (length) => {
    expect(() => read(call.subarray(0, length))).toThrow(protocolError);
  });

  test("a body that ends too early", () => {
    expect(() => read(call.subarray(0, call.length - 1))).toThrow(/of 10 bytes of which 9/);
  });

  test("a length over the limit, even if nothing of it is there", () => {
    const lie = Buffer.from(call);
    lie.writeUInt32BE(0xffff_ffff, 4);
    expect(() => read(lie)).toThrow(/4294967295 bytes, the limit is 1024/);
  });

  test("a length over the limit that is all there", () => {
    expect(() => read(encodeFrame(FrameKind.call, 9, 0, Buffer.alloc(LIMIT + 1)))).toThrow(
      protocolError,
    );
  });

  test("rubbish behind a good frame, after that frame was visited", () => {
    const seen: Frame[] = [];
    const message = Buffer.concat([call, Buffer.from([0])]);
    expect(() =>
      readFrames(
        message,
        () => LIMIT,
        (frame) => seen.push(frame) > 0,
      ),
    ).toThrow(protocolError);
    expect(seen).toHaveLength(1);
  });

  test("an unknown kind", () => {
    const unknown = Buffer.from(call);
    unknown.writeUInt8(0xee, 0);
    expect(() => read(unknown)).toThrow(/unknown frame kind 0xee/);
  });

  test.each([
    ["a control frame on a lane of actors", FrameKind.tick, ACTOR_LANE],
    ["a call on the control lane", FrameKind.call, CONTROL_LANE],
    ["a call on a lane of channels", FrameKind.call, 7],
    ["a channel on a lane of actors", FrameKind.channel, 8],
    ["a call on a lane above the last", FrameKind.call, 24],
    ["a channel on the highest number", FrameKind.channel, 65_535],
  ])("%s", (_name, kind, lane) => {
    expect(() => read(encodeFrame(kind, lane, 0))).toThrow(new RegExp(`on lane ${lane}$`));
  });

  test("a reserved flag", () => {
    expect(() => read(encodeFrame(FrameKind.tick, 0, 0x80))).toThrow(/reserved frame flags 0x80/);
  });
});

test("an unknown kind that is marked optional is skipped", () => {
  const unknown = encodeFrame(FrameKind.tick, 0, FLAG_OPTIONAL, Buffer.from("future"));
  unknown.writeUInt8(0xee, 0);
  const tick = encodeFrame(FrameKind.tick, 0, 0);
  expect(read(Buffer.concat([unknown, tick])).map((frame) => frame.kind)).toEqual([0x10]);
});

test("the limit may grow between two frames of one message", () => {
  const small = encodeFrame(FrameKind.welcome, 0, 0);
  const large = encodeFrame(FrameKind.call, 9, 0, Buffer.alloc(100));
  let limit = 10;
  readFrames(
    Buffer.concat([small, large]),
    () => limit,
    () => {
      limit = 1000;
      return true;
    },
  );
});

test("whatever bytes come in, nothing but a protocol error comes out", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        read(bytes);
      } catch (error) {
        expect(error).toEqual(protocolError);
      }
    }),
  );
});
