import { describe, expect, it } from "vitest";
import {
  type AnyRef,
  type Down,
  defineActor,
  type ExitSignal,
  type MailboxSpec,
} from "../../src/index.ts";
import {
  failure,
  gate,
  Puppet,
  type Step,
  settle,
  testSystem,
  watch,
  word,
} from "../statements/support.ts";

/** An actor with a mailbox of its own kind, which traps exits. */
const bounded = (mailbox?: MailboxSpec) =>
  defineActor("bounded", {
    init: (log: string[]) => ({ log }),
    calls: { run: (_s, step: Step, ctx) => step(ctx) },
    casts: { note: (s, text: string) => s.log.push(text) },
    info: {
      note: (s, text: string) => s.log.push(text),
      down: (s, { reason }: Down) => s.log.push(`down ${word(reason)}`),
      exit: (s, { reason }: ExitSignal) => s.log.push(`exit ${word(reason)}`),
      timeout: (s) => s.log.push("timeout"),
    },
    trapExit: true,
    ...(mailbox === undefined ? {} : { mailbox }),
  });

/** A process that is busy until the gate is opened, so that what it is sent must wait. */
async function setUp(mailbox?: MailboxSpec, mailboxCapacity = Number.POSITIVE_INFINITY) {
  const all = testSystem({ mailboxCapacity });
  const log: string[] = [];
  const ref = await all.system.start(bounded(mailbox), log);
  const held = gate();
  const before = async (step: Step) => {
    await ref.call("run", step);
  };
  const hold = async () => {
    ref.call("run", () => held.promise).catch(() => {});
    await settle();
  };
  const go = async () => {
    held.open();
    await settle();
  };
  return { ...all, log, ref, before, hold, go };
}

