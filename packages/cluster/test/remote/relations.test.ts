/** Monitors, links and exit signals between processes of two nodes: OTP's rules, one by one. */
import type { AnyRef, Down } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import { Bench, Counter } from "../support.ts";
import { Pair, type Puppet, type PuppetRef, type Seen, word } from "./puppets.ts";

const monitor = (watcher: Seen, target: AnyRef | PuppetRef) =>
  watcher.here.call("run", (ctx) => ctx.monitor(target as AnyRef)) as Promise<string>;
const link = (one: Seen, other: Seen) =>
  one.here.call("run", (ctx) => ctx.link(other.there as unknown as AnyRef));
const unlink = (one: Seen, other: Seen) =>
  one.here.call("run", (ctx) => ctx.unlink(other.there as unknown as AnyRef));
const exit = (
  one: Seen,
  other: Seen,
  reason: Parameters<Parameters<typeof Puppet.calls.run>[2]["exit"]>[1],
) => one.here.call("run", (ctx) => ctx.exit(other.there as unknown as AnyRef, reason));

/** A watcher on a, and a target on b. */
async function watcherAndTarget() {
  const pair = await Pair.of();
  const watcher = await pair.on(pair.a);
  const target = await pair.on(pair.b);
  return { pair, watcher, target, ...pair };
}

