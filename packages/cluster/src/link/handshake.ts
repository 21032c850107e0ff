/**
 * The mutual handshake with which two nodes prove that they know the same key:
 *
 *     dialer                          acceptor
 *     HELLO     versions, nonce  →
 *               ←  CHALLENGE  version, nonce
 *     PROOF     HMAC             →    (only now may the acceptor say anything about its state)
 *               ←  WELCOME  HMAC      or REJECT with a reason
 *
 * Both proofs are HMAC-SHA-256 over everything said before, with a label for the side that speaks,
 * so that neither can be replayed nor reflected. Two pure machines: frames go in, steps come out.
 * They read no clock, draw random bytes only from what they are given, and touch no link.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { ByteReader, ByteWriter } from "../bytes.ts";
import { ProtocolError, type RefusalReason } from "../errors.ts";
import { encodeFrame, type Frame, FrameKind, MAX_FRAME_BYTES } from "./frame.ts";
import { CONTROL_LANE } from "./lanes.ts";

/** The versions of the wire that this code speaks. */
export const PROTOCOL_VERSION = { min: 1, max: 1 } as const;

/** Optional abilities; two nodes use what both have. None exists in version 1. */
export const FEATURES = 0;

export const NONCE_BYTES = 32;
export const BOOT_BYTES = 16;
const MAC_BYTES = 32;

/** No handshake frame is larger. */
export const MAX_HANDSHAKE_BYTES = 1024;

/** Every node takes messages of this size, so that what fits into one frame can always be sent. */
export const MIN_MESSAGE_LIMIT = MAX_FRAME_BYTES;

/** Numbers of the reasons in a REJECT frame; never reused. */
const reasonCodes = {
  auth: 1,
  version: 2,
  cluster: 3,
  protocol: 4,
  self: 5,
  duplicate: 6,
  stale_incarnation: 7,
  simultaneous: 8,
  already_connected: 9,
  stopping: 10,
  timeout: 11,
  certificate: 12,
} as const satisfies Record<RefusalReason, number>;

const reasonsByCode: ReadonlyMap<number, RefusalReason> = new Map(
  Object.entries(reasonCodes).map(([reason, code]) => [code, reason as RefusalReason]),
);

/** What a node says about itself. */
export interface Identity {
  readonly name: string;
  readonly incarnation: number;
  /** Random per start of a node: tells two nodes apart that claim the same name and incarnation. */
  readonly boot: string;
  /** Where it can be dialled, if anywhere. */
  readonly url: string | undefined;
  /** How often it promises to be heard. */
  readonly heartbeatMs: number;
  /** The largest message that it takes. */
  readonly maxMessageBytes: number;
}

/** The other node, as it introduced itself; to be believed only once it is proven. */
export interface Peer extends Identity {
  readonly version: number;
  readonly features: number;
}

export interface HandshakeConfig {
  readonly cluster: string;
  readonly self: Identity;
  /**
   * Verify with any, sign with the first. Empty: every node without a key is believed. Read anew
   * for each proof, so that keys may be changed.
   */
  readonly keys: readonly Uint8Array[];
  readonly randomBytes: (size: number) => Uint8Array;
  readonly versions?: { readonly min: number; readonly max: number };
  readonly features?: number;
}

/** What the machines look at of a frame. */
export type HandshakeFrame = Pick<Frame, "kind" | "body">;

export type HandshakeStep =
  /** Send this and wait for more. */
  | { readonly kind: "send"; readonly frame: Buffer }
  /** Dialer: who answers claims to be this peer. Continue with `prove()`, or hang up. */
  | { readonly kind: "claimed"; readonly peer: Peer }
  /** Acceptor: the peer is proven. Continue with `admit()` or `refuse(reason)`. */
  | { readonly kind: "proven"; readonly peer: Peer }
  /** Dialer: the peer is proven and has let us in. */
  | { readonly kind: "established"; readonly peer: Peer }
  /** It is over. `frame` is what the other side should be told, if anything. */
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly frame?: Buffer };

/** The side that dials. */
export class DialerHandshake {
  readonly #config: HandshakeConfig;
  readonly #binding: Uint8Array | undefined;
  readonly #hello: Buffer;
  #challenge: Uint8Array | undefined;
  #proof: Buffer | undefined;
  #peer: Peer | undefined;

