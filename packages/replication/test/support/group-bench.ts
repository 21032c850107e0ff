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
import type { GroupOptions } from "../../src/options.ts";

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
