import {
  type Ctx,
  defineActor,
  HandlerError,
  ReplyError,
  UnknownOperationError,
} from "@troupe/actor";
import { Codec } from "@troupe/cluster/runtime";
import { describe, expect, test } from "vitest";
import { ActorMachine } from "../src/state-machine.ts";
import { failure, TestMachine } from "./support/machine.ts";

/** Counts how often its handlers run, outside the state: what a replay costs. */
function countingLedger() {
  const runs = { pay: 0 };
  const definition = defineActor("ledger", {
    init: (arg: { balance: number }) => ({ balance: arg.balance, notes: [] as string[] }),
    queries: { balance: (s) => s.balance, notes: (s) => s.notes },
    calls: {
      pay: (s, amount: number, ctx) => {
        runs.pay++;
        if (amount > s.balance) ctx.fail("too_little", { have: s.balance });
        s.balance -= amount;
        return s.balance;
      },
      halfway: (s) => {
        s.balance = -1;
        s.notes.push("halfway");
        throw new RangeError("boom");
      },
      throws: (_s, what: string) => {
        if (what === "nothing") throw undefined;
        throw Object.create(null);
      },
      later: (s) => {
        s.balance = -1;
        return Promise.resolve(1);
      },
      unsendable: (s) => {
        s.balance = -1;
        return { deep: [new URL("http://a/")] };
      },
      oversize: (s) => {
        s.balance = -1;
        return new Uint8Array(2 * 1024 * 1024);
      },
      refuseBadly: (_s, how: string, ctx) =>
        ctx.fail("no", how === "large" ? new Uint8Array(2 * 1024 * 1024) : () => undefined),
      chance: (_s, _: undefined, ctx) => [ctx.now(), ctx.random(), ctx.random(), ctx.id()],
      reach: (_s, what: keyof Ctx, ctx) => {
        const member: unknown = ctx[what];
        return typeof member === "function" ? member.call(ctx) : member;
      },
      recurse: (s): number => recurse(s.balance),
    },
    casts: {
      note: (s, text: string) => {
        s.notes.push(text);
        return "ignored";
      },
    },
  });
  return { runs, definition };
}

function recurse(n: number): number {
  return recurse(n + 1) + 1;
}

function ledger(balance = 100) {
  const { runs, definition } = countingLedger();
  return { runs, machine: new TestMachine(definition, { balance }) };
}

describe("an operation", () => {
  test("runs on the state and answers", () => {
    const { machine } = ledger();
    expect(machine.call("pay", 30)).toBe(70);
    expect(machine.query("balance")).toBe(70);
  });

  test("that is a cast answers nothing, whatever its handler returns", () => {
    const { machine } = ledger();
    expect(machine.cast("note", "hello")).toBeUndefined();
    expect(machine.query("notes")).toEqual(["hello"]);
  });

  test("shares its op with others, which each get their own reply in order", () => {
    const { machine } = ledger();
    const outcomes = machine.apply([
      ["call", "pay", 10],
      ["call", "pay", 999],
      ["call", "pay", 20],
    ]);
    expect(outcomes[0]).toEqual({ value: 90 });
    expect(outcomes[1]).toMatchObject({ error: { code: "too_little" } });
    expect(outcomes[2]).toEqual({ value: 70 });
  });

  test("that is unknown answers a typed error that lists what there is", () => {
    const { machine } = ledger();
    for (const name of ["nope", "balance", "constructor", "__proto__"]) {
      const error = failure(() => machine.call(name));
      expect(error).toBeInstanceOf(UnknownOperationError);
      expect(error.outcome).toBe("not_run");
      expect(error.message).toContain("pay");
    }
    expect(failure(() => machine.query("nope"))).toBeInstanceOf(UnknownOperationError);
    expect(machine.query("balance")).toBe(100);
  });

  test("is not found outside the three tables", () => {
    const { machine } = ledger();
    for (const kind of ["constructor", "init", "__proto__"] as const) {
      const odd = [kind, "assign", { balance: 1 }] as unknown as ["call", string, unknown];
      expect(machine.apply([odd])[0]).toHaveProperty("error");
    }
    expect(machine.query("balance")).toBe(100);
  });

  test("that is a registration runs nothing and answers nothing", () => {
    const { machine } = ledger();
    const before = machine.digest;
    expect(machine.register()).toEqual([new Uint8Array(0)]);
    expect(machine.digest).toBe(before);
  });

  test("whose bytes say nothing is an error of the call, not of the replica", () => {
    const { machine } = ledger();
    const codec = new Codec();
    for (const body of [new Uint8Array([0xff, 0xff]), codec.encode(null), codec.encode("call")]) {
      expect(failure(() => machine.raw(body)).outcome).not.toBe("unknown");
    }
    expect(machine.query("balance")).toBe(100);
  });
});

