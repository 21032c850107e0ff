import type { ExitReason } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import { type Bytes, ByteWriter } from "../../src/bytes.ts";
import { Codec } from "../../src/codec/codec.ts";
import {
  decodeReason,
  decodeSignal,
  encodeReason,
  MAX_REASON_BYTES,
} from "../../src/remote/exit-reasons.ts";

const codec = new Codec();
const copied = (bytes: Bytes) => new ByteWriter(bytes.length).bytes(bytes).done();
const crossed = (reason: ExitReason) => decodeReason(codec, copied(encodeReason(codec, reason)));

describe("an exit reason", () => {
  const plain: ExitReason[] = [
    "normal",
    "shutdown",
    "killed",
    "noproc",
    "noconnection",
    { shutdown: undefined },
    { shutdown: { deep: [new Date(5), new Set([1n])] } },
    { error: { name: "E", message: "m", stack: "s", code: "C" } },
    { error: { name: "E", message: "m" } },
  ];
  test.each(plain)("crosses as it is: %j", (reason) => {
    expect(crossed(reason)).toEqual(reason);
  });

  test("that cannot be encoded crosses as its text", () => {
    expect(crossed({ shutdown: () => 5 })).toEqual({ shutdown: "() => 5" });
    expect(crossed({ shutdown: { a: new WeakMap() } })).toEqual({ shutdown: '{"a":{}}' });
    const error = { name: "E", message: "m", code: "C", extra: () => {} };
    expect(crossed({ error })).toEqual({ error: { name: "E", message: "m", code: "C" } });
    const circle: unknown[] = [];
    circle.push(circle);
    expect(crossed({ shutdown: circle })).toEqual({ shutdown: "a value that cannot be printed" });
  });

  test("that is too large crosses as the beginning of its text, and is small then", () => {
    const long = "é".repeat(MAX_REASON_BYTES);
    const { shutdown } = crossed({ shutdown: long }) as { shutdown: string };
    expect(long.startsWith(shutdown)).toBe(true);
    expect(shutdown.length).toBeGreaterThan(1000);
    const text = "€".repeat(100_000);
    const error = { name: text, message: text, stack: text, code: text };
    expect(encodeReason(codec, { error }).length).toBeLessThan(MAX_REASON_BYTES * 2);
    expect(Object.keys((crossed({ error }) as { error: object }).error).sort()).toEqual([
      "code",
      "message",
      "name",
      "stack",
    ]);
  });

  test.each([
    ["garbage", Buffer.from([0xff])],
    ["a value of another kind", codec.encode({ a: 1 })],
    ["a word that is none", codec.encode("gone")],
    ["kill, which only a signal may be", codec.encode("kill")],
    ["nothing", Buffer.alloc(0)],
  ])("that another node got wrong is an error, and never lost: %s", (_what, bytes) => {
    expect(decodeReason(codec, bytes)).toMatchObject({ error: { code: "ERR_DECODE" } });
  });

  test("of a signal may be kill", () => {
    expect(decodeSignal(codec, copied(encodeReason(codec, "kill")))).toBe("kill");
    expect(decodeSignal(codec, codec.encode("shutdown"))).toBe("shutdown");
    expect(decodeSignal(codec, Buffer.from([0xff]))).toMatchObject({ error: {} });
  });
});
