/** Names on other nodes: refs that are resolved there at each use, and many of them at a time. */
import { type AnyActorDefinition, type AnyRef, defineActor } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import type { NodeDeadLetter } from "../../src/node-events.ts";
import { Bench, Counter } from "../support.ts";
import { Pair, Puppet } from "./puppets.ts";

const Other = defineActor("other", { init: () => ({}) });

/** Keeps a ref, and calls it. */
const Book = defineActor("book", {
  init: () => ({ ref: undefined as AnyRef | undefined }),
  calls: {
    keep: (s, ref: AnyRef) => {
      s.ref = ref;
      return ref;
    },
    add: async (s, n: number) => s.ref?.call("add", n),
  },
});

async function nodes() {
  const bench = new Bench();
  const [a, b] = await bench.pair({ actors: [Counter, Book, Puppet], heartbeatMs: 200 });
  await b.start(Counter, { start: 0 }, { name: "c" });
  return { bench, a, b, counter: a.namedRef("b", "c", Counter) };
}

const letters = (node: {
  events: { on: (event: "deadLetter", listener: (l: NodeDeadLetter) => void) => unknown };
}) => {
  const list: string[] = [];
  node.events.on("deadLetter", ({ kind, operation, reason }) => {
    list.push(`${kind} ${operation} ${reason}`);
  });
  return list;
};

describe("a ref to a name on another node", () => {
  test("calls, queries, casts and sends to whoever has the name there", async () => {
    const { bench, counter } = await nodes();
    expect(await counter.call("add", 2)).toBe(2);
    counter.cast("set", 7);
    expect(await counter.query("get")).toBe(7);
    expect(String(counter)).toBe('counter <"c"@b>');
    expect(counter.address).toMatchObject({ kind: "name", node: "b", name: "c", id: 0 });
    await bench.pass(0);
  });

  test("reaches the new process after a restart of the process, and of the node", async () => {
    const { bench, a, b, counter } = await nodes();
    await b.stop(b.whereis("c") as AnyRef);
    await expect(counter.call("add", 1)).rejects.toMatchObject({
      code: "ERR_NO_PROCESS",
      outcome: "not_run",
      message: '"c" on node b is not running',
    });
    await b.start(Counter, { start: 10 }, { name: "c" });
    expect(await counter.call("add", 1)).toBe(11);
    await bench.shutdown(b);
    await expect(counter.call("add", 1)).rejects.toMatchObject({ code: "ERR_CONNECTION_LOST" });
    const again = await bench.node("b", [], { heartbeatMs: 200 });
    await again.start(Counter, { start: 100 }, { name: "c" });
    await bench.until(() => a.nodes()[0]?.incarnation === again.incarnation);
    expect(await counter.call("add", 1)).toBe(101);
  });

  test("refuses a process of another definition than the one given, there", async () => {
    const { bench, a, b } = await nodes();
    const wrong = a.namedRef("b", "c", Other) as unknown as AnyRef;
    const lost = letters(b);
    await expect(wrong.call("add", 1)).rejects.toMatchObject({
      code: "ERR_INVALID_OPTION",
      outcome: "not_run",
      message: 'invalid option definition: expected "counter", got "other"',
    });
    wrong.cast("set", 1);
    a.namedRef("b", "nobody").cast("set", 1);
    await bench.pass(0);
    await bench.pass(0);
    expect(lost).toEqual(["cast set refused", "cast set no_process"]);
    expect(await a.namedRef("b", "c").query("get")).toBe(0);
  });

  test("of a node that is not connected, or was never seen, rejects and loses casts here", async () => {
    const { a } = await nodes();
    const lost = letters(a);
    const nowhere = a.namedRef("z", "c");
    await expect(nowhere.call("add", 1)).rejects.toMatchObject({ code: "ERR_NODE_UNKNOWN" });
    nowhere.cast("set", 1);
    expect([lost, a.undelivered]).toEqual([["cast set no_process"], 1]);
  });

  test("on this node is resolved here, at each use", async () => {
    const { b } = await nodes();
    const mine = b.namedRef("b", "c", Counter);
    expect(await mine.call("add", 3)).toBe(3);
    mine.cast("set", 5);
    expect(await mine.query("get")).toBe(5);
    const lost = letters(b);
    const nobody = b.namedRef("b", "x");
    await expect(nobody.call("add")).rejects.toMatchObject({ code: "ERR_NO_PROCESS" });
    nobody.cast("set", 1);
    nobody.send("hello");
    expect(lost).toEqual(["cast set no_process", "info hello no_process"]);
    const wrong = b.namedRef("b", "c", Other) as unknown as AnyRef;
    await expect(wrong.call("add", 1)).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
  });

  test("survives encoding: it means the same name on the same node wherever it goes", async () => {
    const { a, b, counter } = await nodes();
    const book = await a.startOn("b", Book);
    const back = (await book.call("keep", counter as unknown as AnyRef)) as AnyRef;
    expect(back.address).toEqual(counter.address);
    expect(await book.call("add", 4)).toBe(4);
    await a.start(Counter, { start: 50 }, { name: "here" });
    await book.call("keep", a.namedRef("a", "here"));
    expect(await book.call("add", 1)).toBe(51);
    expect(b.whereis("here")).toBeUndefined();
  });

  test("is refused for an empty name or node, or one that cannot travel", async () => {
    const { a } = await nodes();
    for (const [node, name] of [
      ["b", ""],
      ["", "c"],
      ["b", 7 as never],
      ["b", "x".repeat(1025)],
    ] as const) {
      expect(() => a.namedRef(node, name)).toThrow(
        expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
      );
    }
  });
});

