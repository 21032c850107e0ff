/** Effects that a definition names: begun after the handler, and done beside the mailbox. */
import { describe, expect, it } from "vitest";
import {
  type ActorSystem,
  type AnyRef,
  type Ctx,
  defineActor,
  defineStateMachine,
  type EffectFailedEvent,
  type EffectHandler,
  type EffectOptions,
  type EffectResult,
  MailboxFullError,
  OptionError,
  OutsideHandlerError,
  ReplyError,
  UnknownOperationError,
} from "../../src/index.ts";
import {
  createTestSystem,
  findLeaks,
  type PureResult,
  runPure,
  settle,
} from "../../src/testing.ts";
import { failure, gate, testSystem } from "../support/harness.ts";

type Step = (ctx: Ctx) => unknown;

interface Work {
  readonly signal: AbortSignal;
  readonly settle: ReturnType<typeof gate<unknown>>;
}

/** An actor that does what the test says, and whose work the test settles by hand. */
function shop() {
  const works: Work[] = [];
  const ids: string[] = [];
  const Shop = defineActor("shop", {
    init: () => ({ log: [] as unknown[] }),
    queries: { log: (s) => s.log },
    calls: { run: (_s, step: Step, ctx) => step(ctx), add: (s, what: string) => s.log.push(what) },
    info: {
      done: (s, result: EffectResult) => void s.log.push(result),
      note: (s, what: unknown) => void s.log.push(what),
      picky: (s, result: EffectResult) => void s.log.push(result),
      crashes: () => {
        throw new Error("not this one");
      },
    },
    effects: {
      work: (_: unknown, { id, signal }) => {
        ids.push(id);
        const work = { signal, settle: gate<unknown>() };
        works.push(work);
        return work.settle.promise;
      },
      now: (arg: unknown, { id }) => {
        ids.push(id);
        return arg;
      },
      throws: (error: unknown): never => {
        throw error;
      },
      call: (to: AnyRef) => to.call("add", "called by an effect"),
      runs: (run: () => unknown) => run(),
    },
    payloads: { picky: (result) => "value" in (result as object) || "a value" },
  });
  return { Shop, works, ids };
}

async function setUp() {
  const all = testSystem();
  const { Shop, works, ids } = shop();
  const ref = await all.system.start(Shop, undefined);
  const run = (step: Step) => ref.call("run", step);
  const ask = (name: string, arg?: unknown, options?: EffectOptions) =>
    run((ctx) => ctx.effect(name, arg, options)) as Promise<string>;
  const failed = failures(all.system);
  return { ...all, ref, works, ids, run, ask, failed, log: () => ref.query("log") };
}

function failures(system: ActorSystem): EffectFailedEvent[] {
  const failed: EffectFailedEvent[] = [];
  system.events.on("effectFailed", (event) => failed.push(event));
  return failed;
}

const told = { info: "done" } as const;