describe("a monitor of a process on another node", () => {
  test("tells the reason of its end, once, with its ref", async () => {
    const { pair, watcher, target } = await watcherAndTarget();
    await monitor(watcher, target.there);
    await pair.calm();
    expect(watcher.log).toEqual([]);
    target.there.cast("end", { shutdown: [1, new Map([["a", 2n]])] });
    await pair.calm();
    expect(watcher.log).toEqual([`down ${target.there} shutdown [1,{}]`]);
    expect(pair.ties().map(({ watching, watched }) => watching + watched)).toEqual([0, 0]);
  });

  test("tells of a crash with name, message and code, and of normal, which a link hides", async () => {
    const { pair, watcher, target } = await watcherAndTarget();
    const downs: Omit<Down, "monitor">[] = [];
    pair.a.monitor(target.there as unknown as AnyRef, (down) => downs.push(down));
    target.there.cast("crash");
    await pair.calm();
    expect(downs).toMatchObject([{ reason: { error: { name: "RangeError", message: "boom" } } }]);
    expect(downs[0]?.ref).toBe(target.there);
    const second = await pair.on(pair.b);
    await monitor(watcher, second.there);
    second.there.cast("end", "normal");
    await pair.calm();
    expect(watcher.log).toEqual([`down ${second.there} normal`]);
  });

  test("of one that is over is told noproc, and so is one of an earlier life of its node", async () => {
    const { pair, watcher, target, bench } = await watcherAndTarget();
    target.there.cast("end", "normal");
    await pair.calm();
    await monitor(watcher, target.there);
    await pair.calm();
    expect(watcher.log).toEqual([`down ${target.there} noproc`]);
    const old = await pair.on(pair.b);
    await bench.shutdown(pair.b);
    const b = await bench.node("b", [], { heartbeatMs: 200 });
    await bench.until(() => pair.a.nodes()[0]?.incarnation === b.incarnation);
    await monitor(watcher, old.there);
    expect(watcher.log[1]).toBe(`down ${old.there} noproc`);
    // The first process of the new life has the number of one of the old life.
    expect(b.inspectTree()).toEqual([]);
  });

  test("of a node that is not connected is told noconnection, and outside code on the next turn", async () => {
    const { pair, watcher, target, bench } = await watcherAndTarget();
    await bench.shutdown(pair.b);
    await monitor(watcher, target.there);
    await pair.calm();
    expect(watcher.log).toEqual([`down ${target.there} noconnection`]);
    const told: string[] = [];
    pair.a.monitor(target.there as unknown as AnyRef, ({ reason }) => told.push(word(reason)));
    const stop = pair.a.monitor(target.there as unknown as AnyRef, () => told.push("taken back"));
    stop();
    expect(told).toEqual([]);
    await pair.calm();
    expect(told).toEqual(["noconnection"]);
  });

  test("fires once each, however many there are of the same process", async () => {
    const { pair, watcher, target } = await watcherAndTarget();
    for (let n = 0; n < 3; n++) await monitor(watcher, target.there);
    const other = await pair.on(pair.a);
    await monitor(other, target.there);
    await pair.calm();
    expect(pair.ties()).toMatchObject([{ watching: 4 }, { watched: 4 }]);
    target.there.cast("end", "shutdown");
    await pair.calm();
    expect(watcher.log).toEqual(new Array(3).fill(`down ${target.there} shutdown`));
    expect(other.log).toEqual([`down ${target.there} shutdown`]);
  });

  test("that is taken back tells nothing, and the other node forgets it", async () => {
    const { pair, watcher, target } = await watcherAndTarget();
    const id = await monitor(watcher, target.there);
    await watcher.here.call("run", (ctx) => ctx.demonitor(id));
    await pair.calm();
    expect(pair.ties()).toMatchObject([{ watching: 0 }, { watched: 0 }]);
    target.there.cast("end", "normal");
    await pair.calm();
    expect(watcher.log).toEqual([]);
  });

  test("that is taken back while the news is on its way, or waits already, tells nothing", async () => {
    const { pair, watcher, target, bench } = await watcherAndTarget();
    const onItsWay = await monitor(watcher, target.there);
    const second = await pair.on(pair.b);
    const waiting = await monitor(watcher, second.there);
    await pair.calm();
    bench.network.cut("a", "b");
    target.here.cast("end", "normal");
    await pair.calm();
    await watcher.here.call("run", (ctx) => ctx.demonitor(onItsWay));
    bench.network.heal("a", "b");
    await pair.calm();
    expect(pair.ties()).toMatchObject([{ watching: 1 }, { watched: 1 }]);
    await pair.a.suspend(watcher.here as unknown as AnyRef);
    second.here.cast("end", "normal");
    const taken = watcher.here.call("run", (ctx) => ctx.demonitor(waiting));
    await pair.calm();
    await pair.a.resume(watcher.here as unknown as AnyRef);
    await taken;
    await pair.calm();
    expect(watcher.log).toEqual([]);
  });

  test("has no effect when the handler throws or refuses", async () => {
    const { pair, watcher, target } = await watcherAndTarget();
    const refused = watcher.here.call("run", (ctx) => {
      ctx.monitor(target.there as unknown as AnyRef);
      ctx.fail("no");
    });
    await expect(refused).rejects.toMatchObject({ code: "no" });
    await pair.calm();
    expect(pair.ties()).toMatchObject([{ watching: 0 }, { watched: 0 }]);
  });

  test("goes with its watcher: a dead watcher is not told, and not remembered", async () => {
    const { pair, watcher, target } = await watcherAndTarget();
    await monitor(watcher, target.there);
    watcher.here.cast("end", "normal");
    await pair.calm();
    expect(pair.ties()).toMatchObject([{ watching: 0 }, { watched: 0 }]);
  });
});

describe("last words", () => {
  test.each([0, 10, 1000, 70_000, 1_000_000])(
    "of %i bytes come before the news of the end",
    async (bytes) => {
      const { pair, watcher, target } = await watcherAndTarget();
      await monitor(watcher, target.there);
      target.here.cast("lastWords", { to: watcher.there as unknown as AnyRef, bytes });
      await pair.bench.until(() => watcher.log.length === 2);
      expect(watcher.log).toEqual([`${bytes} bytes`, `down ${target.there} shutdown "said"`]);
    },
  );

  test("come before the exit signal of a link too", async () => {
    const pair = await Pair.of();
    const one = await pair.trapperOn(pair.a);
    const other = await pair.on(pair.b);
    await link(one, other);
    other.here.cast("lastWords", { to: one.there as unknown as AnyRef, bytes: 300_000 });
    await pair.bench.until(() => one.log.length === 2);
    expect(one.log).toEqual(["300000 bytes", `exit ${other.there} shutdown "said"`]);
  });
});

