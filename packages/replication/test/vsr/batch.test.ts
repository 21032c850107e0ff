import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import {
  decodeBatch,
  encodeBatch,
  isIntact,
  requestBytes,
  sealPrepare,
} from "../../src/vsr/batch.ts";
import type { Prepare, Request } from "../../src/vsr/types.ts";
import { bytes, call, chain, clientId, register } from "../support/entries.ts";

const request: fc.Arbitrary<Request> = fc.record({
  kind: fc.constantFrom("register" as const, "call" as const),
  client: fc.stringMatching(/^[0-9a-f]{32}$/),
  session: fc.maxSafeNat(),
  number: fc.maxSafeNat(),
  acked: fc.maxSafeNat(),
  body: fc.uint8Array({ maxLength: 40 }),
});

const prepare: fc.Arbitrary<Omit<Prepare, "checksum">> = fc.record({
  view: fc.maxSafeNat(),
  op: fc.maxSafeNat(),
  timestamp: fc.maxSafeNat(),
  parent: fc.stringMatching(/^[0-9a-f]{32}$/),
  body: fc.uint8Array({ maxLength: 80 }),
});

describe("a batch", () => {
  test("comes back as it was, whatever its requests are", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 8 }), (requests) => {
        expect(decodeBatch(encodeBatch(requests))).toEqual(requests);
      }),
    );
  });

  test("has one encoding, to the byte (J4)", () => {
    const [client, session, number] = [clientId("ab"), 0x0102, 3];
    const encoded = encodeBatch([call(client, number, { session, acked: 2, body: bytes("hi") })]);
    const float = (value: number) => {
      const buffer = Buffer.alloc(8);
      buffer.writeDoubleBE(value);
      return buffer;
    };
    const expected = Buffer.concat([
      Buffer.from([0, 0, 0, 1]),
      Buffer.from([1, 32]),
      float(session),
      float(number),
      float(2),
      Buffer.from([0, 0, 0, 2]),
      Buffer.from(client, "ascii"),
      Buffer.from("hi"),
    ]);
    expect(Buffer.from(encoded).toString("hex")).toBe(expected.toString("hex"));
  });

  test("is as long as its requests say, and four bytes", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 8 }), (requests) => {
        const size = requests.reduce((sum, one) => sum + requestBytes(one), 4);
        expect(encodeBatch(requests)).toHaveLength(size);
      }),
    );
  });

  test("can lie anywhere in a larger buffer", () => {
    const encoded = encodeBatch([register(clientId("1")), call(clientId("2"), 7)]);
    const within = new Uint8Array(encoded.length + 20);
    within.set(encoded, 13);
    const view = within.subarray(13, 13 + encoded.length);
    expect(decodeBatch(view)).toEqual(decodeBatch(encoded));
  });

  test("with bytes behind its last request is refused", () => {
    const encoded = encodeBatch([call(clientId("1"), 1)]);
    const longer = new Uint8Array(encoded.length + 1);
    longer.set(encoded);
    expect(() => decodeBatch(longer)).toThrow("bytes behind its last request");
  });

  test("with a request of an unknown kind is refused", () => {
    const encoded = encodeBatch([call(clientId("1"), 1)]);
    encoded[4] = 9;
    expect(() => decodeBatch(encoded)).toThrow("an unknown kind");
  });
});

describe("a sealed entry", () => {
  test("is intact", () => {
    fc.assert(fc.property(prepare, (fields) => isIntact(sealPrepare(fields, checksum), checksum)));
  });

  test("is not intact once any byte of its body has flipped", () => {
    const [entry] = chain(["body"]);
    const { body } = entry as Prepare;
    for (let at = 0; at < body.length; at++) {
      const damaged = Uint8Array.from(body);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      expect(isIntact({ ...(entry as Prepare), body: damaged }, checksum)).toBe(false);
    }
  });

  test("is not intact once any field of its header differs", () => {
    const entry = chain(["one", "two"])[1] as Prepare;
    const others: Partial<Prepare>[] = [
      { view: entry.view + 1 },
      { op: entry.op + 1 },
      { timestamp: entry.timestamp + 1 },
      { parent: "d".repeat(32) },
      { checksum: "d".repeat(32) },
    ];
    for (const other of others) expect(isIntact({ ...entry, ...other }, checksum)).toBe(false);
  });

  test("has another checksum for other content", () => {
    fc.assert(
      fc.property(prepare, prepare, (a, b) => {
        fc.pre(
          JSON.stringify({ ...a, body: [...a.body] }) !==
            JSON.stringify({ ...b, body: [...b.body] }),
        );
        expect(sealPrepare(a, checksum).checksum).not.toBe(sealPrepare(b, checksum).checksum);
      }),
    );
  });
});
