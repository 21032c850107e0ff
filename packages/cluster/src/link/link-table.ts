/**
 * Who is connected, and whether somebody else may be: the rules that keep one link per pair.
 *
 * The table holds at most one link per name and judges newcomers without touching anything. It
 * reads no clock and sends nothing. The rules, each of which has its test:
 *
 * - When both dial at once, the dial by the greater name survives. The node that dialled knows
 *   whom it is dialling once it was challenged, so exactly one of the two can be proven.
 * - A connected name that comes again is let in only if its link is silent: then the node has
 *   lost its side, or was restarted, and the new link replaces the old one. If the incumbent
 *   answers, the newcomer is turned away. Nobody can push a living node out, and a proof that
 *   was long on its way while another connection was made cannot either.
 * - A life older than one that was already seen is stale, until that one is gone for good: a node
 *   that was restarted with its clock set back must get in again.
 *
 * Source: Erlang distribution protocol, simultaneous connects and `creation`; Moleculer #629.
 */
import { ProtocolError, type RefusalReason } from "../errors.ts";
import type { Identity, Peer } from "./handshake.ts";

/** What the table needs to know of a link. */
export interface LinkEntry {
  readonly peer: Peer;
}

/** A dial of ours whose peer has been challenged, so that its name is known. */
export interface PendingDial {
  readonly peer: Peer;
  /** The other side's dial won; ours ends without a trace. */
  abandon(): void;
}

export type Admission<L extends LinkEntry> =
  | { readonly kind: "admit"; readonly replaces: L | undefined }
  /** Ask the incumbent for a sign of life; if it gives one, refuse for that reason. */
  | { readonly kind: "probe"; readonly incumbent: L; readonly ifAlive: RefusalReason }
  | { readonly kind: "refuse"; readonly reason: RefusalReason };

/** Names whose last incarnation is remembered after they are gone. */
const MAX_REMEMBERED = 4096;

export class LinkTable<L extends LinkEntry> {
  readonly #self: Identity;
  readonly #links = new Map<string, L>();
  readonly #dials = new Map<string, PendingDial>();
  readonly #incarnations = new Map<string, number>();
  readonly #mayReturn: (name: string, incarnation: number) => boolean;

  /**
   * `mayReturn` tells whether a life may come although a later one was seen: that one is over, as
   * far as anybody knows. Without it, a life is over once it is not connected.
   */
  constructor(self: Identity, mayReturn?: (name: string, incarnation: number) => boolean) {
    this.#self = self;
    this.#mayReturn = mayReturn ?? ((name) => !this.#links.has(name));
  }

  get(name: string): L | undefined {
    return this.#links.get(name);
  }

  values(): IterableIterator<L> {
    return this.#links.values();
  }

  names(): string[] {
    return [...this.#links.keys()];
  }

  /** Whether a node of that name was ever connected. */
  hasSeen(name: string): boolean {
    return this.#incarnations.has(name);
  }

  set(link: L): void {
    const { name, incarnation } = link.peer;
    if (this.#links.has(name)) throw new ProtocolError(`two links to ${name}`);
    this.#links.set(name, link);
    this.#incarnations.delete(name);
    this.#incarnations.set(name, incarnation);
    const oldest = this.#incarnations.keys().next().value;
    if (this.#incarnations.size > MAX_REMEMBERED && oldest !== undefined) {
      this.#incarnations.delete(oldest);
    }
  }

  /** Removes the link if it is still the one for its name. */
  remove(link: L): boolean {
    if (this.#links.get(link.peer.name) !== link) return false;
    return this.#links.delete(link.peer.name);
  }

  /**
   * Judges a peer that has proven itself to us, who were dialled. `silent` is an incumbent that
   * was probed and did not answer.
   */
  judgeAccepted(peer: Peer, silent: L | undefined): Admission<L> {
    const admission = this.#judge(peer, silent);
    if (admission.kind !== "admit") return admission;
    const dial = this.#dials.get(peer.name);
    if (dial === undefined || !isSameLife(dial.peer, peer)) return admission;
    if (this.#self.name > peer.name) return { kind: "refuse", reason: "simultaneous" };
    dial.abandon();
    return admission;
  }

  /**
   * Judges who answers our dial, before we prove ourselves. It is only a claim yet, so nothing
   * comes of it but going on or hanging up.
   */
  judgeDialled(peer: Peer, silent: L | undefined): Admission<L> {
    // First, because it is the one reason that is told to whoever claims to be us.
    if (peer.boot === this.#self.boot) return { kind: "refuse", reason: "self" };
    const incumbent = this.#links.get(peer.name);
    if (incumbent !== undefined && isSameLife(incumbent.peer, peer)) {
      return { kind: "refuse", reason: "already_connected" };
    }
    if (this.#dials.has(peer.name)) return { kind: "refuse", reason: "simultaneous" };
    return this.#judge(peer, silent);
  }

  /** Judges once more when our dial was answered with a proof; there is no waiting any more. */
  judgeWelcomed(peer: Peer, silent: L | undefined): Admission<L> {
    return this.#judge(peer, silent);
  }

  /** From here until `dialEnded` the other side's dial is judged against ours. */
  dialChallenged(dial: PendingDial): void {
    this.#dials.set(dial.peer.name, dial);
  }

  dialEnded(dial: PendingDial): void {
    if (this.#dials.get(dial.peer.name) === dial) this.#dials.delete(dial.peer.name);
  }

  #judge(peer: Peer, silent: L | undefined): Admission<L> {
    if (peer.boot === this.#self.boot) return { kind: "refuse", reason: "self" };
    if (peer.name === this.#self.name) return { kind: "refuse", reason: "duplicate" };
    const newest = this.#incarnations.get(peer.name) ?? 0;
    if (peer.incarnation < newest && !this.#mayReturn(peer.name, peer.incarnation)) {
      return { kind: "refuse", reason: "stale_incarnation" };
    }
    const incumbent = this.#links.get(peer.name);
    // Refs tell lives apart by the incarnation alone, so that two of the same cannot both be.
    if (incumbent && peer.incarnation === newest && !isSameLife(incumbent.peer, peer)) {
      return { kind: "refuse", reason: "duplicate" };
    }
    if (incumbent === undefined || incumbent === silent) {
      return { kind: "admit", replaces: incumbent };
    }
    if (isSameLife(incumbent.peer, peer)) {
      return { kind: "probe", incumbent, ifAlive: "already_connected" };
    }
    return { kind: "probe", incumbent, ifAlive: "duplicate" };
  }
}

function isSameLife(a: Identity, b: Identity): boolean {
  return a.incarnation === b.incarnation && a.boot === b.boot;
}
