/**
 * What ties the processes of this node to those of one other, over one link between them: who
 * watches whom, in both directions, and which remote processes have links.
 *
 * Nothing here survives the link. When it is lost every monitor fires and every tie breaks with
 * `noconnection`, once, and the other side does the same by itself. The frames have room of their
 * own, so that none is ever dropped while the link lives; a peer that leaves no room is cut off.
 * Source: OTP reference manual, "Processes"; Erlang distribution protocol, links.
 */
import type { AnyRef, ExitReason } from "@troupe/actor";
import type { Peer } from "@troupe/actor/runtime";
import type { Codec } from "../codec/codec.ts";
import { ProtocolError } from "../errors.ts";
import type { Frame } from "../link/frame.ts";
import type { Link } from "../link/link.ts";
import { decodeReason, decodeSignal, encodeReason } from "./exit-reasons.ts";
import type { Target } from "./messages.ts";
import {
  demonitorFrame,
  downFrame,
  type Ends,
  type ExitMessage,
  exitFrame,
  linkFrame,
  monitorFrame,
  readDemonitor,
  readDown,
  readExit,
  readLink,
  readMonitor,
  readUnlink,
  unlinkFrame,
} from "./relation-frames.ts";
import { RemoteProcess, type RemoteSide } from "./remote-process.ts";

/** What relations need of this node. */
export interface RelationHost {
  readonly codec: Codec;
  /** Monitors, and links, that one link between nodes may carry in each direction. */
  readonly maxRelations: number;
  /** The running process that a message is for; undefined for none. */
  find(target: Target): Peer | undefined;
  /** The ref to a process there. */
  refTo(link: Link, id: number, actor: string): AnyRef;
}

/** How many monitors there are from here, and from there, and how many pairs are linked. */
export interface Ties {
  readonly watching: number;
  readonly watched: number;
  readonly links: number;
}

export class LinkRelations implements RemoteSide {
  isOpen = true;
  readonly #link: Link;
  readonly #host: RelationHost;
  /** Those there that have links to processes here. */
  readonly #processes = new Map<number, RemoteProcess>();
  /** Monitors from here: what to call. */
  readonly #watching = new Map<number, (reason: ExitReason) => void>();
  /** Monitors from there: how to take them back. */
  readonly #watched = new Map<number, () => void>();
  /** How many pairs are linked. */
  #links = 0;
  #lastNumber = 0;

  constructor(link: Link, host: RelationHost) {
    this.#link = link;
    this.#host = host;
  }

