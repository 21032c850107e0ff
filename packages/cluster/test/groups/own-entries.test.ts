import { expect, test } from "vitest";
import { type Change, decodeDirectoryMessage } from "../../src/groups/directory-messages.ts";
import { OwnEntries, SnapshotWalk } from "../../src/groups/own-entries.ts";

const limits = { maxEntries: 10, maxValueBytes: 8, maxMessageBytes: 60 };

const place = (key: string) => ({ space: 1, topic: "t", key });
const entry = (key: string, value: string) => ({ ...place(key), value: bytes(value) });
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

function texts(changes: readonly Change[]): string[] {
  return changes.map(({ key, value }) => (value ? `${key}=${Buffer.from(value)}` : `-${key}`));
}

/** A message as text: `delta 1: a=x -b`, `part 3 first last: a=x`. */
function read(message: Uint8Array): string {
  const decoded = decodeDirectoryMessage(message, 8);
  if (decoded.kind === "ask") return "ask";
  const { kind, version, changes } = decoded;
  if (kind === "delta") return [`delta ${version}:`, ...texts(changes)].join(" ");
  const flags = [decoded.isFirst ? "first" : "", decoded.isLast ? "last" : ""].filter(Boolean);
  return [`part ${version}`, ...flags, ":", ...texts(changes)].join(" ");
}

test("changes leave once, numbered, and only the last one of a place", () => {
  const own = new OwnEntries(limits);
  expect(own.set(entry("a", "1"))).toBe(true);
  own.set(entry("b", "1"));
  own.set(entry("a", "2"));
  own.remove(place("b"));
  expect(own.hasUntold).toBe(true);
  expect(own.takeDeltas().map(read)).toEqual(["delta 1: a=2 -b"]);
  expect(own.hasUntold).toBe(false);
  expect(own.takeDeltas()).toEqual([]);
  own.set(entry("c", "1"));
  expect(own.takeDeltas().map(read)).toEqual(["delta 2: c=1"]);
  expect(own.version).toBe(2);
});

test("what changes nothing is not told", () => {
  const own = new OwnEntries(limits);
  own.set(entry("a", "1"));
  own.takeDeltas();
  expect(own.set(entry("a", "1"))).toBe(false);
  expect(own.remove(place("z"))).toBe(false);
  expect(own.hasUntold).toBe(false);
});

test("many changes are cut into several deltas", () => {
  const own = new OwnEntries(limits);
  for (const key of ["a", "b", "c", "d", "e"]) own.set(entry(key, "12345678"));
  expect(own.takeDeltas().map(read)).toEqual([
    "delta 1: a=12345678 b=12345678",
    "delta 2: c=12345678 d=12345678",
    "delta 3: e=12345678",
  ]);
});

test("at a limit nothing is taken in", () => {
  const own = new OwnEntries(limits);
  expect(() => own.set(entry("a", "123456789"))).toThrow(/an entry of 9 bytes, the limit is 8/);
  for (let n = 0; n < 10; n++) own.set(entry(String(n), "1"));
  expect(() => own.set(entry("a", "1"))).toThrow(/no room for more entries.*there are 10/);
  own.set(entry("0", "2"));
  own.remove(place("1"));
  own.set(entry("a", "1"));
  expect(own.size).toBe(10);
});

test("a snapshot of nothing is one message, the first and the last", () => {
  const own = new OwnEntries(limits);
  const walk = new SnapshotWalk(own, 60);
  expect(walk.hasBegun).toBe(false);
  expect(read(walk.next())).toBe("part 0 first last :");
  expect(walk.hasBegun).toBe(true);
  expect(walk.isOver).toBe(true);
});

test("a snapshot is cut into parts, and reads what is still before it when it comes there", () => {
  const own = new OwnEntries(limits);
  for (const key of ["a", "b", "c", "d", "e"]) own.set(entry(key, "1"));
  own.takeDeltas();
  const walk = new SnapshotWalk(own, 40);
  expect(read(walk.next())).toBe("part 2 first : a=1 b=1");
  // What the walk has passed, where it stands, what is before it, and what comes after all.
  own.set(entry("a", "2"));
  own.remove(place("c"));
  own.set(entry("d", "2"));
  own.set(entry("f", "2"));
  expect(own.takeDeltas().map(read)).toEqual(["delta 3: a=2 -c d=2 f=2"]);
  expect(read(walk.next())).toBe("part 3 : d=2 e=1");
  expect(walk.isOver).toBe(false);
  expect(read(walk.next())).toBe("part 3 last : f=2");
  expect(walk.isOver).toBe(true);
});
