import { expect, test } from "vitest";
import type { Change, Entry } from "../../src/groups/directory-messages.ts";
import { WriterView } from "../../src/groups/writer-view.ts";

const place = (key: string) => ({ space: 1, topic: "t", key });
const put = (key: string, value = 1): Entry => ({ ...place(key), value: new Uint8Array([value]) });
const gone = (key: string): Change => ({ ...place(key), value: undefined });

const delta = (version: number, ...changes: Change[]) =>
  ({ kind: "delta", version, changes }) as const;
const part = (version: number, flags: string, ...changes: Change[]) =>
  ({
    kind: "snapshot",
    version,
    changes,
    isFirst: flags.includes("first"),
    isLast: flags.includes("last"),
  }) as const;

const texts = (changes: Iterable<Change>) =>
  [...changes].map(({ key, value }) => (value ? `${key}=${value[0]}` : `-${key}`));

function view(maxEntries = 10) {
  const made = new WriterView(maxEntries);
  const take = (message: Parameters<WriterView["take"]>[0]) => texts(made.take(message));
  return { made, take, shown: () => texts(made.entries) };
}

test("nothing is shown before a snapshot is whole, and then all of it", () => {
  const { made, take, shown } = view();
  expect(take(part(4, "first", put("a"), put("b")))).toEqual([]);
  expect(made.isExact).toBe(false);
  expect(shown()).toEqual([]);
  expect(take(part(4, "last", put("c")))).toEqual(["a=1", "b=1", "c=1"]);
  expect(made.isExact).toBe(true);
  expect(shown()).toEqual(["a=1", "b=1", "c=1"]);
});

test("a delta changes what is shown, and tells only what is new", () => {
  const { take, shown } = view();
  take(part(0, "first last", put("a"), put("b")));
  expect(take(delta(1, put("a"), put("b", 2), put("c"), gone("z"), gone("a")))).toEqual([
    "b=2",
    "c=1",
    "-a",
  ]);
  expect(shown()).toEqual(["b=2", "c=1"]);
});

test("a delta between two parts belongs to the snapshot", () => {
  const { take, shown } = view();
  take(part(4, "first", put("a"), put("b")));
  expect(take(delta(5, put("a", 2), gone("b"), put("d")))).toEqual([]);
  expect(take(part(5, "last", put("c")))).toEqual(["a=2", "d=1", "c=1"]);
  expect(shown()).toEqual(["a=2", "d=1", "c=1"]);
});

test("a missing delta loses the writer: what is shown stays until there is a new snapshot", () => {
  const { made, take, shown } = view();
  take(part(0, "first last", put("a"), put("b")));
  expect(take(delta(2, put("c")))).toEqual([]);
  expect(made.loss).toBe("gap");
  expect(take(delta(3, put("c")))).toEqual([]);
  expect(shown()).toEqual(["a=1", "b=1"]);
  expect(take(part(3, "first", put("b")))).toEqual([]);
  expect(made.loss).toBeUndefined();
  expect(shown()).toEqual(["a=1", "b=1"]);
  expect(take(part(3, "last", put("c")))).toEqual(["-a", "c=1"]);
  expect(take(delta(4, gone("b")))).toEqual(["-b"]);
});

test.each([
  ["a delta before any snapshot", [delta(1)]],
  ["a part without a first one", [part(1, "last")]],
  ["a part of another version", [part(1, "first"), part(2, "last")]],
  ["a delta twice", [part(1, "first last"), delta(2), delta(2)]],
])("%s is a gap", (_, messages) => {
  const { made, take } = view();
  for (const message of messages) take(message);
  expect(made.loss).toBe("gap");
  expect(made.isExact).toBe(false);
});

test("a first part in the middle of a snapshot begins anew", () => {
  const { take } = view();
  take(part(1, "first", put("a")));
  take(part(1, "first", put("b")));
  expect(take(part(1, "last"))).toEqual(["b=1"]);
});

test("more than may be kept is not, in a snapshot or in deltas, and what is shown was told", () => {
  const { made, take, shown } = view(2);
  expect(take(part(0, "first last", put("a"), put("b"), put("c")))).toEqual([]);
  expect(made.loss).toBe("full");
  expect(shown()).toEqual([]);
  take(part(0, "first last", put("a")));
  expect(take(delta(1, put("b"), put("c"), put("d")))).toEqual(["b=1"]);
  expect(made.loss).toBe("full");
  expect(shown()).toEqual(["a=1", "b=1"]);
  expect(take(part(2, "first last", put("c"), put("d")))).toEqual(["-a", "-b", "c=1", "d=1"]);
  expect(take(delta(3, gone("c"), put("e")))).toEqual(["-c", "e=1"]);
});
