/** What tests with real node processes share: starting, signalling and listening to them. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { defineActor } from "@troupe/actor";
import { onTestFinished } from "vitest";
import { createNode } from "../../src/create-node.ts";
import { staticSeeds } from "../../src/discovery/static.ts";
import type { Node } from "../../src/node.ts";
import type { NodeOptions } from "../../src/options.ts";

const program = fileURLToPath(new URL("./node-program.mjs", import.meta.url));

/** The operations of the program's actor, for the types; it runs in the other process. */
export const Worker = defineActor("worker", {
  init: (): { sum: number; heard: unknown[] } => ({ sum: 0, heard: [] }),
  queries: { heard: (state) => state.heard },
  calls: {
    add: (state, n: number) => (state.sum += n),
    echo: (_state, value: unknown) => value,
    never: () => new Promise<void>(() => {}),
    block: (_state, ms: number) => ms,
    die: () => true,
    last: (_state, _arg: { watcher: unknown; words: readonly unknown[] }): unknown => undefined,
  },
  casts: {
    add: (state, n: number) => {
      state.sum += n;
    },
  },
});

interface Told {
  readonly event: string;
  readonly details: Record<string, unknown>;
}

/** Quick to notice, so that tests need not wait long; every node of a test has the same. */
export const quick = { heartbeatMs: 200, reconnectMaxMs: 200 } as const;

/** A node in a process of its own. */
export class NodeProcess {
  readonly url: string;
  readonly incarnation: number;
  /** Everything that it has told. */
  readonly told: Told[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string, incarnation: number) {
    this.#child = child;
    this.url = url;
    this.incarnation = incarnation;
    child.on("message", (message) => this.told.push(message as Told));
  }

  static async start(options: { name: string; seeds?: string[]; [option: string]: unknown }) {
    const child = fork(program, [JSON.stringify({ ...quick, ...options })]);
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
    const [{ details }] = (await once(child, "message")) as [Told];
    return new NodeProcess(child, details.url as string, details.incarnation as number);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Sends a signal to this process, by its id. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Kills it and waits until it is gone. */
  async kill(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  /** Asks, and waits for the answer, which is an event too. */
  async ask(ask: "nodes" | "memory" | "shutdown", event: string = ask): Promise<unknown> {
    const answer = this.next(event);
    this.#child.send({ ask });
    return answer;
  }

  /** The next event of that kind. */
  async next(event: string): Promise<Record<string, unknown>> {
    for (;;) {
      const [told] = (await once(this.#child, "message")) as [Told];
      if (told.event === event) return told.details;
    }
  }

  /** The events of that kind that it has told. */
  all(event: string): Record<string, unknown>[] {
    return this.told.filter((told) => told.event === event).map(({ details }) => details);
  }
}

/** A node in the test's own process. */
export async function startNode(options: Partial<NodeOptions> & { seeds?: string[] } = {}) {
  const { seeds = [], ...rest } = options;
  const node = await createNode({
    name: "test",
    listen: { port: 0 },
    discovery: [staticSeeds(seeds)],
    logger: false,
    ...quick,
    ...rest,
  });
  onTestFinished(() => node.shutdown());
  return node;
}

type EventName = Parameters<Node["events"]["once"]>[0];

/** The next event of a node that fits. */
export function eventOf(
  node: Node,
  name: EventName,
  fits: (payload: Record<string, unknown>) => boolean = () => true,
): Promise<Record<string, unknown>> {
  return new Promise((resolve) => {
    const listener = (payload: unknown) => {
      if (!fits(payload as Record<string, unknown>)) return;
      node.events.off(name, listener as never);
      resolve(payload as Record<string, unknown>);
    };
    node.events.on(name, listener as never);
  });
}

/** Waits until a node is connected to another one. */
export async function connected(node: Node, name: string): Promise<void> {
  if (node.nodes().some((info) => info.name === name)) return;
  await eventOf(node, "nodeup", (info) => info.name === name);
}
