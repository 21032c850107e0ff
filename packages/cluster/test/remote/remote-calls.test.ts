/** Calls, casts and refs between nodes, and every way in which they can fail. */
import { type ActorError, type AnyRef, defineActor } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import type { NodeDeadLetter } from "../../src/node-events.ts";
import type { NodeOptions } from "../../src/options.ts";
import { Bench, Counter, names } from "../support.ts";

async function pairWithCounter(options: Partial<NodeOptions> = {}) {
  const bench = new Bench();
  const [a, b] = await bench.pair(options);
  const counter = await a.startOn("b", Counter, { start: 0 }, { name: "c" });
  return { bench, a, b, counter };
}

/** A counter on b that a knows, with nothing to be sent to it any more. */
const untyped = (ref: unknown) => ref as AnyRef;

describe("a call to another node", () => {
  test("rejects as the actor refuses it, with code and data", async () => {
    const { counter } = await pairWithCounter();
    await expect(counter.call("refuse", { why: "no" })).rejects.toMatchObject({
      name: "ReplyError",
      code: "refused_by_counter",
      outcome: "ran",
      data: { why: "no" },
    });
  });

  test("rejects when the handler throws, and the next finds nobody", async () => {
    const { counter } = await pairWithCounter({ logger: false });
    await expect(counter.call("crash")).rejects.toMatchObject({
      code: "ERR_PROCESS_EXITED",
      outcome: "unknown",
      data: { reason: { error: { name: "RangeError", message: "boom" } } },
    });
    await expect(counter.call("add", 1)).rejects.toMatchObject({
      code: "ERR_NO_PROCESS",
      outcome: "not_run",
    });
  });

  test("to an unknown operation says which there are", async () => {
    const { counter } = await pairWithCounter();
    await expect(untyped(counter).call("subtract", 1)).rejects.toMatchObject({
      code: "ERR_UNKNOWN_OPERATION",
      outcome: "not_run",
      message: expect.stringContaining("add"),
    });
    await expect(untyped(counter).call("__proto__", 1)).rejects.toMatchObject({
      code: "ERR_UNKNOWN_OPERATION",
    });
  });

  test("times out after its own time, and a late answer changes nothing", async () => {
    const { bench, counter } = await pairWithCounter();
    bench.network.cut("a", "b");
    const late = counter.call("add", 1, { timeout: 200 });
    const failed = expect(late).rejects.toMatchObject({
      code: "ERR_CALL_TIMEOUT",
      outcome: "unknown",
    });
    await bench.pass(200);
    await failed;
    bench.network.heal("a", "b");
    await settle();
    expect(await counter.query("get")).toBe(1);
  });

  test("can be aborted before and after it was sent", async () => {
    const { bench, counter } = await pairWithCounter();
    await expect(counter.call("add", 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ERR_CALL_ABORTED",
      outcome: "not_run",
    });
    bench.network.cut("a", "b");
    const abort = new AbortController();
    const call = counter.call("add", 1, { signal: abort.signal });
    await settle();
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: "ERR_CALL_ABORTED", outcome: "unknown" });
    bench.network.heal("a", "b");
    expect(await counter.query("get")).toBe(1);
  });

  test("refuses bad options by name", async () => {
    const { counter } = await pairWithCounter();
    await expect(counter.call("add", 1, { timeout: -1 })).rejects.toMatchObject({
      code: "ERR_INVALID_OPTION",
      message: expect.stringContaining("timeout"),
    });
  });

  test("with an argument that cannot be encoded is not sent", async () => {
    const { bench, counter } = await pairWithCounter();
    const frames = await countMessages(bench);
    const arg = { items: [1, { url: new URL("http://a/") }] };
    await expect(counter.call("echo", arg)).rejects.toMatchObject({
      code: "ERR_NOT_SERIALIZABLE",
      outcome: "not_run",
      message: "cannot encode arg.items[1].url: an instance of URL",
    });
    expect(frames()).toBe(0);
    expect(await counter.call("add", 1)).toBe(1);
  });

  test("that is larger than a message may be is not sent", async () => {
    const { counter } = await pairWithCounter({ limits: { maxMessageBytes: 100_000 } });
    const fits = new Uint8Array(99_900);
    expect(await counter.call("echo", fits)).toEqual(fits);
    await expect(counter.call("echo", new Uint8Array(99_990))).rejects.toMatchObject({
      code: "ERR_MESSAGE_TOO_LARGE",
      outcome: "not_run",
    });
    await expect(counter.call("echo", new Uint8Array(200_000))).rejects.toMatchObject({
      outcome: "not_run",
    });
  });

  test("whose answer cannot be encoded, or is too large, has run and says so", async () => {
    const { counter } = await pairWithCounter({ limits: { maxMessageBytes: 100_000 } });
    await expect(counter.call("unsendable")).rejects.toMatchObject({
      code: "ERR_NOT_SERIALIZABLE",
      outcome: "ran",
      message: "cannot encode reply.deep[0]: an instance of URL",
    });
    await expect(counter.call("large", 99_999)).rejects.toMatchObject({
      code: "ERR_MESSAGE_TOO_LARGE",
      outcome: "ran",
    });
    await expect(counter.call("large", 200_000)).rejects.toMatchObject({ outcome: "ran" });
    expect(await counter.call("large", 100)).toEqual(new Uint8Array(100));
  });
});