describe("the loss of a node", () => {
  test.each([
    ["a severed connection", (pair: Pair) => pair.bench.network.sever("a", "b")],
    ["silence", (pair: Pair) => pair.bench.network.cut("a", "b")],
    ["the stop of the other node", (pair: Pair) => void pair.b.shutdown()],
  ])(
    "by %s is noconnection to every monitor and link, once, before nodedown",
    async (_how, lose) => {
      const { pair, watcher, target, bench } = await watcherAndTarget();
      const trapper = await pair.trapperOn(pair.a);
      const plain = await pair.on(pair.a);
      for (const one of [trapper, plain]) await link(one, target);
      await monitor(watcher, target.there);
      const order: string[] = [];
      pair.a.monitor(target.there as unknown as AnyRef, ({ reason }) => order.push(word(reason)));
      pair.a.monitor(plain.here as unknown as AnyRef, ({ reason }) =>
        order.push(`p ${word(reason)}`),
      );
      pair.a.events.on("nodedown", () => order.push("nodedown"));
      await pair.calm();
      expect(pair.ties()[0]).toEqual({ watching: 2, watched: 0, links: 2 });
      lose(pair);
      await bench.until(() => order.includes("nodedown"));
      await bench.pass(3000);
      expect(order).toEqual(["noconnection", "p noconnection", "nodedown"]);
      expect(watcher.log).toEqual([`down ${target.there} noconnection`]);
      expect(trapper.log).toEqual([`exit ${target.there} noconnection`]);
      expect(plain.log).toEqual([]);
      expect(pair.ties()[0]).toEqual({ watching: 0, watched: 0, links: 0 });
    },
  );

  test("is told on both sides, and the processes live on if they trap exits", async () => {
    const pair = await Pair.of();
    const one = await pair.trapperOn(pair.a);
    const other = await pair.trapperOn(pair.b);
    await link(one, other);
    await monitor(other, one.there);
    await pair.calm();
    pair.bench.network.sever("a", "b");
    await pair.bench.until(() => pair.bench.log.length === 6);
    expect(one.log).toEqual([`exit ${other.there} noconnection`]);
    expect(other.log.sort()).toEqual([
      `down ${one.there} noconnection`,
      `exit ${one.there} noconnection`,
    ]);
    // Nothing of the old connection is left in the new one.
    one.there.cast("end", "shutdown");
    other.there.cast("end", "shutdown");
    await pair.calm();
    expect([one.log.length, other.log.length]).toEqual([2, 3]);
    expect(pair.ties()).toEqual(new Array(2).fill({ watching: 0, watched: 0, links: 0 }));
  });

  test("by a restart is told of the old life before anything of the new one", async () => {
    const { pair, watcher, target, bench } = await watcherAndTarget();
    await monitor(watcher, target.there);
    await pair.calm();
    const order: string[] = [];
    pair.a.monitor(target.there as unknown as AnyRef, ({ reason }) => order.push(word(reason)));
    pair.a.events.on("nodedown", () => order.push("down"));
    pair.a.events.on("nodeup", () => order.push("up"));
    bench.network.cut("a", "b");
    await bench.shutdown(pair.b);
    const b = await bench.node("b", ["a"], { heartbeatMs: 200 });
    bench.network.heal("a", "b");
    await bench.until(() => pair.a.nodes()[0]?.incarnation === b.incarnation);
    expect(order).toEqual(["noconnection", "down", "up"]);
    expect(watcher.log).toEqual([`down ${target.there} noconnection`]);
  });

  test("does not kill the processes of a node that stops: they end in order", async () => {
    const pair = await Pair.of();
    const one = await pair.on(pair.a);
    const other = await pair.on(pair.b);
    await link(one, other);
    await pair.calm();
    await pair.bench.shutdown(pair.a);
    expect(one.log).toEqual(["terminate shutdown"]);
    expect(pair.b.inspectTree()).toEqual([]);
  });
});

