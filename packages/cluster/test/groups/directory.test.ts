import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeDirectoryMessage } from "../../src/groups/directory-messages.ts";
import { DirectoryNet, type NetOptions } from "./directory-net.ts";

function pair(options: NetOptions = {}) {
  const net = new DirectoryNet(options);
  const [a, b] = [net.start("a"), net.start("b")];
  return { net, a, b };
}

test("a fresh link brings everything, once it is whole, and then every change", () => {
  const { net, a, b } = pair();
  a.set("x", "1");
  net.link("a", "b");
  expect(b.of("a")).toEqual([]);
  net.settle();
  expect(b.of("a")).toEqual(["t/x=1"]);
  a.set("y", "2");
  a.set("x", "3");
  net.settle();
  a.remove("y");
  net.settle();
  expect(b.of("a")).toEqual(["t/x=3"]);
  expect(a.of("a")).toEqual(["t/x=3"]);
  expect(a.of("b")).toEqual([]);
});

test("the changes of a turn are one message", () => {
  const { net, a } = pair();
  net.link("a", "b");
  net.settle();
  net.log.length = 0;
  for (let n = 0; n < 10; n++) a.set(`k${n}`, "1");
  net.settle();
  expect(net.log).toEqual(["a>b delta"]);
});

test("while nothing changes nothing is sent, and no timer runs", () => {
  const { net, a } = pair();
  for (let n = 0; n < 100; n++) a.set(`k${n}`, "1");
  net.link("a", "b");
  net.rest();
  net.log.length = 0;
  a.set("k1", "1");
  a.remove("none");
  net.settle();
  expect(net.clock.nextIn).toBeUndefined();
  expect(net.log).toEqual([]);
});

test("a large snapshot leaves in parts, so many in a turn, and is shown as one", () => {
  const { net, a, b } = pair({ maxMessageBytes: 700, maxEntries: 200 });
  for (let n = 0; n < 200; n++) a.set(`k${n}`, "x".repeat(100));
  net.link("a", "b");
  const parts = () => net.log.filter((line) => line === "a>b snapshot").length;
  expect(parts()).toBe(8);
  while (net.deliver("a", "b"));
  expect(b.of("a")).toEqual([]);
  net.endTurn();
  expect(parts()).toBe(16);
  a.set("k0", "changed in between");
  a.remove("k199");
  net.settle();
  expect(b.of("a")).toHaveLength(199);
  expect(b.of("a")).toContain("t/k0=changed in between");
});

test("a node that could not be told is told everything when there is room", () => {
  const { net, a, b } = pair();
  a.set("x", "1");
  a.set("y", "1");
  net.link("a", "b");
  net.settle();
  net.setFull("a", "b", true);
  a.set("x", "2");
  a.remove("y");
  net.settle();
  a.set("z", "2");
  net.settle();
  net.clock.advance(5000);
  net.settle();
  expect(b.of("a")).toEqual(["t/x=1", "t/y=1"]);
  net.setFull("a", "b", false);
  net.rest();
  expect(b.of("a")).toEqual(["t/x=2", "t/z=2"]);
  expect(net.clock.nextIn).toBeUndefined();
});

test("a delta that does not fit into a snapshot on its way makes it begin anew", () => {
  const { net, a, b } = pair({ maxMessageBytes: 700 });
  for (let n = 0; n < 90; n++) a.set(`k${n}`, "x".repeat(100));
  net.link("a", "b");
  net.setFull("a", "b", true);
  a.set("k0", "2");
  net.endTurn();
  net.setFull("a", "b", false);
  net.rest();
  expect(b.of("a")).toEqual([...a.of("a")]);
});

test("the entries of a node are gone with its link, and those of a new life are its own", () => {
  const { net, a, b } = pair();
  b.set("x", "1");
  net.link("a", "b");
  net.settle();
  net.unlink("a", "b");
  expect(a.of("b")).toEqual([]);
  net.link("a", "b");
  net.settle();
  expect(a.of("b")).toEqual(["t/x=1"]);
  const again = net.start("b");
  net.link("a", "b");
  net.settle();
  expect(a.of("b")).toEqual([]);
  again.set("y", "1");
  net.settle();
  expect(a.of("b")).toEqual(["t/y=1"]);
});

test("a node that comes up while it was thought to be up begins from nothing", () => {
  const { net, a, b } = pair();
  b.set("x", "1");
  net.link("a", "b");
  net.settle();
  a.directory.nodeUp({ name: "b", incarnation: 99 });
  expect(a.of("b")).toEqual([]);
  b.directory.nodeUp(a.writer);
  net.settle();
  expect(a.of("b")).toEqual(["t/x=1"]);
});

test("bytes that are no message cost a snapshot, and nothing else", () => {
  const { net, a, b } = pair();
  a.set("x", "1");
  net.link("a", "b");
  net.settle();
  net.inject("a", "b", Buffer.from("ff00", "hex"));
  a.set("x", "2");
  net.settle();
  expect(b.of("a")).toEqual(["t/x=1"]);
  expect(b.warnings).toEqual([
    "node a sent a bad directory message: protocol violation: directory message of kind 255",
  ]);
  net.rest();
  expect(b.of("a")).toEqual(["t/x=2"]);
  expect(net.log.filter((line) => line === "b>a ask")).toHaveLength(1);
});

