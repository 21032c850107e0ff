/**
 * The actors of other nodes, as this one reaches them, and those of this one, as others do: refs
 * that cross, calls out and in, names, links and monitors. Node hands on to it.
 *
 * Here the parts are put together; they know each other only through ports.
 */
import {
  type ActorError,
  type AnyActorDefinition,
  type AnyRef,
  type CallOptions,
  NoProcessError,
  OptionError,
  type RefAddress,
} from "@troupe/actor";
import type { ForeignPort, Peer, WireClasses } from "@troupe/actor/runtime";
import { Codec } from "../codec/codec.ts";
import { DecodeError } from "../errors.ts";
import type { Frame } from "../link/frame.ts";
import type { Link } from "../link/link.ts";
import { answerPort } from "./answers.ts";
import { Inbound, type InboundHost } from "./inbound.ts";
import type { Ties } from "./link-relations.ts";
import type { Target } from "./messages.ts";
import { distinctNodes } from "./multi-call.ts";
import { type LinkDirectory, Outbound, type StartRequest } from "./outbound.ts";
import { Relations } from "./relations.ts";
import { checkNameAddress, nameAddress, RemoteRef } from "./remote-ref.ts";

/** The system that this node is. */
export interface RemoteSystem
  extends Pick<InboundHost, "name" | "incarnation" | "deliver" | "takeReply"> {
  whereis(name: string): AnyRef | undefined;
  start(definition: AnyActorDefinition, arg: unknown, options: { name?: string }): Promise<AnyRef>;
  localRef(id: number): AnyRef | undefined;
  isLocalRef(value: unknown): value is AnyRef;
  peerAt(id: number): Peer | undefined;
}

export interface RemoteActorsPorts {
  readonly system: RemoteSystem;
  readonly links: LinkDirectory;
  readonly actors: ReadonlyMap<string, AnyActorDefinition>;
  readonly classes: WireClasses;
  readonly limits: { readonly maxMessageBytes: number; readonly maxRelations: number };
  /** This node is about to leave: it starts nothing for others any more. */
  readonly isLeaving: () => boolean;
  readonly channel: (from: string, channel: string, payload: Uint8Array) => void;
  /** A cast or an info, from here or for here, that was not delivered. */
  readonly undelivered: (
    ref: AnyRef | undefined,
    kind: "cast" | "info",
    operation: string,
    arg: unknown,
    why: ActorError,
  ) => void;
}

export class RemoteActors {
  /** How values of this node cross: refs become addresses and back. */
  readonly codec: Codec;
  readonly #system: RemoteSystem;
  readonly #links: LinkDirectory;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #relations: Relations;

