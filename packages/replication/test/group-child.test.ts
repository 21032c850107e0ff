/** A group as the child of a supervisor: started, stopped and restarted with the tree. */
import { createSystem, defineActor, OptionError, supervisor } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import { replicate, replicated } from "../src/group.ts";
import { Counter, GroupBench } from "./support/group-bench.ts";

/** Stops its replica once: as a stack that was too small this time would. */
const poison = { armed: false };
const Poisoned = defineActor("poisoned", {
  init: () => ({ count: 0 }),
  queries: { get: (s) => s.count },
  calls: {
    add: (s) => {
      if (poison.armed) {
        poison.armed = false;
        throw new RangeError("Maximum call stack size exceeded");
      }
      s.count++;
      return s.count;
    },
  },
});

describe("a replica in a supervision tree", () => {
  test("is started, and stopped, with its supervisor", async () => {
    const bench = await GroupBench.make();
    const node = await bench.node("a");
    const options = bench.options({ replicas: ["a"] });
    const spec = replicated(Counter, { start: 0 }, options);
    expect([spec.id, spec.restart, spec.type]).toEqual(["g", "permanent", "worker"]);
    const tree = await node.start(supervisor({ strategy: "one_for_one", children: [spec] }));
    const ref = await replicate(node, Counter, { start: 0 }, options);
    expect(await ref.call("add", 2)).toBe(2);
    await ref.close();
    await node.stop(tree);
    const again = await replicate(node, Counter, { start: 0 }, options);
    expect(await again.query("get")).toBe(2);
  });

  test("is restarted from its journal when it has stopped because of an error", async () => {
    const bench = await GroupBench.make();
    const node = await bench.node("a");
    const options = bench.options({ replicas: ["a"] });
    const { storage: _, ...elsewhere } = options;
    const outside = await bench.node("outside");
    const restarts: string[] = [];
    const restarted = new Promise<void>((resolve) => {
      node.events.on("restart", ({ id }) => {
        restarts.push(id);
        resolve();
      });
    });
    const spec = replicated(Poisoned, undefined, options);
    await node.start(supervisor({ strategy: "one_for_one", children: [spec] }));
    const ref = await replicate(outside, Poisoned, undefined, elsewhere);
    expect(await ref.call("add")).toBe(1);
    poison.armed = true;
    expect(await ref.call("add")).toBe(2);
    await restarted;
    expect(restarts).toEqual(["g"]);
    expect(await ref.query("get")).toBe(2);
  });

  test("cannot be started where there is no node", async () => {
    const system = createSystem({ logger: false });
    const bench = await GroupBench.make();
    const spec = replicated(Counter, { start: 0 }, bench.options());
    const tree = supervisor({ strategy: "one_for_one", children: [spec] });
    await expect(system.start(tree)).rejects.toThrow();
    await system.shutdown();
  });

  test("is refused at once if its options are bad", () => {
    const options = { group: "", replicas: ["a"] };
    expect(() => replicated(Counter, { start: 0 }, options)).toThrow(OptionError);
  });
});
