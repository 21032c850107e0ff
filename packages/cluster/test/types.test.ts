/** What the compiler must accept and refuse. The lines that must not compile say so. */
import { type ActorSystem, type AnyRef, defineActor, type RefOf } from "@troupe/actor";
import { expectTypeOf, test } from "vitest";
import type { Node } from "../src/node.ts";
import { Counter } from "./support.ts";

const Plain = defineActor("plain", { init: () => ({ n: 0 }) });

test("a node is a system", () => {
  expectTypeOf<Node>().toExtend<ActorSystem>();
});

test("startOn reads its types off the definition, as start does", () => {
  const run = async (node: Node) => {
    const counter = await node.startOn("b", Counter, { start: 1 }, { name: "c", timeout: 10 });
    expectTypeOf(counter).toEqualTypeOf<RefOf<typeof Counter>>();
    expectTypeOf(await counter.call("add", 1)).toEqualTypeOf<number>();
    await node.startOn("b", Plain);
    await node.startOn("b", Plain, undefined, { name: "p" });
    // @ts-expect-error the argument is missing
    await node.startOn("b", Counter);
    // @ts-expect-error the argument is wrong
    await node.startOn("b", Counter, { start: "1" });
    // @ts-expect-error there is no such operation
    await counter.call("subtract", 1);
  };
  expectTypeOf(run).toBeFunction();
});

test("refOn is typed by a definition, and untyped without one", () => {
  const run = async (node: Node) => {
    expectTypeOf(await node.refOn("b", "c")).toEqualTypeOf<AnyRef>();
    expectTypeOf(await node.refOn("b", "c", Counter)).toEqualTypeOf<RefOf<typeof Counter>>();
  };
  expectTypeOf(run).toBeFunction();
});

test("events are typed", () => {
  const run = (node: Node) => {
    node.events.on("nodeup", (info) => expectTypeOf(info.incarnation).toEqualTypeOf<number>());
    node.events.on("exit", ({ ref }) => expectTypeOf(ref).toEqualTypeOf<AnyRef>());
    // @ts-expect-error there is no such event
    node.events.on("nodeover", () => {});
  };
  expectTypeOf(run).toBeFunction();
});
