/** What must hold in a registry when things happen at the worst moment. */
import { describe, expect, it } from "vitest";
import { type AnyRef, registry } from "../../src/index.ts";
import { failure, gate, settle, testSystem, watch } from "../support/harness.ts";
import { Listener, Member, shown, Trapping } from "../support/member.ts";

const Rooms = registry<string, number>({ name: "rooms", keys: "unique" });
const Topics = registry<string, number>({ name: "topics", keys: "duplicate" });

async function withRegistries() {
  const all = testSystem();
  const rooms = await all.system.start(Rooms);
  const topics = await all.system.start(Topics);
  const [ann, bob] = [await all.system.start(Member), await all.system.start(Member)];
  return { ...all, rooms, topics, ann, bob };
}

describe("an owner that ends", () => {
  it("keeps nothing that it registered in its last handler", async () => {
    const { rooms, ann } = await withRegistries();
    await ann.call("run", (ctx) => {
      ctx.stop();
      rooms.register(ctx.self, "a", 1);
    });
    await settle();
    expect(rooms.count()).toBe(0);
  });

  it("cannot register once it is dead, also from a handler that still runs", async () => {
    const { system, rooms, ann } = await withRegistries();
    const errors: unknown[] = [];
    ann.cast("run", (ctx) => {
      rooms.register(ctx.self, "a", 1);
      system.exit(ctx.self, "kill");
      try {
        rooms.register(ctx.self, "b", 1);
      } catch (error) {
        errors.push(error);
      }
    });
    await settle();
    expect(errors).toMatchObject([{ code: "ERR_NO_PROCESS" }]);
    expect(rooms.count()).toBe(0);
  });

  it("keeps nothing that its async handler registers after the kill", async () => {
    const { system, rooms, ann } = await withRegistries();
    const held = gate();
    const late = watch(
      ann.call("run", async (ctx) => {
        await held.promise;
        rooms.register(ctx.self, "a", 1);
      }),
    );
    await settle();
    system.exit(ann, "kill");
    held.open();
    await settle();
    expect(late.state).toBe("rejected");
    expect(rooms.count()).toBe(0);
  });

  it("keeps what it registered before its handler threw, if it lives: registering is no effect", async () => {
    const { rooms, ann } = await withRegistries();
    const refused = failure(
      ann.call("run", (ctx) => {
        rooms.register(ctx.self, "a", 1);
        return ctx.fail("no");
      }),
    );
    expect((await refused).code).toBe("no");
    expect(rooms.whereis("a")).toBe(ann);
  });

  it("loses the keys of each registry that it is in", async () => {
    const { system, rooms, topics, ann } = await withRegistries();
    rooms.register(ann, "a", 1);
    topics.register(ann, "t", 1);
    topics.register(ann, "t", 2);
    system.exit(ann, "kill");
    expect([rooms.count(), topics.count()]).toEqual([0, 0]);
  });

  it("tells the registry nothing, and harms it not, whatever the reason", async () => {
    const { system, rooms, ann, bob } = await withRegistries();
    rooms.register(ann, "a", 1);
    rooms.register(bob, "b", 1);
    await failure(
      ann.call("run", () => {
        throw new TypeError("boom");
      }),
    );
    await settle();
    expect(rooms.whereis("b")).toBe(bob);
    expect(system.inspect(rooms).mailbox).toBe(0);
  });

  it("frees its lock while it awaits within it", async () => {
    const { system, rooms, ann } = await withRegistries();
    const never = gate();
    const lost: unknown[] = [];
    const held = watch(
      ann.call("run", (ctx) =>
        rooms.lock(
          "k",
          (signal) => {
            signal.addEventListener("abort", () => lost.push(signal.reason));
            return never.promise;
          },
          { holder: ctx.self },
        ),
      ),
    );
    await settle();
    const next = rooms.lock("k", () => "mine");
    system.exit(ann, "kill");
    expect(await next).toBe("mine");
    expect(held.state).toBe("rejected");
    expect(lost).toMatchObject([{ code: "ERR_NO_PROCESS" }]);
  });
});

