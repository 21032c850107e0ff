import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  batchedBytes,
  decodeReplies,
  decodeRequests,
  encodeReplies,
  encodeRequests,
} from "../src/client-batch.ts";
import { encodeBatch, type ReplyMessage, type RequestMessage } from "../src/vsr/index.ts";

const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
const natural = fc.maxSafeNat();
const body = fc.uint8Array({ maxLength: 40 });

const request: fc.Arbitrary<RequestMessage> = fc.record({
  type: fc.constant("request" as const),
  kind: fc.constantFrom("register" as const, "call" as const),
  client: hex,
  session: natural,
  number: natural,
  acked: natural,
  body,
});
const reply: fc.Arbitrary<ReplyMessage> = fc.record({
  type: fc.constant("reply" as const),
  view: natural,
  client: hex,
  session: natural,
  number: natural,
  body,
});

const client = "ab".repeat(16);
const call: RequestMessage = {
  type: "request",
  kind: "call",
  client,
  session: 3,
  number: 2,
  acked: 1,
  body: Uint8Array.of(7),
};
const answer: ReplyMessage = {
  type: "reply",
  view: 1,
  client,
  session: 3,
  number: 2,
  body: Uint8Array.of(7),
};

describe("a batch of requests", () => {
  test("comes back as it was", () => {
    fc.assert(
      fc.property(fc.array(request), (requests) => {
        const batch = encodeRequests(requests);
        expect(decodeRequests(batch)).toEqual(requests);
        const size = requests.reduce((sum, each) => sum + batchedBytes(each), 4);
        expect(batch).toHaveLength(size);
      }),
    );
  });

  test("is none with a pulse in it, which only a primary makes", () => {
    expect(decodeRequests(encodeBatch([call]))).toEqual([call]);
    expect(decodeRequests(encodeBatch([call, { ...call, kind: "pulse" }]))).toBeUndefined();
  });

  test("is none if a field is not of its type", () => {
    for (const wrong of [
      { client: "" },
      { client: client.toUpperCase() },
      { client: `${client}0` },
      { session: -1 },
      { number: 0.5 },
      { acked: Number.NaN },
      { number: 2 ** 53 },
    ]) {
      expect(decodeRequests(encodeRequests([call, { ...call, ...wrong }]))).toBeUndefined();
      expect(decodeRequests(encodeRequests([{ ...call, ...wrong }, call]))).toBeUndefined();
    }
  });
});

describe("a batch of replies", () => {
  test("comes back as it was", () => {
    fc.assert(
      fc.property(fc.array(reply), (replies) => {
        const batch = encodeReplies(replies);
        expect(decodeReplies(batch)).toEqual(replies);
        const size = replies.reduce((sum, each) => sum + batchedBytes(each), 4);
        expect(batch).toHaveLength(size);
      }),
    );
  });

  test("has the layout of docs/wire.md", () => {
    const digits = Buffer.from(client, "latin1").toString("hex");
    const [one, two, three] = ["3ff0000000000000", "4000000000000000", "4008000000000000"];
    const expected = `0000000120${one}${three}${two}00000001${digits}07`;
    expect(Buffer.from(encodeReplies([answer])).toString("hex")).toBe(expected);
  });

  test("is none if a field is not of its type", () => {
    for (const wrong of [
      { client: "" },
      { client: client.toUpperCase() },
      { view: -1 },
      { session: 0.5 },
      { number: Number.POSITIVE_INFINITY },
    ]) {
      expect(decodeReplies(encodeReplies([answer, { ...answer, ...wrong }]))).toBeUndefined();
      expect(decodeReplies(encodeReplies([{ ...answer, ...wrong }, answer]))).toBeUndefined();
    }
  });
});

describe("bytes that are no batch", () => {
  test("make no message, cut off or too long", () => {
    for (const [batch, decode] of [
      [encodeRequests([call, call]), decodeRequests],
      [encodeReplies([answer, answer]), decodeReplies],
    ] as const) {
      for (let length = 0; length < batch.length; length++) {
        expect(decode(batch.subarray(0, length)), `cut to ${length}`).toBeUndefined();
      }
      expect(decode(Uint8Array.of(...batch, 0))).toBeUndefined();
    }
  });

  test("that promise four billion messages cost nothing", () => {
    const promise = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
    expect(decodeRequests(promise)).toBeUndefined();
    expect(decodeReplies(promise)).toBeUndefined();
  });

  test("never throw, and what they make is made of sound fields", () => {
    const damaged = fc.tuple(
      fc.array(request, { maxLength: 3 }),
      fc.array(reply, { maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255))),
    );
    fc.assert(
      fc.property(damaged, ([requests, replies, flips]) => {
        const both = [encodeRequests(requests), encodeReplies(replies)];
        for (const batch of both) {
          for (const [at, flip] of flips) {
            const place = at % batch.length;
            batch[place] = (batch[place] as number) ^ flip;
          }
        }
        for (const each of decodeRequests(both[0] as Uint8Array) ?? []) {
          expect(each.client).toMatch(/^[0-9a-f]{32}$/);
        }
        for (const each of decodeReplies(both[1] as Uint8Array) ?? []) {
          const fields = [each.view, each.session, each.number];
          expect(fields.every(Number.isSafeInteger)).toBe(true);
          expect(each.client).toMatch(/^[0-9a-f]{32}$/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