test("a node that never sends what it is asked for is asked less and less often", () => {
  const { net } = pair();
  net.link("a", "b");
  net.settle();
  net.setFull("a", "b", true);
  net.inject("a", "b", encodeDirectoryMessage({ kind: "delta", version: 9, changes: [] }));
  net.settle();
  for (let second = 0; second < 300; second++) {
    net.clock.advance(1000);
    net.settle();
  }
  const asks = net.log.filter((line) => line === "b>a ask").length;
  expect(asks).toBeGreaterThan(10);
  expect(asks).toBeLessThan(20);
  net.setFull("a", "b", false);
  net.rest();
  expect(net.clock.nextIn).toBeUndefined();
});

test("asking a hundred times costs one snapshot", () => {
  const { net } = pair();
  net.link("a", "b");
  net.settle();
  net.log.length = 0;
  for (let n = 0; n < 100; n++) {
    net.inject("b", "a", encodeDirectoryMessage({ kind: "ask" }));
  }
  net.rest();
  expect(net.log).toEqual(["a>b snapshot"]);
});

test("a node with more entries than may be here is not seen, until it has fewer", () => {
  const net = new DirectoryNet({ maxEntries: 10 });
  const a = net.start("a", { maxEntries: 100 });
  const b = net.start("b");
  for (let n = 0; n < 11; n++) a.set(`k${n}`, "1");
  net.link("a", "b");
  net.settle();
  expect(b.of("a")).toEqual([]);
  expect(b.warnings).toEqual(["node a has more directory entries than may be here"]);
  net.clock.advance(120_000);
  net.settle();
  a.remove("k0");
  for (let second = 0; second < 60; second++) {
    net.clock.advance(1000);
    net.settle();
  }
  expect(b.of("a")).toHaveLength(10);
  net.rest();
});

test("a message of a node that is not connected, or from a closed directory, is nothing", () => {
  const { net, a, b } = pair();
  b.receive("z", encodeDirectoryMessage({ kind: "ask" }));
  net.link("a", "b");
  net.settle();
  net.setFull("a", "b", true);
  a.set("x", "1");
  net.settle();
  net.log.length = 0;
  a.directory.close();
  net.setFull("a", "b", false);
  a.set("y", "1");
  net.rest();
  expect(net.log).toEqual([]);
  expect(a.of("a")).toEqual(["t/x=1", "t/y=1"]);
});

test("an entry that alone is as large as a message may be crosses", () => {
  const { net, a, b } = pair({ maxMessageBytes: 700, maxValueBytes: 10_000 });
  const { maxValueBytes } = a.directory;
  expect(maxValueBytes).toBeLessThan(200);
  const key = "k".repeat(280);
  a.set(key, "v".repeat(maxValueBytes), "t".repeat(256));
  expect(() => a.set("x", "v".repeat(maxValueBytes + 1))).toThrow(/the limit is/);
  net.link("a", "b");
  net.rest();
  expect(b.seen.get("a")?.size).toBe(1);
});

const names = ["a", "b", "c"];
const name = fc.constantFrom(...names);
const link = fc.tuple(name, name).filter(([x, y]) => x !== y);
const key = fc.constantFrom("k1", "k2", "k3", "k4", "k5", "k6");
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("set"), name, key, value: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("remove"), name, key }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("deliver"), link }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("endTurn") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.nat(200) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("link"), link }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unlink"), link }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("start"), name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("full"), link, isFull: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("garble"), link, at: fc.constant(0) }) },
);

test("whatever happens, once the network is whole every node sees what every writer has", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      // So small that a snapshot is several parts.
      const net = new DirectoryNet({ maxMessageBytes: 600, maxValueBytes: 40 });
      for (const each of names) net.start(each);
      for (const now of steps) {
        const all = { name: "a", link: ["a", "b"], key: "", value: 0, ms: 0, isFull: false, at: 0 };
        const { name, link, key, value, ms, isFull, at } = { ...all, ...now };
        const [x = "", y = ""] = link;
        if (now.do === "set") net.site(name).set(key, `${value}`.repeat(40));
        else if (now.do === "remove") net.site(name).remove(key);
        else if (now.do === "deliver") net.deliver(x, y);
        else if (now.do === "endTurn") net.endTurn();
        else if (now.do === "pass") net.clock.advance(ms);
        else if (now.do === "link") net.link(x, y);
        else if (now.do === "unlink") net.unlink(x, y);
        else if (now.do === "start") net.start(name);
        else if (now.do === "full") net.setFull(x, y, isFull);
        else net.garble(x, y, at);
      }
      for (const x of names) {
        for (const y of names) {
          net.setFull(x, y, false);
          net.link(x, y);
        }
      }
      net.rest();
      for (const reader of net.sites.values()) {
        for (const { writer, written } of net.sites.values()) {
          const expected = [...written].map(([place, value]) => `${place}=${value}`).sort();
          expect(reader.of(writer.name)).toEqual(expected);
        }
      }
      net.log.length = 0;
      net.clock.advance(600_000);
      expect(net.log).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
