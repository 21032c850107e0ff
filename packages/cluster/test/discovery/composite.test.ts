import { expect, test } from "vitest";
import { compositeSeeds } from "../../src/discovery/composite.ts";
import { customSeeds } from "../../src/discovery/custom.ts";
import type { Discovery } from "../../src/discovery/discovery.ts";
import { staticSeeds } from "../../src/discovery/static.ts";
import { discoveryContract, type FailingBench } from "../contract/discovery.ts";
import { pass, Watch } from "./support.ts";

function bench(): FailingBench {
  let answer: readonly string[] | Error = ["ws://a:1"];
  const changing = customSeeds("changing", () => {
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return {
    source: compositeSeeds([changing, compositeSeeds([changing])]),
    names: ["ws://a:1"],
    look: (watch) => pass(watch, 6000),
    fail: () => {
      answer = new Error("503");
    },
    recover: () => {
      answer = ["c:3"];
      return ["ws://c:3"];
    },
    open: () => 0,
    end: () => {},
  };
}

discoveryContract("several sources that change", bench, bench);

discoveryContract("several sources that end", () => ({
  source: compositeSeeds([staticSeeds(["ws://a:1"]), staticSeeds(["ws://b:2", "ws://a:1"])]),
  names: ["ws://a:1", "ws://b:2"],
  look: (watch) => pass(watch, 6000),
  open: () => 0,
  end: () => {},
}));

test("the newest of each is named, and a source that throws hides no other", async () => {
  let round = 0;
  const broken: Discovery = {
    name: "broken",
    async *watch() {
      yield ["ws://once:1"];
      throw new Error("boom");
    },
  };
  const changing = customSeeds("changing", () => [`ws://n${(round += 1)}:1`]);
  const watch = new Watch(compositeSeeds([broken, changing]));
  await pass(watch, 6000);
  expect(watch.last).toEqual(["ws://once:1", "ws://n2:1"]);
  expect(watch.warnings).toEqual(['discovery "broken" has failed and is started again: boom']);
});

test("it ends once all of its sources have, and not before", async () => {
  const watch = new Watch(compositeSeeds([staticSeeds([]), staticSeeds(["ws://a:1"])]));
  await watch.ended;
  expect(watch.last).toEqual(["ws://a:1"]);
  const waiting = new Watch(compositeSeeds([staticSeeds([]), customSeeds("c", () => [])]));
  let ended = false;
  void waiting.ended.then(() => {
    ended = true;
  });
  await pass(waiting, 60_000);
  expect(ended).toBe(false);
});

test("no sources are a source that has nothing to say", async () => {
  const watch = new Watch(compositeSeeds([]));
  await watch.ended;
  expect(watch.snapshots).toEqual([]);
});

test("a source of very many addresses does not push the others to the end", async () => {
  const many = Array.from({ length: 5000 }, (_, n) => `ws://liar${n}:1`);
  const watch = new Watch(compositeSeeds([staticSeeds(many), staticSeeds(["ws://honest:1"])]));
  await watch.ended;
  expect(watch.last?.indexOf("ws://honest:1")).toBe(1);
});

test("its counters are the sums of those of its sources", async () => {
  const good = customSeeds("good", () => []);
  const bad = customSeeds("bad", () => Promise.reject(new Error("no")));
  const source = compositeSeeds([good, bad, staticSeeds([])]);
  const watch = new Watch(source);
  await pass(watch, 1000);
  expect(source.counters).toEqual({ looks: 2, stale: 1 });
  expect(source.name).toBe("composite (good, bad, static)");
});

test("a consumer that breaks off ends its sources", async () => {
  let open = 0;
  const counted: Discovery = {
    name: "counted",
    async *watch({ signal }) {
      open += 1;
      yield ["ws://a:1"];
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve());
      });
      open -= 1;
    },
  };
  const { context } = new Watch(staticSeeds([]));
  for await (const urls of compositeSeeds([counted]).watch(context)) {
    expect([urls, open]).toEqual([["ws://a:1"], 1]);
    break;
  }
  expect(open).toBe(0);
});

test("what is no source is refused by its place", () => {
  expect(() => compositeSeeds([staticSeeds([]), {} as never])).toThrow(/sources\[1\].watch/);
  expect(() => compositeSeeds("x" as never)).toThrow(/invalid option sources/);
});
