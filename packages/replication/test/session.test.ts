import { describe, expect, test } from "vitest";
import { bytes, clientId } from "./support/entries.ts";
import { SessionBench as Bench } from "./support/session-bench.ts";

describe("a session", () => {
  test("sends nothing until it is called, and registers before its first call", () => {
    const bench = new Bench();
    expect(bench.taken()).toEqual([]);
    bench.call("a");
    bench.call("b");
    expect(bench.taken()).toEqual(["0 register 0 0"]);
    expect(bench.session.isRegistered).toBe(false);
    bench.reply(0);
    expect(bench.session.isRegistered).toBe(true);
    expect(bench.taken()).toEqual(["0 call 1 1", "0 call 2 1"]);
  });

  test("names itself and its session in every call", () => {
    const bench = new Bench();
    bench.call("a");
    bench.reply(0, "", 0, 42);
    expect(bench.last).toMatchObject({ client: clientId("1"), session: 42, number: 1 });
  });

  test("has no more calls under way than its window, and sends the next as answers come", () => {
    const bench = new Bench().registered();
    for (const content of ["a", "b", "c"]) bench.call(content);
    expect(bench.taken()).toEqual(["0 call 2 2", "0 call 3 2"]);
    bench.reply(2);
    expect(bench.taken()).toEqual(["0 call 4 3"]);
    expect(bench.outcomes).toEqual(["a: r2"]);
  });

  test("counts its window from the oldest call that is unanswered", () => {
    const bench = new Bench().registered();
    for (const content of ["a", "b", "c"]) bench.call(content);
    bench.taken();
    bench.reply(3);
    expect(bench.outcomes).toEqual(["b: r3"]);
    expect(bench.taken()).toEqual([]);
    bench.reply(2);
    expect(bench.taken()).toEqual(["0 call 4 4"]);
  });

  test("takes no more calls than its queue holds, and says so", () => {
    const bench = new Bench().registered();
    const calls = ["a", "b", "c", "d", "e", "f"].map((content) => bench.call(content));
    expect(calls.map((call) => call !== undefined)).toEqual([true, true, true, true, true, false]);
    expect(bench.session.size).toBe(5);
  });

  test("answers a call once, however often the reply comes", () => {
    const bench = new Bench().registered();
    bench.call("a");
    for (let i = 0; i < 3; i++) bench.reply(2);
    expect(bench.outcomes).toEqual(["a: r2"]);
  });

  test("ignores replies to another name, another session and other numbers", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.receive({ type: "reply", number: 2, body: bytes("x"), client: clientId("99") });
    bench.reply(2, "x", 0, 6);
    bench.reply(7, "x");
    expect(bench.outcomes).toEqual([]);
    expect(bench.session.size).toBe(1);
  });

  test("may be called again from within an answer", () => {
    const bench = new Bench().registered();
    bench.session.call(bytes("a"), {
      reply: () => bench.call("b"),
      evicted: () => undefined,
    });
    bench.reply(2);
    expect(bench.taken()).toEqual(["0 call 2 2", "0 call 3 3"]);
  });
});