/** Counts what leaves a over the memory network from here on. */
async function countMessages(bench: Bench): Promise<() => number> {
  await settle();
  bench.network.cut("a", "b");
  const before = bench.network.heldBytes("a", "b");
  return () => {
    const held = bench.network.heldBytes("a", "b") - before;
    bench.network.heal("a", "b");
    return held;
  };
}

describe("when the connection is lost", () => {
  test("calls under way may have run, and say so at once", async () => {
    const { bench, counter } = await pairWithCounter();
    const call = counter.call("never");
    const other = counter.call("add", 1);
    const lost = { code: "ERR_CONNECTION_LOST", outcome: "unknown" };
    const both = Promise.allSettled([call, other]);
    bench.network.sever("a", "b");
    await settle();
    expect(await both).toMatchObject([{ reason: lost }, { reason: lost }]);
  });

  test("calls made before it is back did not run", async () => {
    const { bench, a, counter } = await pairWithCounter();
    bench.network.sever("a", "b");
    await settle();
    await expect(counter.call("add", 1)).rejects.toMatchObject({
      code: "ERR_CONNECTION_LOST",
      outcome: "not_run",
    });
    await expect(a.startOn("b", Counter, { start: 0 })).rejects.toMatchObject({
      code: "ERR_CONNECTION_LOST",
      outcome: "not_run",
    });
    await bench.until(() => names(a).length === 1);
    expect(await counter.call("add", 1)).toBe(1);
  });

  test("nothing that was on its way is delivered to the next connection", async () => {
    const { bench, a, counter } = await pairWithCounter();
    counter.cast("set", 5);
    const call = counter.call("add", 100).catch((error: unknown) => error);
    bench.network.sever("a", "b");
    await bench.until(() => names(a).length === 1);
    expect(await call).toMatchObject({ outcome: "unknown" });
    expect(await counter.query("get")).toBe(0);
  });
});

describe("a node that is not there", () => {
  test("is unknown if it never was", async () => {
    const { a } = await pairWithCounter();
    const unknown = { code: "ERR_NODE_UNKNOWN", outcome: "not_run" };
    await expect(a.startOn("z", Counter, { start: 0 })).rejects.toMatchObject(unknown);
    await expect(a.refOn("z", "c")).rejects.toMatchObject({
      ...unknown,
      message: 'node "z" is not known; connected: b',
    });
  });
});

describe("casts", () => {
  test("arrive in order with the calls around them", async () => {
    const { counter } = await pairWithCounter();
    const answers: Promise<number>[] = [];
    for (let n = 0; n < 50; n++) {
      counter.cast("set", n);
      answers.push(counter.call("add", 1000));
    }
    expect(await Promise.all(answers)).toEqual([...Array(50).keys()].map((n) => n + 1000));
  });

  test("that cannot be sent become dead letters and are counted", async () => {
    const { bench, a, counter } = await pairWithCounter();
    const letters: NodeDeadLetter[] = [];
    a.events.on("deadLetter", (letter) => letters.push(letter));
    untyped(counter).cast("set", () => {});
    bench.network.sever("a", "b");
    await settle();
    counter.cast("set", 1);
    expect(letters).toMatchObject([
      {
        kind: "cast",
        operation: "set",
        reason: "not_serializable",
        error: { code: "ERR_NOT_SERIALIZABLE" },
      },
      { ref: counter, arg: 1, reason: "no_process", error: { code: "ERR_CONNECTION_LOST" } },
    ]);
    expect(a.undelivered).toBe(2);
  });

  test("to a process that is gone are dead letters over there", async () => {
    const { b, counter } = await pairWithCounter();
    const letters: NodeDeadLetter[] = [];
    b.events.on("deadLetter", (letter) => letters.push(letter));
    const local = b.whereis("c");
    if (local) await b.stop(local);
    counter.cast("set", 1);
    await settle();
    expect(letters).toMatchObject([{ operation: "set", reason: "no_process" }]);
  });
});

