import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CallAbortedError,
  CallTimeoutError,
  createSystem,
  defineActor,
  HandlerError,
  NotSerializableError,
  OptionError,
  ReplyError,
  UnknownOperationError,
} from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  BusyError,
  CallTooLargeError,
  GroupClosedError,
  GroupConfigMismatchError,
  JournalError,
  NoQuorumError,
  NotReplicableError,
} from "../src/errors.ts";
import { replicate } from "../src/group.ts";
import { LogFile } from "../src/journal/storage.ts";
import {
  agreement,
  Counter,
  type CounterRef,
  GroupBench,
  rejection,
  stopOf,
} from "./support/group-bench.ts";

/** Three nodes that hold a counter, and their refs. */
async function threeCounters(start = 0) {
  const bench = await GroupBench.make();
  const nodes = await bench.nodes("a", "b", "c");
  const join = (node: Node) => replicate(node, Counter, { start }, bench.options());
  const refs = (await Promise.all(nodes.map(join))) as [CounterRef, CounterRef, CounterRef];
  return { bench, nodes: nodes as [Node, Node, Node], refs, join };
}

describe("three nodes that replicate a counter", () => {
  test("say one digest for one commit, however busy they are", async () => {
    const { refs } = await threeCounters();
    const [a, b] = refs;
    const digests = new Map<number, string>();
    for (let round = 0; round < 40; round += 1) {
      const calls = [1, 2, 3].map((n) => a.call("add", n));
      const asked = Array.from({ length: 8 }, () => b.status({ digest: true }));
      for (const status of (await Promise.all(asked)).flat()) {
        if (!status.reachable || status.digest === undefined) continue;
        const { commit, digest } = status;
        const known = digests.get(commit) ?? digest;
        expect([commit, digest]).toEqual([commit, known]);
        digests.set(commit, known);
      }
      await Promise.all(calls);
    }
    expect(digests.size).toBeGreaterThan(10);
  });

  test("answer each other's calls as one", async () => {
    const { refs } = await threeCounters(10);
    const [a, b, c] = refs;
    expect(await a.call("add", 5)).toBe(15);
    expect(await b.call("add", 5)).toBe(20);
    expect(await c.query("get")).toBe(20);
    c.cast("set", 3);
    expect(await c.query("get").then(() => c.call("add", 1))).toBe(4);
  });

  test("run every call once, in the order in which each caller made them", async () => {
    const { refs } = await threeCounters();
    const [a, b] = refs;
    const ones = Array.from({ length: 300 }, () => a.call("add", 1));
    const thousands = Array.from({ length: 300 }, () => b.call("add", 1000));
    const answers = await Promise.all(ones);
    const others = await Promise.all(thousands);
    expect(await a.query("get")).toBe(300_300);
    expect([...answers].sort((x, y) => x - y)).toEqual(answers);
    expect(new Set([...answers, ...others]).size).toBe(600);
  });

  test("end up with equal states, and say so", async () => {
    const { refs } = await threeCounters();
    await Promise.all(Array.from({ length: 20 }, (_, i) => refs[i % 3]?.call("add", i)));
    const statuses = await agreement(refs[0]);
    expect(statuses.map(({ replica }) => replica)).toEqual(["a", "b", "c"]);
    const [first] = statuses;
    expect(first).toMatchObject({ reachable: true, status: "normal", primary: expect.any(String) });
    expect(first?.reachable && first.digest).toMatch(/^[0-9a-f]{32}$/);
  });

  test("go on when the primary's node is stopped, and lose nothing", async () => {
    const { bench, nodes, refs } = await threeCounters();
    await refs[1].call("add", 5);
    await bench.stop(nodes[0]);
    expect(await refs[1].call("add", 5)).toBe(10);
    expect(await refs[2].query("get")).toBe(10);
    const [a] = await refs[1].status({ timeout: 50 });
    expect(a).toEqual({ replica: "a", reachable: false });
  });

  test("serve a node that holds no replica", async () => {
    const { bench, refs } = await threeCounters();
    const outside = await bench.node("outside");
    const { storage: _, ...options } = bench.options();
    const ref = await replicate(outside, Counter, { start: 0 }, options);
    expect(await ref.call("add", 7)).toBe(7);
    expect(await refs[2].query("get")).toBe(7);
    expect(ref.address).toMatchObject({ kind: "group", group: "g", actor: "counter" });
    expect(await ref.status()).toHaveLength(3);
  });
});

