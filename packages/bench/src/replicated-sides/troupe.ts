/**
 * Troupe's side: a group of three nodes on loopback, and a fourth node that calls it. Links are
 * proven with a key, heartbeats run, and each call has its timeout of 5000 ms, as for every user.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNode, staticSeeds } from "@troupe/cluster";
import { type GroupRef, type ReachableReplica, replicate } from "@troupe/replication";
import { benchKeys } from "../remote-sides/remote-counter-actor.ts";
import { ServerProcess } from "../remote-sides/server-process.ts";
import { serve } from "../sides/serve.ts";
import {
  type Group,
  type Kind,
  type Reading,
  type ReplicatedSide,
  replicatedRows,
} from "./replicated-loads.ts";
import { groupOptions, largeCheckpointOps, names, pair, Store } from "./store-actor.ts";

/** While a large state is captured the group answers late. */
const patienceMs = 300_000;

/** Each has a window of its own, so that together they may have 2,500 calls under way. */
const sessions = 10;

type StoreRef = GroupRef<typeof Store.queries, typeof Store.calls, typeof Store.casts>;

const program = "../replicated-sides/troupe-replica";
const directories: string[] = [];

class TroupeGroup implements Group {
  readonly #replicas = new Map<string, ServerProcess>();
  readonly #kind: Kind;
  readonly #directory: string;
  #refs: StoreRef[] = [];

  private constructor(kind: Kind, directory: string) {
    this.#kind = kind;
    this.#directory = directory;
  }

  static async start(kind: Kind): Promise<TroupeGroup> {
    const directory = await mkdtemp(join(tmpdir(), "troupe-bench-"));
    directories.push(directory);
    const group = new TroupeGroup(kind, directory);
    for (const name of names) await group.#startReplica(name, 0);
    const discovery = [staticSeeds(group.#urls())];
    const node = await createNode({ name: "client", cluster: "bench", keys: benchKeys, discovery });
    for (let i = 0; i < sessions; i += 1) {
      group.#refs.push(await replicate(node, Store, undefined, groupOptions(kind)));
    }
    // The links come up, and every session is registered.
    await Promise.all(group.#refs.map((ref) => ref.query("puts", undefined, { timeout: 60_000 })));
    return group;
  }

  async put(operations: number, depth: number): Promise<number> {
    const before = await this.#count();
    let next = 0;
    await this.#callers(depth, async (ref) => {
      while (next < operations) await this.#put(ref, next++);
    });
    return (await this.#count()) - before;
  }

  async ask(operations: number, depth: number, consistency: Reading): Promise<number> {
    // A replica that has not run the first put yet says 0, and may.
    const least = consistency === "local" ? 0 : 1;
    let next = 0;
    let answered = 0;
    await this.#callers(depth, async (ref) => {
      while (next++ < operations) {
        if ((await ref.query("puts", undefined, { consistency })) >= least) answered += 1;
      }
    });
    return answered;
  }

  async putInside(operations: number): Promise<number> {
    const [, primary] = await this.#primary();
    return primary.ask("puts", operations);
  }

  async failover(): Promise<number> {
    const [name, primary] = await this.#primary();
    const port = Number(new URL(primary.address).port);
    await primary.kill();
    const began = performance.now();
    await this.#put(this.#ref(0), 0);
    const ms = performance.now() - began;
    await this.#startReplica(name, port);
    return ms;
  }

  async #primary(): Promise<[name: string, program: ServerProcess]> {
    const replica = (await this.#ref(0).status()).find(({ reachable }) => reachable);
    const name = replica?.reachable === true ? replica.primary : "";
    const program = this.#replicas.get(name);
    if (program === undefined) throw new Error(`no replica is called "${name}"`);
    return [name, program];
  }

  async fill(objects: number): Promise<void> {
    while ((await this.#ref(0).call("open", objects, { timeout: patienceMs })) < objects);
  }

  async stall(): Promise<number> {
    const checkpoint = await this.#oldestCheckpoint();
    await this.#ask("stall");
    // The next state that is captured may have been due before; the one after it is due now.
    const wanted = checkpoint + 2 * largeCheckpointOps;
    for (let next = 0; (await this.#oldestCheckpoint()) < wanted; next += 1) {
      await this.#ref(0).call("put", pair(next), { timeout: patienceMs });
    }
    return Math.max(...(await this.#ask("stall")));
  }

  async syncs(): Promise<number> {
    return (await this.#ask("syncs")).reduce((sum, count) => sum + count, 0);
  }

  #ask(figure: string): Promise<number[]> {
    return Promise.all([...this.#replicas.values()].map((replica) => replica.ask(figure)));
  }

  /** The op of the checkpoint that every replica has got to. */
  async #oldestCheckpoint(): Promise<number> {
    const asked = { details: true, timeout: patienceMs };
    const all = (await this.#ref(0).status(asked)).filter(({ reachable }) => reachable);
    if (all.length < names.length) throw new Error("a replica does not answer");
    const told = all as readonly ReachableReplica[];
    return Math.min(...told.map(({ details }) => details?.checkpoint ?? 0));
  }

  #urls(): string[] {
    return [...this.#replicas.values()].map(({ address }) => address);
  }

  async #startReplica(name: string, port: number): Promise<void> {
    const args = [name, String(port), this.#kind, this.#directory, ...this.#urls()];
    this.#replicas.set(name, await ServerProcess.start(program, ...args));
  }

  #ref(at: number): StoreRef {
    return this.#refs[at % sessions] as StoreRef;
  }

  #put(ref: StoreRef, number: number): Promise<number> {
    return ref.call("put", pair(number));
  }

  #count(): Promise<number> {
    return this.#ref(0).query("puts");
  }

  async #callers(depth: number, work: (ref: StoreRef) => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: depth }, (_, at) => work(this.#ref(at))));
  }
}

const groups = new Map<Kind, Promise<TroupeGroup>>();

const troupe: ReplicatedSide = {
  group(kind) {
    const group = groups.get(kind) ?? TroupeGroup.start(kind);
    groups.set(kind, group);
    return group;
  },
};

await serve(troupe, replicatedRows, async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});
