import { defineActor, OptionError } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import { NotReplicableError } from "../src/errors.ts";
import {
  differences,
  type GroupOptions,
  groupDefaults,
  messageBytesMax,
  newStateBytesMax,
  replyBytesMax,
  resolveGroupOptions,
} from "../src/options.ts";

const Counter = defineActor("counter", {
  init: () => ({ count: 0 }),
  calls: { add: (s, n: number) => (s.count += n) },
});

const given: GroupOptions = { group: "g", replicas: ["a", "b", "c"], storage: "./data" };

const resolve = (changes: object = {}) =>
  resolveGroupOptions(Counter, undefined, { ...given, ...changes } as GroupOptions);

function refusal(changes: object): OptionError {
  try {
    resolve(changes);
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError);
    return error as OptionError;
  }
  throw new Error(`${JSON.stringify(changes)} was taken`);
}

describe("the options of a group", () => {
  test("are filled in from the defaults", () => {
    const { config, maxQueuedCalls, tickMs } = resolve();
    expect(config).toMatchObject({
      replicaCount: 3,
      pipelineMax: groupDefaults.pipeline,
      batchRequestsMax: groupDefaults.batchRequests,
      batchBytesMax: groupDefaults.batchBytes,
      sessionsMax: groupDefaults.sessions,
      // One call more than the callers', which tells of those given up.
      sessionWindow: groupDefaults.window + 1,
      checkpointEvery: groupDefaults.checkpointOps,
      queueMax: groupDefaults.queue,
    });
    expect([maxQueuedCalls, tickMs]).toEqual([groupDefaults.maxQueuedCalls, groupDefaults.tickMs]);
  });

  test("take undefined for an option that is not there", () => {
    expect(resolve({ pipeline: undefined, storage: undefined })).toEqual(
      resolveGroupOptions(Counter, undefined, { group: "g", replicas: ["a", "b", "c"] }),
    );
  });

  test.each([
    ["group", ""],
    ["group", "../up"],
    ["group", ".hidden"],
    ["group", "a/b"],
    ["group", "x".repeat(101)],
    ["group", undefined],
    ["replicas", []],
    ["replicas", "abc"],
    ["replicas", ["a", "a", "b"]],
    ["replicas", ["1", "2", "3", "4", "5", "6", "7", "8"]],
    ["storage", ""],
    ["storage", 7],
    ["pipeline", 0],
    ["pipeline", 1.5],
    ["batchRequests", 0],
    ["batchBytes", 1023],
    ["sessions", -1],
    ["window", Number.NaN],
    ["checkpointOps", 0],
    ["queue", 0],
    ["maxQueuedCalls", 0],
    ["maxQueuedCalls", Number.POSITIVE_INFINITY],
    ["tickMs", 0],
    ["tickMs", "20"],
  ])("are refused by name: %s as %j", (option, value) => {
    const error = refusal({ [option]: value });
    expect(error.option).toBe(option);
    expect(error.message).toContain(`invalid option ${option}: expected `);
    expect(error.outcome).toBe("not_run");
  });

  test("name the replica whose name is bad", () => {
    expect(refusal({ replicas: ["a", "b c"] }).option).toBe("replicas[1]");
    expect(refusal({ replicas: ["a", 7] }).option).toBe("replicas[1]");
  });

  test("must be an object", () => {
    const nothing = undefined as unknown as GroupOptions;
    expect(() => resolveGroupOptions(Counter, undefined, nothing)).toThrow(OptionError);
  });

  test("are no help to an actor with an asynchronous handler, which is named", () => {
    const Late = defineActor("late", {
      init: () => ({}),
      queries: { read: async () => 1 },
    });
    const Later = defineActor("later", { init: async () => ({}) });
    const refuse = (definition: typeof Late | typeof Later) => () =>
      resolveGroupOptions(definition, undefined, given);
    expect(refuse(Late)).toThrow(NotReplicableError);
    expect(refuse(Late)).toThrow('the asynchronous handler "read" is not available');
    expect(refuse(Later)).toThrow('the asynchronous handler "init" is not available');
  });
});

describe("the configuration hash", () => {
  const { configuration, config, identity } = resolve();

  test("is that of everything that must be the same on all nodes", () => {
    const shared = [
      { group: "h" },
      { replicas: ["a", "c", "b"] },
      { pipeline: 9 },
      { batchRequests: 9 },
      { batchBytes: 2048 },
      { sessions: 9 },
      { window: 9 },
      { durability: "memory", storage: undefined },
    ];
    for (const change of shared) expect(resolve(change).configuration).not.toBe(configuration);
    const Other = defineActor("other", { init: () => ({}) });
    const Second = defineActor("counter", { version: 2, init: () => ({}) });
    expect(resolveGroupOptions(Other, undefined, given).configuration).not.toBe(configuration);
    expect(resolveGroupOptions(Second, undefined, given).configuration).not.toBe(configuration);
  });

  test("is not touched by what is a node's own affair", () => {
    for (const change of [{ storage: "x" }, { queue: 9 }, { maxQueuedCalls: 9 }, { tickMs: 9 }]) {
      expect(resolve(change).configuration).toBe(configuration);
    }
  });

  test("changes with a limit that may change, and the root of the log does not", () => {
    const limits = [{ pipeline: 16 }, { batchRequests: 9 }, { batchBytes: 2048 }, { window: 9 }];
    for (const change of limits) {
      expect(resolve(change).config.root).toBe(config.root);
      expect(resolve(change).identity).toEqual(identity);
    }
    for (const change of [{ group: "h" }, { replicas: ["b", "a", "c"] }]) {
      expect(resolve(change).config.root).not.toBe(config.root);
    }
  });
});

