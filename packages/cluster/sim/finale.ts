/**
 * The end of a run: nothing is broken any more, so everything must come right within a bounded
 * time, stay right while nobody touches it, and leave nothing behind.
 */
import type { Life, SimHost } from "./host.ts";
import { Violation, type World } from "./world.ts";

/** After healing, this must be enough for everybody to be connected: liveness. */
const HEAL_MS = 60_000;

/** How often it is looked whether that is so. */
const LOOK_MS = 100;

/** Pairs that call each other at the end; of more only some do. */
const MAX_EXAMS = 200;

/** How long a node may take to stop, besides what closing its links may take. */
const STOP_MS = 10_000;

export class Finale {
  readonly #world: World;
  readonly #hosts: readonly SimHost[];
  readonly #guests: readonly SimHost[];

  constructor(world: World, hosts: readonly SimHost[], guests: readonly SimHost[]) {
    this.#world = world;
    this.#hosts = hosts;
    this.#guests = guests;
  }

  async play(until: (moment: number) => Promise<void>): Promise<void> {
    const { events, options, trace } = this.#world;
    for (const host of this.#hosts) host.life?.talk.finish();
    await this.#everybodyRuns(until);
    const deadline = events.now + HEAL_MS;
    for (let missing = this.#missing(); missing !== undefined; missing = this.#missing()) {
      if (events.now >= deadline) throw new Violation(`liveness: ${missing}`);
      await until(events.now + LOOK_MS);
    }
    trace(() => "everybody is connected");
    for (const { commons } of this.#lives()) commons.subscribe(true);
    // Messages that make a process crash may still be under way.
    await until(events.now + 3000);
    this.#examine();
    this.#compareCommons();
    await until(events.now + 6000 + 3 * options.heartbeatMs * options.heartbeatMisses);
    this.#compare();
    await this.#stopAll(until);
  }

  /** Whoever should run does, whatever its wall clock says; nobody else does. */
  async #everybodyRuns(until: (moment: number) => Promise<void>): Promise<void> {
    const { events } = this.#world;
    for (const guest of this.#guests) guest.crash(false);
    for (const host of this.#hosts) host.resume();
    const stopping = () => this.#hosts.some(({ life }) => life?.process.stopping === true);
    const deadline = events.now + this.#world.options.closeTimeoutMs + STOP_MS;
    while (stopping()) {
      if (events.now >= deadline) throw new Violation("liveness: a node does not stop");
      await until(events.now + LOOK_MS);
    }
    for (const host of this.#hosts) this.#start(host);
  }

  #start(host: SimHost): void {
    if (host.isUp) return;
    this.#world.events.after(0, () => {
      host.start();
      this.#world.atEndOfEvent(() => host.life?.talk.finish());
    });
  }

  #lives(): Life[] {
    return this.#hosts.flatMap(({ life }) => (life === undefined ? [] : [life]));
  }

  /** Who does not know whom in the right life. */
  #missing(): string | undefined {
    const lives = this.#lives();
    if (lives.length < this.#hosts.length) return "a node has not started";
    for (const { node } of lives) {
      const known = new Map(node.nodes().map(({ name, incarnation }) => [name, incarnation]));
      for (const { node: other } of lives) {
        if (other === node) continue;
        const incarnation = known.get(other.name);
        if (incarnation !== other.incarnation) {
          return `${node.name} has ${other.name} as ${incarnation} and not ${other.incarnation}`;
        }
      }
      if (known.size > lives.length - 1) return `${node.name} is connected to a stranger`;
      for (const { name, status, connected } of node.members()) {
        if (status !== "alive" || !connected) return `${node.name} knows ${name} as ${status}`;
      }
      if (node.members().length !== lives.length) return `${node.name} knows too many`;
    }
    return undefined;
  }

  /** Everybody calls everybody, or some of them if they are many. */
  #examine(): void {
    const lives = this.#lives();
    const stride = Math.max(1, Math.ceil((lives.length * lives.length) / MAX_EXAMS));
    lives.forEach(({ talk, node }, i) => {
      lives.forEach(({ node: other }, j) => {
        if (node !== other && (i * lives.length + j) % stride === 0) talk.examine(other.name);
      });
    });
  }

  /** Everybody sees what everybody has made; and then hears what everybody says. */
  #compareCommons(): void {
    const lives = this.#lives();
    const all = lives.flatMap(({ commons }) => commons.own).sort();
    for (const { process, commons } of lives) {
      const seen = commons.seen.join();
      if (seen === all.join()) continue;
      throw new Violation(`${process.label} sees ${seen} and not ${all.join()}`);
    }
    for (const { commons } of lives) commons.publish();
  }

  /** What is left when nothing happens is what belongs to the links, and no more. */
  #compare(): void {
    const { network, ledger } = this.#world;
    const missing = this.#missing();
    if (missing !== undefined) throw new Violation(`it did not stay whole: ${missing}`);
    const [open] = ledger.open();
    if (open !== undefined) throw new Violation(`nobody has answered ${open}`);
    const [overdue] = this.#world.watches.overdue();
    if (overdue !== undefined) throw new Violation(`${overdue} was never told`);
    const lives = this.#lives();
    for (const { process, commons } of lives) {
      for (const { process: from, commons: theirs } of lives) {
        const last = commons.heardOf(from);
        if (last === theirs.published) continue;
        throw new Violation(
          `${process.label} heard ${last} of ${theirs.published} by ${from.label}`,
        );
      }
    }
    const pairs = (lives.length * (lives.length - 1)) / 2;
    if (network.wires.size !== pairs) {
      const odd = [...network.wires].filter(({ dialler, acceptor }) => {
        return !dialler.isLink || !acceptor.isLink;
      });
      const ids = odd.map(({ dialler, acceptor }) => {
        return `${dialler.process.label} ${dialler} to ${acceptor.process.label} ${acceptor}`;
      });
      throw new Violation(`${network.wires.size} sockets for ${pairs} pairs: ${ids.join()}`);
    }
    for (const { process } of lives) {
      const { armed } = process.clock;
      const most = 8 + 4 * lives.length;
      if (armed > most) throw new Violation(`${process.label} has ${armed} timers armed`);
    }
  }

  async #stopAll(until: (moment: number) => Promise<void>): Promise<void> {
    const { events, options } = this.#world;
    const lives = this.#lives();
    for (const host of this.#hosts) void host.stop();
    const deadline = events.now + options.closeTimeoutMs + STOP_MS;
    while (this.#hosts.some(({ isUp }) => isUp)) {
      if (events.now >= deadline) throw new Violation("liveness: a node does not stop");
      await until(events.now + LOOK_MS);
    }
    for (const { process } of lives) {
      const { armed } = process.clock;
      if (armed > 0) throw new Violation(`${process.label} has stopped with ${armed} timers armed`);
    }
  }
}
