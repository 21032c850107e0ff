/** What a caller or a definition may get wrong: a typed error says what was expected. */
import { describe, expect, it } from "vitest";
import { createSystem, defineActor, OptionError } from "../../src/index.ts";
import { Counter, crash, failure, Puppet, settle, testSystem } from "../statements/support.ts";

/** Defines an actor from what the compiler would refuse. */
const define = (spec: unknown, name: unknown = "odd") =>
  (defineActor as (name: unknown, spec: unknown) => unknown)(name, spec);

const init = () => ({});

describe("a definition", () => {
  const refused: readonly (readonly [spec: unknown, message: string])[] = [
    [undefined, "invalid option definition: expected an object, got undefined"],
    [[], "invalid option definition: expected an object, got an array"],
    [{}, "invalid option init: expected a function, got undefined"],
    [{ init: {} }, "invalid option init: expected a function, got an object"],
    [{ init, calls: { add: 5 } }, "invalid option calls.add: expected a function, got 5"],
    [{ init, queries: { get: null } }, "invalid option queries.get: expected a function"],
    [{ init, casts: { set: "x" } }, 'invalid option casts.set: expected a function, got "x"'],
    [{ init, info: { tick: {} } }, "invalid option info.tick: expected a function, got an object"],
    [{ init, continue: { load: 1 } }, "invalid option continue.load: expected a function, got 1"],
    [{ init, calls: [crash] }, "invalid option calls: expected an object, got an array"],
    [{ init, calls: { "": init } }, "invalid option calls operation: expected a non-empty string"],
    [{ init, terminate: true }, "invalid option terminate: expected a function, got true"],
    [{ init, trapExit: 1 }, "invalid option trapExit: expected true or false, got 1"],
    [{ init, version: -1 }, "invalid option version: expected an integer >= 0, got -1"],
    [
      { init, queries: { get: init }, calls: { get: init } },
      'invalid option calls.get: expected a name that is not also a query, got "get"',
    ],
  ];
  for (const [spec, message] of refused) {
    it(`is refused: ${message}`, () => {
      expect(() => define(spec)).toThrow(OptionError);
      expect(() => define(spec)).toThrow(message);
    });
  }

  it("must have a name", () => {
    for (const name of ["", 0, 7, {}]) expect(() => define({ init }, name)).toThrow("option name");
  });

  it("has no operations but its own, whatever an object inherits", async () => {
    const { system } = testSystem();
    const ref = await system.start(define({ init, calls: { go: () => 1 } }) as typeof Puppet, []);
    for (const operation of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      expect((await failure(ref.call(operation as "run", crash))).code).toBe(
        "ERR_UNKNOWN_OPERATION",
      );
      expect(() => ref.cast(operation as "note", "x")).not.toThrow();
    }
  });

  it("that defineActor did not make is refused by name", async () => {
    const { system } = testSystem();
    for (const definition of [undefined, null, "counter", {}, { init }, { name: "odd", init }]) {
      const error = await failure(system.start(definition as never));
      expect([error.code, error.outcome]).toEqual(["ERR_INVALID_OPTION", "not_run"]);
      expect(error.message).toContain("invalid option definition");
    }
    expect(system.inspectTree()).toEqual([]);
  });
});

