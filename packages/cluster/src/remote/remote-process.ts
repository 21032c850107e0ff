/**
 * What stands for a process of another node while processes of this one are linked to it.
 *
 * To the kernel it is a process like any other: it has links, receives exit signals and ends. What
 * it receives goes out as frames, and what comes in as frames it does to the processes here.
 *
 * Both ends may link and unlink at the same time, so a link has numbers: each end numbers what it
 * makes, and takes back only what it knows of. A link is there while one of its numbers is. So the
 * two sides always come to agree, without waiting for acknowledgements.
 */
import type { AnyRef, ExitReason } from "@troupe/actor";
import { type Linked, Links, type Peer } from "@troupe/actor/runtime";

/** The numbers of one link between a process here and one there; 0 for none. */
interface LinkNumbers {
  ours: number;
  theirs: number;
}

/** What a remote process needs of the node's link to its node. */
export interface RemoteSide {
  readonly isOpen: boolean;
  /** Why no more can be tied; undefined while there is room. */
  refusal(): ExitReason | undefined;
  /** A number for something new. */
  number(): number;
  /** The process has one link more, or one less. */
  keep(process: RemoteProcess): void;
  drop(process: RemoteProcess): void;
  watch(ref: AnyRef, listener: (reason: ExitReason) => void, watcher?: AnyRef): () => void;
  sendLink(to: number, from: AnyRef, number: number): void;
  sendUnlink(to: number, from: AnyRef, ours: number, theirs: number): void;
  sendLinkEnd(to: number, from: AnyRef, reason: ExitReason): void;
  sendSignal(to: number, from: AnyRef | undefined, reason: ExitReason | "kill"): void;
}

/** A process of another node, in one life of the connection to it. */
export class RemoteProcess implements Peer {
  readonly ref: AnyRef;
  readonly identity: string;
  /** What it is if the connection is lost. */
  readonly absence = "noconnection";
  readonly #side: RemoteSide;
  readonly #links: Links;
  readonly #numbers = new Map<Linked, LinkNumbers>();

  constructor(ref: AnyRef, side: RemoteSide) {
    this.ref = ref;
    this.identity = identityOf(ref);
    this.#side = side;
    this.#links = new Links(this);
  }

  get id(): number {
    return this.ref.address.id;
  }

  get isDead(): boolean {
    return !this.#side.isOpen;
  }

  links(): Links {
    return this.#links;
  }

  /** How many processes here are linked to it. */
  get size(): number {
    return this.#numbers.size;
  }

  watch(listener: (reason: ExitReason) => void, watcher?: AnyRef): () => void {
    return this.#side.watch(this.ref, listener, watcher);
  }

  /** A process here has linked itself to this one. */
  linkedBy(peer: Linked): void {
    if (this.#numbers.has(peer)) return;
    const refusal = this.#side.refusal();
    if (refusal !== undefined) {
      this.#links.breakOne(peer, refusal);
      return;
    }
    const ours = this.#side.number();
    this.#add(peer, { ours, theirs: 0 });
    this.#side.sendLink(this.id, peer.ref, ours);
  }

  unlinkedBy(peer: Linked): void {
    const numbers = this.#numbers.get(peer);
    if (numbers === undefined) return;
    this.#remove(peer);
    this.#side.sendUnlink(this.id, peer.ref, numbers.ours, numbers.theirs);
  }

  /** A process here that was linked to this one is over. */
  receiveExit(from: Linked | undefined, reason: ExitReason): void {
    if (from === undefined || !this.#numbers.has(from)) return;
    this.#remove(from);
    this.#side.sendLinkEnd(this.id, from.ref, reason);
  }

  signal(from: Linked | undefined, reason: ExitReason | "kill"): void {
    if (this.#side.isOpen) this.#side.sendSignal(this.id, from?.ref, reason);
  }

  /** This process has linked itself to one here. */
  acceptLink(peer: Peer, theirs: number): void {
    const numbers = this.#numbers.get(peer);
    if (numbers !== undefined) {
      numbers.theirs = theirs;
      return;
    }
    this.#add(peer, { ours: 0, theirs });
    this.#links.link(peer);
  }

  /** Whether a process here is linked to it. */
  isLinkedTo(peer: Linked): boolean {
    return this.#numbers.has(peer);
  }

  /** This process has taken back what it knew of its link to one here. */
  acceptUnlink(peer: Linked, ours: number, theirs: number): void {
    const numbers = this.#numbers.get(peer);
    if (numbers === undefined) return;
    if (numbers.ours === ours) numbers.ours = 0;
    if (numbers.theirs === theirs) numbers.theirs = 0;
    if (numbers.ours !== 0 || numbers.theirs !== 0) return;
    this.#remove(peer);
    this.#links.unlink(peer);
  }

  /** A link to one here is over: with this process, or because its number was refused there. */
  acceptLinkEnd(peer: Linked, refused: number, reason: ExitReason): void {
    const numbers = this.#numbers.get(peer);
    if (numbers === undefined) return;
    if (refused !== 0) {
      if (numbers.ours !== refused) return;
      numbers.ours = 0;
      if (numbers.theirs !== 0) return;
    }
    this.#remove(peer);
    this.#links.breakOne(peer, reason);
  }

  /** The connection is lost, and every link with it. */
  lose(): void {
    this.#numbers.clear();
    this.#links.break("noconnection");
  }

  /** The same when this node stops: its processes are stopped in order, and are not killed here. */
  release(): void {
    this.#numbers.clear();
    for (const peer of [...this.#links.peers]) this.#links.unlink(peer);
  }

  #add(peer: Linked, numbers: LinkNumbers): void {
    this.#numbers.set(peer, numbers);
    this.#side.keep(this);
  }

  #remove(peer: Linked): void {
    this.#numbers.delete(peer);
    this.#side.drop(this);
  }
}

/** What stands for a process that cannot be reached, or is over. Whoever asks is told at once. */
export class AbsentProcess implements Peer {
  readonly ref: AnyRef;
  readonly identity: string;
  readonly isDead = true;
  readonly absence: ExitReason;
  readonly #links: Links;

  constructor(ref: AnyRef, absence: "noproc" | "noconnection") {
    this.ref = ref;
    this.identity = identityOf(ref);
    this.absence = absence;
    this.#links = new Links(this);
  }

  links(): Links {
    return this.#links;
  }

  watch(): () => void {
    return () => {};
  }

  /** OTP: `exit/2` to a process that is not there does nothing. */
  signal(): void {}

  receiveExit(): void {}
}

function identityOf({ address }: AnyRef): string {
  return `${address.node}/${address.incarnation}/${address.id}`;
}