describe("what is not answered", () => {
  test("is sent again, and everybody is asked, for somebody knows who leads now", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.call("b");
    bench.taken();
    bench.tick(9);
    expect(bench.taken()).toEqual([]);
    bench.tick(1);
    expect(bench.taken()).toEqual(["0 call 2 2", "0 call 3 2", "1 call 2 2", "2 call 2 2"]);
    bench.tick(10);
    expect(bench.taken()).toHaveLength(4);
  });

  test("is sent again byte for byte: number and acked stay as they were (I48)", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.call("b");
    const sent = bench.last;
    bench.reply(2);
    bench.taken();
    bench.tick(10);
    expect(bench.last).toEqual(sent);
  });

  test("includes the registration", () => {
    const bench = new Bench();
    bench.call("a");
    bench.taken();
    bench.tick(10);
    expect(bench.taken()).toEqual(["0 register 0 0", "1 register 0 0", "2 register 0 0"]);
  });

  test("includes queries", () => {
    const bench = new Bench().registered();
    bench.query("q");
    expect(bench.taken()).toEqual(["0 query 1"]);
    bench.tick(10);
    expect(bench.taken()).toEqual(["0 query 1", "1 query 1", "2 query 1"]);
  });

  /** It was sent once and, when it was late, again and to everybody. */
  function expectRepeated(bench: Bench, message: string): void {
    const sent = bench.taken().filter((one) => one.endsWith(message));
    expect(sent).toEqual([0, 0, 1, 2].map((to) => `${to} ${message}`));
  }

  const loads: [string, (bench: Bench, tick: number) => void][] = [
    ["new calls", (bench) => void bench.call("more")],
    ["new queries", (bench) => void bench.query("more")],
    [
      "calls and their answers",
      (bench, tick) => {
        bench.call("more");
        bench.reply(2 + tick);
      },
    ],
    [
      "queries and their answers",
      (bench, tick) => {
        bench.query("more");
        bench.seen(tick);
      },
    ],
  ];

  test.each(loads)("is not put off by %s, which come more often", (_, load) => {
    const bench = new Bench({ window: 50, queueMax: 50 }).registered();
    bench.call("lost");
    for (let tick = 1; tick <= 10; tick++) {
      load(bench, tick);
      bench.tick(1);
    }
    expectRepeated(bench, "call 2 2");
    // One of those that were asked knows who leads now, and is followed.
    bench.receive({ type: "not_primary", view: 1 });
    expect(bench.taken()).toContain("1 call 2 2");
  });

  test("is not put off if it is a registration, while calls and queries come", () => {
    const bench = new Bench({ queueMax: 50 });
    for (let tick = 1; tick <= 10; tick++) {
      bench.call("more");
      bench.query("more");
      bench.seen(tick);
      bench.tick(1);
    }
    expectRepeated(bench, "register 0 0");
  });

  test("is not put off if it is a query, while calls and other queries are answered", () => {
    const bench = new Bench({ queueMax: 50 }).registered();
    bench.query("lost");
    for (let tick = 1; tick <= 10; tick++) {
      bench.call("more");
      bench.query("more");
      bench.reply(1 + tick);
      bench.seen(1 + tick);
      bench.tick(1);
    }
    expectRepeated(bench, "query 1");
  });

  test("is nothing once all is answered: an idle session is silent", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.query("q");
    bench.reply(2);
    bench.seen(1);
    bench.taken();
    bench.tick(100);
    expect(bench.taken()).toEqual([]);
    expect(bench.outcomes).toEqual(["a: r2", "q: seen"]);
  });
});

describe("a newer view", () => {
  test("that any answer tells of is followed at once, with all that is unanswered", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.query("q");
    bench.taken();
    bench.receive({ type: "not_primary", view: 4 });
    expect(bench.session.view).toBe(4);
    expect(bench.taken()).toEqual(["1 call 2 2", "1 query 1"]);
    bench.call("b");
    expect(bench.taken()).toEqual(["1 call 3 2"]);
  });

  test("with the same primary makes nothing be sent again", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.taken();
    bench.receive({ type: "not_primary", view: 3 });
    expect(bench.taken()).toEqual([]);
  });

  test("is never left for an older one", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.receive({ type: "not_primary", view: 5 });
    bench.taken();
    bench.receive({ type: "not_primary", view: 3 });
    expect(bench.session.view).toBe(5);
    expect(bench.taken()).toEqual([]);
  });
});

describe("giving a call up", () => {
  test("takes it back if it was never sent, and says so", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.call("b");
    const waiting = bench.call("c");
    bench.taken();
    expect(waiting?.cancel()).toBe(true);
    bench.reply(2);
    bench.reply(3);
    expect(bench.taken()).toEqual([]);
    expect(bench.outcomes).toEqual(["a: r2", "b: r3"]);
  });

  test("that was sent keeps it going, for those after it wait for it, but tells nobody", () => {
    const bench = new Bench().registered();
    const sent = bench.call("a");
    bench.call("b");
    bench.taken();
    expect(sent?.cancel()).toBe(false);
    bench.tick(10);
    expect(bench.taken()).toContain("0 call 2 2");
    bench.reply(2);
    bench.reply(3);
    expect(bench.outcomes).toEqual(["b: r3"]);
  });

  test("while the session registers is certain that it will not run", () => {
    const bench = new Bench();
    const waiting = bench.call("a");
    expect(waiting?.cancel()).toBe(true);
    bench.reply(0);
    expect(bench.taken()).toEqual(["0 register 0 0"]);
  });

  test("that is a query forgets it", () => {
    const bench = new Bench().registered();
    // It left at once, so it cannot be said that it was never answered.
    expect(bench.query("q")?.cancel()).toBe(false);
    bench.seen(1);
    expect(bench.outcomes).toEqual([]);
    expect(bench.session.size).toBe(0);
  });
});

