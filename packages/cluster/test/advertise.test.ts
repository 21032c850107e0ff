/** The address that a node tells the others, apart from the one that it listens on. */

import { describe, expect, test } from "vitest";
import { isWildcard, resolveAdvertise } from "../src/advertise.ts";
import { staticSeeds } from "../src/discovery/static.ts";
import type { Node } from "../src/node.ts";
import { type NodeOptions, resolveNodeOptions } from "../src/options.ts";
import { memoryUrl } from "../src/transport/memory.ts";
import { Bench, names } from "./support.ts";

const told = (node: Node, name: string) =>
  node.members().find((member) => member.name === name)?.url;

describe("the address that others are told", () => {
  test("is the one that is listened on, unless another is given", async () => {
    const bench = new Bench();
    const a = await bench.node("a", [], { advertise: memoryUrl("front of a") });
    const b = await bench.node("b", ["a"]);
    await bench.until(() => names(a).length === 1 && names(b).length === 1);
    expect([a.url, told(a, "a"), told(b, "a")]).toEqual(Array(3).fill("memory://front%20of%20a"));
    expect([b.url, told(a, "b")]).toEqual(Array(2).fill("memory://b"));
    expect(b.nodes()).toMatchObject([{ name: "a", url: "memory://front%20of%20a" }]);
  });

  test("is where third nodes dial it, which have heard of it only", async () => {
    const bench = new Bench();
    // Where it listens is known to who has its seed; the others are led to its front.
    const a = await bench.node("a", [], { advertise: memoryUrl("front") });
    const front = bench.network.transport("front");
    let dialled = 0;
    await front.listen({ host: "front", port: 0 }, (socket) => {
      dialled += 1;
      socket.terminate();
    });
    const hub = await bench.node("hub", ["a"]);
    await bench.until(() => names(a).length === 1 && names(hub).length === 1);
    const c = await bench.node("c", ["hub"]);
    await bench.until(() => dialled > 0);
    expect(told(c, "a")).toBe("memory://front");
  });

  test("is told to sources too", async () => {
    const bench = new Bench();
    const urls: unknown[] = [];
    const asked = {
      ...staticSeeds([]),
      async *watch({ self }: { self: { url: string | undefined } }) {
        urls.push(self.url);
        yield [];
      },
    };
    await bench.node("a", [], { discovery: [asked], advertise: memoryUrl("x") });
    await bench.node("b", [], { discovery: [asked] });
    expect(urls).toEqual(["memory://x", "memory://b"]);
  });

  test("that leads the others to themselves is warned of once, and is told all the same", async () => {
    const bench = new Bench();
    const warnings: string[] = [];
    const logger = { warn: (text: string) => warnings.push(text), error() {} };
    /** Listens as a real transport would on all addresses. */
    const everywhere = (name: string) => {
      const inner = bench.network.transport(name);
      const listen: typeof inner.listen = async (...args) => {
        const listener = await inner.listen(...args);
        return { url: "ws://0.0.0.0:7400", close: () => listener.close() };
      };
      return { transport: { ...inner, listen }, logger };
    };
    const a = await bench.node("a", [], everywhere("a"));
    expect(a.url).toBe("ws://0.0.0.0:7400");
    expect(warnings).toEqual([
      "node a tells others to dial it at ws://0.0.0.0:7400, which leads them to themselves; " +
        "the option advertise names another one",
    ]);
    const b = await bench.node("b", [], { ...everywhere("b"), advertise: "ws://10.0.0.2:7400" });
    expect([b.url, warnings.length]).toEqual(["ws://10.0.0.2:7400", 1]);
  });
});

describe("as an option it", () => {
  const listen = { port: 0 };
  const resolve = (options: Partial<NodeOptions>) => resolveNodeOptions({ name: "a", ...options });

  test.each(["ws://10.0.0.2:7400", "wss://front.example/cluster", "ws://[fd00::1]:7400"])(
    "takes %s",
    (advertise) => {
      expect(resolve({ listen, advertise }).advertise).toBe(advertise);
    },
  );

  test.each<[unknown, string]>([
    ["10.0.0.2:7400", "a URL such as"],
    ["ws://a b:1", "a URL such as"],
    [7400, "a URL such as"],
    ["", "a URL such as"],
    ["http://a:1", "a URL that begins with ws:// or wss://"],
    ["memory://a", "a URL that begins with ws:// or wss://"],
    ["ws://me@a:1", "a URL without a user"],
    ["ws://a:1/#top", "without a fragment"],
    ["ws://0.0.0.0:7400", "an address of one machine"],
    ["ws://[::]:7400", "an address of one machine"],
    [`ws://a/${"x".repeat(512)}`, "at most 512 bytes"],
  ])("refuses %s", (advertise, expected) => {
    expect(() => resolve({ listen, advertise } as never)).toThrow(
      expect.objectContaining({
        code: "ERR_INVALID_OPTION",
        message: expect.stringMatching(`^invalid option advertise: expected .*${expected}`),
      }),
    );
  });

  test("is refused on a node that listens nowhere", () => {
    expect(() => resolve({ advertise: "ws://a:1" })).toThrow("because the node listens nowhere");
  });

  test("begins with wss:// where nothing else would be dialled", () => {
    const context = { isListening: true, schemes: ["wss:"] };
    expect(resolveAdvertise("wss://a:1", context)).toBe("wss://a:1");
    expect(() => resolveAdvertise("ws://a:1", context)).toThrow("begins with wss://, got");
  });
});

test("a wildcard is known in every spelling", () => {
  const wild = [
    "ws://0.0.0.0:1",
    "ws://0:1",
    "ws://[::]:1",
    "ws://[0:0::0]:1",
    "wss://[::ffff:0.0.0.0]",
  ];
  expect(wild.map(isWildcard)).not.toContain(false);
  const others = ["ws://127.0.0.1:1", "ws://[::1]:1", "memory://a", "no address"];
  expect(others.map(isWildcard)).not.toContain(true);
});
