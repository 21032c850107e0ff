/**
 * Memberships that talk to each other with nothing around them: no links, no sockets, no clock.
 * Messages arrive at once and in order; a round is a round of everybody who is not paused.
 */
import { seededRandom } from "@troupe/actor/testing";
import type { MemberChange, MemberStatus } from "../../src/membership/member.ts";
import { Membership, type MembershipOptions } from "../../src/membership/membership.ts";
import type { MemberSend } from "../../src/membership/membership-ready.ts";

export const url = (name: string) => `memory://${name}`;

export function membership(
  name: string,
  incarnation = 100,
  options: Partial<MembershipOptions> = {},
): Membership {
  return new Membership({
    self: { name, incarnation, url: url(name), heartbeatMs: 1000 },
    heartbeatMisses: 5,
    suspectAfterMisses: 3,
    forgetAfterRounds: 1000,
    random: () => 0.5,
    ...options,
  });
}

/** What was sent to whom, in a form that tests can read. */
export function said(sends: readonly MemberSend[]): string[] {
  return sends.map(({ to, message }) => {
    if (message.kind === "digest") return `${to}: digest`;
    const news = message.news.map(({ record, accusers }) => {
      const by = accusers.length > 0 ? ` by ${accusers.join("+")}` : "";
      return `${record.name} ${record.status} ${record.version}${by}`;
    });
    return `${to}: ${message.kind} ${news.join(", ")}`;
  });
}

export const told = (events: readonly MemberChange[]) =>
  events.map(({ name, incarnation, previous, status }) => {
    return `${name}/${incarnation} ${previous ?? "-"} > ${status}`;
  });

/** Nodes that are all linked, but for the ways that are cut. */
export class Group {
  readonly nodes = new Map<string, Membership>();
  /** Every event, as `who: name/life before > after`. */
  readonly log: string[] = [];
  readonly bytes = new Map<string, number>();
  readonly #random = seededRandom(7);
  readonly #links = new Set<string>();
  /** One-way: what `a` says does not reach `b`. */
  readonly #cuts = new Set<string>();
  readonly #paused = new Set<string>();
  readonly #dead = new Set<string>();

  constructor(names: readonly string[]) {
    for (const name of names) this.start(name, 100);
    for (const a of names) for (const b of names) if (a < b) this.link(a, b);
  }

  get(name: string): Membership {
    return this.nodes.get(name) as Membership;
  }

  start(name: string, incarnation: number): void {
    this.#dead.delete(name);
    this.nodes.set(name, membership(name, incarnation, { random: this.#random }));
  }

  status(of: string, at: string): MemberStatus | undefined {
    return this.get(at).get(of)?.status;
  }

  /** What everybody who runs believes of a member. */
  views(of: string): (MemberStatus | undefined)[] {
    const running = [...this.nodes.keys()].filter((name) => !this.#dead.has(name));
    return running.filter((name) => name !== of).map((name) => this.status(of, name));
  }

  isLinked(a: string, b: string): boolean {
    return this.#links.has(pair(a, b));
  }

  link(a: string, b: string): void {
    if (this.isLinked(a, b)) return;
    this.#links.add(pair(a, b));
    const [first, second] = [this.get(a), this.get(b)];
    first.linkUp(second.own);
    second.linkUp(first.own);
    this.settle();
  }

  /** Closes a link as a reset does: at once, and on both sides that are there to notice. */
  unlink(a: string, b: string): void {
    if (!this.#links.delete(pair(a, b))) return;
    for (const [here, there] of [
      [a, b],
      [b, a],
    ] as const) {
      if (!this.#dead.has(here)) this.get(here).linkDown(there, false);
    }
    this.settle();
  }

  /** The node is gone without a word, and nobody is told: its machine does not answer. */
  kill(name: string): void {
    this.#dead.add(name);
  }

  /** What `from` says does not reach `to` any more. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  heal(from: string, to: string): void {
    this.#cuts.delete(`${from}>${to}`);
  }

  pause(name: string): void {
    this.#paused.add(name);
  }

  /** The process goes on; its next round is a late one. */
  resume(name: string): void {
    this.#paused.delete(name);
    this.#round(name, true);
    this.settle();
  }

  /** Rounds in which everybody hears everybody else's ticks. */
  rounds(count: number): void {
    for (let n = 0; n < count; n++) {
      for (const a of this.nodes.keys()) {
        for (const b of this.nodes.keys()) {
          if (a !== b && this.isLinked(a, b) && this.#passes(a, b)) this.get(b).heard(a);
        }
      }
      for (const name of this.nodes.keys()) {
        if (this.#runs(name)) this.#round(name, false);
      }
      this.settle();
    }
  }

  /** Delivers until nobody says anything. */
  settle(): void {
    for (let busy = true, turn = 0; busy; turn++) {
      if (turn > 1000) throw new Error("they never stop talking");
      busy = false;
      for (const [name, node] of this.nodes) {
        if (!this.#runs(name)) continue;
        const { sends, events, dead } = node.take();
        for (const event of told(events)) this.log.push(`${name}: ${event}`);
        for (const other of dead) this.unlink(name, other);
        for (const { to, message } of sends) {
          busy = true;
          if (this.isLinked(name, to) && this.#passes(name, to)) {
            this.get(to).heard(name);
            this.get(to).receive(name, message);
          }
        }
      }
    }
  }

  #round(name: string, late: boolean): void {
    this.get(name).round(late);
  }

  #runs(name: string): boolean {
    return !this.#dead.has(name) && !this.#paused.has(name);
  }

  #passes(from: string, to: string): boolean {
    return this.#runs(from) && this.#runs(to) && !this.#cuts.has(`${from}>${to}`);
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
