/**
 * Clients that call and query through the real session, give up, die and come back, and tell the
 * checker what they asked and what they were told.
 */
import type { GroupMessage } from "@troupe/replication/runtime";
import { Session, type SessionOptions } from "@troupe/replication/runtime";
import type { Checker } from "./checker.ts";
import { tickMs, type World } from "./host.ts";
import { bytesOf, decodeReading } from "./machine.ts";
import { Chance } from "./random.ts";

const noBytes = new Uint8Array(0);

/** What a client asks, and who is told what became of it. */
export interface Script {
  /** Calls that one session may have under way. */
  readonly window: number;
  readonly abandon?: SessionOptions["abandon"];
  call(name: string): AskedCall;
  query(): Asked;
}

interface Asked {
  readonly body: Uint8Array;
  readonly answered: (body: Uint8Array) => void;
  /** Present if one replica is to answer, as soon as it has run so much. */
  readonly local?: { readonly to: number; readonly atLeast: number };
}

interface AskedCall extends Asked {
  readonly neverSent: () => void;
  /** After so long without an answer the caller gives up; absent where it has time. */
  readonly patienceMs?: number;
}

/** What clients ask of the chain. */
export function chainScript({ clients }: Checker, window: number): Script {
  return {
    window,
    call: (call) => {
      clients.called(call);
      return {
        body: bytesOf(call),
        answered: (body) => clients.answered(call, decodeReading(body)),
        neverSent: () => clients.neverSent(call),
      };
    },
    query: () => {
      const { floor } = clients;
      return {
        body: noBytes,
        answered: (body) => clients.queried(floor, decodeReading(body)),
      };
    },
  };
}

export class SimClient {
  readonly #script: Script;
  readonly #world: World;
  readonly #chance: Chance;
  #session: Session;
  readonly address: number;
  readonly #readsOnly: boolean;
  #issuing = true;
  #issued = 0;
  /** Queries to single replicas, by number: who is to be told. */
  readonly #readings = new Map<number, (body: Uint8Array) => void>();
  #askedLocally = 0;
  /** How often it has died. */
  #life = 0;

  constructor(world: World, address: number) {
    this.#world = world;
    this.address = address;
    const { sessionWindow } = world.options.config;
    this.#script = world.actors?.script(address) ?? chainScript(world.checker, sessionWindow);
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
      window: this.#script.window,
      ...(this.#script.abandon && { abandon: this.#script.abandon }),
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
    const life = this.#life;
    const asked = this.#script.call(`${this.address}.${life}:${this.#issued++}`);
    const cancel = this.#session.call(asked.body, {
      reply: (reply) => {
        if (life === this.#life) asked.answered(reply);
      },
      evicted: () => undefined,
    });
    if (cancel === undefined) {
      asked.neverSent();
      return;
    }
    const giveUp = () => {
      if (life === this.#life && cancel.cancel()) asked.neverSent();
    };
    const { events } = this.#world;
    if (asked.patienceMs !== undefined) events.after(asked.patienceMs, giveUp);
    const { givenUp, thinkMs } = this.#world.options;
    if (givenUp === 0 || !this.#chance.hits(givenUp)) return;
    events.after(this.#chance.exponential(5 * thinkMs), giveUp);
  }

  #query(): void {
    const life = this.#life;
    const { body, answered, local } = this.#script.query();
    if (local !== undefined) {
      this.#askOne(local, body, answered);
      return;
    }
    this.#session.query(body, {
      reply: (reply) => {
        if (life === this.#life) answered(reply);
      },
      evicted: () => undefined,
    });
  }

  /** Asked once: what is lost is not asked again, and nobody waits for it at the end. */
  #askOne(
    { to, atLeast: at_least }: { readonly to: number; readonly atLeast: number },
    body: Uint8Array,
    answered: (body: Uint8Array) => void,
  ): void {
    const number = ++this.#askedLocally;
    this.#readings.set(number, answered);
    const client = String(this.address).padStart(32, "0");
    const message = { type: "local_query", client, number, at_least, body } as const;
    this.#world.network.send(this.address, to, message);
  }

  #receive(message: GroupMessage): void {
    switch (message.type) {
      case "local_reply":
        this.#readings.get(message.number)?.(message.body);
        this.#readings.delete(message.number);
        break;
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
