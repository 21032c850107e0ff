/** What a registry does for an application. The rules of OTP are in statements/registry. */
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type AnyRef,
  child,
  type Ref,
  type RegistryRef,
  registry,
  supervisor,
  type UniqueRegistryRef,
} from "../../src/index.ts";
import { Counter, failure, settle, testSystem } from "../support/harness.ts";
import { Listener, Member, shown } from "../support/member.ts";

const Rooms = registry<string, number>({ name: "rooms", keys: "unique" });
const Topics = registry<string, number>({ name: "topics", keys: "duplicate" });

/** A system with both kinds of registries and two members. */
async function withRegistries() {
  const all = testSystem();
  const rooms = await all.system.start(Rooms);
  const topics = await all.system.start(Topics);
  const [ann, bob] = [await all.system.start(Member), await all.system.start(Member)];
  return { ...all, rooms, topics, ann, bob };
}

describe("a registry of unique keys", () => {
  it("finds a process by its key, typed by its definition", async () => {
    const { system, rooms } = await withRegistries();
    const counter = await system.start(Counter, { start: 1 });
    expect(rooms.whereis("c")).toBeUndefined();
    rooms.register(counter, "c", 7);
    expect(rooms.whereis("c")).toBe(counter);
    expect(await rooms.whereis("c", Counter)?.call("add", 1)).toBe(2);
    expect(() => rooms.whereis("c", Member)).toThrow('expected "counter"');
    expect(rooms.lookup("c")).toEqual([{ ref: counter, value: 7 }]);
  });

  it("gives a process any number of keys, and takes all of them when it ends", async () => {
    const { system, rooms, ann, bob } = await withRegistries();
    for (const key of ["a", "b", "c"]) rooms.register(ann, key, 1);
    rooms.register(bob, "d", 2);
    expect(rooms.keysOf(ann)).toEqual(["a", "b", "c"]);
    await system.stop(ann);
    expect(rooms.entries()).toEqual([{ key: "d", ref: bob, value: 2 }]);
    expect([rooms.count(), rooms.countKey("a"), rooms.countKey("d")]).toEqual([1, 0, 1]);
    expect(rooms.keysOf(ann)).toEqual([]);
    expect(rooms.valuesOf(ann, "a")).toEqual([]);
  });

  it("takes a key back on request, and minds no key that was never given", async () => {
    const { rooms, ann, bob } = await withRegistries();
    rooms.register(ann, "a", 1);
    rooms.unregister(ann, "none");
    rooms.unregister(bob, "a");
    expect(rooms.whereis("a")).toBe(ann);
    rooms.unregister(ann, "a");
    rooms.unregister(ann, "a");
    expect(rooms.whereis("a")).toBeUndefined();
    rooms.register(bob, "a", 2);
    expect(rooms.whereis("a")).toBe(bob);
  });

  it("frees a key before anybody hears of the end: callers, monitors, links and events", async () => {
    const { system, rooms } = await withRegistries();
    const seen: string[] = [];
    const look = (who: string) => seen.push(`${who} ${rooms.countKey("c")}`);
    const counter = await system.start(Counter, { start: 0 });
    rooms.register(counter, "c", 1);
    system.monitor(counter, () => look("monitor"));
    system.events.on("exit", () => look("event"));
    const crashing = failure(counter.call("crash")).then(() => look("caller"));
    await crashing;
    await settle();
    expect(seen.sort()).toEqual(["caller 0", "event 0", "monitor 0"]);
  });

  it("takes keys of any kind, as a Map does", async () => {
    const { system } = await withRegistries();
    const any = await system.start(registry<unknown>({ keys: "unique" }));
    const member = await system.start(Member);
    const object = {};
    for (const key of [object, Number.NaN, null, undefined, 0]) any.register(member, key);
    expect(any.whereis(object)).toBe(member);
    expect(any.whereis({})).toBeUndefined();
    expect(any.whereis(Number.NaN)).toBe(member);
    expect(any.whereis(-0)).toBe(member);
    expect(() => any.register(member, undefined)).toThrow("the key undefined is taken");
  });
});

