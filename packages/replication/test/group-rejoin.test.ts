/** Real nodes, sockets and files: a directory is lost under load, and its replica rejoins (I20). */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineActor } from "@troupe/actor";
import { createNode, type Node, staticSeeds } from "@troupe/cluster";
import { describe, expect, onTestFinished, test } from "vitest";
import { checksum } from "../src/checksum.ts";
import { replicate } from "../src/group.ts";
import type { ReplicaStatus } from "../src/group-status.ts";
import { inspectJournal } from "../src/journal/inspect.ts";
import type { GroupOptions } from "../src/options.ts";
import { EndedLifeError } from "../src/vsr/index.ts";
import { rejection, stopOf } from "./support/group-bench.ts";

const names = ["a", "b", "c"] as const;
type Name = (typeof names)[number];

/** How often each call has run. */
const Tally = defineActor("tally", {
  init: () => new Map<number, number>(),
  queries: { all: (runs) => [...runs] },
  calls: {
    put: (runs, n: number) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
    },
  },
});

const refOn = (node: Node, options: GroupOptions) => replicate(node, Tally, undefined, options);
type TallyRef = Awaited<ReturnType<typeof refOn>>;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Three nodes that hold replicas, and one that calls; all on sockets of this machine. */
class Place {
  readonly storage: string;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #nodes = new Map<string, Node>();

  private constructor(storage: string, ports: ReadonlyMap<string, number>) {
    this.storage = storage;
    this.#ports = ports;
  }

