/**
 * A network of machines: who can reach whom, how long it takes, and what becomes of a dial. All
 * from the seed. It knows bytes and machines, no nodes and no frames.
 */
import {
  ConnectionLostError,
  ListenError,
  type Listener,
  type Socket,
  type Transport,
} from "@troupe/cluster";
import type { EventQueue } from "./event-queue.ts";
import type { SimOptions } from "./options.ts";
import { Chance } from "./random.ts";
import type { SimProcess } from "./sim-process.ts";
import { type End, Wire } from "./wire.ts";

/** Who watches the network. */
export interface NetworkObserver {
  sent(end: End): void;
  delivered(end: End, message: Uint8Array): void;
  linked(end: End): void;
}

interface Machine {
  up: boolean;
  /** Bytes that its process reads in a millisecond; it may be slow for a while. */
  readsPerMs: number;
  listening:
    | { readonly process: SimProcess; readonly accept: (socket: Socket) => void }
    | undefined;
}

/** A dial that has not been answered. */
interface Dial {
  readonly from: number;
  readonly to: number;
  attempt(): void;
}

const unlimited = Number.POSITIVE_INFINITY;

/** How long a dial that was given up on may still be answered. */
const LATE_DIAL_MS = 500;

export class SimNetwork {
  readonly options: SimOptions;
  readonly events: EventQueue;
  readonly chance: Chance;
  readonly wires = new Set<Wire>();
  observer!: NetworkObserver;
  /** A planted bug: what an old link has not delivered is sent again over the next one. */
  resends = false;
  readonly #machines = new Map<number, Machine>();
  readonly #addresses = new Map<string, number>();
  readonly #cuts = new Set<string>();
  readonly #dials = new Set<Dial>();
  readonly #kept = new Map<string, Uint8Array[]>();
  #healed = false;
  #made = 0;

  constructor(options: SimOptions, events: EventQueue) {
    this.options = options;
    this.events = events;
    this.chance = new Chance(options.seed, "network");
  }

  /** A machine that can be reached at `address`. */
  addMachine(host: number, address: string): void {
    this.#machines.set(host, { up: true, readsPerMs: unlimited, listening: undefined });
    this.addAddress(address, host);
  }

  /** Another address of a machine. */
  addAddress(address: string, host: number): void {
    this.#addresses.set(new URL(address).href, host);
  }

  get isCoalescing(): boolean {
    return this.options.coalesces;
  }

  isOpen(from: number, to: number): boolean {
    return !this.#cuts.has(`${from}>${to}`) && this.#machines.get(to)?.up === true;
  }

