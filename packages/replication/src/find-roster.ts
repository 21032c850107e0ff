/**
 * The rosters of a node: for each group with a size one `Founding`, on a channel of its own.
 *
 * It lives as long as its node and not as long as a handle: a founder whose replica is restarted
 * would else forget what it has chosen, where nothing is kept on a disk.
 */
import { OptionError, SystemStoppedError } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { Codec } from "@troupe/cluster/runtime";
import { GroupConfigMismatchError, type GroupSplitError, JournalError } from "./errors.ts";
import { Founding, type KnownRoster } from "./founding.ts";
import { differences, journalPath, type ResolvedFounding } from "./options.ts";
import { randomHex } from "./random-hex.ts";
import { decodeFounding, encodeFounding } from "./roster.ts";
import { keepRoster, readRoster } from "./roster-file.ts";

type SplitListener = (error: GroupSplitError) => void;

interface Found {
  readonly founding: Founding;
  readonly splitListeners: Set<SplitListener>;
  /** Where a roster that names this node is kept; known once a handle has said it. */
  storage: string | undefined;
  /** This node's journal is lost for good, somebody has said. */
  rejoins: boolean;
}

const rosters = new WeakMap<Node, Map<string, Found>>();

/**
 * Resolves with who holds the replicas of a group. Rejects like `Founding.wait`, with OptionError
 * if the group was founded with another size, and with SystemStoppedError when the node stops.
 */
export async function findRoster(node: Node, options: ResolvedFounding): Promise<KnownRoster> {
  const groups = rosters.get(node) ?? new Map<string, Found>();
  rosters.set(node, groups);
  const { group, size, durability, storage, rejoin } = options;
  const found = groups.get(group) ?? open(node, options);
  groups.set(group, found);
  const { founding } = found;
  found.rejoins ||= rejoin;
  const differing = differences(founding.options.shared, options.shared);
  if (differing.length > 0) throw new GroupConfigMismatchError(group, node.name, differing);
  if (found.storage === undefined && storage !== undefined) {
    const kept = await readRoster(journalPath(storage, group, node.name), group);
    found.storage = storage;
    if (kept !== undefined) founding.recall(kept);
    if (node.isStopped) throw new SystemStoppedError();
  }
  const roster = await founding.wait(durability === "memory" || storage !== undefined);
  if (roster.replicas.length === size) return roster;
  throw new OptionError("size", `${roster.replicas.length}, as the group was founded`, size);
}

/** Told once of each other group that goes by this name. Returns what takes the listener off. */
export function listenForSplits(node: Node, group: string, listener: SplitListener): () => void {
  const splits = rosters.get(node)?.get(group)?.splitListeners;
  splits?.add(listener);
  return () => splits?.delete(listener);
}

function open(node: Node, options: ResolvedFounding): Found {
  const { group } = options;
  const channel = node.channel(`roster:${group}`);
  const codec = new Codec();
  const splitListeners = new Set<SplitListener>();
  const founding = new Founding({
    node: node.name,
    options,
    clock: node.clock,
    peers: () => node.nodes().map(({ name }) => name),
    send: (to, message) => channel.send(to, encodeFounding(codec, message)),
    newId: () => randomHex(node.random),
    keep: (roster) => keep(found, roster, group, node.name),
    onSplit: (error) => {
      node.logger.error(error.message);
      for (const listener of splitListeners) listener(error);
    },
    warn: (message) => node.logger.warn(message),
  });
  const found: Found = { founding, splitListeners, storage: undefined, rejoins: false };
  channel.onMessage((from, payload) => {
    const message = decodeFounding(codec, payload);
    if (message !== undefined) founding.receive(from, message);
  });
  node.events.on("nodeup", ({ name }) => founding.peerUp(name));
  node.events.on("nodedown", ({ name }) => founding.peerDown(name));
  node.onStop(() => founding.stop(new SystemStoppedError()));
  return found;
}

/**
 * A roster that names this node, is not new and is not kept here was kept here once: what this node
 * has acknowledged is lost with it (I20), and that must not be forgotten.
 */
async function keep(found: Found, roster: KnownRoster, group: string, node: string): Promise<void> {
  const { storage, rejoins, founding } = found;
  if (storage === undefined) return;
  const path = journalPath(storage, group, node);
  if (!roster.isNew && !rejoins && !founding.isKnown) {
    const problem = "the group has begun, and there is no journal of this replica";
    throw new JournalError(path, problem, "not_run", { kind: "missing" });
  }
  const isNew = roster.isNew && roster.replicas[0] === node;
  await keepRoster(path, group, { ...roster, isNew });
}