describe("an effect of a definition", () => {
  it("begins when its handler has returned, in order with the other effects, and has the id it was promised", async () => {
    const { run, ids, log } = await setUp();
    const asked = (await run((ctx) => {
      ctx.send(ctx.self, "note", "before");
      const all = [ctx.effect("now", 1, told), ctx.effect("now", 2, told)];
      ctx.send(ctx.self, "note", "after");
      expect(ids).toEqual([]);
      return all;
    })) as string[];
    expect(ids).toEqual(asked);
    expect(new Set([...ids, "0".repeat(32)]).size).toBe(3);
    expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
    expect(await log()).toEqual([
      "before",
      { id: asked[0], effect: "now", value: 1 },
      { id: asked[1], effect: "now", value: 2 },
      "after",
    ]);
  });

  it("does not take place when its handler throws or refuses", async () => {
    const { system, ref, run, ids } = await setUp();
    const refused = run((ctx) => {
      ctx.effect("now", 1);
      ctx.fail("no");
    });
    expect((await failure(refused)).code).toBe("no");
    expect(system.inspect(ref)).toMatchObject({ effects: 0 });
    const crashed = run((ctx) => {
      ctx.effect("now", 1);
      throw new Error("boom");
    });
    await failure(crashed);
    await settle();
    expect(ids).toEqual([]);
  });

  it("holds no message up, and its outcome comes as a message when it has settled", async () => {
    const { system, ref, works, ask, log } = await setUp();
    const id = await ask("work", undefined, told);
    await ref.call("add", "meanwhile");
    expect(system.inspect(ref)).toMatchObject({ effects: 1, status: "waiting", mailbox: 0 });
    works[0]?.settle.open("receipt");
    await settle();
    expect(await log()).toEqual(["meanwhile", { id, effect: "work", value: "receipt" }]);
    expect(system.inspect(ref)).toMatchObject({ effects: 0 });
  });

  it("may call the very process that asked for it", async () => {
    const { run, log } = await setUp();
    await run((ctx) => ctx.effect("call", ctx.self, told));
    await settle();
    expect(await log()).toMatchObject(["called by an effect", { effect: "call", value: 1 }]);
  });

  it("that fails tells so, as plain data: what it threw, or what it rejected with", async () => {
    const { works, ask, log, failed } = await setUp();
    await ask("throws", new ReplyError("insufficient", { have: 3 }), told);
    await ask("throws", Object.assign(new TypeError("no host"), { code: "ENOTFOUND" }), told);
    await ask("work", undefined, told);
    works[0]?.settle.fail("just a text");
    await settle();
    const errors = ((await log()) as { error: object }[]).map(({ error }) => error);
    expect(errors).toEqual([
      expect.objectContaining({ code: "insufficient", outcome: "ran", data: { have: 3 } }),
      { name: "TypeError", code: "ENOTFOUND", outcome: "unknown", message: "no host" },
      { name: "Error", code: "ERR_UNKNOWN", outcome: "unknown", message: "just a text" },
    ]);
    expect(failed).toEqual([]);
  });

  it("that answers with what only looks like a promise has failed, and is over", async () => {
    const { clock, system, ref, ask, log } = await setUp();
    const odd = Object.defineProperty(Promise.resolve(1), "constructor", {
      get: () => {
        throw new Error("not to be read");
      },
    });
    await ask("runs", () => odd, told);
    await settle();
    expect(await log()).toMatchObject([{ error: { message: "not to be read" } }]);
    expect([system.inspect(ref).effects, clock.pending]).toEqual([0, 0]);
  });

  it("that takes too long is told so, and its outcome is an error; what comes later is dropped", async () => {
    const { clock, works, ask, log } = await setUp();
    await ask("work", undefined, { ...told, timeout: 500 });
    await ask("work", undefined, told);
    await clock.advanceAsync(499);
    expect(works[0]?.signal.aborted).toBe(false);
    await clock.advanceAsync(1);
    expect(works.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(works[0]?.signal.reason).toMatchObject({ code: "ERR_EFFECT_TIMEOUT" });
    works[0]?.settle.open("late");
    await settle();
    expect(await log()).toMatchObject([
      {
        effect: "work",
        error: {
          code: "ERR_EFFECT_TIMEOUT",
          outcome: "unknown",
          data: { effect: "work", timeoutMs: 500 },
        },
      },
    ]);
    await clock.advanceAsync(59_500);
    expect(await log()).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it("that fails and has nobody to tell is reported; one that succeeds says nothing", async () => {
    const { ref, ask, failed, log } = await setUp();
    const error = new Error("refused");
    const id = await ask("throws", error);
    await ask("now", 1);
    expect(failed).toEqual([{ ref, group: undefined, id, effect: "throws", error }]);
    expect(await log()).toEqual([]);
  });

  it("is told of the end of its process, which drops the outcome", async () => {
    for (const reason of ["normal", "killed"] as const) {
      const { system, ref, clock, works, ask, reports, failed } = await setUp();
      await ask("work", undefined, told);
      await ask("work");
      await system.stop(ref, { reason });
      expect(works.map(({ signal }) => signal.aborted)).toEqual([true, true]);
      expect(works[0]?.signal.reason).toMatchObject({ code: "ERR_PROCESS_EXITED" });
      works[0]?.settle.open("late");
      works[1]?.settle.fail(new Error("late"));
      await settle();
      expect([reports, failed]).toEqual([[`exit shop ${reason}`], []]);
      expect(clock.pending).toBe(0);
    }
  });

  it("may end its own process while it begins", async () => {
    const { system, ref, run, works, failed } = await setUp();
    const killed = run((ctx) => {
      ctx.effect("runs", async () => system.exit(ref, "kill"), told);
      ctx.effect("work");
    });
    await failure(killed);
    await settle();
    expect([works, failed]).toEqual([[], []]);
  });

  it("whose signal is asked for at the very end finds it aborted", async () => {
    const { system, ref, run } = await setUp();
    const seen: boolean[] = [];
    const Late = defineActor("late", {
      init: () => ({}),
      calls: { go: (_s, _: void, ctx) => ctx.effect("late") },
      effects: {
        late: async (_: void, given) => {
          await held.promise;
          seen.push(given.signal.aborted);
        },
      },
    });
    const held = gate();
    const late = await system.start(Late, undefined);
    await late.call("go");
    await system.stop(late);
    held.open();
    await settle();
    expect(seen).toEqual([true]);
    await run(() => system.stop(ref).catch(() => {}));
  });

  it("is bounded: beyond so many that are open the handler fails", async () => {
    const { system, ref, run, works } = await setUp();
    await run((ctx) => {
      for (let i = 0; i < 1024; i++) ctx.effect("work", undefined, told);
    });
    const seen = await run((ctx) => {
      try {
        return ctx.effect("work");
      } catch (error) {
        return error;
      }
    });
    expect(seen).toBeInstanceOf(MailboxFullError);
    expect((seen as Error).message).toContain("effects of shop");
    works[0]?.settle.open(1);
    await settle();
    await run((ctx) => ctx.effect("work"));
    expect(system.inspect(ref)).toMatchObject({ effects: 1024 });
  });

  it("counts as open until its outcome has been handled", async () => {
    const { system, ref, ask } = await setUp();
    await system.suspend(ref).catch(() => {});
    await system.resume(ref);
    await ask("now", 1, told);
    await settle();
    expect(system.inspect(ref)).toMatchObject({ effects: 0 });
  });

  it("that there is not, an info that there is not and bad options are refused at once", async () => {
    const { run, ids } = await setUp();
    const thrown = async (step: Step) =>
      (await run((ctx) => {
        try {
          return step(ctx);
        } catch (error) {
          return error;
        }
      })) as Error;
    for (const name of ["nope", "constructor", "run"]) {
      const unknown = await thrown((ctx) => ctx.effect(name));
      expect(unknown).toBeInstanceOf(UnknownOperationError);
      expect(unknown.message).toContain(`no effect "${name}"; it has work, now`);
    }
    const untold = await thrown((ctx) => ctx.effect("now", 1, { info: "nope" }));
    expect(untold).toBeInstanceOf(UnknownOperationError);
    expect(untold.message).toContain('no info "nope"');
    const bad: readonly (readonly [unknown, string])[] = [
      [{ timeout: -1 }, "timeout"],
      [{ timeout: Number.POSITIVE_INFINITY }, "timeout: expected a finite number"],
      [{ timeout: "1" }, "timeout"],
      [{ info: "" }, "info"],
      [{ tell: "done" }, "tell: expected no such option; there are info, timeout"],
      ["done", "options"],
    ];
    for (const [options, message] of bad) {
      const error = await thrown((ctx) => ctx.effect("now", 1, options as EffectOptions));
      expect(error).toBeInstanceOf(OptionError);
      expect(error.message).toContain(message);
    }
    expect(ids).toEqual([]);
  });

  it("cannot be asked for outside of a handler", async () => {
    const { run } = await setUp();
    let kept: Ctx | undefined;
    await run((ctx) => {
      kept = ctx;
    });
    expect(() => kept?.effect("now")).toThrow(OutsideHandlerError);
  });

  it("whose handler of the outcome throws is over, as any process whose info throws", async () => {
    const { ask, reports } = await setUp();
    await ask("now", 1, { info: "crashes" });
    await settle();
    expect(reports).toEqual(["crash shop in crashes", "exit shop error:not this one"]);
  });

  it("has an outcome that the check of its info refuses: a dead letter, as any such message", async () => {
    const { system, ref, ask, log, reports } = await setUp();
    await ask("throws", new Error("no"), { info: "picky" });
    const id = await ask("now", 1, { info: "picky" });
    expect(await log()).toEqual([{ id, effect: "now", value: 1 }]);
    expect(reports).toEqual(["dead info picky bad_payload"]);
    expect(system.inspect(ref)).toMatchObject({ effects: 0 });
  });

  it("can be asked for by init, and begins when the process has started", async () => {
    const { system } = testSystem();
    const seen: unknown[] = [];
    const Eager = defineActor("eager", {
      init: (_: undefined, ctx) => ({ id: ctx.effect("load", "x", { info: "loaded" }), got: "" }),
      queries: { got: (s) => s.got },
      info: {
        loaded: (s, result: EffectResult<string>) => {
          if ("value" in result && result.id === s.id) s.got = result.value;
        },
      },
      effects: { load: async (what: string) => seen.push(what) && `${what} loaded` },
    });
    const eager = await system.start(Eager, undefined);
    await settle();
    expect([seen, await eager.query("got")]).toEqual([["x"], "x loaded"]);
  });
});

describe("a definition with effects", () => {
  it("refuses an effect that is no function, by name", () => {
    const make = (effects: unknown) => () =>
      defineActor("bad", { init: () => ({}), effects: effects as Record<string, EffectHandler> });
    expect(make({ charge: 1 })).toThrow("invalid option effects.charge: expected a function");
    expect(make({ "": () => {} })).toThrow("effects operation");
    expect(make([])).toThrow("effects: expected an object");
  });

  it("may be a state machine, whose states take the outcome", async () => {
    const { system } = testSystem();
    const Payment = defineStateMachine("payment", {
      init: () => ({ state: "idle", data: { receipt: "" } }),
      states: {
        idle: {
          calls: {
            pay: (_data, sum: number, ctx) => {
              ctx.effect("charge", sum, { info: "charged" });
              ctx.next("paying");
            },
          },
        },
        paying: {
          queries: { receipt: (data) => data.receipt },
          info: {
            charged: (data, result: EffectResult<string>, ctx) => {
              if ("value" in result) data.receipt = result.value;
              ctx.next("value" in result ? "paid" : "idle");
            },
          },
        },
        paid: { queries: { receipt: (data) => data.receipt } },
      },
      effects: {
        charge: async (sum: number) => {
          if (sum > 10) throw new Error("too much");
          return `receipt for ${sum}`;
        },
      },
    });
    const payment = await system.start(Payment, undefined);
    await payment.call("pay", 20);
    await settle();
    await payment.call("pay", 5);
    await settle();
    expect(await payment.query("receipt")).toBe("receipt for 5");
  });
});

describe("effects in tests", () => {
  it("are copied as a wire would, both ways; what no wire could carry is an error", async () => {
    const { Shop } = shop();
    const system = createTestSystem();
    const given = { list: [1] };
    const odd = () => 1;
    const Copies = defineActor("copies", {
      init: () => ({ results: [] as EffectResult[] }),
      queries: { results: (s) => s.results },
      calls: {
        go: (_s, arg: unknown, ctx) => void ctx.effect("same", arg, { info: "done" }),
        odd: (_s, _: undefined, ctx) => void ctx.effect("odd", undefined, { info: "done" }),
      },
      info: { done: (s, result: EffectResult) => void s.results.push(result) },
      effects: { same: (arg: { list: number[] }) => arg.list.push(2) && arg, odd: () => odd },
    });
    const ref = await system.start(Copies, undefined);
    await ref.call("go", given);
    await ref.call("odd");
    expect(given).toEqual({ list: [1] });
    expect(await ref.query("results")).toMatchObject([
      { effect: "same", value: { list: [1, 2] } },
      { effect: "odd", error: { code: "ERR_NOT_SERIALIZABLE", outcome: "ran" } },
    ]);
    const { address } = await system.start(Shop, undefined);
    expect(address.actor).toBe("shop");
    await system.shutdown();
  });

  it("are leaks as long as they are open", async () => {
    const Hangs = defineActor("hangs", {
      init: () => ({}),
      casts: { hang: (_s, _: undefined, ctx) => void ctx.effect("hang") },
      effects: { hang: () => new Promise(() => {}) },
    });
    const system = createTestSystem();
    const ref = await system.start(Hangs, undefined);
    ref.cast("hang");
    await system.settle();
    const leaks = findLeaks(system, { kinds: ["effect"] }).map(({ text }) => text);
    expect(leaks).toEqual(["hangs <1>: 1 effect"]);
    await system.stop(ref);
    expect(findLeaks(system)).toEqual([]);
  });

  it("are values of a pure run, with the checks of a real one", () => {
    const { Shop } = shop();
    const state = { log: [] };
    const options = { random: () => 0.5, copyState: false };
    const pure = (step: Step) =>
      runPure(Shop, state, "call", "run", step, options) as PureResult<unknown, unknown>;
    const { reply, effects } = pure((ctx) => [
      ctx.effect("now", 1, told),
      ctx.effect("work", undefined, { timeout: 5 }),
    ]);
    const id = "80000000".repeat(4);
    expect(reply).toEqual([id, id]);
    expect(effects).toEqual([
      { type: "effect", id, effect: "now", arg: 1, info: "done", timeout: 60_000 },
      { type: "effect", id, effect: "work", arg: undefined, info: undefined, timeout: 5 },
    ]);
    expect(pure((ctx) => ctx.effect("nope")).thrown).toBeInstanceOf(UnknownOperationError);
    const untold = pure((ctx) => ctx.effect("now", 1, { info: "nope" }));
    expect([untold.thrown instanceof UnknownOperationError, untold.effects]).toEqual([true, []]);
    const many = pure((ctx) => {
      for (let i = 0; i <= 1024; i++) ctx.effect("now");
    });
    expect(many.thrown).toBeInstanceOf(MailboxFullError);
  });
});