  get ties(): Ties {
    const { size: watching } = this.#watching;
    return { watching, watched: this.#watched.size, links: this.#links };
  }

  /** What stands for a process there. */
  process(ref: AnyRef): RemoteProcess {
    return this.#processes.get(ref.address.id) ?? new RemoteProcess(ref, this);
  }

  watch(ref: AnyRef, listener: (reason: ExitReason) => void, watcher?: AnyRef): () => void {
    const refusal = this.isOpen ? this.#fullFor(this.#watching.size) : "noconnection";
    if (refusal !== undefined) {
      listener(refusal);
      return () => {};
    }
    const target = ref.address;
    const number = this.number();
    this.#watching.set(number, listener);
    this.#send(monitorFrame({ number, watcher: watcher?.address.id ?? 0, target }));
    return () => {
      if (this.#watching.delete(number)) this.#send(demonitorFrame(number, target));
    };
  }

  refusal(): ExitReason | undefined {
    return this.isOpen ? this.#fullFor(this.#links) : "noconnection";
  }

  number(): number {
    do {
      this.#lastNumber = this.#lastNumber === MAX_NUMBER ? 1 : this.#lastNumber + 1;
    } while (this.#watching.has(this.#lastNumber));
    return this.#lastNumber;
  }

  keep(process: RemoteProcess): void {
    this.#links += 1;
    this.#processes.set(process.id, process);
  }

  drop(process: RemoteProcess): void {
    this.#links -= 1;
    if (process.size === 0) this.#processes.delete(process.id);
  }

  sendLink(to: number, from: AnyRef, number: number): void {
    this.#send(linkFrame({ ...this.#ends(to, from), actor: from.address.actor, number }));
  }

  sendUnlink(to: number, from: AnyRef, number: number, numberThere: number): void {
    this.#send(unlinkFrame({ ...this.#ends(to, from), number, numberThere }));
  }

  sendLinkEnd(to: number, from: AnyRef, reason: ExitReason): void {
    const { actor } = from.address;
    this.#sendExit({ ...this.#ends(to, from), actor, isLinkEnd: true, number: 0 }, reason);
  }

  sendSignal(to: number, from: AnyRef | undefined, reason: ExitReason | "kill"): void {
    const actor = from?.address.actor ?? "";
    this.#sendExit({ ...this.#ends(to, from), actor, isLinkEnd: false, number: 0 }, reason);
  }

  onMonitor(frame: Frame): void {
    const { number, watcher, target } = readMonitor(frame);
    if (this.#watched.has(number)) throw new ProtocolError(`MONITOR: a second number ${number}`);
    const process = this.#host.find(target);
    const refusal = process === undefined ? "noproc" : this.#fullFor(this.#watched.size);
    if (process === undefined || refusal !== undefined) {
      this.#sendDown(number, watcher, refusal ?? "noproc");
      return;
    }
    const unwatch = process.watch((reason) => {
      this.#watched.delete(number);
      this.#sendDown(number, watcher, reason);
    });
    this.#watched.set(number, unwatch);
  }

  onDemonitor(frame: Frame): void {
    const number = readDemonitor(frame);
    this.#watched.get(number)?.();
    this.#watched.delete(number);
  }

  onDown(frame: Frame): void {
    const { number, reason } = readDown(frame);
    const listener = this.#watching.get(number);
    // Taken back while the news was on its way.
    if (listener === undefined) return;
    this.#watching.delete(number);
    listener(decodeReason(this.#host.codec, reason));
  }

  onLink(frame: Frame): void {
    const { incarnation, process, from, actor, number } = readLink(frame);
    const peer = this.#host.find({ incarnation, id: process });
    const remote = this.#process(from, actor);
    const isNew = peer !== undefined && !remote.isLinkedTo(peer);
    const refusal = isNew ? this.#fullFor(this.#links) : undefined;
    if (peer !== undefined && refusal === undefined) remote.acceptLink(peer, number);
    else {
      const ends = { incarnation: this.#link.peer.incarnation, process: from, from: process };
      const exit = { ...ends, actor: "", isLinkEnd: true, number };
      this.#sendExit(exit, refusal ?? "noproc");
    }
  }

  onUnlink(frame: Frame): void {
    const { incarnation, process, from, number, numberThere } = readUnlink(frame);
    const peer = this.#host.find({ incarnation, id: process });
    if (peer !== undefined) this.#processes.get(from)?.acceptUnlink(peer, numberThere, number);
  }

  onExit(frame: Frame): void {
    const { incarnation, process, from, actor, isLinkEnd, number, reason } = readExit(frame);
    const peer = this.#host.find({ incarnation, id: process });
    if (peer === undefined) return;
    const { codec } = this.#host;
    if (isLinkEnd) {
      this.#processes.get(from)?.acceptLinkEnd(peer, number, decodeReason(codec, reason));
    } else {
      const sender = from === 0 ? undefined : this.#process(from, actor);
      peer.signal(sender, decodeSignal(codec, reason));
    }
  }

  /**
   * The link is gone. `quietly`: this node stops, and its processes are stopped in order, so a
   * link to another node is not what ends them.
   */
  lose(quietly: boolean): void {
    this.isOpen = false;
    for (const unwatch of this.#watched.values()) unwatch();
    this.#watched.clear();
    for (const [number, listener] of this.#watching) {
      this.#watching.delete(number);
      listener("noconnection");
    }
    for (const process of [...this.#processes.values()]) {
      if (quietly) process.release();
      else process.lose();
    }
    this.#processes.clear();
  }

  #process(id: number, actor: string): RemoteProcess {
    const known = this.#processes.get(id);
    return known ?? new RemoteProcess(this.#host.refTo(this.#link, id, actor), this);
  }

  #ends(to: number, from: AnyRef | undefined): Ends {
    const { incarnation } = this.#link.peer;
    return { incarnation, process: to, from: from?.address.id ?? 0 };
  }

  #sendDown(number: number, watcher: number, reason: ExitReason): void {
    this.#send(downFrame({ number, reason: encodeReason(this.#host.codec, reason) }, watcher));
  }

  #sendExit(exit: Omit<ExitMessage, "reason">, reason: ExitReason | "kill"): void {
    this.#send(exitFrame({ ...exit, reason: encodeReason(this.#host.codec, reason) }));
  }

  #send(frame: Uint8Array): void {
    if (this.isOpen) this.#link.connection.sendControl(frame);
  }

  /** The reason that stands for a limit; undefined below it. */
  #fullFor(count: number): ExitReason | undefined {
    const { maxRelations } = this.#host;
    if (count < maxRelations) return undefined;
    const message = `the link to ${this.#link.name} carries ${maxRelations} of them already`;
    return { error: { name: "OverloadedError", code: "ERR_OVERLOADED", message } };
  }
}

const MAX_NUMBER = 0xffff_ffff;
