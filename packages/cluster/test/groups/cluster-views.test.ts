/**
 * Whole nodes: random joins, leaves, deaths, cuts, broken connections and restarts among nodes that
 * all dial each other. Once the network is whole, every node sees of every node what that one has.
 */
import type { AnyRef } from "@troupe/actor";
import { seededRandom, settle } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import type { Node } from "../../src/node.ts";
import { Bench, Counter, names } from "../support.ts";
import { Injector } from "./injector.ts";

const seeds = Array.from({ length: Number(process.env.CHAOS_SEEDS ?? 8) }, (_, n) => n + 1);
const all = ["a", "b", "c"];
const groups = ["g1", "g2"];
const topics = ["t1", "t2", "t3"];
const keys = ["alice", "bob"];

/** What a test does with one life of a node, and what it adds up to. */
class Life {
  readonly node: Node;
  readonly heard: string[] = [];
  /** What the events of groups and presences add up to. */
  readonly summed = new Map<string, number>();
  readonly #untracks: (() => void)[] = [];
  readonly #unsubscribes: (() => void)[] = [];
  readonly #processes: AnyRef[] = [];

  constructor(node: Node) {
    this.node = node;
    for (const group of groups) {
      node.groups.monitor(group, ({ kind, refs }) => {
        for (const ref of refs) this.#sum(`${group} ${ref}`, kind === "join" ? 1 : -1);
      });
    }
    for (const topic of topics) {
      node.presence.subscribe(topic, ({ joins, leaves }) => {
        for (const [present, by] of [
          [leaves, -1],
          [joins, 1],
        ] as const) {
          for (const [key, entries] of present) {
            for (const { node: on, meta } of entries)
              this.#sum(`${topic} ${key} ${on} ${meta}`, by);
          }
        }
      });
    }
  }