describe("a link to a process on another node", () => {
  async function two(trapsHere = false) {
    const pair = await Pair.of();
    const one = trapsHere ? await pair.trapperOn(pair.a) : await pair.on(pair.a);
    const other = await pair.on(pair.b);
    const ends: string[] = [];
    const note = (who: string) => (down: Omit<Down, "monitor">) =>
      ends.push(`${who} ${word(down.reason)}`);
    pair.a.monitor(one.here as unknown as AnyRef, note("one"));
    pair.b.monitor(other.here as unknown as AnyRef, note("other"));
    return { pair, one, other, ends };
  }

  test("ends both with the same reason, whichever ends first", async () => {
    for (const first of ["one", "other"] as const) {
      const all = await two();
      await link(all.one, all.other);
      all[first].here.cast("end", { shutdown: "why" });
      await all.pair.calm();
      expect(all.ends.sort()).toEqual(['one shutdown "why"', 'other shutdown "why"']);
      expect(all.pair.ties()).toMatchObject([{ links: 0 }, { links: 0 }]);
    }
  });

  test("does nothing when one ends with normal, and is gone then", async () => {
    const { pair, one, other, ends } = await two();
    await link(one, other);
    other.there.cast("end", "normal");
    await pair.calm();
    expect(ends).toEqual(["other normal"]);
    expect(pair.ties()).toMatchObject([{ links: 0 }, { links: 0 }]);
    expect(pair.a.inspect(one.here as unknown as AnyRef).links).toEqual([]);
  });

  test("that traps exits hears of every end, with its ref and reason", async () => {
    const { pair, one, other } = await two(true);
    for (const reason of ["normal", "shutdown", { shutdown: 1 }, { error: error("E") }] as const) {
      const next = await pair.on(pair.b);
      await link(one, next);
      next.there.cast("end", reason);
      await pair.calm();
      expect(one.log.pop()).toBe(`exit ${next.there} ${word(reason)}`);
    }
    await link(one, other);
    other.there.cast("crash");
    await pair.calm();
    expect(one.log).toEqual([`exit ${other.there} error boom`]);
  });

  test("is one per pair, whoever makes it and however often, and one unlink takes it back", async () => {
    const { pair, one, other, ends } = await two(true);
    for (let n = 0; n < 2; n++) await Promise.all([link(one, other), link(other, one)]);
    await pair.calm();
    expect(pair.ties()).toMatchObject([{ links: 1 }, { links: 1 }]);
    expect(pair.a.inspect(one.here as unknown as AnyRef).links.map(String)).toEqual([
      String(other.there),
    ]);
    await unlink(other, one);
    await pair.calm();
    expect(pair.ties()).toMatchObject([{ links: 0 }, { links: 0 }]);
    other.there.cast("end", "shutdown");
    await pair.calm();
    expect([one.log, ends]).toEqual([[], ["other shutdown"]]);
  });

  test("to one that is over signals noproc, one signal for any number of tries", async () => {
    const { pair, one, other } = await two(true);
    other.there.cast("end", "normal");
    await pair.calm();
    await link(one, other);
    await pair.calm();
    expect(one.log).toEqual([`exit ${other.there} noproc`]);
    expect(pair.ties()).toMatchObject([{ links: 0 }, { links: 0 }]);
    const plain = await pair.on(pair.a);
    await link(plain, other);
    await pair.calm();
    await expect(plain.here.call("log")).rejects.toMatchObject({ code: "ERR_NO_PROCESS" });
  });

  test("to a node that is not connected signals noconnection, once while it waits", async () => {
    const { pair, one, other } = await two(true);
    await pair.bench.shutdown(pair.b);
    await one.here.call("run", (ctx) => {
      ctx.link(other.there as unknown as AnyRef);
      ctx.link(other.there as unknown as AnyRef);
    });
    await pair.calm();
    expect(one.log).toEqual([`exit ${other.there} noconnection`]);
    await link(one, other);
    await unlink(one, other);
    await pair.calm();
    expect(one.log.slice(1)).toEqual([`exit ${other.there} noconnection`]);
  });

  test("that is taken back with the signal on its way, or waiting already, is never heard of", async () => {
    const { pair, one, other } = await two(true);
    const second = await pair.on(pair.b);
    for (const peer of [other, second]) await link(one, peer);
    await pair.calm();
    pair.bench.network.cut("a", "b");
    other.here.cast("end", "shutdown");
    await pair.calm();
    await unlink(one, other);
    pair.bench.network.heal("a", "b");
    await pair.calm();
    await pair.a.suspend(one.here as unknown as AnyRef);
    second.here.cast("end", "shutdown");
    await pair.calm();
    // It stands before the signal: what it takes back waits behind it.
    const stepped = one.here.call("run", (ctx) => ctx.unlink(second.there as unknown as AnyRef));
    await pair.a.resume(one.here as unknown as AnyRef);
    await stepped;
    expect(one.log).toEqual([`exit ${second.there} shutdown`]);
    expect(pair.ties()).toMatchObject([{ links: 0 }, { links: 0 }]);
  });

  test("taken back by its own process while the signal waits behind that message is not seen", async () => {
    const { pair, one, other } = await two(true);
    await link(one, other);
    await pair.calm();
    await pair.a.suspend(one.here as unknown as AnyRef);
    const stepped = one.here.call("run", (ctx) => ctx.unlink(other.there as unknown as AnyRef));
    other.here.cast("end", "shutdown");
    await pair.calm();
    await pair.a.resume(one.here as unknown as AnyRef);
    await stepped;
    await pair.calm();
    expect(one.log).toEqual([]);
  });

  test("crossed by unlinks and links of both ends comes out the same on both nodes", async () => {
    const { pair, one, other } = await two(true);
    const inFlight = async (...steps: (() => Promise<unknown>)[]) => {
      pair.bench.network.cut("a", "b");
      for (const step of steps) await step();
      pair.bench.network.heal("a", "b");
      await pair.calm();
      const [a, b] = pair.ties();
      expect(a.links).toBe(b.links);
      return a.links;
    };
    const [la, ua] = [() => link(one, other), () => unlink(one, other)];
    const [lb, ub] = [() => link(other, one), () => unlink(other, one)];
    expect(await inFlight(la, lb)).toBe(1);
    // Both take it back, and one makes it again: made last, it stays.
    expect(await inFlight(ua, ub, lb)).toBe(1);
    expect(await inFlight(ub, ua, la, lb)).toBe(1);
    expect(await inFlight(ua, ub)).toBe(0);
    expect(await inFlight(la, ua, lb, ub)).toBe(0);
    expect(await inFlight(lb, ua, la, ub, lb)).toBe(1);
  });

  test("is that of a parent that traps exits and watches over remote children", async () => {
    const pair = await Pair.of();
    const parent = await pair.trapperOn(pair.a);
    const children: PuppetRef[] = [];
    for (let n = 0; n < 3; n++) {
      const child = await pair.a.startOn("b", Counter, { start: n }).catch(() => undefined);
      expect(child).toBeUndefined();
      const { there } = await pair.on(pair.b);
      children.push(there);
      await parent.here.call("run", (ctx) => ctx.link(there as unknown as AnyRef));
    }
    children[1]?.cast("crash");
    await pair.calm();
    expect(parent.log).toEqual([`exit ${children[1]} error boom`]);
    expect(pair.b.inspectTree()).toHaveLength(2);
    await pair.a.exit(parent.here as unknown as AnyRef, "kill");
    await pair.calm();
    expect(pair.b.inspectTree()).toEqual([]);
  });

  test("made by a process of the other node, by a ref that was sent to it, works both ways", async () => {
    const pair = await Pair.of();
    const one = await pair.trapperOn(pair.a);
    const other = await pair.on(pair.b);
    await other.there.call("link", one.here as unknown as AnyRef);
    await pair.calm();
    expect(pair.ties()).toMatchObject([{ links: 1 }, { links: 1 }]);
    other.there.cast("end", "shutdown");
    await pair.calm();
    expect(one.log).toEqual([`exit ${other.there} shutdown`]);
  });
});