  static async make(): Promise<Place> {
    const ports = new Map<string, number>();
    for (const name of names) ports.set(name, await freePort());
    const place = new Place(await mkdtemp(join(tmpdir(), "troupe-rejoin-")), ports);
    onTestFinished(async () => {
      await Promise.all([...place.#nodes.keys()].map((name) => place.end(name)));
      await rm(place.storage, { recursive: true });
    });
    return place;
  }

  async start(name: string, more: Partial<GroupOptions> = {}): Promise<TallyRef> {
    const others = [...this.#ports].filter(([other]) => other !== name);
    const node = await createNode({
      name,
      listen: { host: "127.0.0.1", port: this.#ports.get(name) ?? 0 },
      discovery: [staticSeeds(others.map(([, port]) => `ws://127.0.0.1:${port}`))],
      reconnectMinMs: 5,
      reconnectMaxMs: 50,
      closeTimeoutMs: 50,
      logger: false,
    });
    this.#nodes.set(name, node);
    const { storage } = this;
    const holders = more.size === undefined ? { replicas: names } : {};
    const options = { group: "g", storage, tickMs: 5, checkpointOps: 8, ...holders };
    return refOn(node, { ...options, ...more });
  }

  async end(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    await node?.shutdown();
  }

  directory(name: string): string {
    return join(this.storage, "g", `${name}.journal`);
  }
}

/** Calls without a pause, several at a time, until it is told to stop. */
class Load {
  readonly acknowledged: number[] = [];
  readonly #ref: TallyRef;
  readonly #callers: Promise<void>[];
  #next = 0;
  #stopped = false;

  constructor(ref: TallyRef, callers: number) {
    this.#ref = ref;
    this.#callers = Array.from({ length: callers }, () => this.#call());
  }

  async #call(): Promise<void> {
    while (!this.#stopped) {
      const n = this.#next++;
      await this.#ref.call("put", n, { timeout: 30_000 });
      this.acknowledged.push(n);
    }
  }

  /** Until so many more have been acknowledged. */
  async goesOn(more: number): Promise<void> {
    const enough = this.acknowledged.length + more;
    await until(async () => this.acknowledged.length >= enough);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

async function statusOf(ref: TallyRef, name: string): Promise<ReplicaStatus | undefined> {
  const statuses = await ref.status({ details: true });
  return statuses.find(({ replica }) => replica === name);
}

async function isNormal(ref: TallyRef, name: string): Promise<boolean> {
  const said = await statusOf(ref, name);
  return said?.reachable === true && said.status === "normal";
}

describe("a replica whose directory is removed under load", () => {
  test("rejoins, and then another one may be lost for good without a call that is", async () => {
    const place = await Place.make();
    for (const name of names) await place.start(name);
    const client = await place.start("d");
    const load = new Load(client, 8);
    await load.goesOn(100);
    await place.end("c");
    await rm(place.directory("c"), { recursive: true });
    // What is committed now needs both others: c is to get it from them, log and state.
    await load.goesOn(100);
    await place.start("c", { rejoin: true });
    await until(() => isNormal(client, "c"));
    await load.goesOn(100);
    const said = await statusOf(client, "c");
    const gone: Name = said?.reachable === true && said.primary === "a" ? "a" : "b";
    await place.end(gone);
    await rm(place.directory(gone), { recursive: true });
    await load.goesOn(100);
    await load.stop();
    const runs = new Map(await client.query("all", undefined, { timeout: 30_000 }));
    expect(load.acknowledged.length).toBeGreaterThan(400);
    for (const n of load.acknowledged) expect([n, runs.get(n)]).toEqual([n, 1]);
    for (const [n, times] of runs) expect([n, times]).toEqual([n, 1]);
    const { damage, rejoining } = await inspectJournal(place.directory("c"), checksum);
    expect([damage, rejoining]).toEqual([[], undefined]);
  }, 120_000);

  test("says that it waits while another one is away, and goes on when that is back", async () => {
    const place = await Place.make();
    const [a] = await Promise.all(names.map((name) => place.start(name)));
    if (a === undefined) throw new Error("there is no a");
    await a.call("put", 1);
    await place.end("c");
    await rm(place.directory("c"), { recursive: true });
    await place.end("b");
    await place.start("c", { rejoin: true });
    await until(async () => {
      const said = await statusOf(a, "c");
      return said?.reachable === true && said.details?.needs === "answers";
    });
    expect(await statusOf(a, "c")).toMatchObject({ status: "recovering", commit: 0 });
    await place.start("b");
    await until(() => isNormal(a, "c"));
    expect(await a.query("all", undefined, { timeout: 30_000 })).toEqual([[1, 1]]);
  }, 60_000);

  test("is not to be told so where its journal is there, but again where it has rejoined", async () => {
    const place = await Place.make();
    const [a] = await Promise.all(names.map((name) => place.start(name)));
    if (a === undefined) throw new Error("there is no a");
    await a.call("put", 1);
    await place.end("c");
    const refused = await rejection(place.start("c", { rejoin: true }));
    expect(refused).toMatchObject({ name: "JournalError", kind: "not_empty", outcome: "not_run" });
    await place.end("c");
    await rm(place.directory("c"), { recursive: true });
    for (const life of ["first", "restarted"]) {
      const c = await place.start("c", { rejoin: true });
      await until(() => isNormal(c, "c"));
      expect(await c.query("all"), life).toEqual([[1, 1]]);
      await place.end("c");
    }
  }, 60_000);

  test("rejoins as well where the group was founded by its size, and its roster is lost too", async () => {
    const place = await Place.make();
    const size = { size: 3, founder: "a" };
    const [a] = await Promise.all(names.map((name) => place.start(name, size)));
    if (a === undefined) throw new Error("there is no a");
    await a.call("put", 1);
    await place.end("c");
    await rm(place.directory("c"), { recursive: true });
    const c = await place.start("c", { ...size, rejoin: true });
    await until(() => isNormal(a, "c"));
    await place.end("b");
    await c.call("put", 2, { timeout: 30_000 });
    expect(await a.query("all", undefined, { timeout: 30_000 })).toEqual([
      [1, 1],
      [2, 1],
    ]);
  }, 60_000);

  test("stops, and says why, when the old directory comes back in the place of the new one", async () => {
    const place = await Place.make();
    const [a] = await Promise.all(names.map((name) => place.start(name)));
    if (a === undefined) throw new Error("there is no a");
    await a.call("put", 1);
    await place.end("c");
    const copy = join(place.storage, "copy");
    await cp(place.directory("c"), copy, { recursive: true });
    await rm(place.directory("c"), { recursive: true });
    await place.start("c", { rejoin: true });
    await until(() => isNormal(a, "c"));
    await place.end("c");
    await rm(place.directory("c"), { recursive: true });
    await cp(copy, place.directory("c"), { recursive: true });
    expect(await stopOf(await place.start("c"))).toBeInstanceOf(EndedLifeError);
    await a.call("put", 2);
    expect(await a.query("all")).toEqual([
      [1, 1],
      [2, 1],
    ]);
  }, 60_000);
});
