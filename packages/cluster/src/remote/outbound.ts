/**
 * Calls and casts on their way out: which link, what bytes, who waits.
 *
 * Every failure here happens before anything is sent and says so: the outcome is `not_run`. Once
 * a frame is queued, the call belongs to its link and ends with an answer, a timeout, or the link.
 */
import {
  type ActorError,
  type CallOptions,
  CallTimeoutError,
  isActorError,
  NoProcessError,
  type RefAddress,
} from "@troupe/actor";
import { callTimeout, describeAddress } from "@troupe/actor/runtime";
import type { Codec } from "../codec/codec.ts";
import {
  ConnectionLostError,
  FrameTooLargeError,
  NodeUnknownError,
  OverloadedError,
} from "../errors.ts";
import { FRAME_HEADER_BYTES } from "../link/frame.ts";
import type { Link } from "../link/link.ts";
import { callFrame, lookupFrame, startFrame } from "./messages.ts";
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
  readonly actor: string;
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
  readonly #ports: OutboundPorts;

  constructor(ports: OutboundPorts) {
    this.#ports = ports;
  }

  async call(
    ref: RemoteRef,
    kind: "call" | "query",
    operation: string,
    arg: unknown,
    options: CallOptions | undefined,
  ): Promise<unknown> {
    const { address } = ref;
    const link = this.#linkTo(address);
    const value = this.#ports.codec.encodeShared(arg);
    const { incarnation, id: process } = address;
    return this.#request({
      link,
      target: describeAddress(address),
      operation,
      options,
      build: (correlation) =>
        callFrame(kind, { correlation, incarnation, process, operation, value }),
    });
  }

  post(ref: RemoteRef, kind: "cast" | "info", operation: string, arg: unknown): void {
    const { incarnation, id: process } = ref.address;
    try {
      const link = this.#linkTo(ref.address);
      const value = this.#ports.codec.encodeShared(arg);
      const message = { correlation: 0, incarnation, process, operation, value };
      this.#send(link, callFrame(kind, message));
    } catch (error) {
      if (!isActorError(error)) throw error;
      this.#ports.undelivered(ref, kind, operation, arg, error);
    }
  }

  /** Asks another node to start an actor; resolves to its ref. */
  async start({ node, actor, arg, name, options }: StartRequest): Promise<unknown> {
    const link = this.#linkToNode(node);
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
    const bodyBytes = frame.length - FRAME_HEADER_BYTES;
    if (bodyBytes > connection.maxFrameBytes) {
      throw new FrameTooLargeError(bodyBytes, connection.maxFrameBytes);
    }
    if (!connection.send(frame)) throw new OverloadedError(link.name, connection.queuedBytes);
  }

  #linkTo(address: RefAddress): Link {
    const { self } = this.#ports;
    const { node, incarnation } = address;
    // A ref to a process of ours is a local one, unless that process is gone.
    if (node === self.name || node === undefined) throw noProcess(address);
    const link = this.#linkToNode(node);
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
