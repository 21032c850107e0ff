/**
 * What one life of a node says of the members: events that follow from each other, a list that they
 * add up to, and nobody accused who was there for everybody to hear.
 */
import type { MemberEvent, Node } from "@troupe/cluster";
import type { SimProcess } from "./sim-process.ts";
import type { World } from "./world.ts";

interface Known {
  readonly incarnation: number;
  readonly status: MemberEvent["status"];
}

export class MemberWitness {
  readonly #world: World;
  readonly #process: SimProcess;
  readonly #node: Node;
  readonly #known = new Map<string, Known>();

  constructor(world: World, process: SimProcess, node: Node) {
    this.#world = world;
    this.#process = process;
    this.#node = node;
    for (const member of node.members()) this.#known.set(member.name, member);
    node.events.on("member", (event) => this.#onMember(event));
  }

  #onMember(event: MemberEvent): void {
    const { name, incarnation, status, previous } = event;
    const what = `${name}/${incarnation} ${previous ?? "-"} > ${status}`;
    this.#world.trace(() => `${this.#process.label}: member ${what}`);
    const known = this.#known.get(name);
    const before = known?.incarnation === incarnation ? known.status : undefined;
    if (before !== previous) this.#say(`member ${what}, which was ${before}`);
    if (status === previous) this.#say(`member ${what} is no change`);
    this.#known.set(name, { incarnation, status });
    this.#world.atEndOfEvent(() => this.#compare());
    const peer = this.#world.life(name, incarnation);
    if (peer === undefined) this.#say(`member ${what} never was`);
    else if (!this.#world.isTrusted(peer)) this.#say(`member ${what}, which has no key`);
    else if (status === "suspect" || status === "down") this.#askWhy(peer, what);
    else if (status === "left" && !peer.stopping) this.#say(`${what}, which has not left`);
  }

  /**
   * Nobody is accused who was there for everybody to hear. That others were paused is no excuse:
   * who wakes accuses nobody.
   */
  #askWhy(peer: SimProcess, what: string): void {
    const { options, weather, rivals, events } = this.#world;
    if (peer.stopping || !peer.alive || this.#process.stopping) return;
    // The life that is known best is another one's.
    if (rivals(this.#process, peer, 0)) return;
    const { heartbeatMs, suspectAfterMisses, handshakeTimeoutMs, reconnectMaxMs } = options;
    const patience = (suspectAfterMisses + 20) * 32 * heartbeatMs;
    const excusedMs = patience + 2 * handshakeTimeoutMs + 2 * reconnectMaxMs;
    const calm = weather.calmAroundMs(peer.host);
    if (calm > excusedMs && events.now - peer.bornAt > excusedMs) {
      this.#say(`${what} after ${Math.round(calm)} ms of calm around it`);
    }
  }

  /** The list says what the events have told. */
  #compare(): void {
    const listed = this.#node.members().map(textOf).sort().join();
    const told = [...this.#known].map(([name, known]) => textOf({ name, ...known }));
    if (listed !== told.sort().join()) {
      this.#say(`members() has ${listed}, events have ${told.join()}`);
    }
  }

  #say(problem: string): void {
    this.#world.violate(`${this.#process.label}: ${problem}`);
  }
}

function textOf({ name, incarnation, status }: Known & { readonly name: string }): string {
  return `${name}/${incarnation} ${status}`;
}
