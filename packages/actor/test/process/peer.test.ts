/** A system that knows a process of another one, through the port that a subclass gives it. */
import { describe, expect, it } from "vitest";
import type { AnyRef, ExitReason, ReplyTo } from "../../src/index.ts";
import type { ForeignPort, Linked, Peer } from "../../src/runtime.ts";
import { ActorSystem, Links } from "../../src/runtime.ts";
import { Puppet, settle, Trapper, word } from "../statements/support.ts";

/** What stands for a process elsewhere: it writes down what it is asked to do. */
class Stand implements Peer {
  readonly ref: AnyRef;
  readonly identity = "far/1";
  isDead = false;
  absence: ExitReason | undefined = undefined;
  readonly asked: string[] = [];
  readonly #links = new Links(this);
  readonly watchers = new Set<(reason: ExitReason) => void>();

  constructor(ref: AnyRef) {
    this.ref = ref;
  }

  links(): Links {
    return this.#links;
  }

  linkedBy(peer: Linked): void {
    this.asked.push(`linked by ${peer.ref}`);
  }

  unlinkedBy(peer: Linked): void {
    this.asked.push(`unlinked by ${peer.ref}`);
  }

  receiveExit(from: Linked | undefined, reason: ExitReason): void {
    this.asked.push(`end of ${from?.ref}: ${word(reason)}`);
  }

  signal(from: Linked | undefined, reason: ExitReason | "kill"): void {
    this.asked.push(`signal of ${from?.ref}: ${reason === "kill" ? reason : word(reason)}`);
  }

  watch(listener: (reason: ExitReason) => void, watcher?: AnyRef): () => void {
    this.asked.push(`watched by ${watcher}`);
    this.watchers.add(listener);
    return () => {
      this.asked.push("unwatched");
      this.watchers.delete(listener);
    };
  }
}

class KnowingSystem extends ActorSystem {
  port: ForeignPort | undefined = undefined;

  protected override get foreign(): ForeignPort | undefined {
    return this.port;
  }
}

async function setUp() {
  const system = new KnowingSystem({ logger: false });
  const other = new ActorSystem({ logger: false });
  const log: string[] = [];
  const far: AnyRef = await other.start(Puppet, []);
  const answers: unknown[] = [];
  let stand = new Stand(far);
  system.port = {
    watched: (ref) => (ref === far ? stand : undefined),
    peer: (ref) => (ref === far ? stand : undefined),
    reply: ({ system: tag }) =>
      tag === "far/1"
        ? { resolve: (reply) => answers.push(reply), reject: (error) => answers.push(error) }
        : undefined,
  };
  const one = await system.start(Trapper, log);
  const replace = () => {
    stand = new Stand(far);
    return stand;
  };
  return { system, one, far, log, answers, stand, replace };
}

describe("a process that the system knows of", () => {
  it("is told who links to it and who unlinks, once per pair, and of the end of a peer", async () => {
    const { system, one, far, stand } = await setUp();
    await one.call("run", (ctx) => {
      ctx.link(far);
      ctx.unlink(far);
      ctx.unlink(far);
      ctx.link(far);
    });
    await system.stop(one, { reason: "shutdown" });
    expect(stand.asked).toEqual([
      `linked by ${one}`,
      `unlinked by ${one}`,
      `linked by ${one}`,
      `end of ${one}: shutdown`,
    ]);
  });

  it("can end one of its links alone, or all", async () => {
    const { system, one, far, log, stand } = await setUp();
    const second = await system.start(Trapper, log);
    for (const ref of [one, second]) await ref.call("run", (ctx) => ctx.link(far));
    const [first] = stand.links().peers;
    stand.links().breakOne(first as Linked, "killed");
    stand.links().breakOne(first as Linked, "killed");
    stand.links().break("noconnection");
    await settle();
    expect(log).toEqual([`exit ${far} killed`, `exit ${far} noconnection`]);
    expect(stand.links().size).toBe(0);
  });

  it("is watched by a process by name of that, and from outside; both can take it back", async () => {
    const { system, one, far, log, stand } = await setUp();
    const id = await one.call("run", (ctx) => ctx.monitor(far));
    const stop = system.monitor(far, () => log.push("outside"));
    expect(stand.asked).toEqual([`watched by ${one}`, "watched by undefined"]);
    stop();
    await one.call("run", (ctx) => ctx.demonitor(id as string));
    expect([stand.watchers.size, stand.asked.length]).toEqual([0, 4]);
    await one.call("run", (ctx) => ctx.monitor(far));
    for (const watcher of stand.watchers) watcher("killed");
    await settle();
    expect(log).toEqual([`down ${far} killed`]);
  });

  it("gets exit signals as they are, kill too, from a process and from outside", async () => {
    const { system, one, far, stand } = await setUp();
    await one.call("run", (ctx) => {
      ctx.exit(far, "kill");
      ctx.exit(far, "normal");
    });
    system.exit(far, "shutdown");
    expect(stand.asked).toEqual([
      `signal of ${one}: kill`,
      `signal of ${one}: normal`,
      "signal of undefined: shutdown",
    ]);
  });

  it("that is absent says why: to a monitor, and once to a link, whichever object stands for it", async () => {
    const { system, one, far, log, stand, replace } = await setUp();
    for (const each of [stand, replace()]) {
      each.isDead = true;
      each.absence = "noconnection";
    }
    await one.call("run", (ctx) => {
      ctx.link(far);
      ctx.monitor(far);
    });
    const told: string[] = [];
    system.monitor(far, ({ reason }) => told.push(word(reason)));
    expect(told).toEqual([]);
    await settle();
    expect(log).toEqual([`exit ${far} noconnection`, `down ${far} noconnection`]);
    expect(told).toEqual(["noconnection"]);
  });

  it("has its signal taken back by unlink although another object stands for it by then", async () => {
    const { system, one, far, log, stand, replace } = await setUp();
    await one.call("run", (ctx) => ctx.link(far));
    await system.suspend(one);
    const unlinked = one.call("run", (ctx) => ctx.unlink(far));
    stand.links().break("noconnection");
    replace();
    await system.resume(one);
    await unlinked;
    await settle();
    expect(log).toEqual([]);
  });

  it("is given the reply that it has deferred; what nobody knows is refused", async () => {
    const { one, answers } = await setUp();
    const to = (system: string) => ({ replyTo: 4, system }) as ReplyTo<unknown>;
    await one.call("run", (ctx) => {
      ctx.reply(to("far/1"), "yes");
      expect(() => ctx.reply(to("far/2"), "no")).toThrow("option to");
    });
    await settle();
    expect(answers).toEqual(["yes"]);
  });
});