describe("a group of one", () => {
  async function oneCounter(changes: Parameters<GroupBench["options"]>[0] = {}) {
    const bench = await GroupBench.make();
    const node = await bench.node("a");
    const options = bench.options({ replicas: ["a"], ...changes });
    return { bench, node, options, ref: await replicate(node, Counter, { start: 0 }, options) };
  }

  test("comes back from its journal with everything that it answered", async () => {
    const { node, options, ref } = await oneCounter();
    for (let i = 1; i <= 20; i++) expect(await ref.call("add", 1)).toBe(i);
    await ref.close();
    const again = await replicate(node, Counter, { start: 0 }, options);
    expect(await again.query("get")).toBe(20);
    expect(await again.call("add", 1)).toBe(21);
  });

  test("has one replica on a node for all its handles, which ends with the last of them", async () => {
    const { node, options, ref } = await oneCounter();
    const other = await replicate(node, Counter, { start: 0 }, options);
    await ref.call("add", 1);
    await ref.close();
    expect(await other.call("add", 1)).toBe(2);
    const [closed, reopened] = [other.close(), replicate(node, Counter, { start: 0 }, options)];
    await closed;
    expect(await (await reopened).call("add", 1)).toBe(3);
  });

  test("refuses a call that cannot be sent, before anything is", async () => {
    const { ref } = await oneCounter({ batchBytes: 1024, window: 1, maxQueuedCalls: 1 });
    const [unsendable, large, unknown, inherited] = await Promise.all([
      rejection(ref.call("echo", { deep: [new URL("http://a/")] })),
      rejection(ref.call("echo", new Uint8Array(2000))),
      rejection(ref.call("nope" as "echo", 1)),
      rejection(ref.query("constructor" as "get")),
    ]);
    expect(unsendable).toBeInstanceOf(NotSerializableError);
    expect(unsendable?.message).toContain("arg.deep[0]");
    expect(large).toBeInstanceOf(CallTooLargeError);
    expect(large?.message).toContain("a call may have 1024");
    expect(unknown).toBeInstanceOf(UnknownOperationError);
    expect(unknown?.message).toContain("add");
    expect(inherited).toBeInstanceOf(UnknownOperationError);
    for (const error of [unsendable, large, unknown, inherited]) {
      expect(error?.outcome).toBe("not_run");
    }
    const [status] = await ref.status();
    expect(status).toMatchObject({ op: 0 });
  });

  test("answers what the handler refuses with ReplyError, and lives", async () => {
    const { ref } = await oneCounter();
    const error = await rejection(ref.call("take", 5));
    expect(error).toBeInstanceOf(ReplyError);
    expect([error.code, error.data, error.outcome]).toEqual(["too_little", { have: 0 }, "ran"]);
    expect(await ref.call("add", 1)).toBe(1);
  });

  test("answers a throw with HandlerError, has its state as before, and lives", async () => {
    const { ref } = await oneCounter();
    await ref.call("add", 1);
    const error = await rejection(ref.call("crash"));
    expect(error).toBeInstanceOf(HandlerError);
    expect([error.code, error.outcome]).toEqual(["ERR_HANDLER", "ran"]);
    expect(error.message).toContain("boom");
    expect(await ref.query("get")).toBe(1);
  });

  test("refuses calls beyond what may wait, and says that they did not run", async () => {
    const { ref } = await oneCounter({ window: 1, maxQueuedCalls: 2 });
    await ref.call("add", 1);
    const calls = Array.from({ length: 6 }, () => ref.call("add", 1));
    const settled = await Promise.allSettled(calls);
    const refused = settled.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused) {
      expect(error).toBeInstanceOf(BusyError);
      expect(error.outcome).toBe("not_run");
    }
    expect(await ref.query("get")).toBe(1 + 6 - refused.length);
  });

  test("takes no call after its handle was closed", async () => {
    const { ref } = await oneCounter();
    await ref.call("add", 1);
    const under = rejection(ref.call("add", 1));
    await ref.close();
    const [sent, late] = [await under, await rejection(ref.call("add", 1))];
    expect(sent).toBeInstanceOf(GroupClosedError);
    expect(sent.outcome).toBe("unknown");
    expect(late).toBeInstanceOf(GroupClosedError);
    expect(late.outcome).toBe("not_run");
  });

  test("refuses a call that is aborted already", async () => {
    const { ref } = await oneCounter();
    const error = await rejection(ref.call("add", 1, { signal: AbortSignal.abort() }));
    expect(error).toBeInstanceOf(CallAbortedError);
    expect(error.outcome).toBe("not_run");
    expect(await ref.query("get")).toBe(0);
  });

  test("stops when its disk fails, says why, and lets no call through that is not written", async () => {
    const { node, options, ref } = await oneCounter();
    await ref.call("add", 4);
    const failed = stopOf(ref);
    failNextWrite();
    const lost = rejection(ref.call("add", 1, { timeout: 50 }));
    expect(await failed).toBeInstanceOf(JournalError);
    expect(await lost).toBeInstanceOf(CallTimeoutError);
    const statuses = await ref.status({ timeout: 20 });
    expect(statuses).toEqual([{ replica: "a", reachable: false }]);
    await ref.close();
    const again = await replicate(node, Counter, { start: 0 }, options);
    expect([4, 5]).toContain(await again.query("get"));
  });

  test("stops when its node stops, and the journal can be opened by the next", async () => {
    const { bench, node, options, ref } = await oneCounter();
    await ref.call("add", 4);
    await bench.stop(node);
    const again = await bench.node("a");
    const reopened = await replicate(again, Counter, { start: 0 }, options);
    expect(await reopened.query("get")).toBe(4);
  });
});

