/** Elixir's Registry, statement by statement. */
import { describe, expect, it } from "vitest";
import { OptionError, registry, via } from "../../src/index.ts";
import { failure, gate, settle, testSystem, watch } from "../support/harness.ts";
import { Listener, Member, shown, Trapping } from "../support/member.ts";

describe("a registry", () => {
  it("86. Unique key: a second register throws AlreadyRegisteredError with the ref of the owner; the owner's death frees the key at once, even if the registry is delayed", async () => {
    const { system } = testSystem();
    const keys = await system.start(registry({ keys: "unique" }));
    const [first, second] = [await system.start(Member), await system.start(Member)];
    keys.register(first, "hello");
    const again = () => keys.register(second, "hello");
    expect(again).toThrow(
      expect.objectContaining({ code: "ERR_ALREADY_REGISTERED", key: "hello", ref: first }),
    );
    expect(() => keys.register(first, "hello")).toThrow("is taken");
    expect(shown(keys.lookup("hello"))).toEqual(["member <2>=undefined"]);

    await system.suspend(keys);
    const seen: unknown[] = [];
    system.monitor(first, () => seen.push(keys.lookup("hello")));
    system.exit(first, "kill");
    await settle();
    expect(seen).toEqual([[]]);
    again();
    expect(keys.whereis("hello")).toBe(second);
  });

  it("87. Registering links the process to the registry; the last unregister unlinks", async () => {
    const { system } = testSystem();
    const keys = await system.start(registry({ keys: "unique" }));
    const log: string[] = [];
    const [linked, trapping] = [await system.start(Member), await system.start(Trapping, log)];
    const [left, never] = [await system.start(Member), await system.start(Member)];
    for (const ref of [linked, trapping, left]) {
      keys.register(ref, `${ref}`);
      keys.register(ref, `${ref} again`);
    }
    keys.unregister(linked, `${linked}`);
    keys.unregister(left, `${left}`);
    keys.unregister(left, `${left} again`);
    expect(() => keys.register(never, `${linked} again`)).toThrow("is taken");

    system.exit(keys, "kill");
    expect((await failure(linked.call("ping"))).code).toBe("ERR_NO_PROCESS");
    expect(await left.call("ping")).toBe("pong");
    expect(await never.call("ping")).toBe("pong");
    expect(await trapping.call("ping")).toBe("pong");
    expect(log).toEqual(["registry <1> killed"]);
  });

  it("88. Duplicate: the same process may register twice; unregister removes all its entries for the key; dispatch is not called when the key is empty", async () => {
    const { system } = testSystem();
    const topics = await system.start(registry<string, number>({ keys: "duplicate" }));
    const [one, other] = [await system.start(Member), await system.start(Member)];
    topics.register(one, "hello", 1);
    topics.register(other, "hello", 2);
    topics.register(one, "hello", 3);
    topics.register(one, "world", 4);
    expect(shown(topics.lookup("hello"))).toEqual(["member <2>=1", "member <3>=2", "member <2>=3"]);
    expect(topics.keysOf(one)).toEqual(["hello", "hello", "world"]);
    expect(topics.valuesOf(one, "hello")).toEqual([1, 3]);
    expect(topics.count()).toBe(4);

    topics.unregister(one, "hello");
    expect(shown(topics.lookup("hello"))).toEqual(["member <3>=2"]);
    expect(topics.keysOf(one)).toEqual(["world"]);
    topics.unregister(other, "hello");
    const never = () => {
      throw new TypeError("it was called");
    };
    expect(topics.dispatch("hello", never)).toBeUndefined();
    expect(topics.dispatch("world", (entries) => shown(entries))).toEqual(["member <2>=4"]);
  });

  it("89. Listeners get register and unregister events; updateValue works for the owner only; key equality is strict (1 is not 1n)", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const byRef = await system.start(Listener, log);
    await system.start(Listener, log, { name: "listener" });
    const keys = await system.start(
      registry<unknown, number>({ name: "keys", keys: "unique", listeners: [byRef, "listener"] }),
    );
    const [owner, other] = [await system.start(Member), await system.start(Member)];
    keys.register(owner, 1, 10);
    keys.register(owner, 1n, 20);
    keys.register(owner, "1", 30);
    expect(keys.keysOf(owner)).toEqual([1, 1n, "1"]);
    expect(keys.lookup(1)).toEqual([{ ref: owner, value: 10 }]);
    keys.unregister(owner, 1n);
    await settle();
    const told = ["has 1=10", "has 1=20", "has 1=30", "leaves 1"];
    const twice = told.flatMap((event) => [event, event]);
    expect(log.map((line) => line.replace(/^.*member <4> /, "")).sort()).toEqual(twice.sort());

    const never = () => {
      throw new TypeError("it was called");
    };
    expect(() => keys.updateValue(other, 1, never)).toThrow("does not have the key 1");
    expect(() => keys.updateValue(other, "none", never)).toThrow('does not have the key "none"');
    expect(keys.updateValue(owner, 1, (n) => n + 1)).toEqual({ value: 11, previous: 10 });
    expect(keys.lookup(1)).toEqual([{ ref: owner, value: 11 }]);
  });

  it("90. A registry with duplicate keys cannot be a via name", async () => {
    const { system } = testSystem();
    const Topics = registry({ name: "topics", keys: "duplicate" });
    const topics = await system.start(Topics);
    // @ts-expect-error the keys are not unique
    expect(() => via(Topics, "hello")).toThrow(OptionError);
    // @ts-expect-error the keys are not unique
    expect(() => via(topics, "hello")).toThrow(OptionError);
    const error = await failure(system.start(Member, undefined, { name: via("topics", "hello") }));
    expect([error.code, error.outcome]).toEqual(["ERR_INVALID_OPTION", "not_run"]);
    expect(topics.count()).toBe(0);
  });

  it("91. lock(key) is exclusive per key and freed when its function throws or its holder is killed; a killed waiter does not block", async () => {
    const { system } = testSystem();
    const keys = await system.start(registry({ keys: "unique" }));
    const log: string[] = [];
    const holder = await system.start(Member);
    const waiter = await system.start(Member);
    const never = gate();
    const held = watch(keys.lock("k", () => never.promise, { holder }));
    const waiting = watch(keys.lock("k", () => log.push("waiter"), { holder: waiter }));
    const throwing = watch(
      keys.lock("k", () => {
        log.push("throwing");
        throw new TypeError("oops");
      }),
    );
    const last = watch(keys.lock("k", () => log.push("last")));
    expect(await keys.lock("other", () => "free")).toBe("free");
    expect(log).toEqual([]);

    system.exit(waiter, "kill");
    system.exit(holder, "kill");
    await settle();
    expect(log).toEqual(["throwing", "last"]);
    expect([held.state, waiting.state, throwing.state, last.state]).toEqual([
      "pending",
      "rejected",
      "rejected",
      "resolved",
    ]);
    expect(await keys.lock("k", () => "done")).toBe("done");
  });
});
