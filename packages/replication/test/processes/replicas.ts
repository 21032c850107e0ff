/** What tests with replicas in processes of their own share: starting them, signals, callers. */
import { type ChildProcess, type ForkOptions, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineActor } from "@troupe/actor";
import { createNode, staticSeeds } from "@troupe/cluster";
import { onTestFinished } from "vitest";
import { replicate } from "../../src/group.ts";
import type { GroupRef } from "../../src/group-ref.ts";
import type { GroupOptions } from "../../src/options.ts";

/** The nodes that hold a replica. */
export const replicas = ["a", "b", "c"] as const;

const program = fileURLToPath(new URL("./replica-program.mjs", import.meta.url));

/** The same definition as in the program: how often each call has run. */
export const Tally = defineActor("tally", {
  init: () => new Map<number, number>(),
  queries: { all: (runs) => [...runs], count: (runs) => runs.size },
  calls: {
    put: (runs, n: number) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
      return runs.size;
    },
    /** Counts, and needs so much memory for a moment. */
    swell: (runs, [n, megabytes]: readonly [n: number, megabytes: number]) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
      return megabytes;
    },
    /** Counts, and refuses all the same. */
    refuse: (runs, n: number, ctx) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
      ctx.fail("refused", n);
    },
  },
});

export type TallyRef = GroupRef<typeof Tally.queries, typeof Tally.calls, typeof Tally.casts>;

export interface Told {
  readonly event: "ready" | "called" | "answered" | "asked";
  readonly details: Record<string, number | string>;
}

export interface ProgramOptions {
  readonly name: string;
  readonly seeds: readonly string[];
  readonly port?: number;
  readonly group: GroupOptions;
  /** What it does all the time, and how often at once. */
  readonly load?: { readonly of: "calls" | "queries"; readonly callers: number };
  /** What V8 may use for objects, if that is to be little. */
  readonly heapMegabytes?: number;
  /** The number of its first call. */
  readonly first?: number;
}

/** The program, running. */
export class Program {
  readonly options: ProgramOptions;
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(options: ProgramOptions, child: ChildProcess, url: string) {
    this.options = options;
    this.#child = child;
    this.url = url;
  }

  static async start(options: ProgramOptions, hear: (told: Told) => void = () => undefined) {
    const { heapMegabytes } = options;
    const small = {
      execArgv: [`--max-old-space-size=${heapMegabytes}`],
      // What V8 prints when it dies for want of memory is long, and meant here.
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    } satisfies ForkOptions;
    const child = fork(
      program,
      [JSON.stringify(options)],
      heapMegabytes === undefined ? {} : small,
    );
    onTestFinished(() => void child.kill("SIGKILL"));
    const url = await new Promise<string>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`${options.name} has ended with ${code}`)));
      child.on("message", (message: Told) => {
        if (message.event === "ready") resolve(String(message.details.url));
        else hear(message);
      });
    });
    return new Program(options, child, url);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Sends a signal to this process, by its id. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits until it has ended, and says how: by a signal, or with a code. */
  async end(): Promise<NodeJS.Signals | number> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.signalCode ?? child.exitCode ?? 0;
  }

  /** Kills it and waits until it is gone. */
  async kill(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

/** Three replicas in three processes, and whoever calls them. */
export class ProcessGroup {
  readonly options: GroupOptions;
  readonly #members = new Map<string, Program>();

  private constructor(options: GroupOptions) {
    this.options = options;
  }

  static async start(changes: Partial<GroupOptions> = {}): Promise<ProcessGroup> {
    const storage = await mkdtemp(join(tmpdir(), "troupe-processes-"));
    onTestFinished(() => rm(storage, { recursive: true, maxRetries: 5 }));
    return new ProcessGroup({ group: "g", replicas, storage, ...changes });
  }

  get seeds(): string[] {
    return [...this.#members.values()].map(({ url }) => url);
  }

  member(name: string): Program {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`${name} was never started`);
    return member;
  }

  /** Starts a replica, on its old port and directory if it has lived before. */
  async begin(
    name: string,
    more: Pick<ProgramOptions, "load" | "heapMegabytes"> = {},
    hear?: (told: Told) => void,
  ): Promise<Program> {
    const before = this.#members.get(name);
    const port = before === undefined ? {} : { port: before.port };
    const { seeds, options: group } = this;
    const member = await Program.start({ name, seeds, group, ...port, ...more }, hear);
    this.#members.set(name, member);
    return member;
  }

  async beginAll(): Promise<void> {
    for (const name of replicas) await this.begin(name);
  }

  /** A ref of this process, which holds no replica; `lost` is told of nodes that are gone. */
  async client(lost: (name: string) => void = () => undefined): Promise<TallyRef> {
    const node = await createNode({
      name: "client",
      discovery: [staticSeeds(this.seeds)],
      heartbeatMs: 200,
      reconnectMaxMs: 200,
      logger: false,
    });
    node.events.on("nodedown", ({ name }) => lost(name));
    onTestFinished(() => node.shutdown());
    const { storage: _, ...options } = this.options;
    return replicate(node, Tally, undefined, options);
  }
}

/** The name of the replica that leads, as a majority sees it. Asks until there is one. */
export async function primaryOf(ref: TallyRef): Promise<string> {
  for (;;) {
    // It is answered by whoever leads, so not before somebody does.
    await ref.query("count", undefined, { timeout: 30_000 });
    const said = await ref.status({ timeout: 500 });
    const leaders = said.flatMap((one) =>
      one.reachable && one.status === "normal" ? [one.primary] : [],
    );
    const leader = leaders.find((name) => leaders.filter((other) => other === name).length > 1);
    if (leader !== undefined) return leader;
  }
}
