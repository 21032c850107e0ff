/** Groups whose making is interrupted, refused or fails: nothing may be left open behind it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineActor, OptionError, SystemStoppedError } from "@troupe/actor";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { checksum } from "../src/checksum.ts";
import { JournalError } from "../src/errors.ts";
import { replicate } from "../src/group.ts";
import { openFileJournal } from "../src/journal/file-journal.ts";
import type { Journal } from "../src/journal/journal.ts";
import { messageBytesMax, resolveGroupOptions } from "../src/options.ts";
import { ReplicaInvariantError } from "../src/vsr/index.ts";
import { written } from "./contract/journal.ts";
import { Counter, GroupBench, rejection, stopOf } from "./support/group-bench.ts";
import { Writer } from "./support/writes.ts";

/** What becomes of the journals: real ones, whose opening can be held up, or made to fail. */
const journals = vi.hoisted(() => {
  // Test files share what they import, and who imported the journal before has the real one.
  vi.resetModules();
  return {
    open: 0,
    everOpened: 0,
    /** Told when one has been asked for; the opening goes on when what it returns is fulfilled. */
    opening: async (): Promise<void> => undefined,
  };
});

vi.mock("../src/journal/file-journal.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("../src/journal/file-journal.ts")>();
  const openCounted: typeof openFileJournal = async (options) => {
    await journals.opening();
    const opened = await original.openFileJournal(options);
    const { journal } = opened;
    journals.open++;
    journals.everOpened++;
    let closed: Promise<void> | undefined;
    const close = () => {
      if (closed === undefined) journals.open--;
      closed ??= journal.close();
      return closed;
    };
    const counted: Journal = { append: (write, done) => journal.append(write, done), close };
    return { ...opened, journal: counted };
  };
  return { ...original, openFileJournal: openCounted };
});

// Nor may what was made of the counted one be anybody else's.
afterAll(() => {
  vi.resetModules();
});

beforeEach(() => {
  Object.assign(journals, { open: 0, everOpened: 0, opening: async () => undefined });
});

async function oneNode() {
  const bench = await GroupBench.make();
  const node = await bench.node("a");
  return { bench, node, options: bench.options({ replicas: ["a"] }) };
}

/** Resolves when somebody opens a journal, with what lets the opening go on. */
function nextOpening(): Promise<() => void> {
  return new Promise((resolve) => {
    journals.opening = () => {
      const { promise, go } = gate();
      resolve(go);
      return promise;
    };
  });
}

function gate() {
  let go: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    go = resolve;
  });
  return { promise, go };
}

describe("a node that is shut down", () => {
  test("while a group opens its journal closes it, and the group is not made", async () => {
    const { bench, node, options } = await oneNode();
    const opening = nextOpening();
    const made = rejection(replicate(node, Counter, { start: 0 }, options));
    const goOn = await opening;
    const stopped = bench.stop(node);
    goOn();
    expect(await made).toBeInstanceOf(SystemStoppedError);
    await stopped;
    expect(journals).toMatchObject({ everOpened: 1, open: 0 });
  });

  test("waits for that before it goes on with what was to be stopped after the group", async () => {
    const { bench, node, options } = await oneNode();
    const seen: Partial<typeof journals>[] = [];
    node.onStop(() => void seen.push({ ...journals }));
    const opening = nextOpening();
    const all = [1, 2].map(() => rejection(replicate(node, Counter, { start: 0 }, options)));
    const goOn = await opening;
    const stopped = bench.stop(node);
    goOn();
    await stopped;
    expect(seen).toMatchObject([{ everOpened: 1, open: 0 }]);
    for (const error of await Promise.all(all)) expect(error).toBeInstanceOf(SystemStoppedError);
  });

  test("makes no group any more, and opens no journal", async () => {
    const { bench, node, options } = await oneNode();
    await bench.stop(node);
    const error = await rejection(replicate(node, Counter, { start: 0 }, options));
    expect(error).toBeInstanceOf(SystemStoppedError);
    expect(error.outcome).toBe("not_run");
    expect(journals.everOpened).toBe(0);
  });
});

describe("a replica that cannot be started", () => {
  test("closes the journal that it has opened, if that does not continue the group's log", async () => {
    const { bench, node, options } = await oneNode();
    const { identity } = resolveGroupOptions(Counter, { start: 0 }, options);
    const { journal } = await openFileJournal({
      path: join(bench.storage, options.group, "a.journal"),
      identity: JSON.stringify({ ...identity, replica: "a", cluster: node.cluster }),
      hash: checksum,
      onFailure: (error) => {
        throw error;
      },
    });
    await written(journal, new Writer().write(["of another root"]));
    await journal.close();
    const error = await rejection(replicate(node, Counter, { start: 0 }, options));
    expect(error).toBeInstanceOf(ReplicaInvariantError);
    expect(error.message).toContain("does not continue this log");
    expect(journals).toMatchObject({ everOpened: 2, open: 0 });
  });

  test("again after it failed can be tried once more, though another handle holds the group", async () => {
    let poisoned = false;
    const Poisoned = defineActor("poisoned", {
      init: () => ({ count: 0 }),
      queries: { get: (s) => s.count },
      calls: {
        add: (s) => {
          if (poisoned) throw new RangeError("Maximum call stack size exceeded");
          return ++s.count;
        },
      },
    });
    const { node, options } = await oneNode();
    const held = await replicate(node, Poisoned, undefined, options);
    expect(await held.call("add")).toBe(1);
    const failed = stopOf(held);
    poisoned = true;
    const under = held.call("add");
    expect(await failed).toBeInstanceOf(RangeError);
    poisoned = false;
    journals.opening = () => Promise.reject(new JournalError("a.journal", "not yet", "not_run"));
    for (let i = 0; i < 2; i++) {
      const error = await rejection(replicate(node, Poisoned, undefined, options));
      expect(error.message).toBe("journal a.journal: not yet");
    }
    journals.opening = async () => undefined;
    const again = await replicate(node, Poisoned, undefined, options);
    // The call that met the failure was in the log by then, and runs, once.
    expect(await under).toBe(2);
    expect(await again.call("add")).toBe(3);
    await again.close();
    expect(await held.call("add")).toBe(4);
    await held.close();
    expect(journals).toMatchObject({ everOpened: 2, open: 0 });
  });
});