describe("a monitor of a name on another node", () => {
  test("tells of the end of the process that had it then, by the ref that was given", async () => {
    const pair = await Pair.of();
    const watcher = await pair.on(pair.a);
    const target = await pair.on(pair.b);
    const name = pair.a.namedRef("b", "p2");
    await watcher.here.call("run", (ctx) => ctx.monitor(name));
    target.there.cast("end", "shutdown");
    await pair.calm();
    expect(watcher.log).toEqual(['down <"p2"@b> shutdown']);
    await watcher.here.call("run", (ctx) => ctx.monitor(name));
    await pair.calm();
    expect(watcher.log[1]).toBe('down <"p2"@b> noproc');
    await pair.bench.shutdown(pair.b);
    await watcher.here.call("run", (ctx) => ctx.monitor(name));
    await pair.calm();
    expect(watcher.log[2]).toBe('down <"p2"@b> noconnection');
  });

  test("is one of nobody if who has the name is of another definition", async () => {
    const pair = await Pair.of();
    const watcher = await pair.on(pair.a);
    await pair.on(pair.b);
    await pair.a.start(Puppet, [], { name: "own" });
    const monitors: [node: string, name: string, definition: AnyActorDefinition][] = [
      ["b", "p2", Counter],
      ["a", "own", Counter],
      ["b", "p2", Puppet],
      ["a", "own", Puppet],
    ];
    for (const [node, name, definition] of monitors) {
      const ref = pair.a.namedRef(node, name, definition) as AnyRef;
      await watcher.here.call("run", (ctx) => ctx.monitor(ref));
    }
    await pair.calm();
    expect(watcher.log).toEqual(['down counter <"own"@a> noproc', 'down counter <"p2"@b> noproc']);
    const counter = pair.a.namedRef("b", "p2", Counter);
    await expect(counter.query("get")).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
  });

  test("can be taken back, and ends with the connection", async () => {
    const pair = await Pair.of();
    const watcher = await pair.on(pair.a);
    await pair.on(pair.b);
    const name = pair.a.namedRef("b", "p2");
    const id = await watcher.here.call("run", (ctx) => ctx.monitor(name));
    await watcher.here.call("run", (ctx) => ctx.demonitor(id as string));
    await watcher.here.call("run", (ctx) => ctx.monitor(name));
    await pair.calm();
    expect(pair.ties()).toMatchObject([{ watching: 1 }, { watched: 1 }]);
    pair.bench.network.sever("a", "b");
    await pair.calm();
    expect(watcher.log).toEqual(['down <"p2"@b> noconnection']);
  });

  test("of this node is one of its own process", async () => {
    const pair = await Pair.of();
    const watcher = await pair.on(pair.a);
    const target = await pair.on(pair.a);
    const downs: unknown[] = [];
    pair.a.monitor(pair.a.namedRef("a", "p2"), ({ ref, reason }) => downs.push([ref, reason]));
    pair.a.monitor(pair.a.namedRef("a", "nobody"), ({ reason }) => downs.push(reason));
    await watcher.here.call("run", (ctx) => ctx.monitor(pair.a.namedRef("a", "p2")));
    await pair.calm();
    target.here.cast("end", "shutdown");
    await pair.calm();
    expect(downs).toEqual(["noproc", [target.here, "shutdown"]]);
    expect(watcher.log).toEqual([`down ${target.here} shutdown`]);
  });

  test("is all that a name can be tied by: a link needs the ref of a process", async () => {
    const pair = await Pair.of();
    const one = await pair.on(pair.a);
    const name = pair.a.namedRef("b", "x");
    await one.here.call("run", (ctx) => {
      for (const act of ["link", "unlink"] as const) {
        expect(() => ctx[act](name)).toThrow("expected a ref to one process");
      }
      expect(() => ctx.exit(name, "kill")).toThrow("expected a ref to one process");
    });
    expect(() => pair.a.exit(name, "kill")).toThrow(
      "invalid option target: expected a ref to one process, as refOn finds it",
    );
  });
});

