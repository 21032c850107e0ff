/** Members of a cluster as an application sees them: on a memory network, through real nodes. */
import type { Clock, TimerHandle } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import type { Node } from "../../src/node.ts";
import type { NodeOptions } from "../../src/options.ts";
import { memoryUrl } from "../../src/transport/memory.ts";
import type { Socket, Transport } from "../../src/transport/transport.ts";
import { Bench, names } from "../support.ts";

/** The clock of a process that can be stopped: what falls due meanwhile runs when it goes on. */
class StoppableClock implements Clock {
  readonly #clock: Clock;
  readonly #held = new Map<object, () => void>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  setTimer(ms: number, fn: () => void): TimerHandle {
    const handle = { timer: undefined as TimerHandle | undefined };
    handle.timer = this.#clock.setTimer(ms, () => {
      if (this.#stopped) this.#held.set(handle, fn);
      else fn();
    });
    return handle as never;
  }

  clearTimer(handle: TimerHandle): void {
    const { timer } = handle as unknown as { timer: TimerHandle };
    this.#held.delete(handle as never);
    this.#clock.clearTimer(timer);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** As Node.js does it: first the timers that are due, and only then what sockets have for us. */
  goOn(): void {
    this.#stopped = false;
    for (const [handle, fn] of [...this.#held]) if (this.#held.delete(handle)) fn();
  }
}

const statuses = (node: Node) =>
  Object.fromEntries(node.members().map(({ name, status }) => [name, status]));

/** Every change that a node is told of, as `name before > after`. */
function changes(node: Node): string[] {
  const seen: string[] = [];
  node.events.on("member", ({ name, previous, status }) => {
    seen.push(`${name} ${previous ?? "-"} > ${status}`);
  });
  return seen;
}

async function mesh(bench: Bench, all: string[], options: Partial<NodeOptions> = {}) {
  const nodes: Node[] = [];
  for (const name of all) nodes.push(await bench.node(name, all.slice(0, 1), options));
  await bench.until(() => nodes.every((node) => node.nodes().length === all.length - 1));
  return nodes;
}

describe("members", () => {
  test("find each other along a chain of seeds, until everybody is connected to everybody", async () => {
    const bench = new Bench({ min: 1, max: 20 });
    const all = ["a", "b", "c", "d", "e", "f"];
    const nodes: Node[] = [];
    for (const [at, name] of all.entries()) {
      nodes.push(await bench.node(name, all.slice(Math.max(0, at - 1), at)));
    }
    await bench.until(() => nodes.every((node) => node.nodes().length === 5));
    await bench.pass(20_000);
    for (const node of nodes) {
      expect(node.members().map(({ name }) => name)).toHaveLength(6);
      expect(node.members().every(({ connected }) => connected)).toBe(true);
      expect(new Set(Object.values(statuses(node)))).toEqual(new Set(["alive"]));
    }
    expect(bench.log.filter((line) => line.includes("down"))).toEqual([]);
  });

  test("that others have told of are known, even if no connection to them can be made", async () => {
    const bench = new Bench();
    bench.network.cut("a", "c");
    const b = await bench.node("b");
    const a = await bench.node("a", ["b"]);
    await bench.node("c", ["b"]);
    await bench.until(() => b.nodes().length === 2);
    await bench.until(() => statuses(a).c === "alive", 2000);
    expect(a.members().find(({ name }) => name === "c")?.connected).toBe(false);
    await expect(a.refOn("c", "x")).rejects.toMatchObject({ code: "ERR_CONNECTION_LOST" });
    await expect(a.refOn("d", "x")).rejects.toMatchObject({ code: "ERR_NODE_UNKNOWN" });
  });

  test("are listed with all that is known of them, this node included", async () => {
    const bench = new Bench();
    const b = await bench.node("b");
    const a = await bench.node("a", ["b"], { listen: undefined } as never);
    await bench.until(() => names(a).length === 1);
    const listed = [
      { name: "a", incarnation: a.incarnation, status: "alive", connected: true },
      { name: "b", incarnation: b.incarnation, status: "alive", connected: true, url: b.url },
    ];
    expect(a.members()).toEqual(listed);
    expect(b.members()).toEqual([listed[1], listed[0]]);
  });

  test("are in the list as an event says, when a listener hears of it, and in order", async () => {
    const bench = new Bench();
    const b = await bench.node("b");
    const a = await bench.node("a", ["b"]);
    const seen: string[] = [];
    const look = (node: Node) => node.members().find(({ name }) => name === "b");
    a.events.on("nodeup", ({ name }) => seen.push(`up ${name} ${look(a)?.connected}`));
    a.events.on("nodedown", ({ name }) => seen.push(`down ${name} ${look(a)?.connected}`));
    a.events.on("member", ({ name, status, connected }) => {
      seen.push(`${name} ${status} ${connected}`);
      expect(look(a)).toMatchObject({ status, connected });
    });
    await bench.until(() => names(a).length === 1);
    await bench.shutdown(b);
    expect(seen).toEqual([
      "up b true",
      "b alive true",
      "b leaving true",
      "b left true",
      "down b false",
    ]);
  });

  test("that a listener causes to change are told of after what it listens to", async () => {
    const bench = new Bench();
    const [a] = await bench.pair();
    const seen: string[] = [];
    a.events.on("member", ({ name, status }) => {
      seen.push(`first ${name} ${status}`);
      if (name === "c") void a.leave();
    });
    a.events.on("member", ({ name, status }) => seen.push(`second ${name} ${status}`));
    await bench.node("c", ["a"]);
    await bench.until(() => seen.length >= 4);
    expect(seen.slice(0, 4)).toEqual([
      "first c alive",
      "second c alive",
      "first a leaving",
      "second a leaving",
    ]);
  });

  test("are told of little when nothing happens", async () => {
    const bench = new Bench();
    let bytes = 0;
    const counting = (transport: Transport): Transport => {
      const count = (socket: Socket): Socket => {
        const send = socket.send.bind(socket);
        socket.send = (message) => {
          bytes += message.length;
          send(message);
        };
        return socket;
      };
      return {
        defer: (flush) => transport.defer(flush),
        later: (flush) => transport.later(flush),
        dial: async (url, signal) => count(await transport.dial(url, signal)),
        listen: (address, accept) => transport.listen(address, (socket) => accept(count(socket))),
      };
    };
    const nodes: Node[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      const transport = counting(bench.network.transport(name));
      nodes.push(await bench.node(name, ["a"], { transport }));
    }
    await bench.until(() => nodes.every((node) => node.nodes().length === 3));
    await bench.pass(30_000);
    bytes = 0;
    await bench.pass(100_000);
    // Six links: both ends tick every second, and every ten seconds a node sends one digest.
    expect(bytes / 6 / 100).toBeLessThan(20);
    expect(bytes).toBeGreaterThan(6 * 100 * 15);
  });
});

describe("a failure:", () => {
  test("a network that is parted is two clusters, and one again when it is healed", async () => {
    const bench = new Bench();
    const nodes = await mesh(bench, ["a", "b", "c", "d"]);
    const [a, , c] = nodes as [Node, Node, Node, Node];
    const parted = ["a", "b"].flatMap((left) => ["c", "d"].map((right) => [left, right] as const));
    for (const [left, right] of parted) bench.network.cut(left, right);
    await bench.until(() => a.members().filter(({ status }) => status === "down").length === 2);
    await bench.until(() => c.members().filter(({ status }) => status === "down").length === 2);
    expect(statuses(a)).toEqual({ a: "alive", b: "alive", c: "down", d: "down" });
    expect(statuses(c)).toEqual({ a: "down", b: "down", c: "alive", d: "alive" });
    expect(names(a)).toEqual(["b"]);
    for (const [left, right] of parted) bench.network.heal(left, right);
    await bench.until(() => nodes.every((node) => node.nodes().length === 3));
    await bench.pass(3000);
    for (const node of nodes) {
      expect(node.members().every((member) => member.status === "alive")).toBe(true);
    }
  });

  test("a node whose machine is gone is suspected, given up, and found again in its next life", async () => {
    const bench = new Bench();
    const [a, b] = (await mesh(bench, ["a", "b"])) as [Node, Node];
    const clock = new StoppableClock(bench.clock);
    const dying = await bench.node("c", ["a"], { clock });
    await bench.until(() => names(a).length === 2 && names(b).length === 2);
    await bench.pass(2000);
    const seen = changes(a);
    for (const name of ["a", "b"]) bench.network.cut("c", name);
    clock.stop();
    await bench.until(() => statuses(a).c === "down" && statuses(b).c === "down", 20_000);
    expect(seen).toEqual(["c alive > suspect", "c suspect > down"]);
    const again = await bench.node("c", ["a"], { transport: bench.network.transport("c2") });
    await bench.until(() => again.nodes().length === 2);
    expect(again.incarnation).toBeGreaterThan(dying.incarnation);
    expect(seen.slice(2)).toEqual(["c - > alive"]);
    expect(a.members().find(({ name }) => name === "c")).toEqual({
      name: "c",
      incarnation: again.incarnation,
      status: "alive",
      url: memoryUrl("c2"),
      connected: true,
    });
    clock.goOn();
  });

  test.each([10_000, 30_000, 120_000])(
    "a process that was stopped for %i ms accuses nobody when it goes on",
    async (stoppedMs) => {
      const bench = new Bench();
      const others = (await mesh(bench, ["a", "b", "c"])) as [Node, Node, Node];
      const clock = new StoppableClock(bench.clock);
      const paused = await bench.node("p", ["a"], { clock });
      await bench.until(() => paused.nodes().length === 3);
      await bench.pass(3000);
      const seen = changes(paused);
      const seenByOthers = others.map(changes);
      for (const { name } of others) bench.network.cut("p", name);
      clock.stop();
      await bench.pass(stoppedMs);
      clock.goOn();
      for (const { name } of others) bench.network.heal("p", name);
      await bench.until(() => paused.nodes().length === 3);
      await bench.pass(20_000);
      expect(seen).toEqual([]);
      expect(seenByOthers.flat().filter((line) => !line.startsWith("p "))).toEqual([]);
      for (const other of others) expect(statuses(other).p).toBe("alive");
      expect(statuses(paused)).toEqual({ a: "alive", b: "alive", c: "alive", p: "alive" });
    },
  );

  test("a link that is cut between two of four harms neither of them", async () => {
    const bench = new Bench();
    const nodes = (await mesh(bench, ["a", "b", "c", "d"])) as [Node, Node, Node, Node];
    await bench.pass(3000);
    const seen = nodes.map(changes);
    bench.network.cut("a", "b");
    await bench.pass(60_000);
    expect(names(nodes[0])).toEqual(["c", "d"]);
    expect(seen.flat().filter((line) => line.endsWith("down"))).toEqual([]);
    bench.network.heal("a", "b");
    await bench.until(() => nodes[0].nodes().length === 3);
    await bench.pass(3000);
    expect(new Set(nodes.flatMap((node) => Object.values(statuses(node))))).toEqual(
      new Set(["alive"]),
    );
  });

  test("a node whose wall clock was set back comes back once its former life is given up", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    for (const name of ["a", "b"]) bench.network.cut(name, name === "a" ? "b" : "a");
    bench.network.sever("a", "b");
    const past = new StoppableClock(bench.clock);
    past.now = () => bench.clock.now() - 3_600_000;
    const transport = bench.network.transport("b2");
    const again = await bench.node("b", ["a"], { clock: past, transport });
    expect(again.incarnation).toBeLessThan(b.incarnation);
    const refusals: string[] = [];
    again.events.on("refused", ({ reason }) => refusals.push(reason));
    await bench.pass(3000);
    expect([names(a), new Set(refusals)]).toEqual([[], new Set(["stale_incarnation"])]);
    await bench.until(() => names(a).length === 1);
    await bench.pass(2000);
    const known = a.members().find(({ name }) => name === "b");
    expect(known).toMatchObject({ incarnation: again.incarnation, status: "alive" });
    expect(known?.connected).toBe(true);
  });
});

test("who is gone is forgotten in the end", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair({ forgetAfterMs: 60_000 });
  await bench.shutdown(b);
  expect(statuses(a)).toEqual({ a: "alive", b: "left" });
  await bench.pass(61_000);
  expect(statuses(a)).toEqual({ a: "alive" });
});