describe("a registry of duplicate keys", () => {
  it("calls with all that is registered, in order, and returns the result", async () => {
    const { topics, ann, bob } = await withRegistries();
    topics.register(bob, "t", 1);
    topics.register(ann, "t", 2);
    expect(topics.dispatch("t", shown)).toEqual([`${bob}=1`, `${ann}=2`]);
    expect(await topics.dispatch("t", async (entries) => entries.length)).toBe(2);
  });

  it("takes back those entries whose value matches", async () => {
    const { topics, ann, bob } = await withRegistries();
    for (const value of [1, 2, 3]) topics.register(ann, "t", value);
    topics.register(bob, "t", 2);
    topics.unregisterMatch(ann, "t", (value) => value > 1);
    expect(shown(topics.lookup("t"))).toEqual([`${ann}=1`, `${bob}=2`]);
    topics.unregisterMatch(ann, "t", (value) => value > 1);
    expect(topics.countKey("t")).toBe(2);
  });

  it("has nothing that needs a single process", async () => {
    const { system, topics } = await withRegistries();
    const misused = topics as UniqueRegistryRef<string, number>;
    for (const use of [
      () => misused.whereis("t"),
      () => misused.ref("t"),
      () => misused.updateValue(misused, "t", (n) => n),
    ]) {
      expect(use).toThrow('expected "unique"');
    }
    expectTypeOf(topics).toEqualTypeOf<RegistryRef<string, number>>();
    expect(Topics.in(system)).toBe(topics);
  });
});

describe("what a registry refuses", () => {
  it("owners that have ended, or are no processes of its system", async () => {
    const { system, rooms, ann } = await withRegistries();
    const other = testSystem();
    const foreign = await other.system.start(Member);
    await system.stop(ann);
    expect(() => rooms.register(ann, "a", 1)).toThrow(
      expect.objectContaining({ code: "ERR_NO_PROCESS", outcome: "not_run" }),
    );
    expect(() => rooms.updateValue(ann, "a", (n) => n)).toThrow("does not have the key");
    rooms.unregister(ann, "a");
    for (const owner of [foreign, undefined, null, "rooms", {}] as unknown as AnyRef[]) {
      const refused = expect.objectContaining({ code: "ERR_INVALID_OPTION", outcome: "not_run" });
      for (const use of [
        () => rooms.register(owner, "a", 1),
        () => rooms.unregister(owner, "a"),
        () => rooms.keysOf(owner),
        () => rooms.valuesOf(owner, "a"),
        () => rooms.updateValue(owner, "a", (n) => n),
      ]) {
        expect(use).toThrow(refused);
      }
    }
    expect(rooms.count()).toBe(0);
  });

  it("what is no function", async () => {
    const { rooms, ann } = await withRegistries();
    rooms.register(ann, "a", 1);
    const none = undefined as never;
    expect(() => rooms.dispatch("a", none)).toThrow("invalid option deliver");
    expect(() => rooms.updateValue(ann, "a", none)).toThrow("invalid option change");
    expect(() => rooms.unregisterMatch(ann, "a", none)).toThrow("invalid option matches");
    expect((await failure(rooms.lock("a", none))).message).toContain("invalid option work");
    const options = { timeout: -1 };
    expect((await failure(rooms.lock("a", () => 1, options))).message).toContain("timeout");
  });

  it("bad options, by name", () => {
    const bad: readonly (readonly [string, object | undefined])[] = [
      ["options", undefined],
      ["keys", {}],
      ["keys", { keys: "many" }],
      ["name", { keys: "unique", name: "" }],
      ["listeners", { keys: "unique", listeners: "log" }],
      ["listeners[1]", { keys: "unique", listeners: ["log", ""] }],
      ["listeners[0].send", { keys: "unique", listeners: [{}] }],
      ["maxLockWaiters", { keys: "unique", maxLockWaiters: -1 }],
      ["partitions", { keys: "unique", partitions: 8 }],
    ];
    for (const [option, options] of bad) {
      expect(() => registry(options as { keys: "unique" })).toThrow(`invalid option ${option}`);
    }
  });
});

