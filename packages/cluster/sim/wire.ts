/**
 * One connection of the simulated network: two ends and a pipe in each direction, with what TCP
 * gives and no more. Order within a pipe; bytes that wait while the way is cut, the machine is off
 * or the process does not read; resets that get lost; ends that do not know of each other's end.
 */
import type { TimerHandle } from "@troupe/actor";
import type { Socket, SocketListener } from "@troupe/cluster";
import type { SimNetwork } from "./network.ts";
import type { SimProcess } from "./sim-process.ts";

/** What travels: a message, the answer to a dial, the end of the stream, or a reset. */
type Parcel = Uint8Array | "opened" | "end" | "reset";

/** How long an accepted socket may remain unproven, and a close unanswered. */
const UNPROVEN_MS = 5000;
const CLOSE_TIMEOUT_MS = 2000;

/** What an unproven socket may send. */
const MAX_UNPROVEN_BYTES = 8 * 1024;

/** Two ends. */
export class Wire {
  readonly dialler: End;
  readonly acceptor: End;

  constructor(network: SimNetwork, dialler: SimProcess, acceptor: SimProcess, id: number) {
    this.dialler = new End(network, this, dialler, `w${id}>`);
    this.acceptor = new End(network, this, acceptor, `w${id}<`);
    this.dialler.connect(this.acceptor);
    this.acceptor.connect(this.dialler);
  }

  get isOver(): boolean {
    return this.dialler.isEnded && this.acceptor.isEnded;
  }

  joins(a: number, b: number): boolean {
    const { dialler, acceptor } = this;
    const [x, y] = [dialler.process.host, acceptor.process.host];
    return (x === a && y === b) || (x === b && y === a);
  }

  pump(): void {
    this.dialler.out.pump();
    this.acceptor.out.pump();
  }
}

/** One direction. */
class Pipe {
  readonly #network: SimNetwork;
  readonly #from: End;
  readonly #to: End;
  #queue: { readonly at: number; readonly parcel: Parcel }[] = [];
  #lastAt = 0;
  #bytes = 0;
  #pushedBytes = 0;
  #readBytes = 0;
  /** Who waits to hear that a message has left the process. */
  readonly #unsent: { readonly upTo: number; readonly sent: () => void }[] = [];

