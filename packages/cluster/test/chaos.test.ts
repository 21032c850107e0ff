/**
 * Random cuts, heals, broken connections and restarts among three nodes that all dial each other.
 * Whatever happens: events alternate, messages of one life arrive without gaps and in order, and
 * once the network is whole again, so is the cluster.
 */
import { seededRandom } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import type { Node } from "../src/node.ts";
import type { Channel } from "../src/remote/channels.ts";
import { Bench, names } from "./support.ts";

const seeds = Array.from({ length: Number(process.env.CHAOS_SEEDS ?? 12) }, (_, n) => n + 1);
const all = ["a", "b", "c"];

/** What one life of a node sees; every rule that is broken becomes a line in `problems`. */
class Witness {
  readonly channel: Channel;
  readonly node: Node;
  readonly #problems: string[];
  readonly #up = new Map<string, number>();
  /** The last number from each peer; undefined in a new life of the link. */
  readonly #last = new Map<string, number | undefined>();

  constructor(node: Node, problems: string[]) {
    this.node = node;
    this.#problems = problems;
    this.channel = node.channel("x");
    node.events.on("nodeup", ({ name, incarnation }) => {
      if (this.#up.has(name)) this.#say(`a second up of ${name}`);
      this.#up.set(name, incarnation);
      this.#last.set(name, undefined);
    });
    node.events.on("nodedown", ({ name, incarnation }) => {
      if (this.#up.get(name) !== incarnation) this.#say(`down of a life of ${name} not up`);
      this.#up.delete(name);
    });
    this.channel.onMessage((from, payload) => this.#hear(from, Buffer.from(payload)));
  }

  #hear(from: string, payload: Buffer): void {
    const seq = payload.readUInt32BE(0);
    const last = this.#last.get(from);
    if (!this.#up.has(from)) this.#say(`a message of ${from}, which is not up`);
    if (last !== undefined && seq !== last + 1) this.#say(`${seq} of ${from} after ${last}`);
    this.#last.set(from, seq);
  }

  #say(what: string): void {
    this.#problems.push(`${this.node.name}: ${what}`);
  }
}

test.each(seeds)("nothing breaks the rules, seed %i", async (seed) => {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
  const bench = new Bench({ min: 0, max: 40 });
  const problems: string[] = [];
  const lives = new Map<string, Witness>();
  const numbers = new Map<string, number>();
  let received = 0;

  const start = async (name: string) => {
    const timing = { heartbeatMs: 200, heartbeatMisses: 3, closeTimeoutMs: 300 };
    const node = await bench.node(name, all, { ...timing, reconnectMaxMs: 500 });
    lives.set(name, new Witness(node, problems));
  };
  const talk = () => {
    for (const { node, channel } of lives.values()) {
      for (const to of all) {
        const key = `${node.name}>${to}`;
        const seq = (numbers.get(key) ?? 0) + 1;
        const payload = Buffer.alloc(4);
        payload.writeUInt32BE(seq);
        if (to !== node.name && channel.send(to, payload)) numbers.set(key, seq);
      }
    }
  };

  for (const name of all) await start(name);
  for (let step = 0; step < 150; step++) {
    const [x, y] = random() < 0.5 ? [pick(all), pick(all)] : ["a", "b"];
    const dice = random();
    if (x !== y && dice < 0.12) bench.network.cut(x, y);
    else if (x !== y && dice < 0.3) bench.network.heal(x, y);
    else if (x !== y && dice < 0.42) bench.network.sever(x, y);
    else if (dice > 0.97) {
      const old = lives.get(x);
      lives.delete(x);
      if (old !== undefined) await bench.shutdown(old.node);
      await start(x);
    }
    talk();
    await bench.pass(Math.floor(random() * 120));
  }
  for (const x of all) for (const y of all) bench.network.heal(x, y);
  const nodes = () => [...lives.values()].map((life) => life.node);
  await bench.until(() => nodes().every((node) => names(node).length === 2), 15_000);
  await bench.pass(5000);
  for (const node of nodes()) {
    for (const info of node.nodes()) {
      const peer = lives.get(info.name)?.node;
      if (peer?.incarnation !== info.incarnation) problems.push(`${node.name}: stale ${info.name}`);
    }
  }
  received = [...numbers.values()].reduce((sum, n) => sum + n, 0);
  expect(problems).toEqual([]);
  expect(received).toBeGreaterThan(100);
});
