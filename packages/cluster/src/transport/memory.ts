/**
 * A network in memory, for tests: nodes of one process that reach each other as if by sockets.
 *
 * Every message is copied, so that nothing but bytes crosses. Between two names the network can
 * be cut, which holds back what is sent, as a lost route does, until it is healed; and severed,
 * which closes the sockets, as a crash does. With a latency, messages take time on the given
 * clock, but never overtake each other.
 */
import type { Clock, EventLoop, Random } from "@troupe/actor";
import { durationOption, nodeEventLoop } from "@troupe/actor/runtime";
import { ConnectionLostError, ListenError } from "../errors.ts";
import type { Listener, Socket, SocketListener, Transport } from "./transport.ts";

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How sockets ask to be called again. @default the event loop of Node.js */
  readonly loop?: EventLoop;
  /** How long a message takes, in milliseconds, drawn anew for each. @default 0 to 0 */
  readonly latencyMs?: { readonly min: number; readonly max: number };
}

/** How long an accepted socket may remain unproven, and a close unanswered. */
const UNPROVEN_MS = 5000;
const CLOSE_TIMEOUT_MS = 2000;

/** What an unproven socket may send. */
const MAX_UNPROVEN_BYTES = 8 * 1024;

/** Makes a network without nodes. */
export function memoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  return new MemoryNetwork(options);
}

/**
 * A network that tests can break.
 *
 * @example
 * ```ts
 * const network = memoryNetwork({ clock, random });
 * const a = await createNode({ name: "a", transport: network.transport("a"), clock, random });
 * network.cut("a", "b"); // silence: nobody is told
 * network.heal("a", "b"); // what was held back arrives
 * network.sever("a", "b"); // every socket between them closes
 * ```
 */
export class MemoryNetwork {
  readonly options: MemoryNetworkOptions;
  readonly loop: EventLoop;
  readonly #listening = new Map<string, (socket: Socket) => void>();
  readonly #cuts = new Set<string>();
  readonly #wires = new Set<Wire>();
  readonly #dials = new Set<{ readonly pair: string; readonly retry: () => void }>();

  constructor(options: MemoryNetworkOptions) {
    this.options = options;
    this.loop = options.loop ?? nodeEventLoop;
    durationOption("latencyMs.min", options.latencyMs?.min ?? 0);
    durationOption("latencyMs.max", options.latencyMs?.max ?? 0);
  }

  /** The transport of the node with that name. Its address is `memory://name`. */
  transport(name: string): Transport {
    return {
      defer: (flush) => this.loop.soon(flush),
      later: (flush) => this.loop.later(flush),
      dial: (url, signal) => this.#dial(name, url, signal),
      listen: async ({ host, port }, accept) => this.#listen(name, host, port, accept),
    };
  }

  /** Holds back everything between two names, in both directions. */
  cut(a: string, b: string): void {
    this.#cuts.add(pairOf(a, b));
  }