describe("a mailbox", () => {
  it("holds any number of messages unless told otherwise", async () => {
    const { system, log, ref, hold, go } = await setUp();
    await hold();
    for (let n = 0; n < 3000; n += 1) ref.cast("note", `${n}`);
    expect(system.inspect(ref).mailbox).toBe(3000);
    await go();
    expect([log.length, log[2999]]).toEqual([3000, "2999"]);
  });

  it("at its capacity rejects calls and turns casts and infos into dead letters", async () => {
    const { system, reports, log, ref, hold, go } = await setUp({ capacity: 2 });
    await hold();
    ref.cast("note", "one");
    const second = watch(ref.call("run", () => log.push("two")));
    ref.cast("note", "three");
    ref.send("note", "four");
    const error = await failure(ref.call("run", () => log.push("five")));
    expect([error.code, error.outcome, error.data]).toEqual([
      "ERR_MAILBOX_FULL",
      "not_run",
      { target: `${ref}`, capacity: 2 },
    ]);
    expect(reports).toEqual(["dead cast note mailbox_full", "dead info note mailbox_full"]);
    expect(system.inspect(ref).mailbox).toBe(2);
    await go();
    expect([log, second.state]).toEqual([["one", "two"], "resolved"]);
    ref.cast("note", "six");
    await settle();
    expect(log).toEqual(["one", "two", "six"]);
  });

  it("that drops the oldest makes room for each new message, and tells whoever waited", async () => {
    const { reports, log, ref, hold, go } = await setUp({ capacity: 2, overflow: "drop_oldest" });
    await hold();
    const first = failure(ref.call("run", () => log.push("one")));
    ref.cast("note", "two");
    ref.cast("note", "three");
    expect([(await first).code, (await first).outcome]).toEqual(["ERR_MAILBOX_FULL", "not_run"]);
    const last = watch(ref.call("run", () => log.push("four")));
    expect(reports).toEqual(["dead cast note mailbox_full"]);
    await go();
    expect([log, last.state]).toEqual([["three", "four"], "resolved"]);
  });

  for (const overflow of ["reject", "drop_oldest"] as const) {
    it(`(${overflow}) neither drops nor counts what the runtime has to say`, async () => {
      const all = await setUp({ capacity: 1, overflow });
      const { system, clock, log, ref, before, hold, go } = all;
      const watched = await system.start(Puppet, []);
      await before((ctx) => {
        ctx.monitor(watched);
        ctx.monitor(watched);
        ctx.link(watched);
        ctx.sendAfter(10, "note", "timer");
      });
      await hold();
      ref.cast("note", "first");
      await clock.advanceAsync(10);
      system.exit(watched, { shutdown: 1 });
      await settle();
      expect(system.inspect(ref).mailbox).toBe(1);
      if (overflow === "drop_oldest") for (const n of [2, 3]) ref.cast("note", `message ${n}`);
      const state = watch(system.getState(ref));
      const stopping = watch(system.stop(ref));
      await go();
      const kept = overflow === "reject" ? ["first", "timer"] : ["timer"];
      const news = ["down {shutdown}", "down {shutdown}", "exit {shutdown}"];
      const last = overflow === "reject" ? [] : ["message 3"];
      expect(log).toEqual([...kept, ...news, ...last]);
      expect([state.state, stopping.state]).toEqual(["resolved", "resolved"]);
    });
  }

  it("full of notices still takes as many messages as it has room for", async () => {
    const { system, clock, log, ref, before, hold, go } = await setUp({ capacity: 1 });
    await before((ctx) => [1, 2, 3].map((ms) => ctx.sendAfter(ms, "note", `timer ${ms}`)));
    await hold();
    await clock.advanceAsync(3);
    ref.cast("note", "one");
    ref.cast("note", "two");
    expect(system.inspect(ref).mailbox).toBe(1);
    await go();
    expect(log).toEqual(["timer 1", "timer 2", "timer 3", "one"]);
  });

  it("of the definition goes before that of the system", async () => {
    const own = await setUp({ capacity: 3 }, 1);
    const shared = await setUp(undefined, 1);
    for (const [{ system, ref, hold }, size] of [
      [own, 3],
      [shared, 1],
    ] as const) {
      await hold();
      for (let n = 0; n < 5; n += 1) ref.cast("note", `${n}`);
      expect(system.inspect(ref).mailbox).toBe(size);
    }
  });

  it("does not drop a message whose listener sends another one meanwhile", async () => {
    const { system, log, ref, hold, go } = await setUp({ capacity: 1, overflow: "drop_oldest" });
    await hold();
    ref.cast("note", "one");
    let again = true;
    system.events.on("deadLetter", () => {
      if (again) ref.cast("note", "from the listener");
      again = false;
    });
    ref.cast("note", "two");
    expect(system.inspect(ref).mailbox).toBe(1);
    await go();
    expect(log).toEqual(["from the listener"]);
  });

  it("of a dead process answers its callers, and makes the rest dead letters, in order", async () => {
    const { system, reports, ref, hold } = await setUp();
    await hold();
    ref.cast("note", "one");
    const call = failure(ref.call("run", () => {}));
    ref.send("note", "two");
    system.exit(ref as AnyRef, "kill");
    expect((await call).outcome).toBe("not_run");
    expect(reports).toEqual([
      "dead cast note exited",
      "dead info note exited",
      "exit bounded killed",
    ]);
  });

  it("refuses what is no specification by name", () => {
    const refuses = (mailbox: unknown) => () => bounded(mailbox as MailboxSpec);
    expect(refuses({ capacity: 0 })).toThrow("option mailbox.capacity: expected an integer >= 1");
    expect(refuses({ capacity: 1.5 })).toThrow("option mailbox.capacity");
    expect(refuses({})).toThrow("option mailbox.capacity");
    expect(refuses({ capacity: 1, overflow: "wait" })).toThrow(
      'option mailbox.overflow: expected one of "reject", "drop_oldest", got "wait"',
    );
    expect(refuses(100)).toThrow("invalid option mailbox: expected an object");
  });
});
