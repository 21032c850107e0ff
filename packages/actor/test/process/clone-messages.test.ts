import { describe, expect, it } from "vitest";
import { createSystem, defineActor, type RefOf, type ReplyTo } from "../../src/index.ts";
import { createTestSystem, probe } from "../../src/testing.ts";
import { failure } from "../support/harness.ts";

interface Row {
  id: number;
  tags: string[];
}

const Store = defineActor("store", {
  init: () => ({ rows: [] as Row[], waiting: [] as ReplyTo<unknown>[] }),
  queries: { rows: (s) => s.rows },
  calls: {
    put: (s, row: Row) => void s.rows.push(row),
    peek: (s, _: undefined) => s.rows[0] as Row,
    stream: () => ({ rows: { next: () => 1 } }) as unknown as Row,
    refuse: (s, _: undefined, ctx) => ctx.fail("closed", s.rows),
    refuseBadly: (_s, _: undefined, ctx) => ctx.fail("closed", { at: new URL("http://a") }),
    later: (s, _: undefined, ctx) => ctx.defer<unknown>((to) => s.waiting.push(to)),
  },
  casts: {
    put: (s, row: Row) => void s.rows.push(row),
    answer: (s, how: "well" | "badly", ctx) => {
      const reply = how === "well" ? s.rows : () => s.rows;
      for (const to of s.waiting.splice(0)) ctx.reply(to, reply);
    },
  },
  info: { put: (s, row: Row) => void s.rows.push(row) },
});

/** Hands on what it is told, or what cannot be handed on. */
const Relay = defineActor("relay", {
  init: (arg: { store: RefOf<typeof Store> }) => ({ ...arg, row: { id: 0, tags: [] } as Row }),
  calls: {
    now: (s, _: undefined, ctx) => {
      ctx.cast(s.store, "put", s.row);
      s.row.tags.push("changed after the cast was asked for");
    },
    badly: (s, how: "send" | "cast", ctx) => {
      ctx[how](s.store, "put", { at: new URL("http://a") });
    },
    toItself: (_s, _: undefined, ctx) => {
      ctx.continue("own", () => 1);
      ctx.sendAfter(1, "own", () => 2);
    },
  },
  info: { own: (s, next: () => number) => void (s.row.id += next()) },
  continue: { own: (s, next: () => number) => void (s.row.id += next()) },
});

const bad = { id: 1, tags: [() => "x"] } as unknown as Row;
const notSent = { code: "ERR_NOT_SERIALIZABLE", outcome: "not_run", path: "arg.tags[0]" };

async function store(options = {}) {
  const system = createTestSystem(options);
  return { system, ref: await system.start(Store) };
}

describe("a system that clones messages", () => {
  it("hands a copy of the argument to a call, a cast and a plain message", async () => {
    const { system, ref } = await store();
    const row: Row = { id: 1, tags: [] };
    const call = ref.call("put", row);
    ref.cast("put", row);
    ref.send("put", row);
    row.tags.push("changed after sending");
    await call;
    await system.settle();
    const rows = await ref.query("rows");
    expect(rows).toEqual(Array(3).fill({ id: 1, tags: [] }));
    expect(new Set(rows).size).toBe(3);
  });

  it("hands a copy of the reply to the caller, also of one that comes later", async () => {
    const { system, ref } = await store();
    await ref.call("put", { id: 1, tags: [] });
    (await ref.call("peek")).tags.push("changed by the caller");
    (await ref.query("rows")).push({ id: 2, tags: [] });
    const later = ref.call("later");
    ref.cast("answer", "well");
    ((await later) as Row[]).push({ id: 3, tags: [] });
    await system.settle();
    expect(await ref.query("rows")).toEqual([{ id: 1, tags: [] }]);
  });

  it("copies what a refusal carries", async () => {
    const { ref } = await store();
    await ref.call("put", { id: 1, tags: [] });
    const { data } = await failure(ref.call("refuse"));
    (data as Row[]).pop();
    expect(await ref.query("rows")).toHaveLength(1);
  });

  it("passes refs, and plain data that only looks odd", async () => {
    const { system, ref } = await store();
    const it = await probe(system);
    it.ref.cast("take", {
      ref,
      replyTo: { replyTo: 3, system: "a" },
      map: new Map([[1, new Set([2n])]]),
    });
    const { arg } = await it.expect<{ ref: typeof ref }>("take");
    expect(arg.ref).toBe(ref);
    expect(await arg.ref.query("rows")).toEqual([]);
  });

  it("rejects a call whose argument no wire could carry: it did not run", async () => {
    const { ref } = await store();
    expect(await failure(ref.call("put", bad))).toMatchObject(notSent);
    expect(await ref.query("rows")).toEqual([]);
  });

  it("throws for a cast and a plain message likewise, so that it is seen at once", async () => {
    const { system, ref } = await store();
    expect(() => ref.cast("put", bad)).toThrow(expect.objectContaining(notSent));
    expect(() => ref.send("put", bad)).toThrow(expect.objectContaining(notSent));
    await system.settle();
    expect(await ref.query("rows")).toEqual([]);
  });

  it("rejects a call whose reply no wire could carry: it ran", async () => {
    const { ref } = await store();
    const ran = { code: "ERR_NOT_SERIALIZABLE", outcome: "ran" };
    expect(await failure(ref.call("stream"))).toMatchObject({ ...ran, path: "reply.rows.next" });
    expect(await failure(ref.call("refuseBadly"))).toMatchObject({ ...ran, path: "data.at" });
    const later = failure(ref.call("later"));
    ref.cast("answer", "badly");
    expect(await later).toMatchObject({ ...ran, path: "reply" });
    expect(await ref.query("rows")).toEqual([]);
  });

  it("throws in the handler that asks for a bad message, and copies when it is asked", async () => {
    const { system, ref } = await store();
    const relay = await system.start(Relay, { store: ref });
    await relay.call("now");
    await system.settle();
    expect(await ref.query("rows")).toEqual([{ id: 0, tags: [] }]);
    for (const how of ["send", "cast"] as const) {
      const crashing = await system.start(Relay, { store: ref });
      const error = await failure(crashing.call("badly", how));
      expect(error).toMatchObject({ code: "ERR_PROCESS_EXITED" });
      expect(error.message).toContain("cannot encode arg.at: an instance of URL");
    }
    expect(await ref.query("rows")).toHaveLength(1);
  });

  it("lets a process say to itself what it likes: a timer and a continuation are its own", async () => {
    const { system, ref } = await store();
    const relay = await system.start(Relay, { store: ref });
    await relay.call("toItself");
    await system.advance(1);
    expect(await system.getState(relay)).toMatchObject({ row: { id: 3 } });
  });
});

describe("a system that does not", () => {
  it("passes everything by reference: a test system when told, any other by default", async () => {
    const row: Row = { id: 1, tags: [] };
    for (const system of [createTestSystem({ cloneMessages: false }), createSystem()]) {
      const ref = await system.start(Store);
      await ref.call("put", row);
      expect(await ref.call("peek")).toBe(row);
      await ref.call("put", bad);
    }
  });
});
