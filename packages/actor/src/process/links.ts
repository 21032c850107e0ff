/**
 * The links of one process: who is told when it ends, and which signals of others still wait.
 *
 * A link is held by both ends, at most once per pair. Taking it back also takes back the signal
 * that is already queued, so that after `unlink` nothing of the link is ever seen. What a signal
 * does to a process is not decided here.
 */
import type { ExitSignal } from "../ctx.ts";
import type { ExitReason } from "../exit-reason.ts";
import type { Operation } from "../program.ts";
import type { AnyRef } from "../ref.ts";
import type { Notice } from "./notice.ts";

/** One end of a link: a process. */
export interface Linked {
  readonly ref: AnyRef;
  readonly isDead: boolean;
  /** What a dead one signals to whoever links to it. @default "noproc" */
  readonly absence?: ExitReason | undefined;
  /** What it is recognised by where several objects stand for one process. @default itself */
  readonly identity?: unknown;
  /** Its own links. */
  links(): Links;
  /** Delivers an exit signal to it. */
  receiveExit(from: Linked | undefined, reason: ExitReason, links?: Links): void;
  /** Another process has linked itself to this one. For what stands for a process elsewhere. */
  linkedBy?(peer: Linked): void;
  /** Another process has taken its link to this one back. */
  unlinkedBy?(peer: Linked): void;
}

/** An exit signal that a process trapped: it waits in the mailbox. */
export class TrappedExit implements Notice {
  readonly operation: Operation | undefined;
  readonly arg: ExitSignal;
  readonly #from: Linked | undefined;
  readonly #links: Links | undefined;
  #unlinked = false;

  /** `links` are those of the receiver, for a signal that came through one of them. */
  constructor(
    operation: Operation | undefined,
    from: Linked | undefined,
    reason: ExitReason,
    links: Links | undefined,
  ) {
    this.operation = operation;
    this.arg = { ref: from?.ref, reason };
    this.#from = from;
    this.#links = links;
    if (from !== undefined) links?.keep(from, this);
  }

  take(): boolean {
    if (this.#from !== undefined) this.#links?.forget(this.#from, this);
    return !this.#unlinked;
  }

  /** The link was taken back before the signal had its turn. */
  cancel(): void {
    this.#unlinked = true;
  }
}

/** The links of one process. */
export class Links {
  readonly #owner: Linked;
  readonly #peers = new Set<Linked>();
  /** Signals of former peers that wait in the owner's mailbox. */
  readonly #trapped = new Map<unknown, TrappedExit>();

  constructor(owner: Linked) {
    this.#owner = owner;
  }

  /** The linked processes. */
  get peers(): Iterable<Linked> {
    return this.#peers;
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Links the owner with a peer. A dead one signals `"noproc"`; a link to itself is none. */
  link(peer: Linked): void {
    if (peer === this.#owner) return;
    if (peer.isDead) {
      // One signal is enough: a link is one per pair, also to the dead.
      if (this.#trapped.has(keyOf(peer))) return;
      this.#owner.receiveExit(peer, peer.absence ?? "noproc", this);
      return;
    }
    this.#peers.add(peer);
    peer.links().#peers.add(this.#owner);
    peer.linkedBy?.(this.#owner);
  }

  /** Takes a link back, with the signal that may already wait. */
  unlink(peer: Linked): void {
    if (this.#peers.delete(peer)) {
      peer.links().#peers.delete(this.#owner);
      peer.unlinkedBy?.(this.#owner);
    }
    const key = keyOf(peer);
    this.#trapped.get(key)?.cancel();
    this.#trapped.delete(key);
  }

  /** The owner is over: every peer gets the signal, and the links are gone. */
  break(reason: ExitReason): void {
    const peers = [...this.#peers];
    this.#trapped.clear();
    for (const peer of peers) this.breakOne(peer, reason);
  }

  /** One peer gets the signal, and the link to it is gone; nothing if there is none. */
  breakOne(peer: Linked, reason: ExitReason): void {
    if (!this.#peers.delete(peer)) return;
    const links = peer.links();
    links.#peers.delete(this.#owner);
    peer.receiveExit(this.#owner, reason, links);
  }

  /** Remembers a signal that waits for its turn. */
  keep(from: Linked, signal: TrappedExit): void {
    this.#trapped.set(keyOf(from), signal);
  }

  /** A signal has had its turn. */
  forget(from: Linked, signal: TrappedExit): void {
    const key = keyOf(from);
    if (this.#trapped.get(key) === signal) this.#trapped.delete(key);
  }
}

function keyOf(peer: Linked): unknown {
  return peer.identity ?? peer;
}
