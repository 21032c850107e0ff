import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type ActorSystem,
  type AnyActorDefinition,
  type AnyRef,
  type ChildSpec,
  child,
  defineStateMachine,
  type ExitReason,
  type MachineCtx,
  type MachineEnterCtx,
  type MachineQueryCtx,
  type MachineState,
  type RefOf,
  type ReplyTo,
} from "../../src/index.ts";

interface Link {
  readonly host: string;
  sent: string[];
  waiting: ReplyTo<number>[];
}

type Names = "down" | "up";

const Connection = defineStateMachine("connection", {
  init: (host: string) => ({ state: "down", data: { host, sent: [], waiting: [] } as Link }),
  states: {
    down: {
      enter: (data, previous, ctx) => {
        expectTypeOf(data).toEqualTypeOf<Link>();
        expectTypeOf(previous).toEqualTypeOf<Names>();
        expectTypeOf(ctx).toEqualTypeOf<MachineEnterCtx<Link, Names>>();
      },
      calls: {
        send: (_data, _text: string, ctx) => ctx.postpone(),
        connect: (data, port: number, ctx) => {
          expectTypeOf(ctx).toEqualTypeOf<MachineCtx<Link, Names>>();
          expectTypeOf(ctx.state).toEqualTypeOf<Names>();
          ctx.next("up");
          return `${data.host}:${port}`;
        },
        status: () => "down" as const,
      },
      internal: { retry: (_data, attempt: number, ctx) => ctx.stateTimeout(attempt * 100) },
      stateTimeout: (_data, _, ctx) => ctx.nextEvent("retry", 1),
    },
    up: {
      calls: {
        send: (data, text: string | undefined) => data.sent.push(text ?? ""),
        when: (data, count: number, ctx) =>
          data.sent.length >= count
            ? data.sent.length
            : ctx.defer<number>((to) => data.waiting.push(to)),
        load: async (data, _: void) => data.sent,
        status: (data) => data.sent.length,
      },
      casts: { drop: (_data, _reason: "idle" | "error", ctx) => ctx.next("down") },
      info: { tick: (_data, n: number) => n },
      timeouts: { ping: (_data, _, ctx) => ctx.timeout("ping", 1000) },
    },
  },
  any: {
    queries: {
      host: (data, _: void, ctx) => {
        expectTypeOf(ctx).toEqualTypeOf<MachineQueryCtx<Link, Names>>();
        return data.host;
      },
    },
    casts: { drop: () => {}, close: (_data, _: void, ctx) => ctx.stop() },
  },
  terminate: (data, reason, state) => {
    expectTypeOf(data).toEqualTypeOf<Link>();
    expectTypeOf(reason).toEqualTypeOf<ExitReason>();
    expectTypeOf(state).toEqualTypeOf<Names>();
  },
});

declare const link: RefOf<typeof Connection>;
declare const system: ActorSystem;
/** Checked by the compiler only: what stands inside is never run. */
const check = (_: () => unknown) => {};

describe("the types of a state machine", () => {
  it("are those of an actor's definition", () => {
    expectTypeOf(Connection).toExtend<AnyActorDefinition>();
    expectTypeOf(Connection.name).toEqualTypeOf<"connection">();
    expectTypeOf(Connection.states).toEqualTypeOf<readonly Names[]>();
    expectTypeOf(Connection.init).returns.toEqualTypeOf<
      MachineState<Names, Link> | PromiseLike<MachineState<Names, Link>>
    >();
    check(async () => {
      expectTypeOf(await system.start(Connection, "localhost")).toEqualTypeOf(link);
      expectTypeOf(system.whereis("c", Connection)).toEqualTypeOf<typeof link | undefined>();
      expectTypeOf(child(Connection, "localhost")).toExtend<ChildSpec>();
      // @ts-expect-error the argument is missing
      await system.start(Connection);
      // @ts-expect-error the argument is wrong
      child(Connection, 5);
    });
  });

  it("give a ref whose operations are the union over the states", () => {
    expectTypeOf<RefOf<typeof Connection>>().toExtend<AnyRef>();
    check(() => {
      expectTypeOf(link.call("connect", 80)).toEqualTypeOf<Promise<string>>();
      expectTypeOf(link.call("load")).toEqualTypeOf<Promise<string[]>>();
      expectTypeOf(link.query("host")).toEqualTypeOf<Promise<string>>();
      link.cast("close");
      link.send("tick", 5);
    });
  });

  it("give the replies of all states, without what was postponed or deferred", () => {
    check(() => {
      expectTypeOf(link.call("send", "hello")).toEqualTypeOf<Promise<number>>();
      expectTypeOf(link.call("status")).toEqualTypeOf<Promise<number | "down">>();
      expectTypeOf(link.call("when", 1)).toEqualTypeOf<Promise<number>>();
    });
  });

  it("ask for an argument that suits every state", () => {
    check(() => {
      link.cast("drop", "idle");
      // @ts-expect-error the state "down" needs a text
      link.call("send", undefined);
      // @ts-expect-error one state needs a reason
      link.cast("drop");
      // @ts-expect-error it is not one of the reasons
      link.cast("drop", "bored");
      // @ts-expect-error there is no argument in any state
      link.call("status", 5);
      // @ts-expect-error a number is needed
      link.call("connect", "80");
    });
  });

  it("refuse an operation that no state has", () => {
    check(() => {
      // @ts-expect-error there is no such call
      link.call("conect", 80);
      // @ts-expect-error a cast is not a call
      link.call("close");
      // @ts-expect-error an internal event is not for callers
      link.cast("retry", 1);
      // @ts-expect-error nor for senders
      link.send("retry", 1);
      // @ts-expect-error a timeout is not an info
      link.send("ping");
    });
  });
});