  /** Ends a cut; what was held back arrives, in order. */
  heal(a: string, b: string): void {
    const pair = pairOf(a, b);
    this.#cuts.delete(pair);
    for (const wire of [...this.#wires]) if (wire.pair === pair) wire.pump();
    for (const dial of [...this.#dials]) if (dial.pair === pair) dial.retry();
  }

  /** Closes every socket between two names; what was on its way is lost. */
  sever(a: string, b: string): void {
    const pair = pairOf(a, b);
    for (const wire of [...this.#wires]) if (wire.pair === pair) wire.break();
  }

  /** Bytes on their way between two names, in both directions. */
  heldBytes(a: string, b: string): number {
    const pair = pairOf(a, b);
    let held = 0;
    for (const wire of this.#wires) {
      if (wire.pair === pair) held += wire.dialler.bufferedBytes + wire.acceptor.bufferedBytes;
    }
    return held;
  }

  isCut(pair: string): boolean {
    return this.#cuts.has(pair);
  }

  forget(wire: Wire): void {
    this.#wires.delete(wire);
  }

  #listen(name: string, host: string, port: number, accept: (socket: Socket) => void): Listener {
    if (this.#listening.has(name)) throw new ListenError(host, port, "the port is in use");
    this.#listening.set(name, accept);
    return {
      url: memoryUrl(name),
      close: async () => {
        if (this.#listening.get(name) === accept) this.#listening.delete(name);
      },
    };
  }

  #dial(from: string, url: string, signal: AbortSignal): Promise<Socket> {
    const to = url.startsWith("memory://") ? decodeURIComponent(url.slice(9)) : url;
    return new Promise((resolve, reject) => {
      const abort = () => attempt();
      const attempt = () => {
        this.#dials.delete(waiting);
        const accept = this.#listening.get(to);
        if (!signal.aborted && this.isCut(waiting.pair)) {
          this.#dials.add(waiting);
          return;
        }
        signal.removeEventListener("abort", abort);
        if (signal.aborted || accept === undefined) {
          const why = signal.aborted ? "the dial was aborted" : "nobody listens there";
          reject(new ConnectionLostError(url, "not_run", why));
          return;
        }
        const wire = new Wire(this, waiting.pair);
        this.#wires.add(wire);
        resolve(wire.dialler);
        accept(wire.acceptor);
      };
      const waiting = { pair: pairOf(from, to), retry: attempt };
      this.loop.soon(() => {
        signal.addEventListener("abort", abort);
        attempt();
      });
    });
  }
}

/** Two sockets and what is on its way between them. */
class Wire {
  readonly pair: string;
  readonly dialler: MemorySocket;
  readonly acceptor: MemorySocket;
  readonly #network: MemoryNetwork;

  constructor(network: MemoryNetwork, pair: string) {
    this.#network = network;
    this.pair = pair;
    this.dialler = new MemorySocket(this, network, false);
    this.acceptor = new MemorySocket(this, network, true);
    this.dialler.peer = this.acceptor;
    this.acceptor.peer = this.dialler;
  }

  get isCut(): boolean {
    return this.#network.isCut(this.pair);
  }

  pump(): void {
    this.dialler.pump();
    this.acceptor.pump();
  }

  break(): void {
    this.dialler.end();
    this.acceptor.end();
  }

  ended(): void {
    if (this.dialler.isEnded && this.acceptor.isEnded) this.#network.forget(this);
  }
}

/** What is on its way: a message, or the end of the stream. */
type Parcel = Message | "end";

interface Message {
  readonly bytes: Uint8Array;
  readonly sent: (() => void) | undefined;
}

class MemorySocket implements Socket {
  peer: MemorySocket | undefined;
  readonly #wire: Wire;
  readonly #options: MemoryNetworkOptions;
  readonly #loop: EventLoop;
  readonly #sent: Parcel[] = [];
  #bufferedBytes = 0;
  #listener: SocketListener | undefined;
  #unproven: { deadline: unknown; bytes: number } | undefined;
  #arrivesAt = 0;
  #closing = false;
  #reset = false;
  #ended = false;

  constructor(wire: Wire, { options, loop }: MemoryNetwork, unproven: boolean) {
    this.#wire = wire;
    this.#options = options;
    this.#loop = loop;
    if (!unproven) return;
    const deadline = options.clock.setTimer(UNPROVEN_MS, () => this.terminate());
    this.#unproven = { deadline, bytes: 0 };
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  open(listener: SocketListener): void {
    this.#listener = listener;
    if (this.#ended) this.#loop.soon(() => listener.closed());
    else this.peer?.pump();
  }

  send(message: Uint8Array, sent?: () => void): void {
    if (this.#closing || this.#ended) return;
    this.#bufferedBytes += message.length;
    this.#post({ bytes: Uint8Array.from(message), sent });
  }

  admit(): void {
    this.#endProbation();
  }

  close(): void {
    if (this.#closing || this.#ended) return;
    this.#closing = true;
    this.#post("end");
    this.#options.clock.setTimer(CLOSE_TIMEOUT_MS, () => this.terminate());
  }

  terminate(): void {
    if (this.#ended) return;
    // After a reset nothing arrives that was sent before it, not even what is on its way.
    this.#sent.length = 0;
    this.#reset = true;
    this.#post("end");
    this.end();
  }

  /** Hands what has arrived to the other side, unless the way is cut or nobody is there yet. */
  pump(): void {
    while (this.#sent.length > 0 && !this.#wire.isCut && this.peer?.receives() === true) {
      const parcel = this.#sent.shift();
      if (parcel === undefined) return;
      if (parcel !== "end") this.#bufferedBytes -= parcel.bytes.length;
      this.peer.deliver(parcel);
      if (parcel !== "end" && !this.#ended) parcel.sent?.();
    }
  }

  receives(): boolean {
    return this.#listener !== undefined || this.#ended;
  }

  deliver(parcel: Parcel): void {
    if (this.#ended) return;
    if (parcel === "end") {
      // The other side has closed: it is told that we are gone too.
      this.#post("end");
      this.end();
      return;
    }
    const { bytes } = parcel;
    if (this.#unproven !== undefined) {
      this.#unproven.bytes += bytes.length;
      if (this.#unproven.bytes > MAX_UNPROVEN_BYTES) {
        this.terminate();
        return;
      }
    }
    this.#listener?.message(bytes);
  }

  /** The end of this side; its owner is told once, and not from within its own call. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#bufferedBytes = 0;
    this.#endProbation();
    this.#loop.soon(() => this.#listener?.closed());
    this.#wire.ended();
  }

  #endProbation(): void {
    if (this.#unproven === undefined) return;
    this.#options.clock.clearTimer(this.#unproven.deadline as never);
    this.#unproven = undefined;
  }

  #post(parcel: Parcel): void {
    const { clock, random, latencyMs } = this.#options;
    const { min, max } = latencyMs ?? { min: 0, max: 0 };
    if (max === 0) {
      this.#sent.push(parcel);
      this.#loop.soon(() => this.pump());
      return;
    }
    const now = clock.monotonic();
    this.#arrivesAt = Math.max(this.#arrivesAt, now + min + random() * (max - min));
    clock.setTimer(this.#arrivesAt - now, () => {
      if (this.#reset && parcel !== "end") return;
      this.#sent.push(parcel);
      this.pump();
    });
  }
}

/** The address under which a node of the memory network listens. */
export function memoryUrl(name: string): string {
  return `memory://${encodeURIComponent(name)}`;
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a}\n${b}` : `${b}\n${a}`;
}
