/** Keys as names: `via`, and refs that look a key or a name up at each use. */
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type AnyRef,
  child,
  defineActor,
  registry,
  supervisor,
  type UniqueRegistryDefinition,
  via,
} from "../../src/index.ts";
import { Counter, failure, gate, settle, testSystem } from "../support/harness.ts";
import { Listener, Member, Trapping } from "../support/member.ts";

const Rooms = registry<string, number | undefined>({ name: "rooms", keys: "unique" });

/** An actor whose init is given by the test. */
const Started = defineActor("started", {
  init: (init: (self: AnyRef) => unknown, ctx) => init(ctx.self),
  calls: { ping: () => "pong" },
});

describe("a key as a name", () => {
  it("is given before init runs, with its value", async () => {
    const { system } = testSystem();
    const rooms = await system.start(Rooms);
    const seen: unknown[] = [];
    const look = (self: AnyRef) => {
      seen.push(rooms.whereis("lobby") === self, rooms.valuesOf(self, "lobby"));
      return {};
    };
    const ref = await system.start(Started, look, { name: via(rooms, "lobby", 7) });
    expect(seen).toEqual([true, [7]]);
    expect(rooms.whereis("lobby")).toBe(ref);
    expect(system.whereis("lobby")).toBeUndefined();
  });

  it("is free again before a failed start is reported", async () => {
    const { system } = testSystem();
    const rooms = await system.start(Rooms);
    const held = gate<object>();
    const name = via(rooms, "lobby");
    const starting = failure(system.start(Started, () => held.promise, { name }));
    await settle();
    expect(rooms.countKey("lobby")).toBe(1);
    const seen = starting.then(({ code }) => [code, rooms.countKey("lobby")]);
    held.fail(new TypeError("no"));
    expect(await seen).toEqual(["ERR_START", 0]);
    await system.start(Member, undefined, { name });
    expect(rooms.countKey("lobby")).toBe(1);
  });

  it("is refused when it is taken, without a second process", async () => {
    const { system, reports } = testSystem();
    const rooms = await system.start(Rooms);
    const name = via(rooms, "lobby");
    const first = await system.start(Member, undefined, { name });
    const never = () => {
      throw new TypeError("init ran");
    };
    const error = await failure(system.start(Started, never, { name }));
    expect(error).toMatchObject({
      code: "ERR_ALREADY_STARTED",
      outcome: "not_run",
      registeredName: "lobby in registry <1>",
      ref: first,
    });
    expect(system.inspectTree().length).toBe(2);
    expect(reports).toEqual([]);
  });

  it("leaves no trace of a refused start with a parent", async () => {
    const { system } = testSystem();
    const rooms = await system.start(Rooms);
    const parent = await system.start(Member);
    rooms.register(parent, "lobby");
    const starting = parent.call("run", (ctx) =>
      ctx.startLink(Member, undefined, { name: via(rooms, "lobby") }).catch(() => "refused"),
    );
    expect(await starting).toBe("refused");
    const before = system.inspectTree().length;
    const exits: string[] = [];
    system.events.on("exit", ({ ref }) => exits.push(`${ref}`));
    system.exit(parent, "kill");
    await settle();
    expect(exits).toEqual([`${parent}`]);
    expect(system.inspectTree().length).toBe(before - 1);
  });

  it("is looked up in a registry by definition or by name, at the start", async () => {
    const { system } = testSystem();
    const byDefinition = via(Rooms, "a", 1);
    const byName = via("rooms", "b", 2);
    for (const name of [byDefinition, byName]) {
      const error = await failure(system.start(Member, undefined, { name }));
      expect([error.code, error.outcome]).toEqual(["ERR_NO_PROCESS", "not_run"]);
    }
    const rooms = await system.start(Rooms);
    await system.start(Member, undefined, { name: byDefinition });
    await system.start(Member, undefined, { name: byName });
    expect(rooms.entries().map(({ key, value }) => [key, value])).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect([`${byDefinition}`, `${byName}`]).toEqual(["a in rooms", "b in rooms"]);
  });

  it("is refused where there is no such registry", async () => {
    const { system } = testSystem();
    const other = testSystem();
    await system.start(Member, undefined, { name: "rooms" });
    const foreign = await other.system.start(Rooms);
    const ended = await system.start(Rooms, { name: "halls" });
    await system.stop(ended);
    const codes = async (name: ReturnType<typeof via>) =>
      (await failure(system.start(Member, undefined, { name }))).code;
    expect(await codes(via("rooms", "a"))).toBe("ERR_INVALID_OPTION");
    expect(await codes(via(Rooms, "a"))).toBe("ERR_INVALID_OPTION");
    expect(await codes(via(foreign, "a"))).toBe("ERR_INVALID_OPTION");
    expect(await codes(via(ended, "a"))).toBe("ERR_NO_PROCESS");
    const nameless: UniqueRegistryDefinition<string, undefined> = registry({ keys: "unique" });
    expect(() => via(nameless, "a")).toThrow("invalid option name of the registry");
    for (const none of ["", undefined, 7, {}, Member]) {
      expect(() => via(none as "rooms", "a")).toThrow("invalid option registry");
    }
  });

  it("goes with its process, and comes back with the next one", async () => {
    const { system } = testSystem();
    await system.start(
      supervisor({
        strategy: "rest_for_one",
        children: [
          child(Rooms, { id: "rooms" }),
          child(Counter, { start: 0 }, { id: "c", name: via(Rooms, "c") }),
        ],
      }),
    );
    const counter = Rooms.in(system).ref("c", Counter);
    const first = Rooms.in(system).whereis("c");
    await counter.call("add", 5);
    await failure(counter.call("crash"));
    await settle();
    expect(await counter.query("get")).toBe(0);
    expect(Rooms.in(system).whereis("c")).not.toBe(first);
  });

  it("is free for the next one when a process crashes and another takes it at once", async () => {
    const { system } = testSystem();
    const rooms = await system.start(Rooms);
    const name = via(rooms, "c");
    const counter = await system.start(Counter, { start: 0 }, { name });
    const taken = failure(counter.call("crash")).then(() =>
      system.start(Counter, { start: 9 }, { name }),
    );
    expect(await (await taken).query("get")).toBe(9);
  });

  it("is typed by the registry", () => {
    const Numbers = registry<number, string>({ name: "numbers", keys: "unique" });
    expectTypeOf(via(Numbers, 1, "one")).toEqualTypeOf(via("numbers", 1));
    // @ts-expect-error the key is a number
    via(Numbers, "1", "one");
    // @ts-expect-error the value is missing
    via(Numbers, 1);
  });
});

