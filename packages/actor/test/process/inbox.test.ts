import { describe, expect, it } from "vitest";
import { type AnyRef, defineActor } from "../../src/index.ts";
import { Counter, failure, gate, settle, testSystem, watch } from "../support/harness.ts";

describe("a call", () => {
  it("13. that takes too long fails, the process goes on, the late reply is dropped", async () => {
    const { system, clock } = testSystem();
    const held = gate();
    const ref = await system.start(Counter, { start: 7 });
    const slow = watch(ref.call("wait", held.promise));
    await clock.advanceAsync(4999);
    expect(slow.state).toBe("pending");
    await clock.advanceAsync(1);
    expect([slow.error?.code, slow.error?.outcome]).toEqual(["ERR_CALL_TIMEOUT", "unknown"]);
    held.open();
    await settle();
    expect(await ref.query("get")).toBe(7);
  });

  it("takes its own timeout, and Infinity for none", async () => {
    const { system, clock } = testSystem();
    const held = gate();
    const ref = await system.start(Counter, { start: 0 });
    const forEver = watch(ref.call("wait", held.promise, { timeout: Number.POSITIVE_INFINITY }));
    const short = watch(ref.call("add", 1, { timeout: 10 }));
    await clock.advanceAsync(10);
    expect(short.error?.message).toBe("counter <1> did not answer add within 10 ms");
    await clock.advanceAsync(1e9);
    expect(forEver.state).toBe("pending");
    held.open();
    await settle();
    expect(forEver.state).toBe("resolved");
  });

  it("14. to a dead process rejects at once with NoProcessError", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    await system.stop(ref);
    const error = await failure(ref.call("add", 1));
    expect([error.code, error.outcome]).toEqual(["ERR_NO_PROCESS", "not_run"]);
  });

  it("15. of a process to itself rejects at once, and the process goes on", async () => {
    const { system } = testSystem();
    const Narcissus = defineActor("narcissus", {
      init: () => ({}),
      calls: {
        look: async (_s, _: undefined, ctx) => {
          const error = await failure(ctx.self.call("look"));
          return [error.code, error.outcome];
        },
      },
    });
    const ref = await system.start(Narcissus);
    expect(await ref.call("look")).toEqual(["ERR_CALLING_SELF", "not_run"]);
  });

  it("22. of an unknown operation is refused and crashes nothing", async () => {
    const { system, reports } = testSystem();
    const ref: AnyRef = await system.start(Counter, { start: 0 });
    const error = await failure(ref.call("ad", 1));
    expect([error.code, error.outcome]).toEqual(["ERR_UNKNOWN_OPERATION", "not_run"]);
    expect(error.message).toContain("it has add, take, crash, wait");
    expect((await failure(ref.call("constructor"))).code).toBe("ERR_UNKNOWN_OPERATION");
    expect((await failure(ref.call("get"))).message).toContain('no call "get"');
    expect(reports).toEqual([]);
  });

  it("with a bad timeout is refused by name and never queued", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    for (const timeout of [-1, Number.NaN, "5" as never]) {
      const error = await failure(ref.call("add", 1, { timeout }));
      expect(error.message).toContain("invalid option timeout");
    }
    expect(await ref.query("get")).toBe(0);
  });

  it("whose signal is aborted already is not sent", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    const error = await failure(ref.call("add", 1, { signal: AbortSignal.abort("enough") }));
    expect([error.code, error.outcome, error.cause]).toEqual([
      "ERR_CALL_ABORTED",
      "not_run",
      "enough",
    ]);
    expect(await ref.query("get")).toBe(0);
  });

  it("that is aborted while it waits rejects, and may still run", async () => {
    const { system } = testSystem();
    const controller = new AbortController();
    const ref = await system.start(Counter, { start: 0 });
    const call = failure(ref.call("add", 1, { signal: controller.signal }));
    controller.abort();
    expect([(await call).code, (await call).outcome]).toEqual(["ERR_CALL_ABORTED", "unknown"]);
    expect(await ref.query("get")).toBe(1);
  });

  it("is not touched by an abort after its reply", async () => {
    const { system } = testSystem();
    const controller = new AbortController();
    const ref = await system.start(Counter, { start: 0 });
    expect(await ref.call("add", 1, { signal: controller.signal })).toBe(1);
    controller.abort();
    await settle();
    expect(await ref.query("get")).toBe(1);
  });

  it("may share its signal with many others", async () => {
    const { system } = testSystem();
    const warnings: unknown[] = [];
    const onWarning = (warning: unknown) => warnings.push(warning);
    process.on("warning", onWarning);
    const controller = new AbortController();
    const { signal } = controller;
    const ref = await system.start(Counter, { start: 0 });
    const held = ref.call("wait", new Promise(() => {}), { signal });
    const answered = [failure(held)];
    for (let n = 0; n < 20; n += 1) answered.push(failure(ref.call("add", 1, { signal })));
    await settle();
    controller.abort();
    const codes = (await Promise.all(answered)).map(({ code }) => code);
    await settle();
    process.off("warning", onWarning);
    expect(new Set(codes)).toEqual(new Set(["ERR_CALL_ABORTED"]));
    expect(warnings).toEqual([]);
  });

  it("to a full mailbox is refused with MailboxFullError", async () => {
    const { system } = testSystem({ mailboxCapacity: 2 });
    const ref = await system.start(Counter, { start: 0 });
    const calls = [ref.call("add", 1), ref.call("add", 1)];
    const error = await failure(ref.call("add", 1));
    expect([error.code, error.outcome]).toEqual(["ERR_MAILBOX_FULL", "not_run"]);
    expect(await Promise.all(calls)).toEqual([1, 2]);
    expect(await ref.call("add", 1)).toBe(3);
  });

  it("leaves no timer behind once everything is answered", async () => {
    const { system, clock } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    for (let n = 0; n < 50; n += 1) await ref.call("add", 1);
    await settle();
    expect(clock.pending).toBe(0);
  });
});

