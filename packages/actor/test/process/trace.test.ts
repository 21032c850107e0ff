import { describe, expect, it } from "vitest";
import type { Ctx, TraceEvent } from "../../src/index.ts";
import { crash, failure, Puppet, settle, testSystem } from "../statements/support.ts";

/** A puppet that is traced, and what the tracer saw. */
async function setUp() {
  const all = testSystem();
  const ref = await all.system.start(Puppet, []);
  const events: TraceEvent[] = [];
  const end = all.system.trace(ref, (event) => events.push(event));
  return { ...all, ref, events, end };
}

/** What stands in an event, in short. */
const short = (event: TraceEvent) => {
  if (event.event === "message") return `${event.kind} ${event.operation}`;
  return event.event === "handled" ? `${event.operation} ${event.outcome}` : "exit";
};

describe("a trace", () => {
  it("tells each message with its argument, and what became of it with the state", async () => {
    const { ref, events } = await setUp();
    const step = () => "reply";
    await ref.call("run", step);
    ref.cast("note", "text");
    ref.send("note", "text");
    await settle();
    const state = { log: ["text", "text"] };
    expect(events).toEqual([
      { event: "message", kind: "call", operation: "run", arg: step },
      { event: "handled", operation: "run", outcome: "returned", result: "reply", state },
      { event: "message", kind: "cast", operation: "note", arg: "text" },
      { event: "handled", operation: "note", outcome: "returned", result: 1, state },
      { event: "message", kind: "info", operation: "note", arg: "text" },
      { event: "handled", operation: "note", outcome: "returned", result: 2, state },
    ]);
  });

  it("tells of deferred replies, refusals, continuations and timers", async () => {
    const { clock, ref, events } = await setUp();
    ref.call("run", (ctx) => ctx.defer(() => {})).catch(() => {});
    await failure(ref.call("run", async (ctx) => ctx.fail("no")));
    await ref.call("run", (ctx) => {
      ctx.continue("note", "next");
      ctx.sendAfter(1, "note", "late");
    });
    await clock.advanceAsync(1);
    expect(events.map(short)).toEqual([
      ...["call run", "run deferred"],
      ...["call run", "run refused"],
      ...["call run", "run returned"],
      ...["continue note", "note returned"],
      ...["info note", "note returned"],
    ]);
  });

  it("tells of a crash and of a stop, and last of the end", async () => {
    const { ref, events } = await setUp();
    await failure(ref.call("run", crash));
    expect(events.map(short)).toEqual(["call run", "run crashed", "exit"]);
    expect(events[1]).toMatchObject({ result: new Error("boom") });
    expect(events[2]).toMatchObject({ reason: { error: { message: "boom" } } });

    const stopped = await setUp();
    await stopped.ref.call("run", (ctx: Ctx) => ctx.stop("shutdown"));
    expect(stopped.events.map(short)).toEqual(["call run", "run returned", "exit"]);
    expect(stopped.events[2]).toEqual({ event: "exit", reason: "shutdown" });

    const killed = await setUp();
    killed.system.exit(killed.ref, "kill");
    expect(killed.events).toEqual([{ event: "exit", reason: "killed" }]);
  });

  it("ends when it is taken back, and tells nothing of a look at the state", async () => {
    const { system, ref, events, end } = await setUp();
    await system.getState(ref);
    end();
    end();
    await ref.call("run", () => {});
    expect(events).toEqual([]);
  });

  it("is one per process: the newer one counts, and the end of the older does not end it", async () => {
    const { system, ref, events, end } = await setUp();
    const newer: string[] = [];
    const endNewer = system.trace(ref, (event) => newer.push(short(event)));
    end();
    await ref.call("run", () => {});
    expect([events, newer]).toEqual([[], ["call run", "run returned"]]);
    endNewer();
    await ref.call("run", () => {});
    expect(newer).toHaveLength(2);
  });

  it("whose function throws is warned of, and the process is not disturbed", async () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line), error() {} };
    const { system } = testSystem({ logger });
    const ref = await system.start(Puppet, []);
    system.trace(ref, () => {
      throw new Error("bad tracer");
    });
    expect(await ref.call("run", () => "reply")).toBe("reply");
    await system.stop(ref);
    expect(lines).toEqual(new Array(3).fill("a tracer of puppet <1> threw"));
    expect(() => system.trace(ref, "tracer" as never)).toThrow("option tracer");
  });

  it("that ends the process in the middle leaves nobody waiting", async () => {
    for (const at of ["message", "handled"]) {
      const { system } = testSystem();
      const ref = await system.start(Puppet, []);
      system.trace(ref, ({ event }) => {
        if (event === at) system.exit(ref, "kill");
      });
      const call = ref.call("run", () => "reply").catch((error: { code: string }) => error.code);
      expect(["reply", "ERR_PROCESS_EXITED"]).toContain(await call);
      expect(system.inspectTree()).toEqual([]);
    }
  });
});
