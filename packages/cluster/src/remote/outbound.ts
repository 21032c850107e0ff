/**
 * Calls and casts on their way out: which link, what bytes, who waits.
 *
 * Every failure here happens before anything is sent and says so: the outcome is `not_run`. Once
 * a frame is queued, the call belongs to its link and ends with an answer, a timeout, or the link.
 */
import {
  type ActorError,
  type AnyActorDefinition,
  type AnyRef,
  type CallOptions,
  CallTimeoutError,
  isActorError,
  NoProcessError,
  type RefAddress,
} from "@troupe/actor";
import { callTimeout, describeAddress } from "@troupe/actor/runtime";
import type { ByteWriter } from "../bytes.ts";
import type { Codec } from "../codec/codec.ts";
import {
  ConnectionLostError,
  MessageTooLargeError,
  NodeUnknownError,
  OverloadedError,
} from "../errors.ts";
import { FRAME_HEADER_BYTES, FrameKind } from "../link/frame.ts";
import { processLane } from "../link/lanes.ts";
import type { Link } from "../link/link.ts";
import { callBytes, lookupFrame, startFrame, writeCall } from "./messages.ts";
import type { RemoteCaller, RemoteRef } from "./remote-ref.ts";

/** The links as far as sending is concerned. */
export interface LinkDirectory {
  get(name: string): Link | undefined;
  names(): readonly string[];
  hasSeen(name: string): boolean;
}

export interface OutboundPorts {
  readonly self: { readonly name: string; readonly incarnation: number };
  readonly links: LinkDirectory;
  readonly codec: Codec;
  /** The process that has a name here. Throws NoProcessError and OptionError, as a call rejects. */
  readonly here: (address: RefAddress) => AnyRef;
  /** A cast or an info that could not be sent. */
  readonly undelivered: (
    ref: RemoteRef,
    kind: "cast" | "info",
    operation: string,
    arg: unknown,
    why: ActorError,
  ) => void;
}

export interface StartRequest {
  readonly node: string;
  readonly definition: AnyActorDefinition;
  readonly arg: unknown;
  readonly name: string | undefined;
  readonly options: CallOptions | undefined;
}

export interface LookupRequest {
  readonly node: string;
  readonly name: string;
  readonly options: CallOptions | undefined;
}

/** One request that waits for its reply. */
interface Request {
  readonly link: Link;
  readonly target: string;
  readonly operation: string;
  readonly options: CallOptions | undefined;
  readonly build: (correlation: number) => Buffer;
}

export class Outbound implements RemoteCaller {
  /** Calls and queries of processes of other nodes, those included that could not be sent. */
  calls = 0;
  readonly #ports: OutboundPorts;

  constructor(ports: OutboundPorts) {
    this.#ports = ports;
  }

  /** The calls of all refs come through here: no promise but the one that is returned. */
  call(
    ref: RemoteRef,
    kind: "call" | "query",
    operation: string,
    arg: unknown,
    options: CallOptions | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { address } = ref;
      if (this.#isNamedHere(address)) {
        resolve(this.#ports.here(address)[kind](operation, arg, options));
        return;
      }
      this.calls += 1;
      const link = this.#linkTo(address);
      const value = this.#ports.codec.encodeShared(arg);
      const bodyBytes = callBytes(kind, address, operation, value);
      const ms = callTimeout(options);
      const timedOut = () => new CallTimeoutError(describeAddress(address), operation, ms);
      const correlation = link.calls.add(resolve, reject, ms, options?.signal, timedOut);
      if (correlation === 0) return;
      try {
        const writer = this.#begin(link, FrameKind[kind], processLane(address.id), bodyBytes);
        writeCall(writer, kind, correlation, address, operation, value);
      } catch (error) {
        link.calls.reject(correlation, error);
      }
    });
  }

  post(ref: RemoteRef, kind: "cast" | "info", operation: string, arg: unknown): void {
    const { address } = ref;
    try {
      if (this.#isNamedHere(address)) {
        const target = this.#ports.here(address);
        if (kind === "cast") target.cast(operation, arg);
        else target.send(operation, arg);
        return;
      }
      const link = this.#linkTo(address);
      const value = this.#ports.codec.encodeShared(arg);
      const bodyBytes = callBytes(kind, address, operation, value);
      const writer = this.#begin(link, FrameKind[kind], processLane(address.id), bodyBytes);
      writeCall(writer, kind, 0, address, operation, value);
    } catch (error) {
      if (!isActorError(error)) throw error;
      this.#ports.undelivered(ref, kind, operation, arg, error);
    }
  }

  /** Asks another node to start an actor; resolves to its ref. */
  async start({ node, definition, arg, name, options }: StartRequest): Promise<unknown> {
    const link = this.#linkToNode(node);
    const actor = definition.name;
    const value = this.#ports.codec.encodeShared(arg);
    return this.#request({
      link,
      target: `node ${node}`,
      operation: `start ${actor}`,
      options,
      build: (correlation) => startFrame({ correlation, actor, name, value }),
    });
  }

  /** Asks another node for the process with a name; resolves to its ref. */
  async lookup({ node, name, options }: LookupRequest): Promise<unknown> {
    return this.#request({
      link: this.#linkToNode(node),
      target: `node ${node}`,
      operation: `lookup ${name}`,
      options,
      build: (correlation) => lookupFrame({ correlation, name }),
    });
  }

  #request({ link, target, operation, options, build }: Request): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timeoutMs = callTimeout(options);
      const timedOut = () => new CallTimeoutError(target, operation, timeoutMs);
      const correlation = link.calls.add(resolve, reject, timeoutMs, options?.signal, timedOut);
      if (correlation === 0) return;
      try {
        this.#send(link, build(correlation));
      } catch (error) {
        link.calls.reject(correlation, error);
      }
    });
  }

  #send(link: Link, frame: Buffer): void {
    const { connection } = link;
    checkSize(frame.length - FRAME_HEADER_BYTES, connection.maxMessageBytes);
    if (!connection.send(frame)) throw new OverloadedError(link.name, connection.queuedBytes);
  }

  #begin(link: Link, kind: FrameKind, lane: number, bodyBytes: number): ByteWriter {
    const { connection } = link;
    checkSize(bodyBytes, connection.maxMessageBytes);
    const writer = connection.begin(kind, lane, bodyBytes);
    if (writer === undefined) throw new OverloadedError(link.name, connection.queuedBytes);
    return writer;
  }

  #isNamedHere({ name, node }: RefAddress): boolean {
    return name !== undefined && node === this.#ports.self.name;
  }

  #linkTo(address: RefAddress): Link {
    const { self } = this.#ports;
    const { node, incarnation, name } = address;
    // A ref to a process of ours is a local one, unless that process is gone.
    if (node === self.name || node === undefined) throw noProcess(address);
    const link = this.#linkToNode(node);
    // A name is looked up in whatever life its node is in.
    if (name !== undefined) return link;
    if (link.peer.incarnation > incarnation) throw noProcess(address);
    if (link.peer.incarnation < incarnation) {
      throw new ConnectionLostError(node, "not_run", "an earlier life of it is connected");
    }
    return link;
  }

  #linkToNode(name: string): Link {
    const { links } = this.#ports;
    const link = links.get(name);
    if (link !== undefined) return link;
    if (links.hasSeen(name)) throw new ConnectionLostError(name, "not_run", "it is not connected");
    throw new NodeUnknownError(name, links.names());
  }
}

function noProcess(address: RefAddress): NoProcessError {
  return new NoProcessError(describeAddress(address));
}

function checkSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new MessageTooLargeError(bytes, maxBytes);
}