describe("a cast", () => {
  it("18. never throws: what cannot be delivered is a dead letter", async () => {
    const { system, reports } = testSystem({ mailboxCapacity: 1 });
    const ref: AnyRef = await system.start(Counter, { start: 0 });
    ref.cast("bmup", 1);
    ref.cast("bump", 1);
    ref.cast("bump", 1);
    await system.stop(ref);
    ref.cast("bump", 1);
    expect(reports).toEqual([
      "dead cast bmup unknown_operation",
      "dead cast bump mailbox_full",
      "exit counter normal",
      "dead cast bump no_process",
    ]);
  });
});

describe("messages from outside", () => {
  const answers = () => {
    const seen: unknown[] = [];
    return {
      seen,
      resolve: (value: unknown) => seen.push(value),
      reject: (error: unknown) => seen.push((error as { code: string }).code),
    };
  };

  it("reach a process by its number and are answered through the port", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 1 });
    const port = answers();
    const { id } = ref.address;
    system.deliver(id, "cast", "bump", 4, undefined);
    system.deliver(id, "call", "add", 2, port);
    system.deliver(id, "query", "get", undefined, port);
    system.deliver(id, "call", "take", 99, port);
    await settle();
    expect(port.seen).toEqual([7, 7, "insufficient"]);
  });

  it("for an unknown number are refused, or become dead letters", async () => {
    const { system, reports } = testSystem();
    const port = answers();
    system.deliver(99, "call", "add", 2, port);
    system.deliver(99, "cast", "bump", 2, undefined);
    expect(port.seen).toEqual(["ERR_NO_PROCESS"]);
    expect(reports).toEqual(["dead cast bump no_process"]);
  });

  it("48. are answered when the name of the process is already free", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 1 }, { name: "one" });
    const found: unknown[] = [];
    const reject = () => found.push(system.whereis("one"), system.localRef(ref.address.id));
    system.deliver(ref.address.id, "call", "crash", undefined, { resolve() {}, reject });
    await settle();
    expect(found).toEqual([undefined, undefined]);
  });

  it("are answered when the process exits", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 1 });
    const port = answers();
    system.deliver(ref.address.id, "call", "crash", undefined, port);
    await settle();
    expect(port.seen).toEqual(["ERR_PROCESS_EXITED"]);
  });
});