describe("an exit signal to a process on another node", () => {
  test("ends it with the reason; normal is ignored; kill is seen as killed", async () => {
    const { pair, watcher } = await watcherAndTarget();
    for (const [reason, seen] of [
      ["shutdown", "shutdown"],
      [{ shutdown: 5 }, "shutdown 5"],
      ["kill", "killed"],
      ["killed", "killed"],
    ] as const) {
      const target = await pair.on(pair.b);
      await monitor(watcher, target.there);
      await exit(watcher, target, "normal");
      await pair.calm();
      expect(watcher.log).toEqual([]);
      await exit(watcher, target, reason);
      await pair.calm();
      expect(watcher.log.pop()).toBe(`down ${target.there} ${seen}`);
      expect(target.log).toEqual([]);
    }
  });

  test("can be trapped, with the ref of the sender; kill cannot", async () => {
    const pair = await Pair.of();
    const sender = await pair.on(pair.a);
    const target = await pair.trapperOn(pair.b);
    await exit(sender, target, "normal");
    await exit(sender, target, "killed");
    pair.a.exit(target.there as unknown as AnyRef, "shutdown");
    await pair.calm();
    expect(target.log).toEqual([
      `exit ${sender.there} normal`,
      `exit ${sender.there} killed`,
      "exit undefined shutdown",
    ]);
    pair.a.exit(target.there as unknown as AnyRef, "kill");
    await pair.calm();
    expect(pair.b.inspectTree()).toEqual([]);
  });

  test("to one that is over, or to a node that is not connected, does nothing", async () => {
    const { pair, watcher, target } = await watcherAndTarget();
    target.there.cast("end", "normal");
    await pair.calm();
    await exit(watcher, target, "kill");
    pair.a.exit(target.there as unknown as AnyRef, "kill");
    await pair.calm();
    await pair.bench.shutdown(pair.b);
    await exit(watcher, target, "kill");
    pair.a.exit(target.there as unknown as AnyRef, "kill");
    expect(await watcher.here.call("log")).toEqual([]);
  });

  test("comes after what was sent to the process before it", async () => {
    const pair = await Pair.of();
    const sender = await pair.on(pair.a);
    const target = await pair.trapperOn(pair.b);
    await sender.here.call("run", (ctx) => {
      ctx.cast(target.there as unknown as AnyRef, "bytes", new Uint8Array(500_000));
      ctx.exit(target.there as unknown as AnyRef, "shutdown");
    });
    await pair.bench.until(() => target.log.length === 2);
    expect(target.log).toEqual(["500000 bytes", `exit ${sender.there} shutdown`]);
  });
});