describe("a group that cannot form a quorum", () => {
  test("rejects a call that it never took with NoQuorumError: it did not run", async () => {
    const bench = await GroupBench.make();
    const ref = await replicate(await bench.node("a"), Counter, { start: 0 }, bench.options());
    const controller = new AbortController();
    const timedOut = rejection(ref.call("add", 1, { timeout: 30 }));
    const queried = rejection(ref.query("get", undefined, { timeout: 30 }));
    const aborted = rejection(ref.call("add", 1, { signal: controller.signal }));
    controller.abort();
    expect(await timedOut).toBeInstanceOf(NoQuorumError);
    expect([(await timedOut).code, (await timedOut).outcome]).toEqual(["ERR_NO_QUORUM", "not_run"]);
    // A query leaves at once, so nobody can say that it was not answered.
    expect(await queried).toBeInstanceOf(CallTimeoutError);
    expect((await timedOut).message).toBe('group "g" did not take add within 30 ms');
    expect(await aborted).toBeInstanceOf(CallAbortedError);
    expect((await aborted).outcome).toBe("not_run");
    const statuses = await ref.status({ timeout: 30 });
    expect(statuses.map(({ reachable }) => reachable)).toEqual([true, false, false]);
  });

  test("rejects a call that was sent with CallTimeoutError: it may run yet, once", async () => {
    const { bench, nodes, refs } = await threeCounters();
    await refs[0].call("add", 1);
    await bench.stop(nodes[1]);
    await bench.stop(nodes[2]);
    const error = await rejection(refs[0].call("add", 10, { timeout: 50 }));
    expect(error).toBeInstanceOf(CallTimeoutError);
    expect([error.code, error.outcome]).toEqual(["ERR_CALL_TIMEOUT", "unknown"]);
    const back = await bench.node("b");
    await replicate(back, Counter, { start: 0 }, bench.options());
    expect(await refs[0].call("add", 100)).toBe(111);
  });
});