  constructor(ports: RemoteActorsPorts) {
    const { system, links, actors, classes, limits, isLeaving, channel, undelivered } = ports;
    this.#system = system;
    this.#links = links;
    const codec = new Codec({
      maxBytes: limits.maxMessageBytes,
      classes,
      ref: {
        toAddress: (value) => this.#addressOf(value),
        fromAddress: (address) => this.refAt(address),
      },
    });
    this.codec = codec;
    const { name, incarnation } = system;
    this.#relations = new Relations({
      self: name,
      links,
      codec,
      maxRelations: limits.maxRelations,
      find: (target) => this.#find(target),
      refTo: ({ peer }, id, actor) => {
        const life = { node: peer.name, incarnation: peer.incarnation };
        return this.refAt({ kind: "process", ...life, id, actor });
      },
      reply: (to) => answerPort({ codec, links }, to),
    });
    this.#outbound = new Outbound({
      codec,
      links,
      self: { name, incarnation },
      here: (address) => this.#named(address.name ?? "", address.actor),
      undelivered,
    });
    this.#inbound = new Inbound({
      codec,
      actors,
      isLeaving,
      host: {
        name,
        incarnation,
        deliver: (id, kind, operation, arg, reply) =>
          system.deliver(id, kind, operation, arg, reply),
        named: (registered, actor) => this.#named(registered, actor),
        takeReply: (number) => system.takeReply(number),
        startFor: (definition, arg, registered) =>
          system.start(definition, arg, registered === undefined ? {} : { name: registered }),
      },
      relation: (link, frame) => this.#relations.onFrame(link, frame),
      channel,
      unreadable: (_from, process, kind, operation, error) =>
        undelivered(system.localRef(process), kind, operation, undefined, error),
    });
  }

  /** What the kernel asks about refs that are not of this system. */
  get foreign(): ForeignPort {
    return this.#relations;
  }

  /** Whether a call of another node is being handled here. */
  get isServing(): boolean {
    return this.#inbound.unanswered > 0;
  }

  /** Calls and queries between this node and others, from the beginning. */
  get calls(): { readonly in: number; readonly out: number } {
    return { in: this.#inbound.calls, out: this.#outbound.calls };
  }

  /** Throws ProtocolError for a frame that has no place on a proven link. */
  onFrame(link: Link, frame: Frame): void {
    this.#inbound.onFrame(link, frame);
  }

  /**
   * A link is gone: what tied processes over it breaks with `noconnection`. `quietly` leaves the
   * processes here alone, because this node stops them in order.
   */
  lose(link: Link, quietly: boolean): void {
    this.#relations.lose(link, quietly);
  }

  /** What ties processes of this node to those of each other one that is connected. */
  ties(): ReadonlyMap<string, Ties> {
    return this.#relations.ties();
  }

  /** Starts an actor on a node, which may be this one. */
  async start(request: StartRequest): Promise<AnyRef> {
    const { node } = request;
    if (node !== this.#system.name) return this.#refFrom(await this.#outbound.start(request));
    const { definition, arg, name } = request;
    return this.#system.start(definition, arg, name === undefined ? {} : { name });
  }

  /** The ref of the process with a name on a node, as it is now. */
  async lookup(node: string, name: string, options: CallOptions | undefined): Promise<AnyRef> {
    if (node === this.#system.name) return this.#named(name, undefined);
    return this.#refFrom(await this.#outbound.lookup({ node, name, options }));
  }

  /** A ref to whoever has a name on a node, looked up at each use; empty `actor` for any. */
  namedRef(node: string, name: string, actor?: string): AnyRef {
    return new RemoteRef(nameAddress(node, name, actor), this.#outbound);
  }

  /** The same on many nodes; by default on this one and on all that are connected. */
  namedRefs(nodes: readonly string[] | undefined, name: string): Map<string, AnyRef> {
    const all = distinctNodes(nodes ?? [this.#system.name, ...this.#links.names()]);
    return new Map(all.map((node) => [node, this.namedRef(node, name)]));
  }

  #addressOf(value: object): RefAddress | undefined {
    if (this.#system.isLocalRef(value)) return value.address;
    return value instanceof RemoteRef ? value.address : undefined;
  }

  /** The ref for an address: of a process here, or of another node. */
  refAt(address: RefAddress): AnyRef {
    checkNameAddress(address);
    const { name, incarnation } = this.#system;
    const isOurs = address.node === name && address.incarnation === incarnation;
    const local = isOurs ? this.#system.localRef(address.id) : undefined;
    return local ?? new RemoteRef(address, this.#outbound);
  }

  /** What another node answered where only a ref makes sense. */
  #refFrom(value: unknown): AnyRef {
    if (value instanceof RemoteRef || this.#system.isLocalRef(value)) return value;
    throw new DecodeError("an answer that is no ref", "unknown");
  }

  /** The running process that a frame is for. */
  #find({ incarnation, id, name, actor }: Target): Peer | undefined {
    if (name === undefined) {
      return incarnation === this.#system.incarnation ? this.#system.peerAt(id) : undefined;
    }
    const ref = name === "" ? undefined : this.#system.whereis(name);
    if (ref === undefined || (actor && ref.address.actor !== actor)) return undefined;
    return this.#system.peerAt(ref.address.id);
  }

  /** Who has a name here. Throws NoProcessError, and OptionError if the definition is another. */
  #named(name: string, actor: string | undefined): AnyRef {
    const ref = name === "" ? undefined : this.#system.whereis(name);
    if (ref === undefined) {
      throw new NoProcessError(`${JSON.stringify(name)} on node ${this.#system.name}`);
    }
    if (!actor || ref.address.actor === actor) return ref;
    throw new OptionError("definition", `"${ref.address.actor}"`, actor);
  }
}