describe("an overloaded link", () => {
  const limits = { softOutboxBytes: 2000, hardOutboxBytes: 10_000 };

  test("rejects calls unsent, turns casts into dead letters, and lives", async () => {
    const { bench, a, counter } = await pairWithCounter({ limits });
    const congested: number[] = [];
    const relieved: number[] = [];
    const letters: NodeDeadLetter[] = [];
    a.events.on("congested", ({ queuedBytes }) => congested.push(queuedBytes));
    a.events.on("uncongested", ({ queuedBytes }) => relieved.push(queuedBytes));
    a.events.on("deadLetter", (letter) => letters.push(letter));
    bench.network.cut("a", "b");
    const calls = Array.from({ length: 30 }, () =>
      counter.call("echo", new Uint8Array(900)).then(
        () => "answered",
        (error: unknown) => (error as { code: string; outcome: string }).outcome,
      ),
    );
    counter.cast("set", 1);
    untyped(counter).cast("set", "x".repeat(1000));
    expect(letters).toMatchObject([
      { reason: "mailbox_full", error: { code: "ERR_OVERLOADED", outcome: "not_run" } },
    ]);
    await settle();
    expect([congested.length, relieved]).toEqual([1, []]);
    await bench.pass(3000);
    expect(names(a)).toEqual(["b"]);
    bench.network.heal("a", "b");
    const outcomes = await Promise.all(calls);
    expect([congested.length, relieved.length]).toEqual([1, 1]);
    expect(outcomes.filter((outcome) => outcome === "answered")).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === "not_run")).toHaveLength(20);
    expect(await counter.query("get")).toBe(1);
  });

  test("may be told of by a listener that sends, which changes no message or answer", async () => {
    const { a, b, counter } = await pairWithCounter({ limits: { softOutboxBytes: 600 } });
    await a.start(Counter, { start: 0 }, { name: "back" });
    let told = 0;
    const back = untyped(b.namedRef("a", "back"));
    for (const [node, target] of [[a, untyped(counter)] as const, [b, back] as const]) {
      node.events.on("congested", () => {
        told += 1;
        target.cast("set", 9);
      });
    }
    const args = Array.from({ length: 40 }, (_, n) => ({ text: "x".repeat(20), n }));
    expect(await Promise.all(args.map((arg) => counter.call("echo", arg)))).toEqual(args);
    expect(told).toBeGreaterThanOrEqual(2);
  });

  test("answers with a small error where a large answer has no room", async () => {
    const { bench, counter } = await pairWithCounter({ limits });
    const calls = Array.from({ length: 10 }, () =>
      counter.call("large", 4000).then(
        () => "answered",
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    await settle();
    // The requests are small and arrive together, so their answers leave in one turn.
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter((outcome) => outcome === "ERR_OVERLOADED").length).toBe(8);
    expect(outcomes.filter((outcome) => outcome === "answered").length).toBe(2);
    expect(bench.log).toHaveLength(2);
  });

  test("answers with a small error where a large error has no room, however it is called", async () => {
    const { a, b } = await pairWithCounter({ limits });
    const Wordy = defineActor("wordy", {
      init: () => ({}),
      calls: { refuse: (_s, length: number, ctx) => ctx.fail("é".repeat(length)) },
    });
    await b.start(Wordy, undefined, { name: "wordy" });
    const wordy = a.namedRef("b", "wordy", Wordy);
    const calls = Array.from({ length: 10 }, () =>
      wordy.call("refuse", 2000).catch((error: ActorError) => error),
    );
    const errors = (await Promise.all(calls)) as ActorError[];
    const reduced = errors.filter(({ message }) => message === "(left out)");
    expect(reduced.length).toBe(9);
    for (const { code, outcome } of reduced) {
      expect([code, outcome]).toEqual(["é".repeat(256), "ran"]);
    }
  });

  test("has no more calls waiting than the limit", async () => {
    const { bench, counter } = await pairWithCounter({ limits: { maxPendingCalls: 3 } });
    bench.network.cut("a", "b");
    const calls = Array.from({ length: 4 }, () => counter.call("add", 1));
    await expect(calls[3]).rejects.toMatchObject({
      code: "ERR_TOO_MANY_CALLS",
      outcome: "not_run",
    });
    bench.network.heal("a", "b");
    expect(await Promise.all(calls.slice(0, 3))).toEqual([1, 2, 3]);
  });
});

describe("the order of events:", () => {
  test("nodeup comes before the first message, nodedown after the last, old before new", async () => {
    const bench = new Bench();
    const a = await bench.node("a");
    const told: string[] = [];
    a.events.on("nodeup", ({ incarnation }) => told.push(`up ${incarnation}`));
    a.events.on("nodedown", ({ incarnation }) => told.push(`down ${incarnation}`));
    const inbox = a.channel("x");
    inbox.onMessage((_from, payload) => told.push(Buffer.from(payload).toString()));
    const lives: number[] = [];
    for (let life = 0; life < 3; life++) {
      const b = await bench.node("b", ["a"]);
      lives.push(b.incarnation);
      const channel = b.channel("x");
      // Sent from within the event, as early as can be.
      b.events.on("nodeup", () => channel.send("a", Buffer.from(`first of ${b.incarnation}`)));
      await bench.until(() => names(b).length === 1);
      channel.send("a", Buffer.from(`last of ${b.incarnation}`));
      await bench.shutdown(b);
    }
    expect(told).toEqual(
      lives.flatMap((life) => [
        `up ${life}`,
        `first of ${life}`,
        `last of ${life}`,
        `down ${life}`,
      ]),
    );
  });
});