describe("a ref by key", () => {
  it("reaches whoever has the key, also after the registry itself came back", async () => {
    const { system, reports } = testSystem();
    const first = await system.start(Rooms);
    const counter = first.ref("c", Counter);
    expect((await failure(counter.call("add", 1))).message).toBe(
      'counter "c" in registry "rooms" is not running',
    );
    counter.cast("bump", 1);
    counter.cast("crash");
    expect(reports).toEqual(["dead cast bump no_process", "dead cast crash no_process"]);
    await system.start(Counter, { start: 1 }, { name: via(Rooms, "c") });
    expect(await counter.call("add", 1)).toBe(2);
    system.exit(first, "kill");
    await settle();
    expect((await failure(counter.query("get"))).code).toBe("ERR_NO_PROCESS");
    await system.start(Rooms);
    await system.start(Counter, { start: 5 }, { name: via(Rooms, "c") });
    expect(await counter.query("get")).toBe(5);
  });

  it("finds nobody once a registry without a name has ended", async () => {
    const { system } = testSystem();
    const rooms = await system.start(registry({ keys: "unique" }));
    const ref = rooms.ref("c");
    rooms.register(await system.start(Member), "c");
    expect(await ref.call("ping")).toBe("pong");
    await system.stop(rooms);
    expect((await failure(ref.call("ping"))).code).toBe("ERR_NO_PROCESS");
  });

  it("can own keys, hold locks, be stopped and be monitored as the process that it means", async () => {
    const { system } = testSystem();
    const rooms = await system.start(Rooms);
    const member = await system.start(Member, undefined, { name: via(rooms, "m") });
    const ref = rooms.ref("m", Member);
    rooms.register(ref, "second");
    expect(rooms.keysOf(member)).toEqual(["m", "second"]);
    expect(await rooms.lock("k", () => "locked", { holder: ref })).toBe("locked");
    const reasons: unknown[] = [];
    system.monitor(ref, ({ reason }) => reasons.push(reason));
    await system.stop(ref);
    expect(reasons).toEqual(["normal"]);
    expect(() => rooms.register(ref, "third")).toThrow('member "m" in registry "rooms"');
    expect((await failure(rooms.lock("k", () => 1, { holder: ref }))).code).toBe("ERR_NO_PROCESS");
    expect((await failure(system.stop(ref))).code).toBe("ERR_NO_PROCESS");
  });

  it("can be linked, watched and told to exit from within a handler", async () => {
    const { system } = testSystem();
    const rooms = await system.start(Rooms);
    const log: string[] = [];
    const name = via(rooms, "t");
    const trapping = await system.start(Trapping, log, { name });
    const peer = await system.start(Member);
    const ref = rooms.ref("t", Trapping);
    await peer.call("run", (ctx) => {
      ctx.link(ref);
      ctx.send(ref, "unknown");
    });
    system.exit(peer, "kill");
    await settle();
    expect(log).toEqual([`${peer} killed`]);
    expect(await trapping.call("ping")).toBe("pong");
  });
});

describe("a ref by name", () => {
  it("reaches the process that has the name, across restarts", async () => {
    const { system, reports } = testSystem();
    const counter = system.ref("c1", Counter);
    expect((await failure(counter.call("add", 1))).outcome).toBe("not_run");
    counter.cast("bump", 1);
    expect(reports).toEqual(["dead cast bump no_process"]);
    const children = [child(Counter, { start: 3 }, { name: "c1" })];
    await system.start(supervisor({ strategy: "one_for_one", children }));
    expect(await counter.call("add", 1)).toBe(4);
    const { id } = counter.address;
    await failure(counter.call("crash"));
    await settle();
    expect(await counter.query("get")).toBe(3);
    expect(counter.address.id).not.toBe(id);
  });

  it("delivers messages to info handlers, and refuses a bad name", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    await system.start(Listener, log, { name: "listener" });
    const listener = system.ref("listener", Listener);
    const rooms = await system.start(Rooms);
    listener.send("unregister", { registry: rooms, key: 1, ref: rooms });
    await settle();
    expect(log).toEqual([`${rooms}: ${rooms} leaves 1`]);
    expect(() => system.ref("")).toThrow("invalid option name");
  });
});
