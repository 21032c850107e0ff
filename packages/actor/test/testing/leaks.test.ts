import { describe, expect, it } from "vitest";
import { defineActor, type ReplyTo } from "../../src/index.ts";
import {
  checkLeaks,
  createTestSystem,
  findLeaks,
  type LeakError,
  type LeakKind,
  type TestSystem,
} from "../../src/testing.ts";
import { failure } from "../support/harness.ts";

const Holder = defineActor("holder", {
  init: () => ({ kept: [] as ReplyTo<string>[] }),
  calls: {
    hang: () => new Promise<void>(() => {}),
    keep: (s, _: undefined, ctx) => ctx.defer<string>((to) => s.kept.push(to)),
  },
  casts: {
    arm: (_s, _: undefined, ctx) => void ctx.sendAfter(1000, "tick"),
    watch: (_s, name: string, ctx) => void ctx.monitor(name),
    join: async (_s, _: undefined, ctx) => void (await ctx.startLink(Holder)),
    free: (s, word: string, ctx) => {
      for (const to of s.kept.splice(0)) ctx.reply(to, word);
    },
  },
  info: { tick: () => {}, down: () => {} },
});

/** What is left over of one kind, with the process itself put aside. */
async function leaksOfKind(system: TestSystem, kind: LeakKind): Promise<string[]> {
  await system.settle();
  return findLeaks(system, { kinds: [kind] }).map(({ text }) => text);
}

async function holder() {
  const system = createTestSystem();
  return { system, ref: await system.start(Holder, undefined, { name: "h" }) };
}

describe("the leak check finds", () => {
  it("a process that was not stopped", async () => {
    const { system, ref } = await holder();
    expect(await leaksOfKind(system, "process")).toEqual(['holder <1> "h": runs (waiting)']);
    await system.stop(ref);
    await checkLeaks(system);
  });

  it("a call whose handler has not settled, and those that wait behind it", async () => {
    const { system, ref } = await holder();
    void ref.call("hang").catch(() => {});
    void ref.call("keep").catch(() => {});
    ref.cast("arm");
    expect(await leaksOfKind(system, "call")).toEqual([
      'holder <1> "h": a handler that has not settled',
      'holder <1> "h": 2 messages waiting',
    ]);
  });

  it("a reply that was deferred and not given, until it is or nobody waits any more", async () => {
    const { system, ref } = await holder();
    void ref.call("keep").catch(() => {});
    void ref.call("keep", undefined, { timeout: 10 }).catch(() => {});
    expect(await leaksOfKind(system, "deferred")).toEqual(['holder <1> "h": 2 deferred replies']);
    await system.advance(10);
    expect(await leaksOfKind(system, "deferred")).toEqual(['holder <1> "h": 1 deferred reply']);
    ref.cast("free", "done");
    expect(await leaksOfKind(system, "deferred")).toEqual([]);
  });

  it("a timer that has not fired", async () => {
    const { system, ref } = await holder();
    ref.cast("arm");
    expect(await leaksOfKind(system, "timer")).toEqual(['holder <1> "h": 1 timer']);
    await system.advance(1000);
    expect(await leaksOfKind(system, "timer")).toEqual([]);
  });

  it("a timer of nobody, which a program has set on the clock itself", async () => {
    const system = createTestSystem();
    system.clock.setTimer(5, () => {});
    expect(await leaksOfKind(system, "timer")).toEqual(["the clock: 1 timer"]);
  });

  it("a monitor that has not fired", async () => {
    const { system, ref } = await holder();
    const other = await system.start(Holder, undefined, { name: "other" });
    ref.cast("watch", "other");
    expect(await leaksOfKind(system, "monitor")).toEqual(['holder <1> "h": 1 monitor']);
    await system.stop(other);
    expect(await leaksOfKind(system, "monitor")).toEqual([]);
  });

  it("a link, at both ends", async () => {
    const { system, ref } = await holder();
    ref.cast("join");
    expect(await leaksOfKind(system, "link")).toEqual([
      'holder <1> "h": a link to holder <2>',
      "holder <2>: a link to holder <1>",
    ]);
  });
});

describe("checkLeaks", () => {
  it("settles first, and lists everything in one typed error", async () => {
    const { system, ref } = await holder();
    ref.cast("arm");
    ref.cast("join");
    const error = (await failure(checkLeaks(system))) as LeakError;
    expect(error.code).toBe("ERR_LEAK");
    expect(error.leaks).toEqual([
      'holder <1> "h": runs (waiting)',
      'holder <1> "h": 1 timer',
      'holder <1> "h": a link to holder <2>',
      "holder <2>: runs (waiting)",
      "holder <2>: a link to holder <1>",
    ]);
    expect(error.message.split("\n")[0]).toBe("5 left over:");
  });

  it("lets stay what is meant to, with all below it", async () => {
    const { system, ref } = await holder();
    ref.cast("join");
    await system.settle();
    const stray = await system.start(Holder);
    const error = (await failure(checkLeaks(system, { keep: [ref] }))) as LeakError;
    expect(error.leaks).toEqual(["holder <3>: runs (waiting)"]);
    await system.stop(stray);
    await checkLeaks(system, { keep: [ref] });
  });

  it("finds nothing in a system that has shut down", async () => {
    const { system, ref } = await holder();
    ref.cast("arm");
    ref.cast("join");
    void ref.call("keep").catch(() => {});
    await system[Symbol.asyncDispose]();
    await checkLeaks(system);
  });

  it("refuses a kind that there is not", async () => {
    const { system } = await holder();
    const kinds = ["socket" as LeakKind];
    expect(await failure(checkLeaks(system, { kinds }))).toMatchObject({ option: "kinds" });
  });
});
