/**
 * Monitors and links while the network is cut, severed and healed, and nodes and processes end, at
 * random: every monitor fires exactly once, with a reason that is true, before its node is down;
 * and once all is quiet the two ends of every tie agree.
 */
import type { AnyRef, ExitReason } from "@troupe/actor";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Node, tiesOf } from "../../src/node.ts";
import { RemoteRef } from "../../src/remote/remote-ref.ts";
import { Bench } from "../support.ts";
import { type Puppet, type PuppetRef, Trapper, word } from "./puppets.ts";

const nodes = ["a", "b", "c"] as const;
type Name = (typeof nodes)[number];

type Action =
  | { readonly do: "start" | "end" | "kill"; readonly on: Name; readonly which: number }
  | {
      readonly do: "monitor" | "demonitor" | "link" | "unlink";
      readonly from: Name;
      readonly which: number;
      readonly target: number;
    }
  | { readonly do: "cut" | "sever" | "heal"; readonly from: Name; readonly on: Name }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "restart"; readonly on: Name };

const name = fc.constantFrom(...nodes);
const which = fc.nat(5);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("start" as const), on: name, which }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("end", "kill"), on: name, which }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constantFrom("monitor", "monitor", "demonitor", "link", "link", "unlink", "unlink"),
      from: name,
      which,
      target: which,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom("cut", "sever", "heal"), from: name, on: name }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(1500) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), on: name }) },
);

const MAX_LATENCY_MS = 30;

/** One process, and what became of it. */
interface Member {
  readonly node: Name;
  readonly life: number;
  readonly here: PuppetRef;
  ended: ExitReason | undefined;
}

/** One monitor that a node has set, from outside of actors. */
interface Watch {
  readonly by: Node;
  readonly target: Member;
  /** How it stood when the monitor was set. */
  readonly wasConnected: boolean;
  readonly stop: () => void;
  readonly told: string[];
  isOver: boolean;
  isStopped: boolean;
  /** It has reached a process that runs, so that no process is no answer any more. */
  hasArrived: boolean;
}

class World {
  readonly bench = new Bench({ min: 0, max: MAX_LATENCY_MS });
  readonly problems: string[] = [];
  readonly #nodes = new Map<Name, Node>();
  readonly #members: Member[] = [];
  readonly #watches: Watch[] = [];
  readonly #cuts = new Set<string>();

  async startNode(on: Name): Promise<void> {
    const timing = { heartbeatMs: 200, heartbeatMisses: 3, closeTimeoutMs: 300 };
    const options = { ...timing, reconnectMaxMs: 500, actors: [Trapper] };
    const node = await this.bench.node(on, [...nodes], options);
    this.#nodes.set(on, node);
    node.events.on("nodedown", ({ name: gone }) => {
      for (const watch of this.#watches) {
        const isOf = watch.by === node && watch.target.node === gone;
        if (isOf && watch.wasConnected && !watch.isOver && !watch.isStopped) {
          this.problems.push(`${on}: a monitor outlived ${gone}`);
        }
      }
    });
  }

  async run(act: Action): Promise<void> {
    if (act.do === "pass") await this.#pass(act.ms);
    else if (act.do === "restart") await this.#restart(act.on);
    else if (act.do === "start") await this.#start(act.on);
    else if (act.do === "end")
      this.#of(act.on, act.which)?.here.cast("end", { shutdown: act.which });
    else if (act.do === "kill") this.#kill(act.on, act.which);
    else if ("target" in act) await this.#tie(act.do, act.from, act.which, act.target);
    else if ("from" in act && act.from !== act.on) this.#disturb(act.do, act.from, act.on);
  }

  async #pass(ms: number): Promise<void> {
    await this.bench.pass(ms);
    if (ms < 2 * MAX_LATENCY_MS || this.#cuts.size > 0) return;
    for (const watch of this.#watches) {
      if (watch.target.ended === undefined && !watch.isOver) watch.hasArrived = true;
    }
  }

