import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Announcement,
  announcementKey,
  decodeAnnouncement,
  encodeAnnouncement,
  MAX_ANNOUNCEMENT_BYTES,
} from "../../src/discovery/announcement.ts";

const key = announcementKey("secret");
const now = 1_700_000_000_000;
const announcement: Announcement = {
  cluster: "shop",
  name: "a",
  url: "ws://10.0.0.1:7400",
  sentAt: now,
  nonce: Buffer.alloc(16, 7),
};

const encode = (changed: Partial<Announcement> = {}, by = key) =>
  encodeAnnouncement({ ...announcement, ...changed }, by) as Uint8Array;
const decode = (bytes: Uint8Array, changed: object = {}) =>
  decodeAnnouncement(bytes, { cluster: "shop", keys: [key], now, ...changed });

test("what was encoded is decoded, whatever the names", () => {
  const text = fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" });
  fc.assert(
    fc.property(text, text, (name, url) => {
      expect(decode(encode({ name, url }))).toEqual({ ...announcement, name, url });
    }),
  );
});

test("its bytes are those that its file says", () => {
  const bytes = Buffer.from(encode());
  expect(bytes.subarray(0, 4).toString()).toBe("TRPM");
  expect(bytes[4]).toBe(1);
  expect(bytes.subarray(5, 21)).toEqual(Buffer.alloc(16, 7));
  expect(bytes.readBigUInt64BE(21)).toBe(BigInt(now));
  expect(bytes.subarray(29, 35).toString("latin1")).toBe("\0\x04shop");
  expect(bytes.subarray(35, 38).toString("latin1")).toBe("\0\x01a");
  expect(bytes.subarray(38, 58).toString("latin1")).toBe("\0\x12ws://10.0.0.1:7400");
  expect(bytes.length).toBe(58 + 32);
});

test("any of the keys is accepted, and no other", () => {
  const [old, wrong] = [announcementKey("old"), announcementKey("Secret")];
  expect(decode(encode({}, old), { keys: [key, old] })).toEqual(announcement);
  expect(decode(encode({}, wrong), { keys: [key, old] })).toBe("unproven");
});

test("the key is derived, so that a proof of one kind is none of the other", () => {
  expect(Buffer.from(key).equals(Buffer.from("secret"))).toBe(false);
  expect(key).toHaveLength(32);
});

test("one of another cluster is told from a false one", () => {
  expect(decode(encode({ cluster: "other" }))).toBe("foreign");
});

test("it is good for half a minute, by clocks that may be apart", () => {
  expect(decode(encode(), { now: now + 30_000 })).toEqual(announcement);
  expect(decode(encode(), { now: now - 30_000 })).toEqual(announcement);
  expect(decode(encode(), { now: now + 30_001 })).toBe("expired");
  expect(decode(encode(), { now: now - 30_001 })).toBe("expired");
});

test("one that is changed anywhere is dropped", () => {
  const bytes = encode();
  for (let at = 0; at < bytes.length; at += 1) {
    for (const bit of [1, 0x80]) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] as number) ^ bit;
      expect(typeof decode(changed)).toBe("string");
    }
  }
});

test("one that is cut anywhere, or has more behind it, is dropped", () => {
  const bytes = encode();
  for (let length = 0; length < bytes.length; length += 1) {
    expect(typeof decode(bytes.subarray(0, length))).toBe("string");
  }
  expect(typeof decode(Buffer.concat([bytes, Buffer.from([0])]))).toBe("string");
});

test("any bytes are refused without a throw", () => {
  const head = Buffer.from("TRPM\x01", "latin1");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1500 }), fc.boolean(), (bytes, withHead) => {
      expect(typeof decode(withHead ? Buffer.concat([head, bytes]) : bytes)).toBe("string");
    }),
  );
});

test("one that would not fit into a packet is not made, and none such is read", () => {
  const url = (length: number) => `ws://${"a".repeat(length - 5)}`;
  const room = MAX_ANNOUNCEMENT_BYTES - encode({ url: url(10) }).length + 10;
  expect(decode(encode({ url: url(room) }))).toMatchObject({ url: url(room) });
  expect(encode({ url: url(room + 1) })).toBeUndefined();
  expect(encode({ url: url(100_000) })).toBeUndefined();
  expect(decode(Buffer.alloc(MAX_ANNOUNCEMENT_BYTES + 1))).toBe("malformed");
});

test("what is decoded does not hold on to the packet", () => {
  const bytes = Buffer.from(encode());
  const { nonce } = decode(bytes) as Announcement;
  bytes.fill(0);
  expect(nonce).toEqual(Buffer.alloc(16, 7));
});