describe("nodes that describe a group differently", () => {
  test("refuse each other by name, and nothing runs", async () => {
    const { bench } = await threeCounters();
    const outside = await bench.node("outside");
    const options = bench.options({ pipeline: 16 });
    const ref = await replicate(outside, Counter, { start: 0 }, options);
    const error = await rejection(ref.call("add", 1));
    expect(error).toBeInstanceOf(GroupConfigMismatchError);
    expect([error.code, error.outcome]).toEqual(["ERR_GROUP_CONFIG_MISMATCH", "not_run"]);
    expect(error.message).toContain("pipeline: 16 here, 8 there");
  });

  test("are found on one node at once", async () => {
    const { bench, nodes } = await threeCounters();
    const options = bench.options({ window: 3 });
    const error = await rejection(replicate(nodes[0], Counter, { start: 0 }, options));
    expect(error).toBeInstanceOf(GroupConfigMismatchError);
    expect(error.message).toContain("window: 256 here, 3 there");
  });
});

describe("making a group", () => {
  test("needs a node, a directory where a replica is, and synchronous handlers", async () => {
    const bench = await GroupBench.make();
    const node = await bench.node("a");
    const { storage: _, ...nowhere } = bench.options();
    const noNode = createSystem() as unknown as Node;
    const Late = defineActor("late", { init: () => ({}), calls: { read: async () => 1 } });
    const late = Late as unknown as typeof Counter;
    const errors = await Promise.all([
      rejection(replicate(noNode, Counter, { start: 0 }, bench.options())),
      rejection(replicate(node, Counter, { start: 0 }, nowhere)),
      rejection(replicate(node, late, { start: 0 }, bench.options())),
    ]);
    expect(errors.map(({ option }) => option)).toEqual(["node", "storage", undefined]);
    expect(errors[0]).toBeInstanceOf(OptionError);
    expect(errors[2]).toBeInstanceOf(NotReplicableError);
    for (const error of errors) expect(error.outcome).toBe("not_run");
  });

  test("fails if the journal cannot be opened, and can then be tried again", async () => {
    const bench = await GroupBench.make();
    const node = await bench.node("a");
    const file = join(bench.storage, "in-the-way");
    await writeFile(file, "");
    const replicas = ["a"];
    const bad = bench.options({ replicas, storage: file });
    expect(await rejection(replicate(node, Counter, { start: 0 }, bad))).toBeInstanceOf(
      JournalError,
    );
    const ref = await replicate(node, Counter, { start: 0 }, bench.options({ replicas }));
    expect(await ref.call("add", 1)).toBe(1);
  });

  test("fails with what init throws, and leaves nothing behind", async () => {
    const bench = await GroupBench.make();
    const node = await bench.node("a");
    const Broken = defineActor("broken", {
      init: (fails: boolean) => {
        if (fails) throw new RangeError("no such thing");
        return {};
      },
      queries: { fine: () => true },
    });
    const options = bench.options({ replicas: ["a"] });
    await expect(replicate(node, Broken, true, options)).rejects.toThrow("no such thing");
    const ref = await replicate(node, Broken, false, options);
    expect(await ref.query("fine")).toBe(true);
  });
});

/** Makes the next write to any log fail. */
function failNextWrite(): void {
  const spy = vi
    .spyOn(LogFile.prototype, "write")
    .mockRejectedValueOnce(new Error("ENOSPC: no space left"));
  onTestFinished(() => spy.mockRestore());
}
