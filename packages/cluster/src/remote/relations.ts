/**
 * Links, monitors and exit signals between this node and all others: what the kernel asks about
 * foreign refs, and the frames that carry the answers.
 *
 * A ref is judged by the life that its node is in now: one that is not connected, or is in an
 * earlier life, is `noconnection`; a process of a life that is over is `noproc`. Nothing here asks
 * another node before it answers, so a monitor is set, and a link made, at once.
 */
import { type AnyRef, OptionError, type ReplyTo } from "@troupe/actor";
import type { ForeignPort, Peer, ReplyPort, Watched } from "@troupe/actor/runtime";
import { type Frame, FrameKind } from "../link/frame.ts";
import type { Link } from "../link/link.ts";
import { LinkRelations, type RelationHost, type Ties } from "./link-relations.ts";
import type { LinkDirectory } from "./outbound.ts";
import { AbsentProcess } from "./remote-process.ts";
import { RemoteRef } from "./remote-ref.ts";

export interface RelationsPorts extends RelationHost {
  readonly self: string;
  readonly links: LinkDirectory;
  /** Where a reply goes that another node has deferred. */
  readonly reply: (to: ReplyTo<never>) => ReplyPort | undefined;
}

export class Relations implements ForeignPort {
  readonly #ports: RelationsPorts;
  readonly #byLink = new Map<Link, LinkRelations>();

  constructor(ports: RelationsPorts) {
    this.#ports = ports;
  }

  watched(ref: AnyRef): Watched | undefined {
    if (!(ref instanceof RemoteRef)) return undefined;
    const { node, name, actor } = ref.address;
    if (name === undefined) return this.#process(ref);
    if (node === this.#ports.self) {
      return this.#ports.find({ incarnation: 0, id: 0, name, actor }) ?? absent(ref, "noproc");
    }
    const link = this.#ports.links.get(node ?? "");
    if (link === undefined) return absent(ref, "noconnection");
    const relations = this.#of(link);
    return {
      ref,
      isDead: false,
      watch: (listener, watcher) => relations.watch(ref, listener, watcher),
    };
  }

  peer(ref: AnyRef): Peer | undefined {
    if (!(ref instanceof RemoteRef)) return undefined;
    if (ref.address.name === undefined) return this.#process(ref);
    // Who has the name there is not known here, and both ends of a link must know each other.
    throw new OptionError("target", "a ref to one process, as refOn finds it", String(ref));
  }

  reply(to: ReplyTo<never>): ReplyPort | undefined {
    return this.#ports.reply(to);
  }

  /** A frame of a proven link. Throws ProtocolError for one that is malformed. */
  onFrame(link: Link, frame: Frame): void {
    const relations = this.#of(link);
    switch (frame.kind) {
      case FrameKind.monitor:
        relations.onMonitor(frame);
        break;
      case FrameKind.demonitor:
        relations.onDemonitor(frame);
        break;
      case FrameKind.down:
        relations.onDown(frame);
        break;
      case FrameKind.link:
        relations.onLink(frame);
        break;
      case FrameKind.unlink:
        relations.onUnlink(frame);
        break;
      default:
        relations.onExit(frame);
    }
  }

  /** A link is gone, before anybody hears that its node is down. */
  lose(link: Link, quietly: boolean): void {
    const relations = this.#byLink.get(link);
    this.#byLink.delete(link);
    relations?.lose(quietly);
  }

  /** What ties processes of this node to those of each other one that is connected. */
  ties(): ReadonlyMap<string, Ties> {
    return new Map([...this.#byLink].map(([link, relations]) => [link.name, relations.ties]));
  }

  #process(ref: RemoteRef): Peer {
    const { node, incarnation } = ref.address;
    // A ref to a process of ours is a local one, unless that process is gone.
    if (node === undefined || node === this.#ports.self) return absent(ref, "noproc");
    const link = this.#ports.links.get(node);
    if (link === undefined || link.peer.incarnation < incarnation) {
      return absent(ref, "noconnection");
    }
    if (link.peer.incarnation > incarnation) return absent(ref, "noproc");
    return this.#of(link).process(ref);
  }

  #of(link: Link): LinkRelations {
    let relations = this.#byLink.get(link);
    if (relations === undefined) {
      relations = new LinkRelations(link, this.#ports);
      this.#byLink.set(link, relations);
    }
    return relations;
  }
}

function absent(ref: AnyRef, absence: "noproc" | "noconnection"): AbsentProcess {
  return new AbsentProcess(ref, absence);
}
