/**
 * `replicate` and `replicated`: an actor behind a group.
 *
 * Every node of the group says the same thing. Where `replicas` names the node, it also starts this
 * node's replica; the handles of one node share one channel and one replica.
 */
import {
  type ActorDefinition,
  type AnyActorDefinition,
  type ChildSpec,
  type ExitReason,
  OptionError,
  type Restart,
  type Shutdown,
  type StartedChild,
  SystemStoppedError,
} from "@troupe/actor";
import { toErrorValue } from "@troupe/actor/runtime";
import { Node } from "@troupe/cluster";
import { GroupConfigMismatchError, type GroupSplitError } from "./errors.ts";
import { findRoster, listenForSplits } from "./find-roster.ts";
import { GroupChannel } from "./group-channel.ts";
import { GroupHandle, type GroupRef } from "./group-ref.ts";
import {
  differences,
  type GroupOptions,
  type ResolvedGroupOptions,
  resolveFounding,
  resolveGroupOptions,
} from "./options.ts";
import { takeEffectsIn } from "./outside-world.ts";
import { ReplicaHost } from "./replica-host.ts";
import type { Replicable } from "./replicable.ts";
import { ReplicationEvents } from "./replication-events.ts";
import { DivergedError } from "./vsr/index.ts";

/**
 * Starts this node's replica of an actor if `replicas` names the node, or the founder of a group
 * with a `size` has chosen it, and returns a ref.
 *
 * The ref's calls are linearizable and applied once, and survive the loss of any minority of the
 * replicas. Resolves when the journal has been read; it does not wait for the other replicas, the
 * first call does. With a `size` it waits until it is told who holds the replicas, unless it knows
 * that from an earlier life. All nodes must give the same definition, argument and shared options.
 *
 * Rejects, with nothing started, with OptionError, NotReplicableError (an asynchronous handler),
 * GroupConfigMismatchError (this node holds the group with other settings), GroupUnfoundedError
 * (nobody has told in time who holds the replicas), JournalError (the directory cannot be used, or
 * holds another group's journal), or what `init` throws.
 *
 * @example
 * ```ts
 * const safe = await replicate(node, Counter, { start: 0 }, {
 *   group: "counter", replicas: ["a", "b", "c"], storage: "./data",
 * });
 * await safe.call("add", 5); // => 5, on a majority of disks
 * ```
 */
export async function replicate<A, S, Q, C, K, I, T>(
  node: Node,
  definition: ActorDefinition<string, A, S, Q, C, K, I, T> & Replicable<Q, C, K, I, T>,
  arg: A,
  options: GroupOptions,
): Promise<GroupRef<Q, C, K, I>> {
  const handle = await join(node, definition as AnyActorDefinition, arg, options);
  return handle as unknown as GroupRef<Q, C, K, I>;
}

/** How a replica is supervised; see `child` of `@troupe/actor`. */
export interface ReplicatedOptions extends GroupOptions {
  /** Unique within its supervisor. @default the group's name */
  readonly id?: string;
  /** @default "permanent" */
  readonly restart?: Restart;
  /** @default 5000 */
  readonly shutdown?: Shutdown;
}

/**
 * The same as {@link replicate}, as a child spec: the replica lives in a supervision tree and is
 * restarted from its journal when it stops because of an error. The supervisor must be started on a
 * node; the start of the child fails with OptionError elsewhere.
 *
 * @example
 * ```ts
 * const group = { group: "counter", replicas: ["a", "b", "c"], storage: "./data" };
 * const children = [replicated(Counter, { start: 0 }, group)];
 * await node.start(supervisor({ strategy: "one_for_one", children }));
 * ```
 */
export function replicated<A, S, Q, C, K, I, T>(
  definition: ActorDefinition<string, A, S, Q, C, K, I, T> & Replicable<Q, C, K, I, T>,
  arg: A,
  options: ReplicatedOptions,
): ChildSpec {
  const actor = definition as AnyActorDefinition;
  const { group } =
    resolveFounding(actor, arg, options) ?? resolveGroupOptions(actor, arg, options);
  const { id = group, restart = "permanent", shutdown = 5000 } = options;
  return Object.freeze({
    id,
    restart,
    shutdown,
    type: "worker" as const,
    start: async (host: unknown) => {
      if (!(host instanceof Node)) throw new OptionError("host", "a node of createNode", host);
      return new GroupChild(await join(host, definition as AnyActorDefinition, arg, options));
    },
  });
}

/** A handle in a supervision tree: it has ended when its replica has, or when it was closed. */
class GroupChild implements StartedChild {
  readonly #handle: GroupHandle;
  readonly #listeners: ((reason: ExitReason) => void)[] = [];
  #reason: ExitReason | undefined;

  constructor(handle: GroupHandle) {
    this.#handle = handle;
    handle.onEvent((event) => {
      if (event.type === "stopped") this.exit({ error: toErrorValue(event.error) });
    });
  }

  get ref(): GroupHandle {
    return this.#handle;
  }

