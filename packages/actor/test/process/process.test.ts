import { describe, expect, it } from "vitest";
import { defineActor, type ProcessExitedError } from "../../src/index.ts";
import { Counter, failure, gate, settle, testSystem, word } from "../support/harness.ts";

/** The exit reason that a failed call carries. */
const reasonOf = (error: unknown) => word((error as ProcessExitedError).reason);

describe("a running process", () => {
  it("9. handles the messages of one sender in order", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Counter, { start: 0, log });
    ref.cast("bump", 10);
    const replies = [ref.call("add", 1), ref.call("add", 2), ref.query("get")];
    ref.cast("bump", 100);
    expect(await Promise.all(replies)).toEqual([11, 13, 13]);
    expect(await ref.query("get")).toBe(113);
  });

  it("never runs on the stack of the sender", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Counter, { start: 0, log });
    const reply = ref.call("add", 1);
    expect(log).toEqual([]);
    await reply;
    expect(log).toEqual(["add 1"]);
  });

  it("holds its mailbox until an async handler settles", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const held = gate();
    const ref = await system.start(Counter, { start: 0, log });
    const first = ref.call("wait", held.promise);
    const second = ref.call("add", 1);
    await settle();
    expect(log).toEqual([]);
    held.open();
    expect(await Promise.all([first, second])).toEqual([0, 1]);
    expect(log).toEqual(["waited", "add 1"]);
  });

  it("answers with what a foreign thenable resolves to, once", async () => {
    const { system } = testSystem();
    const Odd = defineActor("odd", {
      init: () => ({}),
      calls: {
        twice: () => ({
          // biome-ignore lint/suspicious/noThenProperty: a thenable that misbehaves is the point
          then(resolve: (n: number) => void) {
            resolve(1);
            resolve(2);
          },
        }),
        next: () => 3,
      },
    });
    const ref = await system.start(Odd);
    expect(await Promise.all([ref.call("twice"), ref.call("next")])).toEqual([1, 3]);
  });

  it("crashes when a reply's then throws, and nothing else is disturbed", async () => {
    const { system, reports } = testSystem();
    const Odd = defineActor("odd", {
      init: () => ({}),
      calls: {
        trap: () =>
          // biome-ignore lint/suspicious/noThenProperty: a thenable that misbehaves is the point
          Object.defineProperty({}, "then", {
            get() {
              throw new Error("trap");
            },
          }),
      },
    });
    const ref = await system.start(Odd);
    expect(reasonOf(await failure(ref.call("trap")))).toBe("error:trap");
    expect(reports).toEqual(["crash odd in trap", "exit odd error:trap"]);
  });
});

describe("a crash", () => {
  it("16. fails the caller with the reason, and the call may have run", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    const error = await failure(ref.call("crash"));
    expect([error.code, error.outcome, reasonOf(error)]).toEqual([
      "ERR_PROCESS_EXITED",
      "unknown",
      "error:boom",
    ]);
  });

  it("fails the callers in the queue, whose calls did not run", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    const [crashed, queued] = [failure(ref.call("crash")), failure(ref.call("add", 1))];
    expect((await crashed).outcome).toBe("unknown");
    expect((await queued).outcome).toBe("not_run");
    expect(reasonOf(await queued)).toBe("error:boom");
  });

  it("is the same when an async handler rejects", async () => {
    const { system, reports } = testSystem();
    const held = gate();
    const ref = await system.start(Counter, { start: 0 });
    const [crashed, queued] = [failure(ref.call("wait", held.promise)), failure(ref.query("get"))];
    await settle();
    held.fail(new Error("late boom"));
    expect([(await crashed).outcome, reasonOf(await crashed)]).toEqual([
      "unknown",
      "error:late boom",
    ]);
    expect((await queued).outcome).toBe("not_run");
    expect(reports).toEqual(["crash counter in wait", "exit counter error:late boom"]);
  });

  it("in a cast ends the process and reports the casts that were lost", async () => {
    const { system, reports } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    ref.cast("crash");
    ref.cast("bump", 1);
    await settle();
    expect(reports).toEqual([
      "dead cast bump exited",
      "crash counter in crash",
      "exit counter error:boom",
    ]);
  });

  it("38. runs terminate with the reason", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Counter, { start: 0, log });
    await failure(ref.call("crash"));
    expect(log).toEqual(["terminate error:boom"]);
  });

  it("when nothing but a bare value is thrown, still has a reason", async () => {
    const { system } = testSystem();
    const Odd = defineActor("odd", {
      init: () => ({}),
      calls: {
        nothing: () => {
          throw undefined;
        },
      },
    });
    const ref = await system.start(Odd);
    expect(reasonOf(await failure(ref.call("nothing")))).toBe("error:undefined");
  });
});

describe("a refusal by ctx.fail", () => {
  it("rejects the call with the user's code and data and crashes nothing", async () => {
    const { system, reports } = testSystem();
    const ref = await system.start(Counter, { start: 1 });
    const error = await failure(ref.call("take", 5));
    expect([error.code, error.outcome, error.data]).toEqual(["insufficient", "ran", { have: 1 }]);
    expect(await ref.query("get")).toBe(1);
    expect(reports).toEqual([]);
  });

  it("crashes nothing in an async handler either", async () => {
    const { system, reports } = testSystem();
    const Late = defineActor("late", {
      init: () => ({}),
      calls: {
        refuse: async (_s, until: Promise<void>, ctx) => {
          await until;
          ctx.fail("too_late");
        },
        ping: () => "pong",
      },
    });
    const ref = await system.start(Late);
    expect((await failure(ref.call("refuse", Promise.resolve()))).code).toBe("too_late");
    expect(await ref.call("ping")).toBe("pong");
    expect(reports).toEqual([]);
  });

  it("of another actor, let through by a handler, is a crash of that handler", async () => {
    const { system, reports } = testSystem();
    const counter = await system.start(Counter, { start: 0 });
    const Front = defineActor("front", {
      init: () => ({}),
      calls: { take: () => counter.call("take", 1) },
    });
    const front = await system.start(Front);
    expect((await failure(front.call("take"))).code).toBe("ERR_PROCESS_EXITED");
    expect(reports).toContain("crash front in take");
  });

  it("without a caller makes the message a dead letter", async () => {
    const { system, reports } = testSystem();
    const Shy = defineActor("shy", {
      init: () => ({}),
      casts: { go: (_s, _: undefined, ctx) => ctx.fail("no") },
    });
    const ref = await system.start(Shy);
    ref.cast("go");
    await settle();
    expect(reports).toEqual(["dead cast go refused"]);
  });

  it("that a handler catches is no refusal", async () => {
    const { system } = testSystem();
    const Calm = defineActor("calm", {
      init: () => ({}),
      calls: {
        try: (_s, _: undefined, ctx) => {
          try {
            return ctx.fail("no");
          } catch {
            return "yes";
          }
        },
      },
    });
    expect(await (await system.start(Calm)).call("try")).toBe("yes");
  });
});