  constructor(network: SimNetwork, from: End, to: End) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
  }

  /** Bytes that were sent and not yet read, as far as the sender knows. */
  get unacknowledged(): number {
    return this.#bytes;
  }

  push(parcel: Parcel, sent?: () => void): void {
    const { events } = this.#network;
    const size = parcel instanceof Uint8Array ? parcel.length : 0;
    const ms = this.#network.travelMs(this.#to.process.host, size);
    this.#lastAt = Math.max(this.#lastAt, events.now + ms);
    this.#bytes += size;
    this.#pushedBytes += size;
    if (sent !== undefined) this.#unsent.push({ upTo: this.#pushedBytes, sent });
    this.#passOn();
    this.#queue.push({ at: this.#lastAt, parcel });
    events.at(this.#lastAt, () => this.pump());
  }

  /** Delivers what has arrived, if there is a way. */
  pump(): void {
    const { events } = this.#network;
    for (;;) {
      const first = this.#queue[0];
      if (first === undefined || first.at > events.now) return;
      if (!this.#network.isOpen(this.#from.process.host, this.#to.process.host)) {
        // Nobody sends again what a dead socket has sent, and nobody repeats a reset.
        if (this.#from.isEnded) this.drop(0);
        return;
      }
      this.#queue.shift();
      this.#to.arrive(first.parcel);
      if (this.#network.isCoalescing) continue;
      if (this.#queue.length > 0) events.after(0, () => this.pump());
      return;
    }
  }

  /** The receiver has read: unless the acknowledgement cannot come back, there is room again. */
  read(bytes: number): void {
    this.#bytes -= bytes;
    this.#readBytes += bytes;
    this.#passOn();
  }

  /** Tells the sender of what its machine has taken over. */
  #passOn(): void {
    const takenBytes = this.#readBytes + this.#network.options.kernelBytes;
    for (;;) {
      const first = this.#unsent[0];
      if (first === undefined || first.upTo > takenBytes) return;
      this.#unsent.shift();
      this.#from.process.post("socket", 0, () => {
        if (!this.#from.isEnded) first.sent();
      });
    }
  }

  /** The receiver is quick again: what waited for it arrives at once. */
  hurry(): void {
    const { events } = this.#network;
    this.#queue = this.#queue.map(({ at, parcel }) => ({ at: Math.min(at, events.now), parcel }));
    this.#lastAt = Math.min(this.#lastAt, events.now);
    events.after(0, () => this.pump());
  }

  /** What is on its way is lost, but for the first few. */
  drop(kept: number): void {
    this.#network.lost(
      this.#from,
      this.#to,
      this.#queue.slice(kept).map(({ parcel }) => parcel),
    );
    this.#queue = this.#queue.slice(0, kept);
  }

  /** A part of what is on its way still arrives; which, nobody can know. */
  dropSome(): void {
    this.drop(this.#network.chance.between(0, this.#queue.length));
  }
}

/** One end, which is what a node holds as its socket. */
export class End implements Socket {
  readonly process: SimProcess;
  readonly id: string;
  out!: Pipe;
  peer!: End;
  /** When something last arrived here, whether or not the process was awake to read it. */
  arrivedAt = 0;
  linkedAt = 0;
  /** Of the dialler: told once whether the connection is made. */
  onOpened: ((made: boolean) => void) | undefined;
  readonly #network: SimNetwork;
  readonly #wire: Wire;
  #listener: SocketListener | undefined;
  #unread: Uint8Array[] = [];
  #unproven: { readonly deadline: TimerHandle; bytes: number } | undefined;
  #cutOff: TimerHandle | undefined;
  #admitted = false;
  #closing = false;
  #ended = false;

  constructor(network: SimNetwork, wire: Wire, process: SimProcess, id: string) {
    this.#network = network;
    this.#wire = wire;
    this.process = process;
    this.id = id;
    this.arrivedAt = network.events.now;
  }

  connect(peer: End): void {
    this.peer = peer;
    this.out = new Pipe(this.#network, this, peer);
  }

  get bufferedBytes(): number {
    if (this.#ended) return 0;
    return Math.max(0, this.out.unacknowledged - this.#network.options.kernelBytes);
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Whether the process has taken it. */
  get isOpened(): boolean {
    return this.#listener !== undefined;
  }

  /** Whether it is a link: proven, and in use. */
  get isLink(): boolean {
    return this.#admitted && !this.#closing && !this.#ended;
  }

  get wasLink(): boolean {
    return this.#admitted;
  }

  toString(): string {
    const states = [
      this.isOpened ? "opened" : "fresh",
      this.#admitted && "linked",
      this.#closing && "closing",
      this.#ended && "ended",
    ];
    return `${this.id} (${states.filter(Boolean).join()})`;
  }

  /** An accepted socket is watched until its peer is proven. */
  expectProof(): void {
    const deadline = this.process.clock.setTimer(UNPROVEN_MS, () => this.terminate());
    this.#unproven = { deadline, bytes: 0 };
  }

  open(listener: SocketListener): void {
    this.#listener = listener;
    if (this.#ended) this.process.loop.soon(() => listener.closed());
    for (const message of this.#unread.splice(0)) {
      if (!this.#ended) this.#take(message);
    }
  }

  send(message: Uint8Array, sent?: () => void): void {
    if (this.#closing || this.#ended) return;
    this.out.push(Uint8Array.from(message), sent);
    this.#network.observer.sent(this);
  }

  admit(): void {
    this.#endProbation();
    this.#admitted = true;
    this.linkedAt = this.#network.events.now;
    this.#network.linked(this);
  }

  /** Nobody has taken the socket: its dial was given up on. */
  abandon(): void {
    if (this.#listener === undefined) this.terminate();
  }

  close(): void {
    if (this.#closing || this.#ended) return;
    this.#closing = true;
    this.out.push("end");
    this.#cutOff = this.process.clock.setTimer(CLOSE_TIMEOUT_MS, () => this.terminate());
  }

  terminate(): void {
    if (this.#ended) return;
    this.out.dropSome();
    this.out.push("reset");
    this.end();
  }

  /** The process is gone; its machine says so to the other end, or is gone itself. */
  vanish(machineToo: boolean): void {
    if (this.#ended) return;
    this.out.dropSome();
    if (!machineToo) this.out.push("reset");
    this.end();
  }

  /** The machine gives the connection up, and tells its own process alone. */
  giveUp(): void {
    this.out.dropSome();
    this.process.run("socket", () => this.end());
  }

  /** Something has come to the machine; the process reads it when it can. */
  arrive(parcel: Parcel): void {
    this.arrivedAt = this.#network.events.now;
    if (this.process.alive) this.process.run("socket", () => this.#receive(parcel));
    else this.#receive(parcel);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unread = [];
    this.#endProbation();
    if (this.#cutOff !== undefined) this.process.clock.clearTimer(this.#cutOff);
    if (this.#wire.isOver) this.#network.wires.delete(this.#wire);
    this.onOpened?.(false);
    this.process.loop.soon(() => {
      if (this.process.alive) this.#listener?.closed();
    });
  }

  #receive(parcel: Parcel): void {
    if (parcel instanceof Uint8Array) {
      this.peer.out.read(parcel.length);
      // A machine answers what belongs to no socket with a reset.
      if (this.#ended) this.out.push("reset");
      else if (this.#listener === undefined) this.#unread.push(parcel);
      else this.#take(parcel);
    } else if (this.#ended) {
      if (parcel === "opened") this.out.push("reset");
    } else if (parcel === "opened") {
      this.onOpened?.(true);
    } else {
      if (parcel === "end" && !this.#closing) this.out.push("end");
      this.end();
    }
  }

  #take(message: Uint8Array): void {
    if (this.#unproven !== undefined) {
      this.#unproven.bytes += message.length;
      if (this.#unproven.bytes > MAX_UNPROVEN_BYTES) this.terminate();
    }
    if (this.#ended) return;
    this.#network.observer.delivered(this, message);
    this.#listener?.message(message);
  }

  #endProbation(): void {
    if (this.#unproven === undefined) return;
    this.process.clock.clearTimer(this.#unproven.deadline);
    this.#unproven = undefined;
  }
}