describe("a registry that ends", () => {
  it("refuses everything, and says so before it looks at the rest", async () => {
    const { system, rooms, ann } = await withRegistries();
    await system.stop(rooms);
    const gone = expect.objectContaining({ code: "ERR_NO_PROCESS", outcome: "not_run" });
    const uses = [
      () => rooms.register(ann, "a", 1),
      () => rooms.unregister(ann, "a"),
      () => rooms.unregisterMatch(ann, "a", () => true),
      () => rooms.lookup("a"),
      () => rooms.whereis("a"),
      () => rooms.keysOf(ann),
      () => rooms.valuesOf(ann, "a"),
      () => rooms.entries(),
      () => rooms.count(),
      () => rooms.countKey("a"),
      () => rooms.dispatch("a", () => 1),
      () => rooms.updateValue(ann, "a", () => 1),
    ];
    for (const use of uses) expect(use).toThrow(gone);
    expect((await failure(rooms.lock("k", () => 1))).code).toBe("ERR_NO_PROCESS");
  });

  it("takes its owners with it, also when it is stopped as normal", async () => {
    for (const reason of ["normal", "shutdown", "killed"] as const) {
      const { system, rooms, ann, bob, reports } = await withRegistries();
      const log: string[] = [];
      const trapping = await system.start(Trapping, log);
      rooms.register(ann, "a", 1);
      rooms.register(trapping, "t", 1);
      await system.stop(rooms, { reason });
      const seen = reason === "normal" ? "shutdown" : reason;
      expect(reports).toContain(`exit member ${seen}`);
      expect(await bob.call("ping")).toBe("pong");
      expect(await trapping.call("ping")).toBe("pong");
      expect(log).toEqual([`${rooms} ${seen}`]);
    }
  });

  it("is closed to whoever hears of the first end that it causes", async () => {
    const { system, rooms, ann, bob } = await withRegistries();
    rooms.register(ann, "a", 1);
    const tried: string[] = [];
    system.events.on("exit", ({ ref }) => {
      if (ref !== ann) return;
      try {
        rooms.register(bob, "b", 1);
      } catch (error) {
        tried.push((error as { code: string }).code);
      }
    });
    await system.stop(rooms);
    expect(tried).toEqual(["ERR_NO_PROCESS"]);
    expect(await bob.call("ping")).toBe("pong");
  });

  it("refuses those who wait for a lock and tells those who have one", async () => {
    const { system, rooms } = await withRegistries();
    const never = gate<string>();
    const lost: unknown[] = [];
    const held = watch(
      rooms.lock("k", (signal) => {
        signal.addEventListener("abort", () => lost.push(signal.reason));
        return never.promise;
      }),
    );
    const waiting = watch(rooms.lock("k", () => 1));
    system.exit(rooms, "kill");
    await settle();
    expect(waiting.error).toMatchObject({ code: "ERR_NO_PROCESS", outcome: "not_run" });
    expect(lost).toMatchObject([{ code: "ERR_NO_PROCESS" }]);
    never.open("done");
    await settle();
    expect(held.value).toBe("done");
  });

  it("does not touch the keys that an owner has elsewhere, nor an owner that has left", async () => {
    const { system, rooms, topics, ann, bob } = await withRegistries();
    rooms.register(bob, "b", 1);
    topics.register(bob, "t", 1);
    rooms.unregister(bob, "b");
    rooms.register(ann, "a", 1);
    system.exit(rooms, "kill");
    await settle();
    expect(shown(topics.lookup("t"))).toEqual([`${bob}=1`]);
  });

  it("survives exit signals that are not its supervisor's", async () => {
    const { system, rooms, ann } = await withRegistries();
    system.exit(rooms, "shutdown");
    await ann.call("run", (ctx) => ctx.link(rooms));
    system.exit(ann, "kill");
    await settle();
    expect(rooms.count()).toBe(0);
  });
});

describe("a link between owner and registry", () => {
  it("is there once, from the first key to the last", async () => {
    const { system, rooms, ann } = await withRegistries();
    const links = () => system.inspect(ann).links;
    expect(links()).toEqual([]);
    rooms.register(ann, "a", 1);
    rooms.register(ann, "b", 1);
    expect(links()).toEqual([rooms]);
    rooms.unregister(ann, "a");
    expect(links()).toEqual([rooms]);
    rooms.unregister(ann, "b");
    expect(links()).toEqual([]);
    expect(system.inspect(rooms).links).toEqual([]);
  });

  it("is not made by a register that is refused", async () => {
    const { system, rooms, ann, bob } = await withRegistries();
    rooms.register(ann, "a", 1);
    expect(() => rooms.register(bob, "a", 1)).toThrow("is taken");
    expect(system.inspect(bob).links).toEqual([]);
  });

  it("leaves alone the one with the process that started the registry", async () => {
    const { system, ann } = await withRegistries();
    await ann.call("run", async (ctx) => {
      const own = await ctx.startLink(registry({ name: "own", keys: "unique" }));
      own.register(ctx.self, "a");
      own.unregister(ctx.self, "a");
      own.register(ctx.self, "b");
    });
    const own = system.whereis("own") as AnyRef;
    expect(system.inspect(own).links).toEqual([ann]);
    system.exit(ann, "kill");
    await settle();
    expect(system.whereis("own")).toBeUndefined();
  });

  it("is none when the registry has a key in itself", async () => {
    const { system, rooms } = await withRegistries();
    rooms.register(rooms, "self", 1);
    expect(rooms.whereis("self")).toBe(rooms);
    expect(system.inspect(rooms).links).toEqual([]);
    await system.stop(rooms);
  });
});

