/**
 * What the nodes of a group say to each other, as it travels, and which fields each message has.
 *
 * A message whose fields are not of their types is dropped, so that the protocol never meets one
 * (and a replica is not stopped by a stranger's mistake). docs/wire.md has a row for each message.
 */
import type { RefAddress } from "@troupe/actor";
import { isHex, isNatural } from "./fields.ts";
import type { FrequentMessage } from "./frequent-messages.ts";
import type {
  ClientMessage,
  ReplicaMessage,
  ReplicaNeed,
  ReplyMessage,
  ReplyToClient,
  RequestMessage,
  Status,
} from "./vsr/index.ts";

/** A node asks a replica how it is. */
export interface GetStatusMessage {
  readonly type: "get_status";
  readonly number: number;
  readonly digest: boolean;
}

export interface StatusMessage {
  readonly type: "status";
  readonly number: number;
  readonly status: Status;
  readonly view: number;
  readonly primary: number;
  readonly op: number;
  readonly commit: number;
  readonly checkpoint: number;
  readonly sessions: number;
  readonly queued: number;
  readonly timers: number;
  readonly effects: number;
  readonly deferred: number;
  readonly monitors: number;
  readonly needs: ReplicaNeed;
  /** Empty if it was not asked for. */
  readonly digest: string;
}

/** The primary has a message of the group's actor for one of the receiving node. */
export interface EffectMessage {
  readonly type: "effect";
  readonly op: number;
  readonly index: number;
  /** The time of its op, in microseconds, and that before which all has arrived. */
  readonly at: number;
  readonly floor: number;
  readonly kind: "info" | "cast";
  readonly to: RefAddress;
  readonly name: string;
  readonly arg: Uint8Array;
}

/** The node has taken that message, now or before. */
export interface EffectOkMessage {
  readonly type: "effect_ok";
  readonly op: number;
  readonly index: number;
}

/** A node asks a replica to answer a query from what it has run, once that is far enough. */
export interface LocalQueryMessage {
  readonly type: "local_query";
  readonly client: string;
  readonly number: number;
  readonly at_least: number;
  readonly body: Uint8Array;
}

export interface LocalReplyMessage {
  readonly type: "local_reply";
  readonly client: string;
  readonly number: number;
  readonly body: Uint8Array;
}

/** Answers a message of another configuration with what the own one was made from. */
export interface ConfigMismatchMessage {
  readonly type: "config_mismatch";
  readonly settings: string;
}

/** Gives so much of a checkpoint: the replica that asks is fetching it. */
export interface GetCheckpointMessage {
  readonly type: "get_checkpoint";
  readonly op: number;
  readonly id: string;
  readonly offset: number;
  readonly length: number;
}

/** Answers with these bytes; with none if the checkpoint is not, or no longer, there. */
export interface CheckpointChunkMessage {
  readonly type: "checkpoint_chunk";
  readonly op: number;
  readonly id: string;
  readonly offset: number;
  readonly body: Uint8Array;
  /** Of the body. */
  readonly checksum: string;
}

/** What the hosts of two replicas say to each other while one fetches a state. */
export type TransferMessage = GetCheckpointMessage | CheckpointChunkMessage;

/** What the members of a group say to each other. */
export type GroupMessage =
  | ReplicaMessage
  | TransferMessage
  | ClientMessage
  | ReplyToClient
  | GetStatusMessage
  | StatusMessage
  | EffectMessage
  | EffectOkMessage
  | LocalQueryMessage
  | LocalReplyMessage
  | ConfigMismatchMessage;

/** The same as it travels: requests and replies, which are many and small, in batches. */
export type WireMessage = Exclude<GroupMessage, RequestMessage | ReplyMessage> | FrequentMessage;

/** Those that travel as objects. */
export type NamedMessage = Exclude<WireMessage, FrequentMessage>;

type Check = (value: unknown) => boolean;

const natural: Check = isNatural;
/** No text of a message has more characters. */
export const textMax = 16_384;
const text: Check = (value) => typeof value === "string" && value.length <= textMax;
const flag: Check = (value) => typeof value === "boolean";
const bytes: Check = (value) => value instanceof Uint8Array;
const hex: Check = isHex;
const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(value as string);
const entry: Check = (value) =>
  isShape(value, {
    view: natural,
    op: natural,
    timestamp: natural,
    parent: hex,
    checksum: hex,
    body: bytes,
  });
