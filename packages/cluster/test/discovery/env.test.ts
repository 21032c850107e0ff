import { expect, test } from "vitest";
import { envSeeds } from "../../src/discovery/env.ts";
import { discoveryContract } from "../contract/discovery.ts";
import { pass, Watch } from "./support.ts";

discoveryContract("a variable", () => ({
  source: envSeeds({ env: { TROUPE_SEEDS: "a:1 ws://b:2" } }),
  names: ["ws://a:1", "ws://b:2"],
  look: (watch) => pass(watch, 1000),
  open: () => 0,
  end: () => {},
}));

async function seeds(text: string | undefined): Promise<readonly string[] | undefined> {
  const watch = new Watch(envSeeds({ variable: "SEEDS", env: { SEEDS: text } }));
  await watch.ended;
  return watch.last;
}

test("addresses are separated by commas, spaces and lines, and a bare one is a WebSocket", async () => {
  expect(await seeds(" ws://a:1,wss://b:2/x, c:3\n[::1]:4 , ,5.6.7.8:9 ")).toEqual([
    "ws://a:1",
    "wss://b:2/x",
    "ws://c:3",
    "ws://[::1]:4",
    "ws://5.6.7.8:9",
  ]);
});

test("a variable that is absent or empty names nobody", async () => {
  expect([await seeds(undefined), await seeds(" , ")]).toEqual([[], []]);
});

test("the variable is TROUPE_SEEDS of the process, unless another one is given", async () => {
  process.env.TROUPE_SEEDS = "here:1";
  try {
    const source = envSeeds();
    expect(source.name).toBe("env TROUPE_SEEDS");
    const watch = new Watch(source);
    await watch.ended;
    expect(watch.last).toEqual(["ws://here:1"]);
  } finally {
    delete process.env.TROUPE_SEEDS;
  }
});

test.each(["nonsense", "a", "a:x", "a:99999", "ws://", "http:", ":7400", "a/b:1", "u@a:1"])(
  "an entry that is no address is refused by the name of the variable: %s",
  (entry) => {
    expect(() => envSeeds({ env: { TROUPE_SEEDS: `ok:1 ${entry}` } })).toThrow(
      expect.objectContaining({
        code: "ERR_INVALID_OPTION",
        message: expect.stringMatching(
          /^invalid option TROUPE_SEEDS\[1\]: expected a URL such as .*, or host:port, got "/,
        ),
      }),
    );
  },
);

test("a bad option is refused by name", () => {
  expect(() => envSeeds({ variable: "" })).toThrow(/invalid option variable/);
  expect(() => envSeeds({ env: 5 as never })).toThrow(/invalid option env/);
  expect(() => envSeeds({ name: "X" } as never)).toThrow(/invalid option name: expected no such/);
});
