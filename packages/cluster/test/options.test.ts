import { generate } from "selfsigned";
import { describe, expect, test } from "vitest";
import { isLoopback, type NodeOptions, resolveNodeOptions } from "../src/options.ts";
import { Counter } from "./support.ts";

const resolve = (options: Partial<NodeOptions>) => resolveNodeOptions({ name: "a", ...options });

test("defaults are filled in", () => {
  expect(resolve({})).toMatchObject({
    cluster: "troupe",
    listen: undefined,
    keys: [],
    heartbeatMs: 1000,
    heartbeatMisses: 5,
    suspectAfterMisses: 3,
    forgetAfterMs: 86_400_000,
    limits: { maxMessageBytes: 32 * 1024 * 1024, hardOutboxBytes: 64 * 1024 * 1024 },
  });
  expect(resolve({ listen: { port: 0 } }).listen).toEqual({ host: "127.0.0.1", port: 0 });
});

test("an option that is there but undefined counts as absent", () => {
  const { cluster, limits } = resolve({ cluster: undefined, limits: {} } as never);
  expect([cluster, limits.maxPendingCalls]).toEqual(["troupe", 1_048_576]);
});

describe("a bad option is refused by name:", () => {
  const cases: [string, object, string][] = [
    ["an empty name", { name: "" }, "option name: expected a name of 1 to 128 bytes without sp"],
    ["a name with a space", { name: "a b" }, "invalid option name"],
    ["no name", { name: undefined }, "invalid option name"],
    ["a cluster that is no name", { cluster: "" }, "invalid option cluster"],
    ["an empty key", { keys: ["good", ""] }, "option keys[1]: expected a non-empty string"],
    ["an absent key", { keys: [undefined] }, "keys[0]: expected a non-empty string"],
    ["keys that are no list", { keys: "secret" }, "invalid option keys"],
    ["a port that is none", { listen: { port: 65_536 } }, "listen.port"],
    ["a port that is text", { listen: { port: "7400" } }, "listen.port"],
    ["a host that is too long", { listen: { host: "h".repeat(254), port: 1 } }, "listen.host"],
    ["an empty host", { listen: { host: "", port: 1 } }, "listen.host"],
    ["a heartbeat of zero", { heartbeatMs: 0 }, "heartbeatMs: expected an integer >= 1, got 0"],
    ["an endless one", { heartbeatMs: 2 ** 32 }, "heartbeatMs: expected less than 2^32"],
    [
      "no patience at all",
      { suspectAfterMisses: 1 },
      "suspectAfterMisses: expected an integer >= 2",
    ],
    ["a memory of no time", { forgetAfterMs: 0 }, "invalid option forgetAfterMs"],
    [
      "a message limit below one frame",
      { limits: { maxMessageBytes: 65_535 } },
      "limits.maxMessageBytes: expected an integer >= 65536, got 65535",
    ],
    [
      "a message limit that does not fit its field",
      { limits: { maxMessageBytes: 2 ** 32 } },
      "limits.maxMessageBytes: expected less than 4 GiB",
    ],
    [
      "a directory without entries",
      { limits: { maxDirectoryEntries: 0 } },
      "limits.maxDirectoryEntries: expected an integer >= 1, got 0",
    ],
    [
      "entries of half a byte",
      { limits: { maxDirectoryValueBytes: 0.5 } },
      "limits.maxDirectoryValueBytes: expected an integer >= 1, got 0.5",
    ],
    [
      "a hard limit below the soft one",
      { limits: { softOutboxBytes: 9000, hardOutboxBytes: 8000 } },
      "hardOutboxBytes: expected at least limits.softOutboxBytes (9000), got 8000",
    ],
    ["a discovery that is none", { discovery: [{}] }, "discovery[0].watch"],
    ["an actor that is none", { actors: [{}] }, "actors[0].init"],
    ["two actors of one name", { actors: [Counter, Counter] }, "actors[1]"],
    ["a bad source of chance", { randomBytes: 5 }, "randomBytes"],
  ];
  test.each(cases)("%s", (_name, options, message) => {
    expect(() => resolve(options)).toThrow(
      expect.objectContaining({
        code: "ERR_INVALID_OPTION",
        outcome: "not_run",
        message: expect.stringContaining(message),
      }),
    );
  });
});

test("a key is never shown in an error", () => {
  expect(() => resolve({ keys: [12345 as never] })).toThrow(/^(?!.*12345)/);
});

test("listening beyond loopback needs a key", () => {
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.org"]) {
    expect(() => resolve({ listen: { host, port: 1 } })).toThrow(
      `invalid option keys: expected a key, because other machines can reach ${host}, got "none"`,
    );
    const keys = ["sixteen bytes or"];
    expect(resolve({ listen: { host, port: 1 }, keys }).listen).toEqual({ host, port: 1 });
  }
});

test("beyond loopback no key may be one that is soon found by trying", () => {
  const listen = { host: "0.0.0.0", port: 1 };
  expect(() => resolve({ listen, keys: ["a key of good length", "fifteen bytes o"] })).toThrow(
    "invalid option keys[1]: expected 16 bytes or more, because other machines can reach " +
      '0.0.0.0, got "15 bytes"',
  );
  // Bytes are counted, and not letters.
  expect(resolve({ listen, keys: ["ääääääää"] }).keys[0]).toHaveLength(16);
  expect(resolve({ listen: { port: 1 }, keys: ["short"] }).keys).toHaveLength(1);
});

test("certificates are refused where a transport is given, which would not use them", async () => {
  const transport = { dial() {}, listen() {}, defer() {} } as never;
  const { cert, private: key } = await generate([], { keyType: "ec", algorithm: "sha256" });
  const tls = { cert, key, ca: cert };
  expect(resolve({ tls }).transport).toBeDefined();
  expect(() => resolve({ transport, tls })).toThrow("invalid option tls: expected to be left out");
});

test("loopback is known by its addresses and by its name", () => {
  expect(["127.0.0.1", "127.8.8.8", "::1", "localhost"].map(isLoopback)).not.toContain(false);
  expect(["127.evil.org", "128.0.0.1", "0.0.0.0", "::"].map(isLoopback)).not.toContain(true);
});