describe("a handler that throws", () => {
  test("leaves the state as if the call had never run", () => {
    const { machine } = ledger();
    machine.call("pay", 30);
    machine.cast("note", "kept");
    const before = machine.digest;
    const error = failure(() => machine.call("halfway"));
    expect(error).toBeInstanceOf(HandlerError);
    expect([error.code, error.outcome]).toEqual(["ERR_HANDLER", "ran"]);
    expect(error.message).toContain("boom");
    expect(machine.digest).toBe(before);
    expect(machine.call("pay", 10)).toBe(60);
    expect(machine.query("notes")).toEqual(["kept"]);
  });

  test("leaves the state so after 5000 calls as well, at the cost of a bounded replay", () => {
    const { machine, runs } = ledger(10_000);
    for (let i = 0; i < 5000; i++) machine.call("pay", 1);
    const before = machine.digest;
    const ran = runs.pay;
    failure(() => machine.call("halfway"));
    expect(machine.digest).toBe(before);
    expect(machine.query("balance")).toBe(5000);
    expect(runs.pay - ran).toBeLessThanOrEqual(4096);
  });

  test("does not undo the other calls of its op", () => {
    const { machine } = ledger();
    const outcomes = machine.apply([
      ["call", "pay", 10],
      ["call", "halfway", undefined],
      ["call", "pay", 10],
    ]);
    expect(outcomes.map((outcome) => "error" in outcome)).toEqual([false, true, false]);
    expect(machine.query("balance")).toBe(80);
  });

  test("may throw what is no error at all", () => {
    const { machine } = ledger();
    for (const what of ["nothing", "no prototype"]) {
      expect(failure(() => machine.call("throws", what))).toBeInstanceOf(HandlerError);
    }
    expect(machine.query("balance")).toBe(100);
  });

  test("by overflowing the stack stops the replica: another one's stack may be larger", () => {
    const { machine } = ledger();
    expect(() => machine.apply([["call", "recurse", undefined]])).toThrow(RangeError);
  });

  test("for want of memory stops the replica: another one may have enough", () => {
    const Greedy = defineActor("greedy", {
      init: () => ({ size: 0 }),
      calls: {
        grow: (s, size: number) => {
          s.size = new ArrayBuffer(size).byteLength;
        },
      },
    });
    const machine = new TestMachine(Greedy, undefined);
    expect(() => machine.apply([["call", "grow", 2 ** 50]])).toThrow("allocation failed");
  });

  test("is replayed with the refusals and the time that the other calls had", () => {
    const Clocked = defineActor("clocked", {
      init: () => ({ seen: [] as unknown[] }),
      queries: { seen: (s) => s.seen },
      calls: {
        look: (s, refuse: boolean, ctx) => {
          const saw = [ctx.now(), ctx.id()];
          if (refuse) ctx.fail("refused");
          s.seen.push(saw);
        },
        crash: () => {
          throw new Error("boom");
        },
      },
    });
    const machine = new TestMachine(Clocked, undefined);
    machine.apply([["call", "look", false]], 5_000_000);
    machine.apply([["call", "look", true]], 6_000_000);
    machine.apply([["call", "look", false]], 7_000_000);
    const before = machine.query("seen");
    failure(() => machine.call("crash"));
    expect(machine.query("seen")).toEqual(before);
    expect(before).toEqual([
      [5000, expect.any(String)],
      [7000, expect.any(String)],
    ]);
  });
});

describe("a reply", () => {
  test("that cannot be encoded is an error of its handler, and the state is restored", () => {
    const { machine } = ledger();
    const error = failure(() => machine.call("unsendable"));
    expect(error).toBeInstanceOf(HandlerError);
    expect(error.message).toContain("reply.value.deep[0]");
    expect(machine.query("balance")).toBe(100);
  });

  test("that is too large is an error of the call, and the state is restored", () => {
    const { machine } = ledger();
    const error = failure(() => machine.call("oversize"));
    expect(error).toBeInstanceOf(HandlerError);
    expect(error.message).toContain("the limit is 1048576");
    expect(machine.query("balance")).toBe(100);
  });

  test("that is a promise is refused, and the state is restored", () => {
    const { machine } = ledger();
    const error = failure(() => machine.call("later"));
    expect(error).toBeInstanceOf(HandlerError);
    expect(error.message).toContain('asynchronous handler "later"');
    expect(machine.query("balance")).toBe(100);
  });
});

