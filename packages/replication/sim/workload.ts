/**
 * Clients that call and query through the real session, give up, die and come back, and tell the
 * checker what they asked and what they were told.
 */
import type { GroupMessage } from "@troupe/replication/runtime";
import { Session } from "@troupe/replication/runtime";
import { tickMs, type World } from "./host.ts";
import { bytesOf, decodeReading } from "./machine.ts";
import { Chance } from "./random.ts";

const noBytes = new Uint8Array(0);

export class SimClient {
  readonly #world: World;
  readonly #chance: Chance;
  #session: Session;
  readonly address: number;
  readonly #readsOnly: boolean;
  #issuing = true;
  #issued = 0;
  /** How often it has died. */
  #life = 0;

  constructor(world: World, address: number) {
    this.#world = world;
    this.address = address;
    const { seed, lateClients, faultyMs, clientCrashEveryMs } = world.options;
    this.#chance = new Chance(seed, `client-${address}`);
    this.#readsOnly = new Chance(seed, `reader-${address}`).hits(world.options.readers);
    this.#session = this.#newSession();
    world.network.attach(address, (_from, message) => this.#receive(message));
    world.events.after(this.#chance.next() * tickMs, () => this.#tick());
    const late = this.#chance.hits(lateClients) ? faultyMs : 100;
    world.events.after(this.#chance.next() * late, () => this.#next());
    if (clientCrashEveryMs > 0) this.#scheduleCrash();
  }

  get idle(): boolean {
    return this.#session.size === 0;
  }

  /** Issues nothing more; what is under way goes on. */
  finish(): void {
    this.#issuing = false;
  }

  /** Dies with all that it has under way, and does not come back. */
  leave(): void {
    this.#issuing = false;
    this.#life++;
    this.#session.close();
  }

  #newSession(): Session {
    const { options, network, addressOf, plant } = this.#world;
    const { config } = options;
    const life = this.#life;
    return new Session({
      replicaCount: config.replicaCount,
      window: config.sessionWindow,
      queueMax: options.clientQueue,
      retryTicks: options.retryTicks,
      newClientId: () => {
        const id = plant?.clientId?.(this.address) ?? this.#chance.hex();
        addressOf.set(id, this.address);
        return id;
      },
      send: (to, message) => {
        if (life === this.#life) network.send(this.address, to, message);
      },
    });
  }

  /** It dies with all that it had under way, and comes back as somebody else. */
  #scheduleCrash(): void {
    const { events, options, trace } = this.#world;
    events.after(this.#chance.exponential(options.clientCrashEveryMs), () => {
      if (!this.#issuing) return;
      trace.event("client-crash", () => `client ${this.address} dies`, this.address);
      this.#life++;
      this.#session.close();
      this.#session = this.#newSession();
      this.#scheduleCrash();
    });
  }

  #tick(): void {
    this.#session.tick();
    this.#world.events.after(tickMs, () => this.#tick());
  }

  #next(): void {
    const { options, events } = this.#world;
    if (!this.#issuing || this.#issued >= options.callsMax) return;
    if (this.#readsOnly || this.#chance.hits(options.queries)) this.#query();
    else this.#call();
    events.after(this.#chance.exponential(options.thinkMs) + 1, () => this.#next());
  }

  #call(): void {
    const { clients } = this.#world.checker;
    const call = `${this.address}.${this.#life}:${this.#issued++}`;
    const life = this.#life;
    clients.called(call);
    const cancel = this.#session.call(bytesOf(call), {
      reply: (reply) => {
        if (life === this.#life) clients.answered(call, decodeReading(reply));
      },
      evicted: () => undefined,
    });
    if (cancel === undefined) {
      clients.neverSent(call);
      return;
    }
    const { givenUp, thinkMs } = this.#world.options;
    if (givenUp === 0 || !this.#chance.hits(givenUp)) return;
    this.#world.events.after(this.#chance.exponential(5 * thinkMs), () => {
      if (life === this.#life && cancel.cancel()) clients.neverSent(call);
    });
  }

  #query(): void {
    const { clients } = this.#world.checker;
    const { floor } = clients;
    const life = this.#life;
    this.#session.query(noBytes, {
      reply: (reply) => {
        if (life === this.#life) clients.queried(floor, decodeReading(reply));
      },
      evicted: () => undefined,
    });
  }

  #receive(message: GroupMessage): void {
    switch (message.type) {
      case "reply":
      case "query_reply":
      case "not_primary":
        this.#session.receive(message);
        break;
      case "eviction": {
        const { client } = this.#session;
        this.#session.receive(message);
        // It took another name: it believes that the group has forgotten it.
        if (this.#session.client !== client) this.#world.checker.evicted(client, message.session);
      }
    }
  }
}