  onExit(listener: (reason: ExitReason) => void): void {
    if (this.#reason === undefined) this.#listeners.push(listener);
    else listener(this.#reason);
  }

  exit(reason: ExitReason): void {
    void this.#end(reason);
  }

  async #end(reason: ExitReason): Promise<void> {
    // Only when the journal is closed may a restart open it again.
    await this.#handle.close();
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    for (const listener of this.#listeners) listener(reason);
  }
}

/** What the handles of one node and group share. */
interface Member {
  readonly channel: GroupChannel;
  readonly events: ReplicationEvents;
  replica: ReplicaHost | undefined;
  handles: number;
  /** Fulfilled when the replica, if this node holds one, has started. */
  started: Promise<void>;
  failure: { readonly error: unknown } | undefined;
  /** Set once the last handle is closed: whoever comes next waits for it and begins anew. */
  closing: Promise<void> | undefined;
  forgetSplits: () => void;
}

const members = new WeakMap<Node, Map<string, Member>>();

/**
 * The memory groups that each node was told to begin: a replica that fails later and is started
 * again is not a new one, whatever the options say.
 */
const begun = new WeakMap<Node, Set<string>>();

async function join(
  node: Node,
  definition: AnyActorDefinition,
  arg: unknown,
  options: GroupOptions,
): Promise<GroupHandle> {
  if (!(node instanceof Node)) throw new OptionError("node", "a node of createNode", node);
  const founding = resolveFounding(definition, arg, options);
  if (node.isStopped) throw new SystemStoppedError();
  const roster = founding && (await findRoster(node, founding));
  const resolved = resolveGroupOptions(definition, arg, options, roster);
  const needsStorage = resolved.durability === "disk" && resolved.replicas.includes(node.name);
  if (needsStorage && resolved.storage === undefined) {
    throw new OptionError("storage", "a directory, on a node that holds a replica", undefined);
  }
  if (node.isStopped) throw new SystemStoppedError();
  const member = await memberOf(node, definition, arg, resolved);
  let left: Promise<void> | undefined;
  const release = () => {
    left ??= leave(member, node);
    return left;
  };
  let handle: GroupHandle | undefined;
  // Added before the journal is read, so that a node that stops meanwhile closes what was opened.
  const forgetStop = node.onStop(() => handle?.close() ?? member.started.then(release, release));
  try {
    await member.started;
    if (node.isStopped) throw new SystemStoppedError();
  } catch (error) {
    forgetStop();
    await release();
    throw error;
  }
  handle = new GroupHandle({
    node,
    channel: member.channel,
    definition,
    events: member.events,
    askHere: (query, atLeast, answered) => {
      member.replica?.ask(query, atLeast, answered);
      return member.replica !== undefined;
    },
    release: () => {
      forgetStop();
      return release();
    },
  });
  return handle;
}

/** The member of this node, made if there is none; counted as held by one handle more. */
async function memberOf(
  node: Node,
  definition: AnyActorDefinition,
  arg: unknown,
  resolved: ResolvedGroupOptions,
): Promise<Member> {
  const groups = members.get(node) ?? new Map<string, Member>();
  members.set(node, groups);
  for (let closing = groups.get(resolved.group)?.closing; closing !== undefined; ) {
    await closing;
    closing = groups.get(resolved.group)?.closing;
  }
  const member = groups.get(resolved.group) ?? open(node, definition, arg, resolved, groups);
  const differing = differences(member.channel.options.shared, resolved.shared);
  if (differing.length > 0) {
    throw new GroupConfigMismatchError(resolved.group, node.name, differing);
  }
  member.handles++;
  if (member.failure !== undefined) {
    // A restarted child gets a replica that runs, also where other handles keep the member.
    member.failure = undefined;
    const stopped = member.replica?.stop() ?? Promise.resolve();
    member.started = stopped.then(() => startReplica(node, definition, arg, member));
    // A restart that failed leaves a member without a replica: the next one tries again.
    member.started.catch((error: unknown) => {
      member.failure = { error };
    });
  }
  return member;
}

function open(
  node: Node,
  definition: AnyActorDefinition,
  arg: unknown,
  options: ResolvedGroupOptions,
  groups: Map<string, Member>,
): Member {
  const member: Member = {
    channel: new GroupChannel(node, options),
    events: new ReplicationEvents((error) =>
      node.logger.error("a listener of a group threw", error),
    ),
    replica: undefined,
    handles: 0,
    started: Promise.resolve(),
    failure: undefined,
    closing: undefined,
    forgetSplits: () => undefined,
  };
  groups.set(options.group, member);
  takeEffectsIn(node, member.channel);
  const tellSplit = (error: GroupSplitError) => member.events.tell({ type: "split", error });
  member.forgetSplits = listenForSplits(node, options.group, tellSplit);
  if (options.replicas.includes(node.name)) {
    member.started = startReplica(node, definition, arg, member);
  }
  return member;
}

async function startReplica(
  node: Node,
  definition: AnyActorDefinition,
  arg: unknown,
  member: Member,
): Promise<void> {
  const { channel } = member;
  const { group, storage = "", bootstrap, rejoin } = channel.options;
  const groups = begun.get(node) ?? new Set();
  begun.set(node, groups);
  member.events.begin();
  member.replica = await ReplicaHost.start({
    node,
    channel,
    definition,
    arg,
    storage,
    bootstrap: bootstrap && !groups.has(group),
    rejoin,
    tell: (event) => {
      if (event.type === "lost") node.logger.error(event.error.message);
      member.events.tell(event);
    },
    onEnd: (error) => {
      if (error === undefined) return;
      node.logger.error(`the replica of group "${group}" has stopped`, error);
      member.failure = { error };
      if (error instanceof DivergedError) member.events.tell({ type: "diverged", error });
      member.events.tell({ type: "stopped", error });
    },
  });
  if (bootstrap) groups.add(group);
}

async function leave(member: Member, node: Node): Promise<void> {
  member.handles--;
  if (member.handles > 0) return;
  member.closing = close(member, node);
  await member.closing;
}

async function close(member: Member, node: Node): Promise<void> {
  const { group } = member.channel.options;
  await member.replica?.stop();
  member.channel.close();
  member.forgetSplits();
  members.get(node)?.delete(group);
}