const damagedSlot: Check = (value) =>
  isShape(value, {
    op: natural,
    checksum: (checksum) => checksum === undefined || hex(checksum),
  });
const damaged: Check = (value) => Array.isArray(value) && value.every(damagedSlot);
const namedCheckpoint: Check = (value) =>
  isShape(value, { op: natural, checksum: hex, timestamp: natural, id: hex, bytes: natural });
const entries: Check = (value) => Array.isArray(value) && value.every(entry);

/** A process of a node, or a name there; a group is no target. */
const address: Check = (value) =>
  isShape(value, {
    kind: oneOf("process", "name"),
    node: text,
    incarnation: natural,
    id: natural,
    actor: text,
    name: (name) => name === undefined || text(name),
  });

type Shape = Readonly<Record<string, Check>>;

/** One number for each replica, of which there are 7 at most. */
const lives: Check = (value) => Array.isArray(value) && value.length <= 7 && value.every(natural);

const log = { op: natural, commit: natural, commit_checksum: hex, entries };

/** The fields of every message besides `type`. */
const shapes: { readonly [T in NamedMessage["type"]]: Shape } = {
  start_view_change: { view: natural, left: flag },
  do_view_change: { view: natural, log_view: natural, ...log, damaged },
  start_view: { view: natural, nonce: natural, ...log },
  request_start_view: { view: natural, nonce: natural },
  request_prepare: { op: natural, checksum: hex },
  requested_prepare: { entry },
  get_state: { view: natural, op: natural },
  new_state: { view: natural, commit: natural, entries },
  checkpoint: { view: natural, base: natural, checkpoint: namedCheckpoint },
  hollow: { base: natural },
  get_checkpoint: { op: natural, id: hex, offset: natural, length: natural },
  checkpoint_chunk: { op: natural, id: hex, offset: natural, body: bytes, checksum: hex },
  read_round: { view: natural, round: natural },
  read_round_ok: { view: natural, round: natural },
  recovery: { nonce: natural, round: natural, founding: flag, view: natural },
  recovery_response: {
    nonce: natural,
    round: natural,
    status: oneOf("normal", "founding", "recovering", "lost"),
    founders: lives,
    view: natural,
    ...log,
  },
  query: { client: hex, number: natural, body: bytes },
  query_reply: { view: natural, client: hex, number: natural, body: bytes },
  not_primary: { view: natural, client: hex },
  eviction: { view: natural, client: hex, session: natural },
  get_status: { number: natural, digest: flag },
  status: {
    number: natural,
    status: oneOf("normal", "view_change", "recovering_head", "recovering", "lost"),
    view: natural,
    primary: natural,
    op: natural,
    commit: natural,
    checkpoint: natural,
    sessions: natural,
    queued: natural,
    timers: natural,
    effects: natural,
    deferred: natural,
    monitors: natural,
    needs: oneOf("nothing", "answers", "primary", "log", "checkpoint"),
    digest: text,
  },
  effect: {
    op: natural,
    index: natural,
    at: natural,
    floor: natural,
    kind: oneOf("info", "cast"),
    to: address,
    name: text,
    arg: bytes,
  },
  effect_ok: { op: natural, index: natural },
  local_query: { client: hex, number: natural, at_least: natural, body: bytes },
  local_reply: { client: hex, number: natural, body: bytes },
  config_mismatch: { settings: text },
};

/** Whether a value that came from anyone is such a message. */
export function isNamedMessage(value: unknown): value is NamedMessage {
  const { type } = (value ?? {}) as { readonly type?: unknown };
  if (typeof type !== "string" || !Object.hasOwn(shapes, type)) return false;
  const shape = shapes[type as NamedMessage["type"]];
  return isShape(value, shape) && hasSoundLives(value as object);
}

/** Only messages of memory groups have them. */
function hasSoundLives(message: object): boolean {
  const { crash_vector } = message as { readonly crash_vector?: unknown };
  return crash_vector === undefined || lives(crash_vector);
}

function isShape(value: unknown, shape: Shape): boolean {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  for (const field in shape) if (shape[field]?.(fields[field]) !== true) return false;
  return true;
}