  /** Milliseconds that so many bytes take to be at `to`. */
  travelMs(to: number, bytes: number): number {
    const { latencyMinMs, latencyMeanMs, latencyMaxMs } = this.options;
    const ms = latencyMinMs + this.chance.exponential(latencyMeanMs);
    const reading = bytes / (this.#machines.get(to)?.readsPerMs ?? unlimited);
    return Math.min(latencyMaxMs, ms) + reading;
  }

  /** Nothing gets from one machine to the other. */
  cut(from: number, to: number): void {
    if (this.#healed) return;
    this.#cuts.add(`${from}>${to}`);
    const { giveUpMs } = this.options;
    if (giveUpMs > 0)
      this.events.after(this.chance.exponential(giveUpMs), () => this.#age(from, to));
  }

  /** The way is open again: what waited is sent again, after a while. */
  heal(from: number, to: number): void {
    if (!this.#cuts.delete(`${from}>${to}`)) return;
    this.#retry((a, b) => a === from && b === to);
  }

  /** From now on every way is open and every reader is quick. */
  healAll(): void {
    this.#healed = true;
    this.#cuts.clear();
    for (const host of this.#machines.keys()) this.#read(host, unlimited);
    this.#retry(() => true);
  }

  /** Sets how quickly the process of a machine reads. */
  setReading(host: number, readsPerMs: number): void {
    if (!this.#healed) this.#read(host, readsPerMs);
  }

  #read(host: number, readsPerMs: number): void {
    const machine = this.#machines.get(host);
    if (machine === undefined || machine.readsPerMs === readsPerMs) return;
    machine.readsPerMs = readsPerMs;
    for (const wire of this.wires) {
      for (const end of [wire.dialler, wire.acceptor]) {
        if (end.peer.process.host === host && readsPerMs === unlimited) end.out.hurry();
      }
    }
  }

  /** Ends a connection in the middle of whatever it does; one end or both are told. */
  sever(wire: Wire, both: boolean): void {
    const first = this.chance.pick([wire.dialler, wire.acceptor]);
    for (const end of both ? [first, first.peer] : [first]) {
      this.events.after(this.chance.exponential(5), () => end.giveUp());
    }
  }

  /** The process is gone. Its machine tells the others, unless the machine is gone too. */
  crash(process: SimProcess, machineToo: boolean): void {
    const machine = this.#machines.get(process.host);
    if (machine === undefined) return;
    if (machine.listening?.process === process) machine.listening = undefined;
    for (const wire of [...this.wires]) {
      for (const end of [wire.dialler, wire.acceptor]) {
        if (end.process === process) end.vanish(machineToo);
      }
    }
    if (machineToo) machine.up = false;
  }

  /** The machine runs again, and knows nothing of the connections it had. */
  boot(host: number): void {
    const machine = this.#machines.get(host);
    if (machine === undefined || machine.up) return;
    machine.up = true;
    this.#retry((_from, to) => to === host);
  }

  /** What a process sees of the network. `address` is where others find it. */
  transport(process: SimProcess, address: string): Transport {
    const { defersLong } = this.options;
    return {
      defer: (flush) => (defersLong ? process.loop.later(flush) : process.loop.soon(flush)),
      later: (flush) => process.loop.later(flush),
      dial: (url, signal) => this.#dial(process, url, signal),
      listen: async ({ host, port }, accept) => {
        const machine = this.#machines.get(process.host);
        if (machine === undefined || machine.listening !== undefined) {
          throw new ListenError(host, port, "the port is in use");
        }
        machine.listening = { process, accept };
        const listener: Listener = {
          url: address,
          close: async () => {
            if (machine.listening?.accept === accept) machine.listening = undefined;
          },
        };
        return listener;
      },
    };
  }

  /** Messages of a link are lost; with the bug planted they go to the next one instead. */
  lost(from: End, to: End, parcels: readonly unknown[]): void {
    if (!this.resends || !from.wasLink) return;
    const kept = parcels.filter((parcel) => parcel instanceof Uint8Array);
    this.#kept.set(`${from.process.label}>${to.process.label}`, kept);
  }

  /** A socket has become a link. */
  linked(end: End): void {
    this.observer.linked(end);
    const key = `${end.process.label}>${end.peer.process.label}`;
    const kept = this.#kept.get(key) ?? [];
    this.#kept.delete(key);
    if (kept.length === 0) return;
    end.process.post("turn", 1, () => {
      for (const message of kept) end.send(message);
    });
  }

  #dial(process: SimProcess, url: string, signal: AbortSignal): Promise<Socket> {
    const to = this.#addresses.get(url);
    return new Promise((resolve, reject) => {
      let over = false;
      let wire: Wire | undefined;
      const finish = (socket: Socket | undefined, why: string) => {
        if (over) return;
        over = true;
        this.#dials.delete(dial);
        signal.removeEventListener("abort", abort);
        if (socket === undefined) reject(new ConnectionLostError(url, "not_run", why));
        else resolve(socket);
      };
      const refuse = () =>
        process.post("socket", this.travelMs(process.host, 0), () =>
          finish(undefined, "nobody listens there"),
        );
      const abort = () => {
        // An answer that is on its way may be quicker than whoever gives up.
        const late = wire !== undefined && this.chance.hits(this.options.lateDials);
        if (late) process.post("socket", LATE_DIAL_MS, giveUp);
        else giveUp();
      };
      const giveUp = () => {
        finish(undefined, "the dial was aborted");
        wire?.dialler.abandon();
      };
      const dial: Dial = {
        from: process.host,
        to: to ?? -1,
        attempt: () => {
          if (over || wire !== undefined || !process.alive) {
            this.#dials.delete(dial);
            return;
          }
          const { from, to } = dial;
          // An address at which nothing is, or to which nothing gets through, does not answer.
          if (!this.isOpen(from, to) || !this.isOpen(to, from)) return;
          this.#dials.delete(dial);
          const listening = this.#machines.get(to)?.listening;
          if (listening === undefined) return void refuse();
          this.#made += 1;
          const made = new Wire(this, process, listening.process, this.#made);
          wire = made;
          this.wires.add(made);
          made.dialler.onOpened = (opened) => finish(opened ? made.dialler : undefined, "reset");
          listening.process.run("socket", () => {
            if (made.acceptor.isEnded) return;
            const now = this.#machines.get(to)?.listening;
            if (now?.process !== listening.process) return made.acceptor.terminate();
            made.acceptor.out.push("opened");
            made.acceptor.expectProof();
            now.accept(made.acceptor);
          });
        },
      };
      if (to === undefined && this.chance.hits(0.5)) return void refuse();
      if (signal.aborted) return finish(undefined, "the dial was aborted");
      signal.addEventListener("abort", abort);
      this.#dials.add(dial);
      this.events.after(this.travelMs(process.host, 0), dial.attempt);
    });
  }

  /** A cut that lasts: whoever waits for an acknowledgement may give the connection up. */
  #age(from: number, to: number): void {
    if (this.#healed || !this.#cuts.has(`${from}>${to}`)) return;
    for (const wire of [...this.wires]) {
      if (!wire.joins(from, to)) continue;
      const sender = wire.dialler.process.host === from ? wire.dialler : wire.acceptor;
      if (!sender.isEnded && sender.out.unacknowledged > 0) sender.giveUp();
    }
  }

  #retry(concerns: (from: number, to: number) => boolean): void {
    const { retryMs } = this.options;
    for (const wire of [...this.wires]) {
      const [x, y] = [wire.dialler.process.host, wire.acceptor.process.host];
      if (!concerns(x, y) && !concerns(y, x)) continue;
      this.events.after(this.chance.next() * retryMs, () => wire.pump());
    }
    for (const dial of [...this.#dials]) {
      if (!concerns(dial.from, dial.to) && !concerns(dial.to, dial.from)) continue;
      this.events.after(this.chance.next() * retryMs, dial.attempt);
    }
  }
}
