/**
 * The roster: who holds the replicas of a group that was given a size and no names, and what nodes
 * tell each other of it.
 *
 * One node chooses it, once. Everybody else, that node after a restart too, only passes on what was
 * chosen: nobody reads off its own view of the cluster who the replicas are, for two halves of a
 * cluster that is split would choose twice.
 */
import type { Codec } from "@troupe/cluster/runtime";
import { isHex, isSafeName } from "./fields.ts";

/** More replicas make a group slower, not safer; TigerBeetle stops at six. */
export const replicasMax = 7;

export interface Roster {
  /** Drawn when it was chosen, so that two groups of one name can be told apart. */
  readonly id: string;
  /** The names of the nodes, the founder's first. */
  readonly replicas: readonly string[];
}

/** To all: who holds the replicas? I would hold one, or not. */
export interface RosterWantedMessage {
  readonly type: "roster_wanted";
  readonly settings: string;
  readonly holds: boolean;
}

/** To all, and to who asks: these do. */
export interface RosterMessage extends Roster {
  readonly type: "roster";
  readonly settings: string;
  /** It was chosen in this life of the sender, the founder: a memory group is to begin by it. */
  readonly isNew: boolean;
}

export type FoundingMessage = RosterWantedMessage | RosterMessage;

/** Longer than any settings are: their names have at most a hundred characters. */
const settingsMax = 16_384;

export function encodeFounding(codec: Codec, message: FoundingMessage): Uint8Array {
  return codec.encode(message);
}

/** What the bytes say; undefined if it is not a message about a roster. */
export function decodeFounding(codec: Codec, payload: Uint8Array): FoundingMessage | undefined {
  let value: unknown;
  try {
    value = codec.decode(payload);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { type, settings, holds, isNew } = value as Record<string, unknown>;
  if (typeof settings !== "string" || settings.length > settingsMax) return undefined;
  if (type === "roster_wanted" && typeof holds === "boolean") return { type, settings, holds };
  if (type !== "roster" || typeof isNew !== "boolean" || !isRoster(value)) return undefined;
  const { id, replicas } = value;
  return { type, settings, id, replicas, isNew };
}

export function isRoster(value: object): value is Roster {
  const { id, replicas } = value as Record<string, unknown>;
  if (!isHex(id) || !Array.isArray(replicas)) return false;
  if (replicas.length < 1 || replicas.length > replicasMax) return false;
  return replicas.every(isSafeName) && new Set(replicas).size === replicas.length;
}