  #disturb(how: "cut" | "sever" | "heal", from: Name, on: Name): void {
    const pair = [from, on].sort().join();
    if (how === "cut") this.#cuts.add(pair);
    if (how === "heal") this.#cuts.delete(pair);
    this.bench.network[how](from, on);
  }

  /** The network is whole and every process ends: whatever is open has to come to its end. */
  async finish(): Promise<void> {
    for (const from of nodes) for (const on of nodes) this.#disturb("heal", from, on);
    const all = () => [...this.#nodes.values()];
    await this.bench.until(() => all().every((node) => node.nodes().length === 2), 20_000);
    await this.bench.pass(2000);
    this.#compareTies();
    for (const member of this.#members) member.here.cast("end", { shutdown: "all" });
    await this.bench.pass(1000);
    for (const watch of this.#watches) this.#judge(watch);
    for (const node of all()) {
      for (const [peer, ties] of tiesOf(node)) {
        const left = ties.watching + ties.watched + ties.links;
        if (left !== 0) this.problems.push(`${node.name}: ${left} ties to ${peer} are left`);
      }
    }
    await this.bench.stop();
  }

  async #restart(on: Name): Promise<void> {
    const old = this.#nodes.get(on) as Node;
    await this.bench.shutdown(old);
    await this.startNode(on);
  }

  async #start(on: Name): Promise<void> {
    const node = this.#nodes.get(on) as Node;
    const start = node.start.bind(node) as (...all: unknown[]) => Promise<PuppetRef>;
    const here = await start(Trapper, []);
    const member: Member = { node: on, life: node.incarnation, here, ended: undefined };
    node.monitor(here as unknown as AnyRef, ({ reason }) => {
      member.ended = reason;
    });
    this.#members.push(member);
  }

  #kill(on: Name, at: number): void {
    const member = this.#of(on, at);
    // From anywhere: the signal crosses if it has to, or is lost with the connection.
    if (member !== undefined) this.#nodes.get("a")?.exit(this.#seen("a", member), "kill");
  }

  async #tie(kind: string, from: Name, at: number, to: number): Promise<void> {
    const node = this.#nodes.get(from) as Node;
    const target = this.#members[to % Math.max(1, this.#members.length)];
    if (target === undefined || target.node === from) return;
    if (kind === "demonitor") {
      const watch = this.#watches[at % Math.max(1, this.#watches.length)];
      if (watch !== undefined) {
        watch.stop();
        watch.isStopped = true;
      }
    } else if (kind === "monitor") this.#monitor(node, target);
    else {
      const ref = this.#seen(from, target);
      const one = this.#of(from, at)?.here;
      const step = (ctx: Parameters<Parameters<typeof Puppet.calls.run>[1]>[0]) =>
        kind === "link" ? ctx.link(ref) : ctx.unlink(ref);
      await one?.call("run", step);
    }
  }

  #monitor(by: Node, target: Member): void {
    const ref = this.#seen(by.name as Name, target);
    const wasConnected = isConnected(by, target);
    const watch: Watch = {
      by,
      target,
      wasConnected,
      told: [],
      isOver: false,
      isStopped: false,
      hasArrived: false,
      stop: by.monitor(ref, ({ reason }) => {
        watch.isOver = true;
        watch.told.push(word(reason));
        if (watch.isStopped) this.problems.push("a monitor that was taken back has fired");
        if (reason === "noconnection") this.#checkLoss(watch);
      }),
    };
    this.#watches.push(watch);
  }

  #checkLoss({ by, target, wasConnected }: Watch): void {
    if (wasConnected && isConnected(by, target))
      this.problems.push("noconnection of a node that is connected");
  }

  #judge({ by, target, told, isStopped, hasArrived }: Watch): void {
    // What a node is told while it stops, or after, is nobody's business.
    if (isStopped || by.isStopped) return;
    const [reason] = told;
    if (told.length !== 1 || reason === undefined) {
      this.problems.push(`a monitor has fired ${told.length} times: ${told}`);
    } else if (reason === "noproc") {
      if (hasArrived || target.ended === undefined) this.problems.push("noproc of one that ran");
    } else if (reason !== "noconnection" && reason !== word(target.ended ?? "noproc")) {
      this.problems.push(`${reason}, but it ended with ${word(target.ended ?? "noproc")}`);
    }
  }

  #compareTies(): void {
    for (const one of this.#nodes.values()) {
      for (const other of this.#nodes.values()) {
        if (one === other) continue;
        const there = tiesOf(one).get(other.name) ?? { watching: 0, links: 0 };
        const back = tiesOf(other).get(one.name) ?? { watched: 0, links: 0 };
        if (there.watching !== back.watched || there.links !== back.links) {
          const [left, right] = [JSON.stringify(there), JSON.stringify(back)];
          this.problems.push(`${one.name} ${left} and ${other.name} ${right} differ`);
        }
      }
    }
  }

  #of(on: Name, at: number): Member | undefined {
    const life = this.#nodes.get(on)?.incarnation;
    const own = this.#members.filter(
      (member) => member.node === on && member.life === life && member.ended === undefined,
    );
    return own[at % Math.max(1, own.length)];
  }

  /** The ref that a node has to a process, as if it had been sent to it. */
  #seen(from: Name, { here, node }: Member): AnyRef {
    if (node === from) return here as unknown as AnyRef;
    return new RemoteRef(here.address, undefined as never);
  }
}

function isConnected(by: Node, { node, life }: Member): boolean {
  return by.nodes().some((info) => info.name === node && info.incarnation === life);
}

const timeoutMs = 120_000;

test(
  "monitors fire exactly once and truthfully, and both ends agree, whatever happens",
  async () => {
    const script = fc.array(action, { minLength: 20, maxLength: 60 });
    const property = fc.asyncProperty(script, async (actions) => {
      const world = new World();
      for (const on of nodes) await world.startNode(on);
      for (const on of nodes) await world.run({ do: "start", on, which: 0 });
      await world.run({ do: "pass", ms: 200 });
      for (const act of actions) await world.run(act);
      await world.finish();
      expect(world.problems).toEqual([]);
    });
    await fc.assert(property, { numRuns: Number(process.env.RELATION_RUNS ?? 25) });
  },
  timeoutMs,
);
