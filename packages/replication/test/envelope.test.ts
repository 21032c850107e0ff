import { readFile } from "node:fs/promises";
import { Codec } from "@troupe/cluster/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMessage, EnvelopeReader, encodeMessage } from "../src/envelope.ts";
import { readFrequent, type writeFrequent } from "../src/frequent-messages.ts";
import type { WireMessage } from "../src/wire.ts";
import { damagedBytes } from "./support/damaged-bytes.ts";
import { chain } from "./support/entries.ts";

const codec = new Codec();
const header = { group: "g", configuration: "0".repeat(32), epoch: 3, incarnation: 2 ** 41 };
const checksum = "ab".repeat(16);
const [entry] = chain(["x"]) as [ReturnType<typeof chain>[number]];
const batch = new Uint8Array([1, 2, 3]);
const crash_vector = [7, 0, 1_700_000_000_000];

const prepare = { type: "prepare", view: 1, commit: 2, entry } as const;
const prepare_ok = { type: "prepare_ok", view: 1, op: 2, checksum } as const;
const commit = { type: "commit", view: 2 ** 53 - 1, commit: 0, checksum } as const;
const requests = { type: "requests", batch } as const;
const replies = { type: "replies", batch } as const;
const ofReplicas = [prepare, prepare_ok, commit];
const frequent: readonly Parameters<typeof writeFrequent>[0][] = [
  requests,
  replies,
  ...ofReplicas,
  ...ofReplicas.map((message) => ({ ...message, crash_vector })),
  ...ofReplicas.map((message) => ({ ...message, crash_vector: new Array(7).fill(1) })),
];
const get_state = { type: "get_state", view: 2, op: 3 } as const;

/** What a message is as bytes, without its envelope. */
function bytesOf(message: (typeof frequent)[number]): Buffer {
  const payload = Buffer.from(encodeMessage(codec, header, message));
  const envelope = codec.decode(payload) as unknown[];
  return Buffer.from(envelope[4] as Uint8Array);
}

describe("a message that every call takes some of", () => {
  test.each(frequent)("comes back as it was: $type", (message) => {
    expect(decodeMessage(codec, encodeMessage(codec, header, message))).toEqual({
      ...header,
      message,
    });
  });

  test("has bytes of its own", () => {
    const payload = encodeMessage(codec, header, prepare);
    const message = decodeMessage(codec, payload)?.message;
    payload.fill(0);
    expect(message).toEqual(prepare);
  });

  test("is laid out as docs/wire.md says", async () => {
    const page = await readFile(new URL("../../../docs/wire.md", import.meta.url), "utf8");
    const shown =
      /`prepare_ok` of view 1,\n[^`]*`crash_vector`:\n\n```text\n(?<hex>[0-9a-f]+)\n```/.exec(page);
    expect(bytesOf(prepare_ok).toString("hex")).toBe(shown?.groups?.hex);
    const place = `3ff0000000000000${"4000000000000000"}${checksum}`;
    expect(bytesOf(prepare_ok).toString("hex")).toBe(`0400${place}`);
    expect(bytesOf({ ...prepare_ok, crash_vector: [1, 2] }).toString("hex")).toBe(
      `04023ff00000000000004000000000000000${place}`,
    );
    expect(bytesOf(requests).toString("hex")).toBe("0100010203");
    expect(bytesOf(replies).toString("hex")).toBe("0200010203");
    const { view, op, timestamp, parent, body } = entry;
    const numbers = Buffer.alloc(40);
    for (const [i, number] of [1, 2, view, op, timestamp].entries()) {
      numbers.writeDoubleBE(number, 8 * i);
    }
    const expected = `0300${numbers.toString("hex")}${parent}${entry.checksum}`;
    expect(bytesOf(prepare).toString("hex")).toBe(expected + Buffer.from(body).toString("hex"));
    expect(bytesOf(commit).toString("hex")).toBe(
      `0500433fffffffffffff${"00".repeat(8)}${checksum}`,
    );
  });

  test("is dropped if it is too short or too long", () => {
    for (const message of frequent) {
      const bytes = bytesOf(message);
      const isOpen = "batch" in message || "entry" in message;
      const body = "entry" in message ? message.entry.body : batch;
      const least = isOpen ? bytes.length - body.length : bytes.length;
      for (let length = 0; length < least; length++) {
        expect(readFrequent(bytes.subarray(0, length), 0), `${message.type} ${length}`).toBe(
          undefined,
        );
      }
      const longer = Buffer.concat([bytes, Buffer.from([0])]);
      if (!isOpen) expect(readFrequent(longer, 0), message.type).toBe(undefined);
    }
  });

  test("is dropped if a number of it is none, it has lives of too many, or no known tag", () => {
    for (const message of frequent) {
      const bytes = bytesOf(message);
      const numbers = "batch" in message ? 0 : "entry" in message ? 5 : 2;
      const lives = "batch" in message ? 0 : (message.crash_vector?.length ?? 0);
      for (let i = 0; i < lives + numbers; i++) {
        for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
          const changed = Buffer.from(bytes);
          changed.writeDoubleBE(wrong, 2 + 8 * i);
          expect(readFrequent(changed, 0), `${message.type} ${i} ${wrong}`).toBe(undefined);
        }
      }
      const wrongs = { 0: [0, 6, 0xa2], 1: [8, 255] };
      for (const [at, wrong] of Object.entries(wrongs).flatMap(([at, all]) =>
        all.map((byte) => [Number(at), byte] as const),
      )) {
        const changed = Buffer.concat([bytes, Buffer.alloc(2048)]);
        changed[at] = wrong;
        expect(readFrequent(changed, 0), `${message.type} ${at} ${wrong}`).toBe(undefined);
      }
    }
  });
});

describe("a node whose header is known", () => {
  function known() {
    const reader = new EnvelopeReader(codec);
    reader.read("a", encodeMessage(codec, header, get_state));
    return reader;
  }

  test.each([...frequent, get_state])("is understood as before: $type", (message) => {
    const payload = encodeMessage(codec, header, message as WireMessage);
    expect(known().read("a", payload)).toEqual({ ...header, message });
    expect(known().read("b", payload)).toEqual({ ...header, message });
  });

  test("may begin another life, and go back to the one before", () => {
    const reader = known();
    for (const incarnation of [5, 6, 2 ** 41, 5]) {
      const next = { ...header, incarnation };
      for (const message of [prepare_ok, get_state]) {
        const envelope = reader.read("a", encodeMessage(codec, next, message));
        expect(envelope).toEqual({ ...next, message });
      }
    }
  });

  test("says nothing with a message that is cut off, or has bytes behind it", () => {
    for (const message of [...frequent, get_state]) {
      const payload = Buffer.from(encodeMessage(codec, header, message as WireMessage));
      for (let length = 0; length < payload.length; length++) {
        expect(known().read("a", payload.subarray(0, length)), `${message.type}`).toBe(undefined);
      }
      const longer = Buffer.concat([payload, Buffer.from([0])]);
      expect(known().read("a", longer), message.type).toBe(undefined);
    }
  });

  test("is never understood in another way than one that is not", () => {
    const sent: readonly WireMessage[] = [...frequent, get_state];
    const damaged = damagedBytes(sent, (message) => encodeMessage(codec, header, message));
    fc.assert(
      fc.property(damaged, (bytes) => {
        expect(known().read("a", bytes)).toEqual(decodeMessage(codec, bytes));
      }),
      { numRuns: 2000 },
    );
  });
});
