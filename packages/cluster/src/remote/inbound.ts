/**
 * What other nodes ask of this one: the frames of proven links, handed to the local system.
 *
 * A body that is cut short breaks the protocol and costs the link. A value that cannot be decoded
 * costs only its message: the caller is told, and the link stays. Nothing a peer sends can start
 * an actor that was not allowed, or reach a process of an earlier life.
 */
import {
  type ActorError,
  type AnyActorDefinition,
  type AnyRef,
  isActorError,
  NoProcessError,
} from "@troupe/actor";
import type { ReplyPort, WireError } from "@troupe/actor/runtime";
import type { Bytes } from "../bytes.ts";
import type { Codec } from "../codec/codec.ts";
import { errorForCaller, reviveError, withoutCargo } from "../codec/wire-errors.ts";
import {
  ActorUnknownError,
  MessageTooLargeError,
  NodeLeavingError,
  OverloadedError,
  ProtocolError,
} from "../errors.ts";
import { type Frame, FrameKind } from "../link/frame.ts";
import { correlationLane } from "../link/lanes.ts";
import type { Link } from "../link/link.ts";
import {
  type CallKind,
  type CallMessage,
  readAnswer,
  readCall,
  readChannel,
  readLookup,
  readReply,
  readStart,
  replyBytes,
  replyFrame,
  writeReply,
} from "./messages.ts";

/** The local system, as far as other nodes can reach it. */
export interface InboundHost {
  readonly name: string;
  readonly incarnation: number;
  deliver(
    id: number,
    kind: CallKind,
    operation: string,
    arg: unknown,
    reply: ReplyPort | undefined,
  ): void;
  /** Who has a name; throws NoProcessError, and OptionError if it is of another definition. */
  named(name: string, actor: string | undefined): AnyRef;
  /** Takes the reply that a process here has deferred under a number. */
  takeReply(number: number): ReplyPort | undefined;
  startFor(definition: AnyActorDefinition, arg: unknown, name?: string): Promise<AnyRef>;
}

export interface InboundPorts {
  readonly host: InboundHost;
  readonly codec: Codec;
  readonly actors: ReadonlyMap<string, AnyActorDefinition>;
  /** This node is about to leave: it starts nothing for others any more. */
  readonly isLeaving: () => boolean;
  /** What ties processes of two nodes together. */
  readonly relation: (link: Link, frame: Frame) => void;
  readonly channel: (from: string, channel: string, payload: Uint8Array) => void;
  /** A cast or an info that cannot be read. */
  readonly unreadable: (
    from: string,
    process: number,
    kind: "cast" | "info",
    operation: string,
    why: ActorError,
  ) => void;
}

export class Inbound {
  /** Requests of other nodes that are being handled here. */
  unanswered = 0;
  /** Calls and queries of other nodes. */
  calls = 0;
  readonly #ports: InboundPorts;

  constructor(ports: InboundPorts) {
    this.#ports = ports;
  }

  /** Throws ProtocolError for a frame that has no place on a proven link. */
  onFrame(link: Link, frame: Frame): void {
    switch (frame.kind) {
      case FrameKind.call:
        this.#onCall(link, "call", frame);
        break;
      case FrameKind.query:
        this.#onCall(link, "query", frame);
        break;
      case FrameKind.cast:
        this.#onPost(link, "cast", frame);
        break;
      case FrameKind.info:
        this.#onPost(link, "info", frame);
        break;
      case FrameKind.reply:
        this.#onReply(link, frame);
        break;
      case FrameKind.start:
        this.#onStart(link, frame);
        break;
      case FrameKind.lookup:
        this.#onLookup(link, frame);
        break;
      case FrameKind.channel:
        this.#onChannel(link, frame);
        break;
      case FrameKind.answer:
        this.#onAnswer(frame);
        break;
      case FrameKind.monitor:
      case FrameKind.demonitor:
      case FrameKind.down:
      case FrameKind.link:
      case FrameKind.unlink:
      case FrameKind.exit:
        this.#ports.relation(link, frame);
        break;
      default:
        throw new ProtocolError(`frame kind 0x${frame.kind.toString(16)} on a proven link`);
    }
  }

  #onCall(link: Link, kind: "call" | "query", frame: Frame): void {
    this.calls += 1;
    const { host, codec } = this.#ports;
    const message = readCall(kind, frame);
    const reply = new RemoteReply(this, link, message.correlation);
    try {
      const arg = codec.decode(message.value);
      host.deliver(this.#receiver(message), kind, message.operation, arg, reply);
    } catch (error) {
      reply.reject(error);
    }
  }

  #onPost(link: Link, kind: "cast" | "info", frame: Frame): void {
    const { host, codec, unreadable } = this.#ports;
    const message = readCall(kind, frame);
    const { process, operation, value } = message;
    try {
      host.deliver(this.#receiver(message), kind, operation, codec.decode(value), undefined);
    } catch (error) {
      if (!isActorError(error)) throw error;
      unreadable(link.name, process, kind, operation, error);
    }
  }