test("the limit of sessions belongs to the history: who is evicted decides which calls run", () => {
  const [one, other] = [resolve(), resolve({ sessions: 9 })];
  expect(one.identity).toMatchObject({ sessions: groupDefaults.sessions });
  expect(other.identity).toMatchObject({ sessions: 9 });
  expect(other.config.root).not.toBe(one.config.root);
});

describe("messages", () => {
  const pipelineBytesMax = 4 * 1024 * 1024;

  test.each([
    [16, 256 * 1024],
    [4096, 1024],
    [1, pipelineBytesMax],
  ])("may bring a pipeline of %d × %d bytes, and no more", (pipeline, batchBytes) => {
    const { config } = resolve({ pipeline, batchBytes });
    expect(config.pipelineMax * config.batchBytesMax).toBe(pipelineBytesMax);
    const error = refusal({ pipeline, batchBytes: batchBytes + 1 });
    expect(error.option).toBe("batchBytes");
    expect(error.message).toContain(`at most ${batchBytes} with this pipeline`);
    expect(refusal({ pipeline: pipeline + 1, batchBytes }).option).toBe("batchBytes");
  });

  test("have room for a pipeline, for what is caught up with, and for a reply", () => {
    const largest = (changes: object) => messageBytesMax(resolve(changes));
    expect(largest({ pipeline: 16 })).toBeGreaterThan(pipelineBytesMax);
    expect(largest({ pipeline: 1, batchBytes: 1024 })).toBeGreaterThan(replyBytesMax);
    const one = { pipeline: 1, batchBytes: 2 * 1024 * 1024 };
    expect(largest(one)).toBeGreaterThan(newStateBytesMax + one.batchBytes);
    expect(largest({ pipeline: 16 })).toBeLessThan(8 * 1024 * 1024);
  });
});

describe("a group in memory", () => {
  const memory = { durability: "memory", storage: undefined };

  test("has a history of its own, and that of one on disks is what it was before", () => {
    expect(resolve(memory).identity).toMatchObject({ durability: "memory" });
    expect(resolve(memory).config.root).not.toBe(resolve().config.root);
    expect(resolve().identity).not.toHaveProperty("durability");
  });

  test("begins with nothing only if it is told so, which is a node's own affair", () => {
    expect(resolve(memory).bootstrap).toBe(false);
    const told = resolve({ ...memory, bootstrap: true });
    expect(told.bootstrap).toBe(true);
    expect(told.configuration).toBe(resolve(memory).configuration);
    expect(told.config.root).toBe(resolve(memory).config.root);
  });

  test("takes no directory, and a group on disks takes no word about its age", () => {
    expect(refusal({ durability: "memory" }).option).toBe("storage");
    expect(refusal({ bootstrap: true }).option).toBe("bootstrap");
    expect(refusal({ ...memory, bootstrap: "yes" }).option).toBe("bootstrap");
    expect(refusal({ durability: "tape" }).option).toBe("durability");
  });

  test("is not told to rejoin, which it does at every start; nor is one that is alone", () => {
    expect(refusal({ ...memory, rejoin: true })).toMatchObject({ option: "rejoin" });
    expect(refusal({ replicas: ["a"], rejoin: true })).toMatchObject({ option: "rejoin" });
    expect(refusal({ rejoin: "c" }).option).toBe("rejoin");
    const told = resolve({ rejoin: true });
    expect([told.rejoin, resolve({}).rejoin]).toEqual([true, false]);
    expect(told.configuration).toBe(resolve({}).configuration);
  });
});

test("what differs between two nodes is told by name, both sides", () => {
  const here = resolve().shared;
  const there = resolve({ pipeline: 16, replicas: ["a", "b"] }).shared;
  expect(differences(here, here)).toEqual([]);
  expect(differences(here, there)).toEqual([
    'replicas: ["a","b","c"] here, ["a","b"] there',
    "pipeline: 8 here, 16 there",
  ]);
  expect(differences({ a: 1 }, { b: 2 })).toEqual([
    "a: 1 here, nothing there",
    "b: nothing here, 2 there",
  ]);
});