describe("eviction", () => {
  test("tells what was sent, and goes on with the rest under another name (I51)", () => {
    const bench = new Bench().registered();
    for (const content of ["a", "b", "c"]) bench.call(content);
    bench.query("q");
    bench.taken();
    bench.receive({ type: "eviction", session: 5 });
    expect(bench.outcomes).toEqual(["a: evicted", "b: evicted"]);
    expect(bench.session.client).toBe(clientId("2"));
    expect(bench.taken()).toEqual(["0 query 1", "0 register 0 0"]);
    bench.reply(0, "", 0, 9);
    expect(bench.taken()).toEqual(["0 call 1 1"]);
    bench.reply(1, "late", 0, 9);
    expect(bench.outcomes.at(-1)).toBe("c: late");
  });

  test("of another session, or of the name before, is none of its business", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.receive({ type: "eviction", session: 4 });
    bench.receive({ type: "eviction", session: 5, client: clientId("77") });
    expect(bench.outcomes).toEqual([]);
    expect(bench.session.client).toBe(clientId("1"));
  });

  test("is not believed if its view is older than the newest one heard of (I51)", () => {
    const bench = new Bench().registered();
    bench.call("a");
    bench.receive({ type: "not_primary", view: 4 });
    bench.taken();
    bench.receive({ type: "eviction", session: 5, view: 3 });
    expect([bench.outcomes, bench.taken()]).toEqual([[], []]);
    expect(bench.session.client).toBe(clientId("1"));
    bench.receive({ type: "eviction", session: 5, view: 4 });
    expect(bench.outcomes).toEqual(["a: evicted"]);
  });
});

describe("calls that were given up, whose replies may be left for later,", () => {
  const abandon = (numbers: readonly number[]) => bytes(`abandon ${numbers}`);

  test("are told of once, in the place beyond the window that is kept for it", () => {
    const bench = new Bench({ abandon }).registered();
    const calls = [bench.call("a"), bench.call("b")];
    bench.taken();
    for (const call of calls) call?.cancel();
    bench.tick(2);
    expect(bench.last).toMatchObject({ number: 4, acked: 2, body: abandon([2, 3]) });
    expect(bench.taken()).toEqual(["0 call 4 2"]);
    bench.reply(4);
    bench.tick(1);
    expect(bench.taken()).toEqual([]);
  });

  test("wait with that place for the oldest one, without which no later call would fit", () => {
    const bench = new Bench({ abandon }).registered();
    const [oldest, later] = [bench.call("a"), bench.call("b")];
    bench.taken();
    later?.cancel();
    bench.tick(5);
    // Told of now, the place would be taken when the oldest is given up, and the window stuck.
    expect(bench.taken()).toEqual([]);
    oldest?.cancel();
    bench.tick(1);
    expect(bench.last).toMatchObject({ number: 4, acked: 2, body: abandon([2, 3]) });
    for (const number of [4, 2, 3]) bench.reply(number);
    bench.taken();
    bench.call("c");
    expect(bench.taken()).toEqual(["0 call 5 5"]);
  });

  test("do not take that place twice while the reply to the oldest one is lost", () => {
    const bench = new Bench({ abandon }).registered();
    const [oldest, later] = [bench.call("a"), bench.call("b")];
    oldest?.cancel();
    bench.tick(1);
    bench.taken();
    bench.reply(4);
    later?.cancel();
    bench.tick(1);
    expect(bench.taken()).toEqual([]);
    bench.reply(2);
    bench.tick(1);
    expect(bench.last).toMatchObject({ number: 5, acked: 3, body: abandon([3]) });
  });
});

test("a session that is closed forgets everything and is silent", () => {
  const bench = new Bench().registered();
  for (const content of ["a", "b", "c"]) bench.call(content);
  bench.query("q");
  bench.taken();
  bench.session.close();
  bench.tick(50);
  bench.reply(2);
  expect([bench.taken(), bench.outcomes, bench.session.size]).toEqual([[], [], 0]);
});
