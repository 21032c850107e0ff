/** What the tests of this package share: small actors, nodes on a memory network, waiting. */
import { defineActor } from "@troupe/actor";
import { ManualClock, seededRandom, settle } from "@troupe/actor/testing";
import { onTestFinished } from "vitest";
import { createNode } from "../src/create-node.ts";
import { staticSeeds } from "../src/discovery/static.ts";
import type { Node } from "../src/node.ts";
import type { NodeOptions } from "../src/options.ts";
import { type MemoryNetwork, memoryNetwork, memoryUrl } from "../src/transport/memory.ts";

export const Counter = defineActor("counter", {
  init: (arg: { start: number }) => ({ count: arg.start }),
  queries: { get: (s) => s.count },
  calls: {
    add: (s, n: number) => {
      s.count += n;
      return s.count;
    },
    refuse: (_s, arg: { why: string }, ctx) => ctx.fail("refused_by_counter", arg),
    echo: (_s, arg: unknown) => arg,
    crash: () => {
      throw new RangeError("boom");
    },
    never: () => new Promise<void>(() => {}),
    unsendable: () => ({ deep: [new URL("http://a/")] }) as unknown,
    large: (_s, bytes: number) => new Uint8Array(bytes),
  },
  casts: {
    set: (s, n: number) => {
      s.count = n;
    },
  },
});

/** Nodes on one memory network with one clock that only the test moves. */
export class Bench {
  readonly clock = new ManualClock({ now: 1_700_000_000_000 });
  readonly random = seededRandom(1);
  readonly network: MemoryNetwork;
  readonly log: string[] = [];
  readonly #nodes: Node[] = [];

  constructor(latencyMs?: { min: number; max: number }) {
    const { clock, random } = this;
    this.network = memoryNetwork({ clock, random, ...(latencyMs && { latencyMs }) });
    onTestFinished(() => this.stop());
  }

  /** Makes a node that listens and dials `seeds`, which are names. */
  async node(name: string, seeds: string[] = [], options: Partial<NodeOptions> = {}) {
    // Every start is a later life: the clock is what tells them apart.
    this.clock.advance(1);
    const node = await createNode({
      name,
      listen: { port: 0 },
      clock: this.clock,
      random: this.random,
      transport: this.network.transport(name),
      discovery: [staticSeeds(seeds.map(memoryUrl))],
      actors: [Counter],
      logger: false,
      ...options,
    });
    node.events.on("nodeup", (info) => this.log.push(`${name}: up ${info.name}`));
    node.events.on("nodedown", (info) => {
      this.log.push(`${name}: down ${info.name} (${info.reason})`);
    });
    this.#nodes.push(node);
    return node;
  }

  /** Two nodes that are connected. */
  async pair(options: Partial<NodeOptions> = {}): Promise<[Node, Node]> {
    const b = await this.node("b", [], options);
    const a = await this.node("a", ["b"], options);
    await this.until(() => a.nodes().length === 1 && b.nodes().length === 1);
    return [a, b];
  }

  /** Lets time pass in small steps until something holds. */
  async until(holds: () => boolean, withinMs = 30_000): Promise<void> {
    await settle();
    for (let spent = 0; !holds(); spent += 10) {
      if (spent > withinMs) throw new Error(`it never happened; log:\n${this.log.join("\n")}`);
      await this.clock.advanceAsync(10);
    }
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advanceAsync(ms);
  }

  /** Lets time pass until a promise has settled. */
  async during<T>(pending: Promise<T>): Promise<T> {
    let done = false;
    const settled = pending.finally(() => {
      done = true;
    });
    await this.until(() => done);
    return settled;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => this.shutdown(node)));
  }

  /** Stops a node, moving the clock as far as that takes. */
  async shutdown(node: Node): Promise<void> {
    let done = false;
    const stopped = node.shutdown().finally(() => {
      done = true;
    });
    while (!done) await this.clock.advanceAsync(100);
    await stopped;
  }
}

export function names(node: Node): string[] {
  return node
    .nodes()
    .map((info) => info.name)
    .sort();
}