describe("ctx.fail", () => {
  test("answers the caller's error and changes nothing", () => {
    const { machine } = ledger();
    const before = machine.digest;
    const error = failure(() => machine.call("pay", 500));
    expect(error).toBeInstanceOf(ReplyError);
    expect([error.code, error.outcome, error.data]).toEqual(["too_little", "ran", { have: 100 }]);
    expect(machine.digest).toBe(before);
  });

  test("replays nothing, however long the history is", () => {
    const { machine, runs } = ledger(1000);
    for (let i = 0; i < 100; i++) machine.call("pay", 1);
    failure(() => machine.call("pay", 5000));
    expect(runs.pay).toBe(101);
  });

  test("with data that cannot be sent is an error of the handler, and stops nobody", () => {
    const { machine } = ledger();
    for (const how of ["large", "a function"]) {
      expect(failure(() => machine.call("refuseBadly", how))).toBeInstanceOf(HandlerError);
    }
    expect(machine.call("pay", 1)).toBe(99);
  });
});

describe("a query", () => {
  test("cannot be used to run a call outside the log", () => {
    const { machine } = ledger();
    expect(failure(() => machine.ask(["call", "pay", 10]))).toBeInstanceOf(UnknownOperationError);
    expect(machine.query("balance")).toBe(100);
  });

  test("that throws, or answers what cannot be sent, is an error of the query", () => {
    const Bad = defineActor("bad", {
      init: () => ({}),
      queries: {
        crash: () => {
          throw new Error("boom");
        },
        unsendable: () => () => 1,
        refuse: (_s, _: undefined, ctx) => ctx.fail("no", () => 1),
      },
    });
    const machine = new TestMachine(Bad, undefined);
    for (const name of ["crash", "unsendable", "refuse"]) {
      expect(failure(() => machine.query(name))).toBeInstanceOf(HandlerError);
    }
    expect(failure(() => machine.ask(null))).toBeInstanceOf(HandlerError);
  });
});

describe("time and chance", () => {
  test("are the same on two machines, and others in another op, place or group", () => {
    const { definition } = countingLedger();
    const one = new TestMachine(definition, { balance: 1 });
    const two = new TestMachine(definition, { balance: 1 });
    const other = new TestMachine(definition, { balance: 1 }, "another group");
    const chance = ["call", "chance", undefined] as const;
    const run = (machine: TestMachine) =>
      [1_700_000_000_123_456, 1_700_000_000_200_000].flatMap((timestamp) =>
        machine
          .apply([chance, chance], timestamp)
          .map((outcome) => "value" in outcome && outcome.value),
      );
    const drawn = run(one) as [number, number, number, string][];
    expect(run(two)).toEqual(drawn);
    expect(drawn.map(([now]) => now)).toEqual([
      1_700_000_000_123, 1_700_000_000_123, 1_700_000_000_200, 1_700_000_000_200,
    ]);
    const randoms = drawn.flatMap(([, first, second]) => [first, second]);
    for (const random of randoms) expect(random >= 0 && random < 1).toBe(true);
    expect(new Set(randoms).size).toBe(8);
    const ids = [...drawn, ...(run(other) as typeof drawn)].map(([, , , id]) => id);
    expect(new Set(ids).size).toBe(8);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });

  test("give init no clock and no chance of its own", () => {
    const Early = defineActor("early", {
      init: (_: undefined, ctx) => ({ at: ctx.now(), id: ctx.id() }),
      queries: { all: (s) => s },
    });
    const [one, two] = [new TestMachine(Early, undefined), new TestMachine(Early, undefined)];
    expect(one.query("all")).toEqual(two.query("all"));
  });

  test("reach no further: what cannot go through the log is refused by name", () => {
    const { machine } = ledger();
    for (const what of ["signal", "stop", "idleTimeout", "exit", "start", "startLink"] as const) {
      const error = failure(() => machine.call("reach", what));
      expect(error).toBeInstanceOf(HandlerError);
      expect(error.message).toContain(`ctx.${what} is not available to a replicated actor`);
    }
  });
});

describe("init", () => {
  const make = (init: () => unknown) =>
    new ActorMachine(defineActor("odd", { init }), undefined, new Codec(), "seed");

  test("throws out of the making of the machine", () => {
    const crash = () => {
      throw new Error("no disk");
    };
    expect(() => make(crash)).toThrow("no disk");
  });

  test("may not make a state that is a promise, or cannot be encoded", () => {
    expect(() => make(async () => ({}))).toThrow("an asynchronous init");
    expect(() => make(() => ({ at: new URL("http://a/") }))).toThrow("an instance of URL");
  });
});

test("the digest tells states and tables apart", () => {
  const { machine } = ledger();
  const before = machine.machine.digest([1]);
  expect(machine.machine.digest([1])).toBe(before);
  expect(machine.machine.digest([2])).not.toBe(before);
  machine.call("pay", 1);
  expect(machine.machine.digest([1])).not.toBe(before);
});