describe("the compiler", () => {
  const init = () => ({ state: "one", data: { n: 0 } }) as const;

  it("refuses a state that there is none", () => {
    check(() =>
      defineStateMachine("bad", {
        // @ts-expect-error there is no state "onne"
        init: () => ({ state: "onne", data: {} }),
        states: { one: {}, two: {} },
      }),
    );
    check(() =>
      defineStateMachine("bad", {
        init,
        states: {
          one: {
            // @ts-expect-error there is no state "tow"
            calls: { go: (_data, _: void, ctx) => ctx.next("tow") },
          },
          two: {},
        },
      }),
    );
  });

  it("refuses an enter handler that changes the state, postpones, defers or inserts events", () => {
    check(() =>
      defineStateMachine("bad", {
        init,
        states: {
          one: {
            enter: (_data, _previous, ctx) => {
              // @ts-expect-error an enter handler may not change the state
              ctx.next("one");
              // @ts-expect-error nor postpone
              ctx.postpone();
              // @ts-expect-error nor insert events
              ctx.nextEvent("x");
              // @ts-expect-error nor defer
              ctx.defer(() => {});
            },
          },
        },
      }),
    );
  });

  it("refuses a query that changes the state", () => {
    check(() =>
      defineStateMachine("bad", {
        init,
        states: {
          // @ts-expect-error a query may not change the state
          one: { queries: { go: (_data, _: void, ctx) => ctx.next("one") } },
        },
      }),
    );
  });

  it("refuses a handler that reads what the data does not have", () => {
    check(() =>
      defineStateMachine("bad", {
        init,
        // @ts-expect-error there is no such field
        states: { one: { calls: { get: (data) => data.m } } },
      }),
    );
  });

  it("refuses a table that is none, also beside one that is", () => {
    expect(() =>
      defineStateMachine("bad", {
        init: () => ({ state: "one", data: {} }),
        // @ts-expect-error there is no table "call"
        states: { one: { calls: { a: () => 1 }, call: { b: () => 1 } } },
      }),
    ).toThrow("invalid option states.one.call");
  });

  it("infers the data also from an async init that uses its ctx", () => {
    const Late = defineStateMachine("late", {
      init: async (n: number, ctx) => {
        ctx.stateTimeout(10);
        return { state: "one", data: { list: [n] } };
      },
      states: {
        one: { calls: { first: (data) => data.list[0] } },
        two: { stateTimeout: (_data, _, ctx) => ctx.next("one") },
      },
    });
    check(async () => {
      const ref = await system.start(Late, 1);
      expectTypeOf(await ref.call("first")).toEqualTypeOf<number | undefined>();
    });
  });

  it("emits declarations that name the handlers of a machine, and the operations of its ref", () => {
    const source = fileURLToPath(new URL("../support/declared-machines.ts", import.meta.url));
    const program = ts.createProgram([source], {
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      allowImportingTsExtensions: true,
      isolatedModules: true,
      declaration: true,
      emitDeclarationOnly: true,
      skipLibCheck: true,
      rootDir: fileURLToPath(new URL("../..", import.meta.url)),
      outDir: "/declared",
    });
    let declarations = "";
    const file = program.getSourceFile(source);
    const { diagnostics } = program.emit(file, (name, text) => {
      if (name.endsWith("declared-machines.d.ts")) declarations = text;
    });
    const problems = [...program.getSemanticDiagnostics(file), ...diagnostics].map(
      ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "),
    );
    expect(problems).toEqual([]);
    expect(declarations).toContain('StateMachineDefinition<"door"');
    // The ref names the operations themselves: no state, no handler of a timeout.
    const [, ref = ""] = declarations.split("const starting");
    expect(ref).toContain("readonly unlock: (state: ");
    expect(ref).not.toContain("stateTimeout");
    expect(declarations.length).toBeLessThan(4000);
  }, 60_000);
});