describe("a limit", () => {
  test("of monitors and links is an error of its own to whoever asks for one more", async () => {
    const pair = await Pair.of({ limits: { maxRelations: 2 } });
    const one = await pair.trapperOn(pair.a);
    const peers = [await pair.on(pair.b), await pair.on(pair.b), await pair.on(pair.b)];
    for (const peer of peers) await monitor(one, peer.there);
    for (const peer of peers) await link(one, peer);
    await pair.calm();
    expect(one.log).toEqual([
      `down ${peers[2]?.there} error ERR_OVERLOADED`,
      `exit ${peers[2]?.there} error ERR_OVERLOADED`,
    ]);
    expect(pair.ties()).toEqual([
      { watching: 2, watched: 0, links: 2 },
      { watching: 0, watched: 2, links: 2 },
    ]);
  });

  test("of the other node counts too, and there is room again once one is over", async () => {
    const bench = new Bench();
    const timing = { heartbeatMs: 200 };
    const b = await bench.node("b", [], { ...timing, limits: { maxRelations: 1 } });
    const a = await bench.node("a", ["b"], timing);
    await bench.until(() => a.nodes().length === 1 && b.nodes().length === 1);
    const pair = new Pair(bench, a, b);
    const one = await pair.trapperOn(a);
    const [first, second] = [await pair.on(b), await pair.on(b)];
    for (const peer of [first, second]) {
      await monitor(one, peer.there);
      await link(one, peer);
    }
    await pair.calm();
    expect(one.log).toEqual([
      `down ${second.there} error ERR_OVERLOADED`,
      `exit ${second.there} error ERR_OVERLOADED`,
    ]);
    first.there.cast("end", "normal");
    await pair.calm();
    await monitor(one, second.there);
    await link(one, second);
    await pair.calm();
    expect(pair.ties()[1]).toEqual({ watching: 0, watched: 1, links: 1 });
  });
});

function error(code: string) {
  return { name: "Error", message: "it went wrong", code };
}