describe("a listener", () => {
  it("that has ended makes dead letters, and nobody else notices", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    const listener = await system.start(Listener, log);
    const listeners = [listener, "nobody", "later"];
    const keys = await system.start(registry({ keys: "unique", listeners }));
    const [ann] = [await system.start(Member)];
    await system.stop(listener);
    reports.length = 0;
    await system.start(Listener, log, { name: "later" });
    keys.register(ann, "a");
    await settle();
    expect(keys.whereis("a")).toBe(ann);
    expect(reports).toEqual(["dead info register no_process", "dead info register no_process"]);
    expect(log).toEqual([`${keys}: ${ann} has a=undefined`]);
  });

  it("that is no listener is reported, and disturbs nothing", async () => {
    const { system, reports } = testSystem();
    const listeners = [await system.start(Member)];
    const keys = await system.start(registry({ keys: "unique", listeners }));
    const ann = await system.start(Member);
    keys.register(ann, "a");
    await settle();
    expect(reports).toEqual(["dead info register unknown_operation"]);
    expect(keys.whereis("a")).toBe(ann);
  });
});

describe("a function that is called back", () => {
  it("sees the entries as they were, whatever it does to them", async () => {
    const { system, topics, ann, bob } = await withRegistries();
    topics.register(ann, "t", 1);
    const seen = topics.dispatch("t", (entries) => {
      topics.register(bob, "t", 2);
      topics.unregister(ann, "t");
      topics.dispatch("t", (inner) => expect(shown(inner)).toEqual([`${bob}=2`]));
      system.exit(bob, "kill");
      return shown(entries);
    });
    expect(seen).toEqual([`${ann}=1`]);
    expect(topics.count()).toBe(0);
  });

  it("that throws harms nothing: what it threw is its caller's", async () => {
    const { rooms, ann } = await withRegistries();
    rooms.register(ann, "a", 1);
    const boom = () => {
      throw new TypeError("boom");
    };
    expect(() => rooms.dispatch("a", boom)).toThrow(TypeError);
    expect(() => rooms.updateValue(ann, "a", boom)).toThrow(TypeError);
    expect(() => rooms.unregisterMatch(ann, "a", boom)).toThrow(TypeError);
    expect(rooms.lookup("a")).toEqual([{ ref: ann, value: 1 }]);
  });

  it("may take the key away under the update that it is", async () => {
    const { system, rooms, ann, bob } = await withRegistries();
    const moves: readonly ((owner: AnyRef) => void)[] = [
      (owner) => rooms.unregister(owner, "a"),
      (owner) => {
        rooms.unregister(owner, "a");
        rooms.register(owner, "a", 5);
      },
      (owner) => system.exit(owner, "kill"),
    ];
    for (const move of moves) {
      const owner = await system.start(Member);
      rooms.register(owner, "a", 1);
      const update = () =>
        rooms.updateValue(owner, "a", (n) => {
          move(owner);
          return n + 1;
        });
      expect(update).toThrow(expect.objectContaining({ code: "ERR_NOT_REGISTERED" }));
      expect(rooms.lookup("a").map(({ value }) => value)).not.toContain(2);
      if (rooms.countKey("a") > 0) rooms.unregister(owner, "a");
    }
    rooms.register(bob, "a", 1);
    const nested = rooms.updateValue(bob, "a", (n) => {
      rooms.updateValue(bob, "a", () => 10);
      return n + 1;
    });
    expect(nested).toEqual({ value: 2, previous: 1 });
    expect(await ann.call("ping")).toBe("pong");
  });

  it("may take entries away under the match that it is", async () => {
    const { topics, ann } = await withRegistries();
    for (const value of [1, 2]) topics.register(ann, "t", value);
    topics.unregisterMatch(ann, "t", (value) => {
      if (value === 1) topics.unregister(ann, "t");
      return true;
    });
    expect(topics.count()).toBe(0);
  });

  it("waits for itself in vain when it asks for its own lock", async () => {
    const { rooms, clock } = await withRegistries();
    const inner = rooms.lock("k", () => failure(rooms.lock("k", () => 1, { timeout: 100 })));
    await clock.advanceAsync(100);
    expect((await inner).code).toBe("ERR_LOCK_TIMEOUT");
  });
});

describe("many keys", () => {
  it("cost a death what the dead one had, and nothing of the others", async () => {
    const { system, rooms, topics, bob } = await withRegistries();
    const many = await Promise.all(Array.from({ length: 200 }, () => system.start(Member)));
    for (const [n, ref] of many.entries()) {
      rooms.register(ref, `key ${n}`, n);
      for (let copy = 0; copy < 3; copy += 1) topics.register(ref, "all", n);
    }
    topics.register(bob, "all", -1);
    for (const ref of many) system.exit(ref, "kill");
    expect(rooms.count()).toBe(0);
    expect(shown(topics.lookup("all"))).toEqual([`${bob}=-1`]);
    expect(system.inspect(topics).links).toEqual([bob]);
  });
});