  /** `binding` is what only the two ends of an encrypted connection know. */
  constructor(config: HandshakeConfig, binding?: Uint8Array) {
    this.#config = config;
    this.#binding = binding;
    const versions = config.versions ?? PROTOCOL_VERSION;
    this.#hello = introduce(config, (writer) => writer.u8(versions.min).u8(versions.max), {
      leadBytes: 2,
      features: config.features ?? FEATURES,
    });
  }

  start(): Buffer {
    return control(FrameKind.hello, this.#hello);
  }

  receive(frame: HandshakeFrame): HandshakeStep {
    if (frame.kind === FrameKind.reject) {
      return { kind: "refused", reason: readReject(frame.body) };
    }
    if (frame.kind === FrameKind.challenge && this.#challenge === undefined) {
      return this.#onChallenge(frame.body);
    }
    if (frame.kind === FrameKind.welcome && this.#proof !== undefined) {
      return this.#onWelcome(frame.body);
    }
    return violation();
  }

  /** Answers the challenge. Only after the step `claimed`. */
  prove(): Buffer {
    const { keys } = this.#config;
    if (this.#challenge === undefined) throw new ProtocolError("a proof before the challenge");
    this.#proof = sign(keys, {
      side: "dialer",
      said: [this.#hello, this.#challenge],
      binding: this.#binding,
    });
    return control(FrameKind.proof, this.#proof);
  }

  #onChallenge(body: Uint8Array): HandshakeStep {
    const reader = new ByteReader(body, "CHALLENGE");
    const version = reader.u8();
    const { peer, cluster } = readIntroduction(reader, version);
    const versions = this.#config.versions ?? PROTOCOL_VERSION;
    if (version < versions.min || version > versions.max) return refusal("version");
    if (cluster !== this.#config.cluster) return refusal("cluster");
    this.#challenge = Uint8Array.from(body);
    // An acceptor that names abilities which were not offered does not make us have them.
    const features = peer.features & (this.#config.features ?? FEATURES);
    this.#peer = { ...peer, features };
    return { kind: "claimed", peer: this.#peer };
  }

  #onWelcome(body: Uint8Array): HandshakeStep {
    const said = [this.#hello, this.#challenge, this.#proof] as Uint8Array[];
    const transcript = { side: "acceptor", said, binding: this.#binding } as const;
    const valid = verify(this.#config.keys, transcript, body);
    if (!valid || this.#peer === undefined) return refusal("auth");
    return { kind: "established", peer: this.#peer };
  }
}

/** The side that was dialled. It reveals who it is, and nothing else, before the proof. */
export class AcceptorHandshake {
  readonly #config: HandshakeConfig;
  readonly #binding: Uint8Array | undefined;
  #hello: Uint8Array | undefined;
  #challenge: Buffer | undefined;
  #proof: Uint8Array | undefined;
  #peer: Peer | undefined;

  /** `binding` is what only the two ends of an encrypted connection know. */
  constructor(config: HandshakeConfig, binding?: Uint8Array) {
    this.#config = config;
    this.#binding = binding;
  }

  receive(frame: HandshakeFrame): HandshakeStep {
    // A dialer that learns whom it has dialled may have a reason of its own to hang up.
    if (frame.kind === FrameKind.reject) {
      return { kind: "refused", reason: readReject(frame.body) };
    }
    if (frame.kind === FrameKind.hello && this.#hello === undefined) {
      return this.#onHello(frame.body);
    }
    if (frame.kind === FrameKind.proof && this.#challenge !== undefined && !this.#proof) {
      return this.#onProof(frame.body);
    }
    return violation();
  }

  /** Lets the proven peer in. Only after the step `proven`. */
  admit(): Buffer {
    const said = [this.#hello, this.#challenge, this.#proof] as Uint8Array[];
    if (said.includes(undefined as never)) throw new ProtocolError("a welcome too early");
    const transcript = { side: "acceptor", said, binding: this.#binding } as const;
    return control(FrameKind.welcome, sign(this.#config.keys, transcript));
  }

  /** Turns the proven peer away. */
  refuse(reason: RefusalReason): Buffer {
    return rejectFrame(reason);
  }

  #onHello(body: Uint8Array): HandshakeStep {
    const reader = new ByteReader(body, "HELLO");
    const min = reader.u8();
    const max = reader.u8();
    const ours = this.#config.versions ?? PROTOCOL_VERSION;
    const version = Math.min(max, ours.max);
    if (version < min || version < ours.min) return refusal("version");
    const { peer, cluster } = readIntroduction(reader, version);
    if (cluster !== this.#config.cluster) return refusal("cluster");
    const features = peer.features & (this.#config.features ?? FEATURES);
    this.#peer = { ...peer, features };
    this.#hello = Uint8Array.from(body);
    this.#challenge = introduce(this.#config, (writer) => writer.u8(version), {
      leadBytes: 1,
      features,
    });
    return { kind: "send", frame: control(FrameKind.challenge, this.#challenge) };
  }

  #onProof(body: Uint8Array): HandshakeStep {
    const said = [this.#hello, this.#challenge] as Uint8Array[];
    const transcript = { side: "dialer", said, binding: this.#binding } as const;
    const valid = verify(this.#config.keys, transcript, body);
    if (!valid || this.#peer === undefined) return refusal("auth");
    this.#proof = Uint8Array.from(body);
    return { kind: "proven", peer: this.#peer };
  }
}

/** A REJECT frame. */
export function rejectFrame(reason: RefusalReason): Buffer {
  return control(FrameKind.reject, new ByteWriter(1).u8(reasonCodes[reason]).done());
}

/** A name that may appear in logs, addresses and frames: no spaces, no control characters. */
export function isNodeName(name: unknown): name is string {
  return typeof name === "string" && Buffer.byteLength(name) <= 128 && /^[^\s\p{C}]+$/u.test(name);
}

interface IntroductionLayout {
  readonly leadBytes: number;
  readonly features: number;
}

/** The part that HELLO and CHALLENGE share; what follows it is ignored by an older reader. */
function introduce(
  config: HandshakeConfig,
  lead: (writer: ByteWriter) => void,
  { leadBytes, features }: IntroductionLayout,
): Buffer {
  const { self, cluster } = config;
  const url = self.url ?? "";
  const texts = [cluster, self.name].reduce((sum, text) => sum + 1 + Buffer.byteLength(text), 0);
  const size =
    leadBytes + 4 + 4 + 4 + 8 + BOOT_BYTES + NONCE_BYTES + texts + 2 + Buffer.byteLength(url);
  const writer = new ByteWriter(size);
  lead(writer);
  return writer
    .u32(features)
    .u32(self.heartbeatMs)
    .u32(self.maxMessageBytes)
    .u64(self.incarnation)
    .bytes(Buffer.from(self.boot, "hex"))
    .bytes(config.randomBytes(NONCE_BYTES))
    .text8(cluster)
    .text8(self.name)
    .text16(url)
    .done();
}

function readIntroduction(reader: ByteReader, version: number): { peer: Peer; cluster: string } {
  const features = reader.u32();
  const heartbeatMs = reader.u32();
  const maxMessageBytes = reader.u32();
  const incarnation = reader.u64();
  const boot = reader.bytes(BOOT_BYTES).toString("hex");
  reader.bytes(NONCE_BYTES);
  const cluster = reader.text8();
  const name = reader.text8();
  const url = reader.text16();
  if (!isNodeName(name)) throw new ProtocolError("a node name that cannot be one");
  if (maxMessageBytes < MIN_MESSAGE_LIMIT) {
    throw new ProtocolError(`a node that takes messages of ${maxMessageBytes} bytes only`);
  }
  const claims = { name, incarnation, boot, url: url || undefined, heartbeatMs, maxMessageBytes };
  return { cluster, peer: { ...claims, version, features } };
}

/** What a proof is made over. */
interface Transcript {
  /** Who speaks: a proof of one side is none of the other. */
  readonly side: "dialer" | "acceptor";
  /** Every body so far, in order. */
  readonly said: readonly Uint8Array[];
  readonly binding: Uint8Array | undefined;
}

const noKey = new Uint8Array(0);

function sign(keys: readonly Uint8Array[], transcript: Transcript): Buffer {
  return mac(keys[0] ?? noKey, transcript);
}

/** Compares with every key, always, so that the time taken does not tell which one it was. */
function verify(keys: readonly Uint8Array[], transcript: Transcript, given: Uint8Array): boolean {
  if (given.length !== MAC_BYTES) return false;
  let valid = false;
  for (const key of keys.length === 0 ? [noKey] : keys) {
    if (timingSafeEqual(mac(key, transcript), given)) valid = true;
  }
  return valid;
}

function mac(key: Uint8Array, { side, said, binding }: Transcript): Buffer {
  const hash = createHash("sha256");
  for (const part of binding === undefined ? said : [binding, ...said]) {
    hash.update(new ByteWriter(4).u32(part.length).done()).update(part);
  }
  const label = `troupe.1 ${side}${binding === undefined ? "" : " bound"}\n`;
  return createHmac("sha256", key).update(label).update(hash.digest()).digest();
}

function readReject(body: Uint8Array): RefusalReason {
  const reader = new ByteReader(body, "REJECT");
  const code = reader.u8();
  reader.end();
  return reasonsByCode.get(code) ?? "protocol";
}

function refusal(reason: RefusalReason): HandshakeStep {
  return { kind: "refused", reason, frame: rejectFrame(reason) };
}

function violation(): HandshakeStep {
  return refusal("protocol");
}

function control(kind: FrameKind, body: Uint8Array): Buffer {
  return encodeFrame(kind, CONTROL_LANE, 0, body);
}