describe("the journal of a group", () => {
  test("whose entry is damaged is refused by a replica that is alone, which names the op", async () => {
    const { bench, node, options } = await oneNode();
    const ref = await replicate(node, Counter, { start: 0 }, options);
    expect(await ref.call("echo", "a mark in the log")).toBe("a mark in the log");
    expect(await ref.call("add", 1)).toBe(1);
    await ref.close();
    const file = join(bench.storage, options.group, "a.journal", "000000000001.log");
    const bytes = await readFile(file);
    const at = bytes.indexOf("a mark in the log");
    expect(at).toBeGreaterThan(0);
    bytes[at] = 0;
    await writeFile(file, bytes);
    const error = await rejection(replicate(node, Counter, { start: 0 }, options));
    expect(error).toMatchObject({ name: "DamagedLogError", ops: [2] });
    expect(journals.open).toBe(0);
  });

  test("is refused when the limit of sessions has changed, which is named", async () => {
    const { node, options } = await oneNode();
    const ref = await replicate(node, Counter, { start: 0 }, { ...options, sessions: 8 });
    expect(await ref.call("add", 1)).toBe(1);
    await ref.close();
    const changed = { ...options, sessions: 9 };
    const error = await rejection(replicate(node, Counter, { start: 0 }, changed));
    expect(error).toBeInstanceOf(JournalError);
    expect(error.message).toMatch(/belongs to .*"sessions":8.*, not to .*"sessions":9/);
  });

  test("goes on with another pipeline, batch and window", async () => {
    const { node, options } = await oneNode();
    const ref = await replicate(node, Counter, { start: 0 }, options);
    expect(await ref.call("add", 1)).toBe(1);
    await ref.close();
    const changed = { ...options, pipeline: 2, batchRequests: 3, batchBytes: 2048, window: 5 };
    const again = await replicate(node, Counter, { start: 0 }, changed);
    expect(await again.call("add", 1)).toBe(2);
  });
});

describe("a node whose frames are too small for the group's messages", () => {
  test("is refused by the limit's name, and may hold a group whose messages fit", async () => {
    const bench = await GroupBench.make();
    const maxMessageBytes = 2 * 1024 * 1024;
    const node = await bench.node("a", { limits: { maxMessageBytes } });
    const options = bench.options({ replicas: ["a"] });
    const error = await rejection(replicate(node, Counter, { start: 0 }, options));
    expect(error).toBeInstanceOf(OptionError);
    expect([error.option, error.outcome]).toEqual(["limits.maxMessageBytes", "not_run"]);
    const least = messageBytesMax(resolveGroupOptions(Counter, { start: 0 }, options));
    expect(error.message).toContain(`at least ${least}`);
    expect(journals.everOpened).toBe(0);
    // The refused one has left nothing behind: the name is free.
    const ref = await replicate(node, Counter, { start: 0 }, { ...options, pipeline: 4 });
    expect(await ref.call("add", 1)).toBe(1);
  });

  test("is refused where it holds no replica as well", async () => {
    const bench = await GroupBench.make();
    const node = await bench.node("outside", { limits: { maxMessageBytes: 64 * 1024 } });
    const { storage: _, ...options } = bench.options();
    const error = await rejection(replicate(node, Counter, { start: 0 }, options));
    expect(error.option).toBe("limits.maxMessageBytes");
  });

  test("is no node with the default limits, whatever the group may choose", async () => {
    const { node, options } = await oneNode();
    const largest = { ...options, pipeline: 16, batchBytes: 256 * 1024 };
    const ref = await replicate(node, Counter, { start: 0 }, largest);
    expect(await ref.call("add", 1)).toBe(1);
  });
});

test("a state that cannot be encoded has an empty digest, and its replica lives", async () => {
  const Spoilable = defineActor("spoilable", {
    init: () => ({ count: 0, bad: undefined as unknown }),
    calls: {
      add: (s) => ++s.count,
      spoil: (s) => {
        s.bad = () => 1;
      },
      mend: (s) => {
        s.bad = undefined;
      },
    },
  });
  const { node, options } = await oneNode();
  const ref = await replicate(node, Spoilable, undefined, options);
  const failures: unknown[] = [];
  ref.onEvent((event) => {
    if (event.type === "stopped") failures.push(event.error);
  });
  await ref.call("spoil");
  expect(await ref.status({ digest: true })).toMatchObject([{ reachable: true, digest: "" }]);
  expect(await ref.call("add")).toBe(1);
  await ref.call("mend");
  const [status] = await ref.status({ digest: true });
  expect(status).toMatchObject({
    reachable: true,
    digest: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect(failures).toEqual([]);
});
