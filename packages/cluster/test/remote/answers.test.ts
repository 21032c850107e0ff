/** Replies that a process defers, and that a process of another node gives. */
import { type AnyRef, defineActor, type ReplyTo } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import { Pair, type PuppetRef } from "./puppets.ts";

/** What a context has besides what it shows to handlers. */
interface Context {
  isAwaited(to: ReplyTo<unknown>): boolean;
}

/** Defers every call, and hands where the reply goes to whoever it knows. */
const Desk = defineActor("desk", {
  init: (clerk: AnyRef) => ({ clerk }),
  calls: {
    ask: (s, question: unknown, ctx) =>
      ctx.defer<unknown>((to) => ctx.cast(s.clerk, "answer", { to, question })),
  },
});

/** Answers for the desk, wherever that is. */
const Clerk = defineActor("clerk", {
  init: () => ({ kept: undefined as ReplyTo<unknown> | undefined, errors: [] as string[] }),
  casts: {
    answer: (s, { to, question }: { to: ReplyTo<unknown>; question: unknown }, ctx) => {
      s.kept = to;
      if (question === "later") return;
      if (question === "refuse") ctx.refuse(to, "closed", { until: 9 });
      else if (question === "unsendable") ctx.reply(to, [new WeakMap()]);
      else if (question === "unsendable refusal") ctx.refuse(to, "closed", new WeakMap());
      else if (question === "huge") ctx.reply(to, new Uint8Array(70_000));
      else ctx.reply(to, { question });
    },
    again: (s, reply: unknown, ctx) => {
      if (s.kept !== undefined) ctx.reply(s.kept, reply);
    },
    forged: (s, system: string, ctx) => {
      try {
        ctx.reply({ replyTo: 1, system }, "x");
        s.errors.push("none");
      } catch (error) {
        s.errors.push((error as { code: string }).code);
      }
    },
  },
  queries: { errors: (s) => s.errors },
});

async function desk() {
  const pair = await Pair.of({ actors: [Desk, Clerk], limits: { maxMessageBytes: 65_536 } });
  const clerk = await pair.a.startOn("b", Clerk, undefined);
  const ask = await pair.a.start(Desk, clerk as unknown as AnyRef, { name: "desk" });
  return { pair, clerk, ask, fromB: await pair.b.refOn("a", "desk", Desk) };
}

describe("a deferred reply", () => {
  test("can be given by a process of another node, to a caller on any", async () => {
    const { ask, fromB } = await desk();
    expect(await ask.call("ask", 5)).toEqual({ question: 5 });
    expect(await fromB.call("ask", [1, 2n])).toEqual({ question: [1, 2n] });
  });

  test("can be refused from there", async () => {
    const { ask } = await desk();
    await expect(ask.call("ask", "refuse")).rejects.toMatchObject({
      code: "closed",
      outcome: "ran",
      data: { until: 9 },
    });
  });

  test.each([
    ["unsendable", { code: "ERR_NOT_SERIALIZABLE", outcome: "ran" }],
    ["unsendable refusal", { code: "closed" }],
    ["huge", { outcome: "ran" }],
  ])("that cannot be sent is an error to its caller: %s", async (question, expected) => {
    const { ask } = await desk();
    await expect(ask.call("ask", question)).rejects.toMatchObject(expected);
  });

  test("is awaited where it was deferred, and may be as long as that node can be told", async () => {
    const pair = await Pair.of();
    const [asked, other] = [await pair.on(pair.a), await pair.on(pair.b)];
    const kept: ReplyTo<unknown>[] = [];
    const answer = asked.here.call("run", (ctx) => ctx.defer((to) => kept.push(to)));
    await pair.calm();
    const [to] = kept as [ReplyTo<unknown>];
    const awaits = ({ here }: { here: PuppetRef }, at: ReplyTo<unknown>) =>
      here.call("run", (ctx) => (ctx as unknown as Context).isAwaited(at));
    const numbered = (system: string) => ({ ...to, system });
    expect(await awaits(asked, to)).toBe(true);
    expect(await awaits(other, to)).toBe(true);
    expect(await awaits(asked, numbered(`b/${pair.b.incarnation}`))).toBe(true);
    expect(await awaits(asked, numbered("nobody"))).toBe(false);
    await other.here.call("run", (ctx) => ctx.reply(to, "done"));
    expect(await answer).toBe("done");
    expect(await awaits(asked, to)).toBe(false);
  });

  test("counts once: a second answer, or a late one, is dropped", async () => {
    const { pair, ask, clerk } = await desk();
    const asked = ask.call("ask", "later");
    await pair.calm();
    clerk.cast("again", 1);
    clerk.cast("again", 2);
    expect(await asked).toBe(1);
    await pair.calm();
    expect(await ask.call("ask", "after")).toEqual({ question: "after" });
  });

  test("to a node that is gone is dropped; to what is no node it is refused", async () => {
    const { pair, ask, clerk } = await desk();
    const asked = ask.call("ask", "later").catch(() => {});
    await pair.calm();
    const onB = pair.b.localRef(clerk.address.id) as unknown as typeof clerk;
    await pair.bench.shutdown(pair.a);
    await asked;
    onB.cast("again", 1);
    for (const system of ["a/1", "z/5", "#1", "", "a"]) onB.cast("forged", system);
    expect(await onB.query("errors")).toEqual([
      "none",
      "none",
      ...new Array(3).fill("ERR_INVALID_OPTION"),
    ]);
  });
});