describe("a call", () => {
  it("of an operation that there is not names those that there are, by kind", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    const error = await failure(ref.call("sub" as "add", 1));
    expect(error.message).toBe('counter <1> has no call "sub"; it has add, take, crash, wait');
    expect(error.data).toMatchObject({ kind: "call", operation: "sub" });
    expect((await failure(ref.query("add" as "get"))).message).toBe(
      'counter <1> has no query "add"; it has get',
    );
    const Empty = defineActor("empty", { init });
    const empty = await system.start(Empty);
    const none = failure((empty as typeof ref).call("add", 1));
    expect((await none).message).toBe('empty <2> has no call "add"; it has none');
    expect((await failure(ref.call(undefined as never))).code).toBe("ERR_UNKNOWN_OPERATION");
  });

  it("with bad options is refused before it is queued", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    for (const options of [{ timeout: -1 }, { timeout: "5" }, { timeout: Number.NaN }, 5000]) {
      const error = await failure(ref.call("add", 1, options as object));
      expect([error.code, error.outcome]).toEqual(["ERR_INVALID_OPTION", "not_run"]);
    }
    const aborted = await failure(ref.call("add", 1, { signal: AbortSignal.abort("why") }));
    expect([aborted.code, aborted.outcome, aborted.cause]).toEqual([
      "ERR_CALL_ABORTED",
      "not_run",
      "why",
    ]);
    expect(await ref.query("get")).toBe(0);
  });

  it("with a timeout of 0 fails unless the answer is there by then", async () => {
    const { system, clock } = testSystem();
    const ref = await system.start(Puppet, []);
    const late = failure(ref.call("run", () => new Promise(() => {}), { timeout: 0 }));
    await clock.advanceAsync(0);
    expect((await late).code).toBe("ERR_CALL_TIMEOUT");
  });
});

describe("a refusal", () => {
  it("must have a code", async () => {
    const { system } = testSystem();
    for (const code of ["", undefined, 7, {}]) {
      const ref = await system.start(Puppet, []);
      const error = await failure(ref.call("run", (ctx) => ctx.fail(code as string)));
      expect(error.message).toContain("invalid option code: expected a non-empty string");
    }
  });
});

describe("a listener", () => {
  it("that throws hides the event from no other, and is called once when asked for once", async () => {
    const lines: string[] = [];
    const logger = { warn() {}, error: (line: string) => lines.push(line) };
    const { system } = testSystem({ logger });
    const seen: string[] = [];
    const bad = () => {
      throw new Error("bad listener");
    };
    const removed = () => seen.push("removed");
    system.events.on("exit", bad);
    system.events.once("exit", () => seen.push("once"));
    system.events.on("exit", () => seen.push("on"));
    system.events.on("exit", removed);
    system.events.off("exit", removed);
    for (let n = 0; n < 2; n += 1) await system.stop(await system.start(Puppet, []));
    expect(seen).toEqual(["once", "on", "on"]);
    expect(lines).toEqual(new Array(2).fill('a listener of "exit" threw'));
    system.events.off("exit", bad);
    expect(system.events.listenerCount("exit")).toBe(2);
    expect(() => system.events.on("exit", "listener" as never)).toThrow("option listener");
  });

  it("that stops, starts and calls processes does not disturb the runtime", async () => {
    const { system } = testSystem();
    const seen: unknown[] = [];
    system.events.once("exit", () => {
      void system.start(Counter, { start: 7 }, { name: "next" });
      system.exit(system.ref("other"), "kill");
    });
    const [ref, other] = [
      await system.start(Puppet, [], { name: "next" }),
      await system.start(Puppet, [], { name: "other" }),
    ];
    system.monitor(other, ({ reason }) => seen.push(reason));
    await system.stop(ref);
    await settle();
    expect([await system.ref("next").query("get"), seen]).toEqual([7, ["killed"]]);
  });
});

describe("a system", () => {
  it("refuses bad options by name", () => {
    const refused: readonly (readonly [options: unknown, message: string])[] = [
      [5, "invalid option options"],
      [{ clock: 5 }, "invalid option clock"],
      [{ random: 5 }, "invalid option random"],
      [{ mailboxCapacity: 1.5 }, "invalid option mailboxCapacity"],
      [{ shutdownTimeout: -1 }, "invalid option shutdownTimeout"],
      [{ signals: "SIGTERM" }, "invalid option signals"],
      [{ signals: [""] }, "invalid option signals"],
      [{ cloneMessages: "yes" }, "invalid option cloneMessages"],
    ];
    for (const [options, message] of refused) {
      expect(() => createSystem(options as object)).toThrow(message);
    }
  });
});
