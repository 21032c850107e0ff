/**
 * Clients that call and query through the real session, and tell the checker what they were told.
 */

import type { GroupMessage } from "@troupe/replication/runtime";
import { Session } from "@troupe/replication/runtime";
import { tickMs, type World } from "./host.ts";
import { decodeReading } from "./machine.ts";
import { Chance } from "./random.ts";

export class SimClient {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #session: Session;
  readonly address: number;
  #issuing = true;
  #issued = 0;

  constructor(world: World, address: number) {
    this.#world = world;
    this.address = address;
    this.#chance = new Chance(world.options.seed, `client-${address}`);
    const { config } = world.options;
    this.#session = new Session({
      replicaCount: config.replicaCount,
      window: config.sessionWindow,
      queueMax: world.options.clientQueue,
      retryTicks: 10,
      newClientId: () => this.#chance.hex(),
      send: (to, message) => world.network.send(address, to, message),
    });
    world.network.attach(address, (_from, message) => this.#receive(message));
    world.events.after(this.#chance.next() * tickMs, () => this.#tick());
    const { lateClients, faultyMs } = world.options;
    const late = this.#chance.hits(lateClients) ? faultyMs : 100;
    world.events.after(this.#chance.next() * late, () => this.#next());
  }

  get client(): string {
    return this.#session.client;
  }

  get idle(): boolean {
    return this.#session.size === 0;
  }

  /** Issues nothing more; what is under way goes on. */
  finish(): void {
    this.#issuing = false;
  }

  #tick(): void {
    this.#session.tick();
    this.#world.events.after(tickMs, () => this.#tick());
  }

  #next(): void {
    if (!this.#issuing) return;
    if (this.#chance.hits(this.#world.options.queries)) this.#query();
    else this.#call();
    this.#world.events.after(this.#chance.exponential(this.#world.options.thinkMs) + 1, () =>
      this.#next(),
    );
  }

  #call(): void {
    const { checker, options } = this.#world;
    const call = `${this.address}:${this.#issued++}`;
    this.#session.call(new TextEncoder().encode(call), {
      reply: (reply) => checker.acknowledged(call, this.#session.view, decodeReading(reply)),
      evicted: () => checker.evicted(this.address, options.config, options.clients),
    });
  }

  #query(): void {
    const { checker } = this.#world;
    const floor = checker.floor;
    this.#session.query(new Uint8Array(0), {
      reply: (reply) => checker.queried(floor, decodeReading(reply)),
      evicted: () => undefined,
    });
  }

  #receive(message: GroupMessage): void {
    switch (message.type) {
      case "reply":
      case "query_reply":
      case "not_primary":
      case "eviction":
        this.#session.receive(message);
    }
  }
}
