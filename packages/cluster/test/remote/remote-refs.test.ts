/** Starting on other nodes, finding by name, and refs as values that cross. */
import { type AnyRef, createSystem, defineActor } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import type { NodeOptions } from "../../src/options.ts";
import { Bench, Counter, names } from "../support.ts";

async function pairWithCounter(options: Partial<NodeOptions> = {}) {
  const bench = new Bench();
  const [a, b] = await bench.pair(options);
  const counter = await a.startOn("b", Counter, { start: 0 }, { name: "c" });
  return { bench, a, b, counter };
}

describe("starting on another node", () => {
  test("is for actors that it allows", async () => {
    const bench = new Bench();
    const b = await bench.node("b", [], { actors: [Counter] });
    const a = await bench.node("a", ["b"], { actors: [] });
    await bench.until(() => names(a).length === 1);
    const Other = defineActor("other", { init: () => ({}) });
    await expect(a.startOn("b", Other)).rejects.toMatchObject({
      code: "ERR_ACTOR_UNKNOWN",
      outcome: "not_run",
      message: 'node b does not start actor "other" for others; it allows counter',
    });
    await expect(b.startOn("a", Counter, { start: 0 })).rejects.toMatchObject({
      message: 'node a does not start actor "counter" for others; it allows none',
    });
    await expect(a.startOn("b", { ...Counter, name: "__proto__" }, { start: 0 })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_ACTOR_UNKNOWN" }),
    );
  });

  test("fails as the start fails", async () => {
    const { a } = await pairWithCounter();
    await expect(a.startOn("b", Counter, undefined as never)).rejects.toMatchObject({
      code: "ERR_START",
      outcome: "unknown",
    });
  });

  test("a name that is taken is refused, with the ref of who has it", async () => {
    const { a, counter } = await pairWithCounter();
    const again = a.startOn("b", Counter, { start: 0 }, { name: "c" });
    const error = await again.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ERR_ALREADY_STARTED", outcome: "not_run" });
    const { ref } = (error as { data: { ref: typeof counter } }).data;
    expect(ref.address).toEqual(counter.address);
    expect(await ref.call("add", 3)).toBe(3);
  });

  test("on itself is a local start, whatever is allowed", async () => {
    const bench = new Bench();
    const a = await bench.node("a", [], { actors: [] });
    const counter = await a.startOn("a", Counter, { start: 4 }, { name: "mine" });
    expect(a.isLocalRef(counter)).toBe(true);
    expect(a.whereis("mine")).toBe(counter);
  });

  test("an argument that cannot be encoded is not sent", async () => {
    const { a } = await pairWithCounter();
    await expect(a.startOn("b", Counter, { start: 1, f() {} } as never)).rejects.toMatchObject({
      code: "ERR_NOT_SERIALIZABLE",
      message: "cannot encode arg.f: a function",
    });
  });
});

describe("looking a name up", () => {
  test("gives a working ref, typed by its definition", async () => {
    const { a, counter } = await pairWithCounter();
    const found = await a.refOn("b", "c", Counter);
    expect(found.address).toEqual(counter.address);
    expect(await found.call("add", 2)).toBe(2);
  });

  test("of nobody rejects", async () => {
    const { a } = await pairWithCounter();
    await expect(a.refOn("b", "nobody")).rejects.toMatchObject({
      code: "ERR_NO_PROCESS",
      message: '"nobody" on node b is not running',
    });
    await expect(a.refOn("a", "nobody")).rejects.toMatchObject({ code: "ERR_NO_PROCESS" });
  });

  test("of another definition than the one given rejects", async () => {
    const { a } = await pairWithCounter();
    const Other = defineActor("other", { init: () => ({}) });
    await expect(a.refOn("b", "c", Other)).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
  });

  test("on itself is whereis", async () => {
    const { b, a } = await pairWithCounter();
    expect(await b.refOn("b", "c", Counter)).toBe(b.whereis("c"));
    expect(names(a)).toEqual(["b"]);
  });
});

describe("refs as values", () => {
  const Book = defineActor("book", {
    init: () => ({ refs: [] as AnyRef[] }),
    queries: { last: (s) => s.refs.at(-1) },
    calls: {
      keep: (s, ref: AnyRef) => s.refs.push(ref),
      callIt: async (s, arg: number) => s.refs.at(-1)?.call("add", arg),
    },
  });

  test("a ref sent to another node works there, and comes home as the local one", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair({ actors: [Counter, Book] });
    const local = await a.start(Counter, { start: 10 });
    const book = await a.startOn("b", Book);
    await book.call("keep", local as unknown as AnyRef);
    expect(await book.call("callIt", 5)).toBe(15);
    expect(await book.query("last")).toBe(local);
    expect(b.nodes()).toHaveLength(1);
  });

  test("a ref to a third node works where that node is connected too", async () => {
    const bench = new Bench();
    const options = { actors: [Counter, Book] };
    const c = await bench.node("c", [], options);
    const b = await bench.node("b", ["c"], options);
    const a = await bench.node("a", ["b", "c"], options);
    await bench.until(() => [a, b, c].every((node) => node.nodes().length === 2));
    const onC = await a.startOn("c", Counter, { start: 1 });
    const book = await a.startOn("b", Book);
    await book.call("keep", onC as unknown as AnyRef);
    expect(await book.call("callIt", 1)).toBe(2);
  });

  test("a ref to a process of ours that is gone comes home and says so", async () => {
    const bench = new Bench();
    const [a] = await bench.pair({ actors: [Counter, Book] });
    const local = await a.start(Counter, { start: 10 });
    const book = await a.startOn("b", Book);
    await book.call("keep", local as unknown as AnyRef);
    await a.stop(local as unknown as AnyRef);
    const home = (await book.query("last")) as AnyRef;
    expect(home.address).toEqual(local.address);
    await expect(home.call("add", 1)).rejects.toMatchObject({ code: "ERR_NO_PROCESS" });
    await expect(book.call("callIt", 1)).rejects.toMatchObject({ outcome: expect.anything() });
  });

  test("a ref of a system that is no node cannot be sent", async () => {
    const bench = new Bench();
    const [a] = await bench.pair({ actors: [Counter, Book] });
    const system = createSystem({ logger: false });
    const foreign = await system.start(Counter, { start: 0 });
    const book = await a.startOn("b", Book);
    await expect(book.call("keep", foreign as unknown as AnyRef)).rejects.toMatchObject({
      code: "ERR_NOT_SERIALIZABLE",
    });
    await system.shutdown();
  });

  test("a remote ref prints as what it is", async () => {
    const { counter } = await pairWithCounter();
    expect(String(counter)).toBe(`counter <${counter.address.id}@b>`);
  });
});