describe("multiCall", () => {
  async function three() {
    const bench = new Bench();
    const options = { actors: [Counter] };
    const c = await bench.node("c", [], options);
    const b = await bench.node("b", ["c"], options);
    const a = await bench.node("a", ["b", "c"], options);
    await bench.until(() => [a, b, c].every((node) => node.nodes().length === 2));
    let start = 0;
    for (const node of [a, b, c]) {
      start += 10;
      await node.start(Counter, { start }, { name: "n" });
    }
    return { bench, a, b, c };
  }

  test("asks this node and every connected one by default, and gathers the replies by node", async () => {
    const { a, b } = await three();
    const { replies, failures } = await a.multiCall(undefined, "n", "add", 1);
    expect([...replies].sort()).toEqual([
      ["a", 11],
      ["b", 21],
      ["c", 31],
    ]);
    expect(failures.size).toBe(0);
    expect((await b.multiCall(["c", "c"], "n", "add", 1)).replies).toEqual(new Map([["c", 32]]));
  });

  test("gives the error of each node that failed, and waits for one timeout at most", async () => {
    const { bench, a, b } = await three();
    await b.stop(b.whereis("n") as AnyRef);
    bench.network.cut("a", "c");
    const asked = a.multiCall(["a", "b", "c", "z"], "n", "add", 1, { timeout: 300 });
    const { replies, failures } = await bench.during(asked);
    expect(replies).toEqual(new Map([["a", 11]]));
    expect([...failures].map(([node, { code, outcome }]) => `${node} ${code} ${outcome}`)).toEqual([
      "z ERR_NODE_UNKNOWN not_run",
      "b ERR_NO_PROCESS not_run",
      "c ERR_CALL_TIMEOUT unknown",
    ]);
  });

  test("of no node at all answers at once, and bad options are refused", async () => {
    const { a } = await three();
    expect(await a.multiCall([], "n", "add", 1)).toEqual({
      replies: new Map(),
      failures: new Map(),
    });
    const refused = { code: "ERR_INVALID_OPTION" };
    await expect(a.multiCall("b" as never, "n", "add")).rejects.toMatchObject(refused);
    await expect(a.multiCall([1] as never, "n", "add")).rejects.toMatchObject(refused);
    await expect(a.multiCall([""], "n", "add")).rejects.toMatchObject(refused);
    await expect(a.multiCall(["a"], "", "add")).rejects.toMatchObject(refused);
    await expect(a.multiCall(["a"], "n", "add", 1, { timeout: -1 })).rejects.toMatchObject(refused);
    const crowd = Array.from({ length: 1025 }, (_, n) => `n${n}`);
    await expect(a.multiCall(crowd, "n", "add")).rejects.toMatchObject(refused);
  });

  test("has a sibling that casts", async () => {
    const { bench, a, b, c } = await three();
    const lost = letters(a);
    a.multiCast(undefined, "n", "set", 5);
    a.multiCast(["b", "z"], "n", "set", 6);
    await bench.pass(0);
    await bench.pass(0);
    const counts = await Promise.all(
      [a, b, c].map((node) => (node.whereis("n") as AnyRef).query("get")),
    );
    expect([counts, lost]).toEqual([[5, 6, 5], ["cast set no_process"]]);
  });
});
