import fc from "fast-check";
import { expect, test } from "vitest";
import { AddressBook, MAX_NODES, MAX_PROPOSED } from "../../src/link/address-book.ts";

function bench() {
  const connected = new Set<string>();
  const dropped: string[] = [];
  const full: string[] = [];
  const book = new AddressBook({
    isConnected: (name) => connected.has(name),
    dropped: ({ url }) => dropped.push(url),
    full: (limit) => full.push(limit),
  });
  const urls = () =>
    book
      .all()
      .map(({ url }) => url)
      .sort();
  return { book, connected, dropped, full, urls };
}

const many = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `ws://${prefix}${n}:1`);

test("a source that names too many is cut, and others take their part of what it has", () => {
  const { book, dropped, full } = bench();
  expect(book.propose("a", many("a", 2000))).toHaveLength(MAX_PROPOSED);
  expect(full).toEqual(["proposed"]);
  expect(book.propose("b", many("b", 700))).toHaveLength(MAX_PROPOSED / 2);
  expect([book.size, dropped.length]).toEqual([MAX_PROPOSED, MAX_PROPOSED / 2]);
  // The same again changes nothing.
  expect(book.propose("a", many("a", 2000))).toEqual([]);
  expect(book.propose("b", many("b", 700))).toEqual([]);
  expect(book.size).toBe(MAX_PROPOSED);
});

test("where a node was met is not given up for another source's addresses", () => {
  const { book, connected } = bench();
  const [, , met] = book.propose("a", many("a", MAX_PROPOSED));
  if (met === undefined) throw new Error("nothing was proposed");
  book.met(met, "n", 0);
  connected.add("n");
  book.propose("b", many("b", MAX_PROPOSED));
  expect(book.has(met)).toBe(true);
});

test("at its limit the node that was lost longest ago is forgotten, never one that is there", () => {
  const { book, connected, full } = bench();
  for (let n = 0; n < MAX_NODES; n += 1) {
    book.remember(`n${n}`, `ws://n${n}:1`, n);
    if (n !== 7 && n !== 9) connected.add(`n${n}`);
  }
  for (const name of ["n7", "n9"]) book.seek(name);
  expect([book.size, full]).toEqual([2, []]);
  book.lost("n7", 5000);
  book.remember("new", "ws://new:1", 6000);
  expect(book.all().map(({ url }) => url)).toEqual(["ws://n7:1/"]);
  connected.add("new");
  connected.add("n7");
  expect(book.remember("late", "ws://late:1", 7000)).toBe(false);
  expect(book.seek("late")).toEqual([]);
  expect(full).toEqual(["nodes", "nodes"]);
});

test("a node has one address besides those that sources name, however often it moves", () => {
  const { book, urls } = bench();
  for (let n = 0; n < 100; n += 1) {
    expect(book.remember("a", `ws://a${n}:1`, n)).toBe(true);
    expect(book.remember("a", `ws://a${n}:1`, n)).toBe(false);
    book.seek("a");
  }
  expect(urls()).toEqual(["ws://a99:1/"]);
  for (const candidate of book.seek("a")) book.met(candidate, "a", 100);
  book.remember("a", "ws://elsewhere:1", 101);
  book.seek("a");
  expect(urls()).toEqual(["ws://a99:1/", "ws://elsewhere:1/"]);
  const elsewhere = book.all().find(({ url }) => url === "ws://elsewhere:1/");
  if (elsewhere !== undefined) book.met(elsewhere, "a", 102);
  expect(urls()).toEqual(["ws://elsewhere:1/"]);
});

test("whatever is named, met, lost and forgotten, nothing is kept without a reason", () => {
  const name = fc.constantFrom("a", "b", "c");
  const url = fc.constantFrom(...many("u", 6));
  const step = fc.oneof(
    fc.record({ do: fc.constant("propose"), by: name, urls: fc.array(url, { maxLength: 4 }) }),
    fc.record({ do: fc.constant("remember"), by: name, urls: fc.array(url, { maxLength: 1 }) }),
    fc.record({ do: fc.constant("met"), by: name, urls: fc.array(url, { maxLength: 1 }) }),
    fc.record({ do: fc.constant("seek"), by: name, urls: fc.constant([]) }),
    fc.record({ do: fc.constant("forget"), by: name, urls: fc.constant([]) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { book } = bench();
      const proposed = new Map<string, readonly string[]>();
      const known = new Set<string>();
      for (const { do: what, by, urls } of steps) {
        if (what === "propose") {
          book.propose(by, urls);
          proposed.set(by, urls);
        } else if (what === "remember") {
          book.remember(by, urls[0], 0);
          known.add(by);
        } else if (what === "met") {
          const at = book.all().find((candidate) => candidate.url === `${urls[0]}/`);
          if (at === undefined) continue;
          book.met(at, by, 0);
          known.add(by);
        } else if (what === "seek") book.seek(by);
        else {
          book.forget(by);
          known.delete(by);
        }
        const named = new Set([...proposed.values()].flat().map((each) => `${each}/`));
        const kept = book.all();
        for (const each of named) expect(kept.some((at) => at.url === each)).toBe(true);
        for (const at of kept) {
          expect([...at.sources].length > 0).toBe(named.has(at.url));
          const nodes = [...at.told, ...(at.metAs === undefined ? [] : [at.metAs])];
          expect(named.has(at.url) || nodes.some((node) => known.has(node))).toBe(true);
        }
        const spare = kept.filter((at) => !named.has(at.url));
        expect(spare.length).toBeLessThanOrEqual(2 * known.size);
      }
      for (const node of [...known]) book.forget(node);
      for (const source of proposed.keys()) book.propose(source, []);
      expect(book.size).toBe(0);
    }),
    { numRuns: 500 },
  );
});
