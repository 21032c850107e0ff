/** Real nodes on a network in memory, with real journals in a directory that goes away. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineActor, systemClock } from "@troupe/actor";
import { seededRandom } from "@troupe/actor/testing";
import { createNode, type Node, type NodeOptions, staticSeeds } from "@troupe/cluster";
import { type MemoryNetwork, memoryNetwork, memoryUrl } from "@troupe/cluster/testing";
import { onTestFinished } from "vitest";
import type { GroupRef } from "../../src/group-ref.ts";
import type { ReachableReplica } from "../../src/group-status.ts";
import type { GroupOptions } from "../../src/options.ts";
import type { ReplicationEvent } from "../../src/replication-events.ts";

export const Counter = defineActor("counter", {
  init: (arg: { start: number }) => ({ count: arg.start }),
  queries: { get: (s) => s.count },
  calls: {
    add: (s, n: number) => {
      s.count += n;
      return s.count;
    },
    take: (s, n: number, ctx) => {
      if (n > s.count) ctx.fail("too_little", { have: s.count });
      s.count -= n;
      return s.count;
    },
    crash: (s) => {
      s.count = -1;
      throw new RangeError("boom");
    },
    echo: (_s, arg: unknown) => arg,
  },
  casts: {
    set: (s, n: number) => {
      s.count = n;
    },
  },
});

export type CounterRef = GroupRef<
  typeof Counter.queries,
  typeof Counter.calls,
  typeof Counter.casts
>;

export type AnyGroupRef = Pick<CounterRef, "onEvent">;

/** The next event of a type that a group tells, or the one that still holds. */
export function eventOf<T extends ReplicationEvent["type"]>(
  ref: AnyGroupRef,
  type: T,
): Promise<Extract<ReplicationEvent, { type: T }>> {
  return new Promise((resolve) => {
    ref.onEvent((event) => {
      if (event.type === type) resolve(event as Extract<ReplicationEvent, { type: T }>);
    });
  });
}

/** The error with which this node's replica stops. */
export function stopOf(ref: AnyGroupRef): Promise<unknown> {
  return eventOf(ref, "stopped").then(({ error }) => error);
}

export class GroupBench {
  readonly network: MemoryNetwork;
  readonly storage: string;
  readonly #nodes = new Set<Node>();

  private constructor(storage: string) {
    this.storage = storage;
    this.network = memoryNetwork({ clock: systemClock, random: seededRandom(1) });
  }

  static async make(): Promise<GroupBench> {
    const bench = new GroupBench(await mkdtemp(join(tmpdir(), "troupe-group-")));
    onTestFinished(() => bench.#end());
    return bench;
  }

  /** A node that knows of a, b and c. */
  async node(name: string, options: Partial<NodeOptions> = {}): Promise<Node> {
    const node = await createNode({
      name,
      listen: { port: 0 },
      transport: this.network.transport(name),
      discovery: [staticSeeds(["a", "b", "c"].filter((other) => other !== name).map(memoryUrl))],
      reconnectMinMs: 5,
      reconnectMaxMs: 20,
      closeTimeoutMs: 50,
      logger: false,
      ...options,
    });
    this.#nodes.add(node);
    return node;
  }

  nodes(...names: string[]): Promise<Node[]> {
    return Promise.all(names.map((name) => this.node(name)));
  }

  /** The nodes of two parts of a cluster that know nothing of each other. */
  split(...parts: (readonly string[])[]): Promise<Node[]> {
    return Promise.all(
      parts.flatMap((names) => names.map((name) => this.node(name, { discovery: seeds(names) }))),
    );
  }

  /** A node that knows one of each part, and so brings them together. */
  async bridge(...names: string[]): Promise<Node> {
    return this.node("bridge", { discovery: seeds(names) });
  }

  /** Asks until all replicas take part. */
  async whole(ref: CounterRef): Promise<void> {
    for (;;) {
      const statuses = await ref.status();
      if (statuses.every((each) => each.reachable && each.status === "normal")) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#nodes].map((node) => this.stop(node)));
  }

  async stop(node: Node): Promise<void> {
    this.#nodes.delete(node);
    await node.shutdown();
  }

  /** What every member says of the group; ticks are short, so that nobody waits for long. */
  options(changes: Partial<GroupOptions> = {}): GroupOptions {
    return { group: "g", replicas: ["a", "b", "c"], storage: this.storage, tickMs: 5, ...changes };
  }

  async #end(): Promise<void> {
    await Promise.all([...this.#nodes].map((node) => node.shutdown()));
    await rm(this.storage, { recursive: true });
  }
}

/** How long replicas may take to agree before a test takes it that they never will. */
const patienceMs = 30_000;

/**
 * Asks until all replicas have run the same, and say so with one digest; what they then say. Part
 * of it waits for ticks, so what is bounded is the time: rounds pass the faster the machine is.
 */
export async function agreement(
  ref: Pick<CounterRef, "status">,
): Promise<readonly ReachableReplica[]> {
  for (const start = performance.now(); ; ) {
    const statuses = await ref.status({ digest: true });
    const all = statuses.filter((each): each is ReachableReplica => each.reachable);
    const said = all.map((s) => `${s.status} ${s.view} ${s.commit}/${s.op} ${s.digest}`);
    const isWhole = all.length === statuses.length && all.every(({ commit, op }) => commit === op);
    if (isWhole && new Set(said).size === 1) return all;
    if (performance.now() - start > patienceMs) throw new Error(`they differ: ${said.join(", ")}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const seeds = (names: readonly string[]) => [staticSeeds(names.map(memoryUrl))];

/** The error that a promise rejects with. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<Error & Record<string, unknown>> {
  const error = await promise.then(
    (value) => new Error(`it resolved with ${String(value)}`),
    (reason: unknown) => reason,
  );
  return error as Error & Record<string, unknown>;
}
