/**
 * One actor on three hosts: in a system of its own, on another node, and behind a group of three.
 * All of them live on one clock, which stands still while calls are under way and moves when told.
 */
import { type AnyRef, createSystem, isActorError, type RefOf } from "@troupe/actor";
import { ManualClock, seededRandom } from "@troupe/actor/testing";
import { createNode, type Node, staticSeeds } from "@troupe/cluster";
import { refAtNode } from "@troupe/cluster/runtime";
import { memoryNetwork, memoryUrl } from "@troupe/cluster/testing";
import { replicate } from "../../src/group.ts";
import { Clerk, type ClerkStart, Friend } from "./clerk.ts";

export const tickMs = 20;
/** Turns of the event loop after which whatever needs no time has happened. */
export const turnsToRest = 12;
/** Nothing that needs no time needs more turns than this. */
const turnsMax = 400;
const replicas = ["a", "b", "c"];
/** The node that the calls come from. */
const caller = "x";

/** What became of a call; `waits` as long as nothing did. */
export type Came = { waits: boolean; value?: unknown; error?: unknown };

/** An actor on one of the hosts, and another that it knows. */
export interface Hosted {
  readonly ref: AnyRef;
  readonly friend: RefOf<typeof Friend>;
  /** Ends the friend. */
  endFriend(): Promise<void>;
  /** Another actor of the same kind, for what would end the first. */
  twin(start: ClerkStart): Promise<AnyRef>;
  /** The friend is to be ended before. */
  close(): Promise<void>;
}

/** Turns of the event loop, one after the other. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export class ThreeHosts {
  readonly clock = new ManualClock({ now: Date.UTC(2026, 0, 1) });
  readonly #random = seededRandom(1);
  readonly #network = memoryNetwork({ clock: this.clock, random: this.#random });
  readonly #system = createSystem(this.#options);
  readonly #nodes = new Map<string, Node>();
  #groups = 0;

  static async make(): Promise<ThreeHosts> {
    const hosts = new ThreeHosts();
    await Promise.all([...replicas, caller].map((name) => hosts.#start(name)));
    const isConnected = (node: Node) => node.nodes().length === replicas.length;
    while (![...hosts.#nodes.values()].every(isConnected)) await hosts.pass(tickMs);
    return hosts;
  }

  /** Lets time pass, tick by tick, and all that follows from it happen. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= tickMs) {
      this.clock.advance(Math.min(left, tickMs));
      await turns(turnsToRest);
    }
  }

  /** Lets happen what needs no time, until it has. */
  async until(holds: () => boolean): Promise<boolean> {
    for (let turn = 0; turn < turnsMax && !holds(); turn++) await turns(1);
    return holds();
  }

  /** The same for what somebody promises; if it needs time, time passes. */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const end = () => {
      over = true;
    };
    promise.then(end, end);
    while (!(await this.until(() => over))) await this.pass(tickMs);
    return promise;
  }

  async local(start: ClerkStart): Promise<Hosted> {
    const system = this.#system;
    const [ref, friend] = [await system.start(Clerk, start), await system.start(Friend)];
    return {
      ref: ref as AnyRef,
      friend,
      endFriend: () => system.stop(friend),
      twin: async (other) => (await system.start(Clerk, other)) as AnyRef,
      close: () => system.stop(ref),
    };
  }

  async remote(start: ClerkStart): Promise<Hosted> {
    const [x, a] = [this.node(caller), this.node("a")];
    const ref = await x.startOn("a", Clerk, start);
    const friend = await x.start(Friend);
    return {
      ref: ref as AnyRef,
      friend,
      endFriend: () => x.stop(friend),
      twin: async (other) => (await x.startOn("a", Clerk, other)) as AnyRef,
      close: () => a.stop(refAtNode(a, ref.address)),
    };
  }

  async group(start: ClerkStart): Promise<Hosted & GroupTroubles> {
    const options = {
      group: `clerk-${++this.#groups}`,
      replicas,
      durability: "memory",
      bootstrap: true,
      tickMs,
      checkpointOps: 8,
    } as const;
    const join = (name: string) => replicate(this.node(name), Clerk, start, options);
    const handles = new Map<string, Awaited<ReturnType<typeof join>>>();
    for (const name of [caller, ...replicas]) handles.set(name, await join(name));
    const friend = await this.node(caller).startOn("b", Friend);
    const b = this.node("b");
    const endFriend = () => b.stop(refAtNode(b, friend.address));
    const network = this.#network;
    return {
      ref: handles.get(caller) as unknown as AnyRef,
      friend,
      endFriend,
      twin: async () => handles.get(caller) as unknown as AnyRef,
      close: async () => {
        await Promise.all([...handles.values()].map((handle) => handle.close()));
      },
      cutOff: (name) => {
        const others = replicas.filter((other) => other !== name);
        for (const other of others) network.cut(name, other);
        return () => {
          for (const other of others) network.heal(name, other);
        };
      },
      restart: async (name) => {
        await handles.get(name)?.close();
        handles.set(name, await join(name));
      },
    };
  }

  node(name: string): Node {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  async end(): Promise<void> {
    const everybody = [this.#system, ...this.#nodes.values()];
    await this.finish(Promise.all(everybody.map((one) => one.shutdown())));
  }

  get #options() {
    return { clock: this.clock, random: this.#random, cloneMessages: true, logger: false } as const;
  }

  async #start(name: string): Promise<void> {
    const others = [...replicas, caller].filter((other) => other !== name);
    const node = await createNode({
      ...this.#options,
      name,
      listen: { port: 0 },
      transport: this.#network.transport(name),
      discovery: [staticSeeds(others.map(memoryUrl))],
      actors: [Clerk, Friend],
      signals: [],
    });
    this.#nodes.set(name, node);
  }
}

/** What befalls the replicas while nobody calls. */
export interface GroupTroubles {
  /** Nothing passes between this replica and the others, until what is returned is called. */
  cutOff(name: string): () => void;
  /** This replica forgets everything, and comes back. */
  restart(name: string): Promise<void>;
}

/** Follows a call. */
export function follow(promise: Promise<unknown>): Came {
  const came: Came = { waits: true };
  promise.then(
    (value) => Object.assign(came, { waits: false, value }),
    (error: unknown) => Object.assign(came, { waits: false, error }),
  );
  return came;
}

/** What of an outcome is the same on every host: of an error, what programs look at. */
export function told(came: Came): unknown {
  const { waits, value, error } = came;
  if (waits) return "waits";
  if (!("error" in came)) return { value };
  if (!isActorError(error)) return { error };
  const { code, outcome } = error;
  const data: unknown = "data" in error ? error.data : undefined;
  // Troupe's own errors name the process, and every host has another one.
  if (!code.startsWith("ERR_") || typeof data !== "object") return { code, outcome, data };
  return { code, outcome, data: { ...data, actor: undefined, target: undefined } };
}