  #sum(what: string, by: number): void {
    const count = (this.summed.get(what) ?? 0) + by;
    if (count === 0) this.summed.delete(what);
    else this.summed.set(what, count);
  }

  async act(random: () => number): Promise<void> {
    const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
    const { node } = this;
    const ref = pick(this.#processes);
    const dice = random();
    if (ref === undefined || dice < 0.15) {
      this.#processes.push(await node.start(Counter, { start: 0 }));
    } else if (dice < 0.4) node.groups.join(pick(groups), ref);
    else if (dice < 0.5) node.groups.leave(pick(groups), ref);
    else if (dice < 0.7) {
      try {
        const { untrack } = node.presence.track(pick(topics), pick(keys), random(), { ref });
        this.#untracks.push(untrack);
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_ALREADY_TRACKED" });
      }
    } else if (dice < 0.75) pick(this.#untracks)?.();
    else if (dice < 0.85) {
      const topic = pick(topics);
      const hear = (message: unknown) => this.heard.push(`${topic} ${message}`);
      this.#unsubscribes.push(node.pubsub.subscribe(topic, hear));
    } else if (dice < 0.92) pick(this.#unsubscribes)?.();
    else {
      node.exit(ref, "kill");
      this.#processes.splice(this.#processes.indexOf(ref), 1);
    }
  }

  /** What this node sees, as lines. */
  seen(): string[] {
    const { node } = this;
    const members = groups.flatMap((group) =>
      node.groups.members(group).map((ref) => `${group} ${ref}/${ref.address.incarnation}`),
    );
    const present = topics.flatMap((topic) =>
      [...node.presence.list(topic)].flatMap(([key, entries]) =>
        entries.map(({ node: on, ref, meta }) => `${topic} ${key} ${on} ${ref} ${meta}`),
      ),
    );
    return [...members, ...present].sort();
  }
}

/** The lines of `seen` that are about processes of one node. */
const about = (lines: readonly string[], name: string) =>
  lines.filter((line) => line.includes(`@${name}>`));

test.each(seeds)("every node sees what every node has, seed %i", async (seed) => {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
  const bench = new Bench({ min: 0, max: 40 });
  const lives = new Map<string, Life>();
  const start = async (name: string) => {
    const timing = { heartbeatMs: 200, heartbeatMisses: 3, closeTimeoutMs: 300 };
    const node = await bench.node(name, all, { ...timing, reconnectMaxMs: 500 });
    lives.set(name, new Life(node));
  };
  for (const name of all) await start(name);
  for (let step = 0; step < 150; step++) {
    for (let n = 0; n < 3; n++) await lives.get(pick(all))?.act(random);
    const [x, y] = [pick(all), pick(all)];
    const dice = random();
    if (x !== y && dice < 0.1) bench.network.cut(x, y);
    else if (x !== y && dice < 0.3) bench.network.heal(x, y);
    else if (x !== y && dice < 0.4) bench.network.sever(x, y);
    else if (dice > 0.97) {
      const old = lives.get(x) as Life;
      await bench.shutdown(old.node);
      await start(x);
    }
    await bench.pass(Math.floor(random() * 120));
  }
  for (const x of all) for (const y of all) bench.network.heal(x, y);
  const every = () => [...lives.values()];
  await bench.until(() => every().every(({ node }) => names(node).length === 2), 15_000);
  await bench.pass(5000);

  let lines = 0;
  for (const { node } of every()) {
    const own = about(lives.get(node.name)?.seen() ?? [], node.name);
    lines += own.length;
    for (const reader of every()) expect(about(reader.seen(), node.name)).toEqual(own);
  }
  expect(lines).toBeGreaterThan(5);
  for (const life of every()) {
    const counts = new Map<string, number>();
    for (const line of life.seen()) {
      const what = line.startsWith("g")
        ? line.replace(/\/\d+$/, "")
        : line.replace(/ counter <\d+@\w>/, "");
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
    expect(life.summed).toEqual(counts);
  }
  for (const { heard } of every()) heard.length = 0;
  for (const topic of topics) {
    const there = every().map(({ node }) => node.pubsub.publishLocal(topic, "?"));
    for (const [at, { node }] of every().entries()) {
      const others = there.filter((count, other) => other !== at && count > 0).length;
      const report = node.pubsub.publish(topic, `from ${node.name}`);
      expect(report).toEqual({ nodes: others, local: there[at], dropped: [] });
    }
    await bench.pass(200);
    for (const [at, { heard }] of every().entries()) {
      const lineOf = (name: string) => heard.filter((line) => line === `${topic} from ${name}`);
      for (const name of lives.keys()) expect(lineOf(name)).toHaveLength(there[at] as number);
    }
  }
});

test("a name that begins with troupe. is no name for a channel of an application", async () => {
  const bench = new Bench();
  const a = await bench.node("a");
  expect(() => a.channel("troupe.directory")).toThrow(
    /invalid option channel: expected a name that does not begin with "troupe\."/,
  );
  expect(() => a.channel("troupe.new")).toThrow(/invalid option channel/);
  expect(a.channel("troupe").name).toBe("troupe");
});

test("bytes that are no message of the directory cost that message, and what was missed is made up for", async () => {
  const bench = new Bench();
  const warnings: string[] = [];
  const logger = { warn: (text: string) => warnings.push(text), error() {} };
  const injector = new Injector(bench.network.transport("a"));
  const b = await bench.node("b", [], { logger });
  const a = await bench.node("a", ["b"], { transport: injector.transport });
  await bench.until(() => a.nodes().length === 1);
  const counter = await a.start(Counter, { start: 0 });
  a.groups.join("g", counter);
  await bench.until(() => b.groups.members("g").length === 1);
  const whole = "0200000000000000000200000001";
  // Garbage; a member whose number is none; one who is there no times; a meta that is no value.
  for (const bad of ["ff", `${whole}01000167000278780000000700000001000163`]) {
    injector.send("troupe.directory", bad);
  }
  await settle();
  expect(b.groups.members("g").map(String)).toEqual([String(counter)]);
  a.groups.join("g", counter);
  await bench.until(() => b.groups.members("g").length === 2);
  expect(a.nodes()).toHaveLength(1);
  expect(warnings[0]).toMatch(/^node a sent a bad directory message: protocol violation/);
});

test("an entry that makes no sense is not shown, and the others are", async () => {
  const bench = new Bench();
  const warnings: string[] = [];
  const logger = { warn: (text: string) => warnings.push(text), error() {} };
  const injector = new Injector(bench.network.transport("a"));
  const b = await bench.node("b", [], { logger });
  const a = await bench.node("a", ["b"], { transport: injector.transport });
  await bench.until(() => a.nodes().length === 1);
  await settle();
  const diffs: unknown[] = [];
  b.presence.subscribe("t", (diff) => diffs.push(diff));
  const member = (key: string, value: string) => entry("01", "g", key, value);
  const presence = (key: string, value: string) => entry("03", "t", key, value);
  const entries = [
    member("x", `00000001${text("c")}`),
    member("7", `00000000${text("c")}`),
    member("8", `00100000${text("c")}`),
    member("9", "0000"),
    member("10", `00000001${text("c")}`),
    presence("x:alice", `${text("")}01`),
    presence("0:", `${text("")}01`),
    presence("0:bob", `${text("")}9a01c9c380`),
    presence("0:carol", `${text("")}01`),
    entry("7f", "of a later version", "k", ""),
  ];
  const count = entries.length.toString(16).padStart(8, "0");
  injector.send("troupe.directory", `02000000000000000001${count}${entries.join("")}`);
  await settle();
  expect(b.groups.members("g").map(String)).toEqual(["c <10@a>"]);
  expect([...b.presence.list("t").keys()]).toEqual(["carol"]);
  expect(diffs).toHaveLength(1);
  expect(warnings).toHaveLength(7);
  expect(warnings[0]).toMatch(/^node a sent a member of a group: protocol violation: a process x/);
  bench.network.sever("a", "b");
  await settle();
  expect(b.groups.list()).toEqual([]);
  expect(b.presence.list("t").size).toBe(0);
});

/** Text behind its length, in hex. */
function text(of: string): string {
  const bytes = Buffer.from(of);
  return bytes.length.toString(16).padStart(4, "0") + bytes.toString("hex");
}

function entry(space: string, topic: string, key: string, value: string): string {
  const size = (value.length / 2).toString(16).padStart(8, "0");
  return `${space}${text(topic)}${text(key)}${size}${value}`;
}

test("after the end of a node its processes still leave, and nobody is told", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const counter = await a.start(Counter, { start: 0 });
  a.groups.join("g", counter);
  a.pubsub.subscribe("t", counter, { as: "x" });
  a.presence.track("t", "alice", 1, { ref: counter });
  await settle();
  await bench.shutdown(a);
  expect(a.groups.list()).toEqual([]);
  expect(a.presence.list("t").size).toBe(0);
  expect(b.groups.list()).toEqual([]);
  expect(b.pubsub.publish("t", 1).nodes).toBe(0);
});

test("an idle link carries nothing of it", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair({ heartbeatMs: 3_600_000 });
  for (let n = 0; n < 500; n++) a.presence.track("t", `k${n}`, n);
  await settle();
  expect(b.presence.list("t").size).toBe(500);
  bench.network.cut("a", "b");
  await bench.pass(600_000);
  expect(bench.network.heldBytes("a", "b")).toBe(0);
});