  #onReply(link: Link, frame: Frame): void {
    const { correlation, isError, value } = readReply(frame);
    try {
      const decoded = this.#ports.codec.decode(value);
      if (isError) link.calls.reject(correlation, reviveError(decoded));
      else link.calls.resolve(correlation, decoded);
    } catch (error) {
      if (!isActorError(error)) throw error;
      link.calls.reject(correlation, withOutcome(error, isError ? "unknown" : "ran"));
    }
  }

  #onStart(link: Link, frame: Frame): void {
    const { host, codec, actors, isLeaving } = this.#ports;
    const { correlation, actor, name, value } = readStart(frame);
    const reply = new RemoteReply(this, link, correlation);
    const definition = actors.get(actor);
    if (definition === undefined) {
      reply.reject(new ActorUnknownError(host.name, actor, [...actors.keys()]));
      return;
    }
    if (isLeaving()) {
      reply.reject(new NodeLeavingError(host.name));
      return;
    }
    try {
      const arg = codec.decode(value);
      host.startFor(definition, arg, name).then(
        (ref) => reply.resolve(ref),
        (error: unknown) => reply.reject(error),
      );
    } catch (error) {
      reply.reject(error);
    }
  }

  #onLookup(link: Link, frame: Frame): void {
    const { correlation, name } = readLookup(frame);
    const reply = new RemoteReply(this, link, correlation);
    try {
      reply.resolve(this.#ports.host.named(name, undefined));
    } catch (error) {
      reply.reject(error);
    }
  }

  #onChannel(link: Link, frame: Frame): void {
    const { channel, payload } = readChannel(frame);
    // A copy: a receiver may keep the payload, which would pin the whole message it came in.
    this.#ports.channel(link.name, channel, Uint8Array.from(payload));
  }

  /** The number of the process that a message is for. */
  #receiver({ incarnation, process, name, actor }: CallMessage): number {
    const { host } = this.#ports;
    if (name !== undefined) return host.named(name, actor).address.id;
    if (incarnation === host.incarnation) return process;
    throw new NoProcessError(`process <${process}@${host.name}> of another life`);
  }

  #onAnswer(frame: Frame): void {
    const { host, codec } = this.#ports;
    const { number, isError, value } = readAnswer(frame);
    // Nobody waits any more, or it is answered already.
    const port = host.takeReply(number);
    if (port === undefined) return;
    try {
      const decoded = codec.decode(value);
      if (isError) port.reject(reviveError(decoded));
      else port.resolve(decoded);
    } catch (error) {
      if (!isActorError(error)) throw error;
      port.reject(withOutcome(error, isError ? "unknown" : "ran"));
    }
  }

  /** Sends the value of a reply, or what kept it from being sent. */
  answer(link: Link, correlation: number, result: unknown): void {
    const { connection } = link;
    if (!connection.isOpen) return;
    let value: Bytes;
    try {
      value = this.#ports.codec.encodeShared(result, "reply");
    } catch (error) {
      // The handler has run; only its answer cannot be told.
      this.#answerError(link, correlation, { ...errorForCaller(error), outcome: "ran" });
      return;
    }
    const bodyBytes = replyBytes(value);
    const { maxMessageBytes } = connection;
    if (bodyBytes > maxMessageBytes) {
      const error = new MessageTooLargeError(bodyBytes, maxMessageBytes, "ran");
      this.#answerError(link, correlation, errorForCaller(error));
      return;
    }
    const writer = connection.begin(FrameKind.reply, correlationLane(correlation), bodyBytes);
    if (writer !== undefined) writeReply(writer, correlation, false, value);
    else {
      const error = new OverloadedError(this.#ports.host.name, connection.queuedBytes, "ran");
      this.#answerError(link, correlation, errorForCaller(error));
    }
  }

  answerError(link: Link, correlation: number, error: unknown): void {
    this.#answerError(link, correlation, errorForCaller(error));
  }

  /** An error is small and somebody waits for it, so it may use the room of control frames. */
  #answerError(link: Link, correlation: number, error: WireError): void {
    const { connection } = link;
    if (!connection.isOpen) return;
    const frame = replyFrame({ correlation, isError: true, value: this.#encodeError(error) });
    if (frame.length <= SMALL_ERROR_BYTES) connection.sendControl(frame);
    else if (!connection.send(frame)) {
      const rest = withoutCargo({ ...error, message: "(left out)" }, MAX_MESSAGE_LENGTH);
      const value = this.#ports.codec.encodeShared(rest);
      connection.sendControl(replyFrame({ correlation, isError: true, value }));
    }
  }

  /** What an error carries may be unfit for the wire; the error itself must still arrive. */
  #encodeError(error: WireError): Bytes {
    const { codec } = this.#ports;
    try {
      const value = codec.encodeShared(error, "error");
      if (value.length <= MAX_ERROR_BYTES) return value;
    } catch (failure) {
      if (!isActorError(failure, "ERR_NOT_SERIALIZABLE")) throw failure;
    }
    return codec.encodeShared(withoutCargo(error, MAX_MESSAGE_LENGTH));
  }
}

/** Above this an error takes its chances with the other replies. */
const SMALL_ERROR_BYTES = 1024;

/** Above this an error is sent without its data: it has to fit into one frame. */
const MAX_ERROR_BYTES = 32 * 1024;

/** The message of such an error is cut to this length. */
const MAX_MESSAGE_LENGTH = MAX_ERROR_BYTES / 4;

/** The way back to a caller on another node. */
class RemoteReply implements ReplyPort {
  readonly #inbound: Inbound;
  readonly #link: Link;
  readonly #correlation: number;
  #isOpen = true;

  constructor(inbound: Inbound, link: Link, correlation: number) {
    this.#inbound = inbound;
    this.#link = link;
    this.#correlation = correlation;
    inbound.unanswered += 1;
  }

  resolve(value: unknown): void {
    this.#close();
    this.#inbound.answer(this.#link, this.#correlation, value);
  }

  reject(error: unknown): void {
    this.#close();
    this.#inbound.answerError(this.#link, this.#correlation, error);
  }

  #close(): void {
    if (this.#isOpen) this.#inbound.unanswered -= 1;
    this.#isOpen = false;
  }
}

function withOutcome(error: ActorError, outcome: "ran" | "unknown"): ActorError {
  return reviveError({ ...errorForCaller(error), outcome });
}