describe("a registry as a process", () => {
  it("is found through its definition, where that has a name", async () => {
    const { system, rooms } = await withRegistries();
    expect(Rooms.in(system)).toBe(rooms);
    expect(system.whereis("rooms")).toBe(rooms);
    await system.stop(rooms);
    expect(() => Rooms.in(system)).toThrow('registry "rooms" is not running');
    await system.start(Member, undefined, { name: "rooms" });
    expect(() => Rooms.in(system)).toThrow("the name of no other process");
    expect(() => registry({ keys: "unique" }).in(system)).toThrow("a non-empty string");
  });

  it("takes the name of its start before that of its definition", async () => {
    const { system } = testSystem();
    const rooms = await system.start(Rooms, { name: "halls" });
    expect(system.whereis("halls")).toBe(rooms);
    expect(system.whereis("rooms")).toBeUndefined();
  });

  it("is supervised, and comes back empty under its name", async () => {
    const { system } = testSystem();
    await system.start(
      supervisor({ strategy: "one_for_one", children: [child(Rooms, { id: "rooms" })] }),
    );
    const first = Rooms.in(system);
    const member = await system.start(Member);
    first.register(member, "a", 1);
    system.exit(first, "kill");
    await settle();
    const second = Rooms.in(system);
    expect(second).not.toBe(first);
    expect(second.count()).toBe(0);
    expect(() => first.count()).toThrow("is not running");
  });

  it("names itself in errors", async () => {
    const { system, rooms, ann } = await withRegistries();
    rooms.register(ann, "a", 1);
    expect(() => rooms.register(ann, "a", 1)).toThrow('the key "a" is taken in registry "rooms"');
    const nameless = await system.start(registry<number>({ keys: "unique" }));
    nameless.register(ann, 1);
    expect(() => nameless.register(ann, 1)).toThrow(`the key 1 is taken in ${nameless}`);
  });
});

describe("the listeners of a registry", () => {
  it("are told once per change, and not of what a death changes", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const listener = await system.start(Listener, log);
    const topics = await system.start(
      registry<string, number>({ keys: "duplicate", listeners: [listener] }),
    );
    const [ann, bob] = [await system.start(Member), await system.start(Member)];
    topics.register(ann, "t", 1);
    topics.register(ann, "t", 2);
    topics.unregister(ann, "t");
    topics.unregister(ann, "t");
    topics.register(bob, "t", 3);
    await system.stop(bob);
    await settle();
    expect(log).toEqual([
      `${topics}: ${ann} has t=1`,
      `${topics}: ${ann} has t=2`,
      `${topics}: ${ann} leaves t`,
      `${topics}: ${bob} has t=3`,
    ]);
  });

  it("get messages that may be copied", async () => {
    const { system } = testSystem({ cloneMessages: true });
    const log: string[] = [];
    await system.start(Listener, log, { name: "listener" });
    const listening = registry<string, object>({ keys: "unique", listeners: ["listener"] });
    const keys = await system.start(listening);
    keys.register(await system.start(Member), "a", { deep: [1] });
    expect(await system.getState(system.ref("listener"))).toEqual([
      `${keys}: member <3> has a=[object Object]`,
    ]);
  });
});

describe("the types of a registry", () => {
  const check = (_: () => unknown) => {};

  it("are those of its keys and values", () => {
    check(async () => {
      const { rooms, ann } = await withRegistries();
      rooms.register(ann, "a", 1);
      // @ts-expect-error the value is missing
      rooms.register(ann, "a");
      // @ts-expect-error the value is a number
      rooms.register(ann, "a", "1");
      // @ts-expect-error the key is a string
      rooms.lookup(1);
      expectTypeOf(rooms.keysOf(ann)).toEqualTypeOf<readonly string[]>();
      expectTypeOf(rooms.dispatch("a", (entries) => entries[0]?.value)).toEqualTypeOf<
        number | undefined
      >();
      expectTypeOf(rooms.lock("a", async () => 1)).toEqualTypeOf<Promise<number>>();
    });
  });

  it("let a value be left out where there is none", () => {
    check(async () => {
      const { system, ann } = await withRegistries();
      const plain = await system.start(registry({ keys: "unique" }));
      expectTypeOf(plain).toEqualTypeOf<UniqueRegistryRef<string, undefined>>();
      plain.register(ann, "a");
      // @ts-expect-error there are no values
      plain.register(ann, "a", 1);
    });
  });

  it("give refs typed by a definition", () => {
    check(async () => {
      const { rooms } = await withRegistries();
      expectTypeOf(rooms.ref("c", Counter).call("add", 1)).toEqualTypeOf<Promise<number>>();
      expectTypeOf(rooms.whereis("c")).toEqualTypeOf<AnyRef | undefined>();
      expectTypeOf(rooms.ref("c")).toEqualTypeOf<AnyRef>();
      // @ts-expect-error there is no such call
      rooms.ref("c", Counter).call("bump", 1);
      const _any: Ref<object, object, object> = rooms.ref("c", Counter);
    });
  });
});
