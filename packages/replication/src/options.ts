/**
 * The options of a group: one interface, one object of defaults, one resolver.
 *
 * Some of them must be the same on every node (`shared` below): every message carries their hash,
 * and nodes whose hashes differ refuse each other by naming what differs.
 */
import { join } from "node:path";
import { type AnyActorDefinition, OptionError } from "@troupe/actor";
import {
  booleanOption,
  integerOption,
  nameOption,
  objectOption,
  oneOfOption,
  positiveOption,
} from "@troupe/actor/runtime";
import { Codec } from "@troupe/cluster/runtime";
import { checksum } from "./checksum.ts";
import { NotReplicableError } from "./errors.ts";
import { isSafeName } from "./fields.ts";
import { type Roster, replicasMax } from "./roster.ts";
import {
  entryEnvelopeBytes,
  type GroupConfig,
  type TimeoutTicks,
  timeoutTicksDefaults,
} from "./vsr/index.ts";

/** What `replicate` and `replicated` take. Every node of the group passes the same. */
export interface GroupOptions {
  /**
   * Names the group in its cluster, its directory and its messages: letters, digits, `_`, `-`, `.`.
   */
  readonly group: string;
  /**
   * The names of the nodes that hold a replica, in an order that never changes; 2f + 1 of them
   * survive the loss of f. This, or `size`.
   */
  readonly replicas?: readonly string[];
  /** How many nodes hold a replica, where it does not matter which: `founder` chooses them. */
  readonly size?: number;
  /**
   * With `size`: the one node that may choose who holds the replicas. It does so once, when so many
   * nodes are there and none of them knows of the group; what it chose never changes. Shared.
   */
  readonly founder?: string;
  /**
   * With `size`: milliseconds to wait until somebody tells who holds the replicas.
   * @default 60000
   */
  readonly foundingTimeoutMs?: number;
  /** The directory for the journals: on the nodes that `replicas` names, unless in memory. */
  readonly storage?: string;
  /**
   * Where a replica keeps what it acknowledges: on its disk, or in memory alone. There one that
   * comes back gets everything from the others; when more than a minority come back at once, the
   * group is lost. Shared. @default "disk"
   */
  readonly durability?: "disk" | "memory";
  /**
   * Says that this memory group has never run, so that it may begin with nothing: once all its
   * replicas were told so and are there. To be taken away when it has begun. @default false
   */
  readonly bootstrap?: boolean;
  /**
   * Says that the journal of this node's replica is lost for good (a new disk, a directory that was
   * removed), so that the replica begins a new life: it gets everything from the others, takes part
   * when that is on its disk, and counts for nobody until then. Refused where a journal is that did
   * not begin so, in memory and with one replica. To be taken away when it has rejoined.
   * @default false
   */
  readonly rejoin?: boolean;
  /** How many prepares may be under way at once. Shared. @default 8 */
  readonly pipeline?: number;
  /** How many calls one prepare may carry. Shared. @default 512 */
  readonly batchRequests?: number;
  /**
   * How many bytes one prepare, and so one call, may have; times `pipeline` at most 4 MiB. Shared.
   * @default 262144
   */
  readonly batchBytes?: number;
  /** Sessions that the group remembers; one more evicts the idlest. Shared. @default 1024 */
  readonly sessions?: number;
  /** Calls that one node may have under way. Shared. @default 256 */
  readonly window?: number;
  /**
   * After so many prepares the state is kept, and the log before the last two such states
   * forgotten: the more, the longer a restart takes, the fewer, the more is written. Shared.
   * @default 1024
   */
  readonly checkpointOps?: number;
  /** Calls that wait at the primary. @default 8192 */
  readonly queue?: number;
  /** Calls that wait at this node, beyond the window. @default 10000 */
  readonly maxQueuedCalls?: number;
  /** Milliseconds between two ticks of the protocol; all its timeouts scale with it. @default 20 */
  readonly tickMs?: number;
}

export const groupDefaults = {
  durability: "disk",
  bootstrap: false,
  foundingTimeoutMs: 60_000,
  rejoin: false,
  pipeline: 8,
  batchRequests: 512,
  batchBytes: 256 * 1024,
  sessions: 1024,
  window: 256,
  checkpointOps: 1024,
  queue: 8192,
  maxQueuedCalls: 10_000,
  tickMs: 20,
} as const satisfies Omit<GroupOptions, "group" | "replicas">;

/** What a reply may have, in bytes: it must fit a frame, and be kept until it is acknowledged. */
export const replyBytesMax = 1024 * 1024;
/** A view change sends a pipeline of prepares in one message, which must fit a frame. */
const pipelineBytesMax = 4 * 1024 * 1024;
/** A `new_state` carries about this much, in bytes, and then one entry more. */
export const newStateBytesMax = 512 * 1024;
/** What a message has besides the bodies that it carries, at most. */
const envelopeBytesMax = 64 * 1024;
/** Ticks after which a session repeats what has not been answered. */
export const retryTicks = 10;
/** Besides its calls a session has one under way that tells which of them were given up. */
const windowExtra = 1;
/** A group keeps the configuration that it began with: to change it is to come. */
const epoch = 0;
export interface ResolvedGroupOptions {
  readonly group: string;
  readonly replicas: readonly string[];
  readonly storage: string | undefined;
  readonly durability: "disk" | "memory";
  readonly bootstrap: boolean;
  readonly rejoin: boolean;
  readonly config: GroupConfig;
  readonly ticks: TimeoutTicks;
  readonly maxQueuedCalls: number;
  readonly tickMs: number;
  /** What must be the same everywhere, by name. */
  readonly shared: Readonly<Record<string, unknown>>;
  /** The hash of `shared`. */
  readonly configuration: string;
  /** How many configurations the group has had before this one. */
  readonly epoch: number;
  /** What a journal belongs to: a replica of this very history. */
  readonly identity: Readonly<Record<string, unknown>>;
}

/** What must be the same everywhere before anybody knows who holds the replicas. */
export interface ResolvedFounding {
  readonly group: string;
  readonly size: number;
  readonly founder: string;
  readonly timeoutMs: number;
  readonly tickMs: number;
  readonly durability: "disk" | "memory";
  readonly storage: string | undefined;
  readonly rejoin: boolean;
  readonly shared: Readonly<Record<string, unknown>>;
}

/**
 * Fills in and checks the options of a group; throws OptionError for a bad one, and
 * NotSerializableError for an argument of `init` that cannot be compared between nodes. A group
 * with a `size` is what its roster makes of it.
 */
export function resolveGroupOptions(
  definition: AnyActorDefinition,
  arg: unknown,
  options: GroupOptions,
  roster?: Roster & { readonly isNew: boolean },
): ResolvedGroupOptions {
  const common = resolveCommon(definition, arg, options);
  const { group, counts, durability, storage, argument, given } = common;
  const replicas = roster?.replicas ?? replicasOption(options.replicas);
  const isInMemory = durability === "memory";
  const { name: actor, version } = definition;
  // Absent in a group whose replicas are named, so that hashes and journals of those go on.
  const chosen = roster === undefined ? {} : { roster: roster.id };
  const shared = { group, epoch, replicas, actor, version, argument, ...counts, durability };
  // What decides which session is evicted decides which calls run, also when the log runs again.
  const { sessions } = counts;
  const history = { format: 1, group, replicas, actor, argument, sessions, ...chosen };
  // Only in memory, so that the journals of before this option go on.
  const identity = isInMemory ? { ...history, durability } : history;
  const settings = { ...shared, ...chosen };
  return {
    group,
    replicas,
    storage,
    durability,
    bootstrap: isInMemory && (roster?.isNew ?? given.bootstrap),
    rejoin: rejoinOption(given.rejoin, isInMemory, replicas),
    config: {
      replicaCount: replicas.length,
      // Not a hash of everything shared: a group may change its other limits and keep its log.
      root: checksum(Buffer.from(JSON.stringify(["troupe", identity]))),
      pipelineMax: counts.pipeline,
      batchRequestsMax: counts.batchRequests,
      batchBytesMax: counts.batchBytes,
      queueMax: integerOption("queue", given.queue, 1),
      sessionsMax: counts.sessions,
      sessionWindow: counts.window + windowExtra,
      checkpointEvery: counts.checkpointOps,
      newStateBytesMax,
    },
    ticks: timeoutTicksDefaults,
    maxQueuedCalls: integerOption("maxQueuedCalls", given.maxQueuedCalls, 1),
    tickMs: positiveOption("tickMs", given.tickMs),
    shared: settings,
    epoch,
    identity,
    configuration: checksum(Buffer.from(JSON.stringify(settings))),
  };
}

/**
 * The options by which the replicas of a group are chosen; undefined if they are named. Checks all
 * options, so that a bad one is refused before anybody is waited for.
 */
export function resolveFounding(
  definition: AnyActorDefinition,
  arg: unknown,
  options: GroupOptions,
): ResolvedFounding | undefined {
  const chosen = sizeOption(options);
  if (chosen === undefined) return undefined;
  const { size, founder } = chosen;
  const common = resolveCommon(definition, arg, options);
  const { given, group, counts, durability, storage, argument } = common;
  if (given.bootstrap) {
    throw new OptionError("bootstrap", "false, in a group that its founder begins", true);
  }
  // What is wrong with the rest is wrong whoever is chosen, and can be told now.
  const anybody = Array.from({ length: size }, (_, i) => `n${i}`);
  resolveGroupOptions(definition, arg, options, { id: "", replicas: anybody, isNew: false });
  const { name: actor, version } = definition;
  const shared = { group, size, founder, actor, version, argument, ...counts, durability };
  return {
    group,
    size,
    founder,
    timeoutMs: positiveOption("foundingTimeoutMs", given.foundingTimeoutMs),
    tickMs: given.tickMs,
    durability,
    storage,
    rejoin: given.rejoin,
    shared,
  };
}

/** How many replicas are to be chosen, and by whom; undefined if they are named. */
function sizeOption(options: GroupOptions): { size: number; founder: string } | undefined {
  objectOption("options", options);
  const { size, founder, replicas } = options;
  if (size === undefined) {
    if (founder === undefined) return undefined;
    throw new OptionError("founder", "nothing, where replicas names the nodes", founder);
  }
  if (replicas !== undefined) throw new OptionError("replicas", "nothing, beside a size", replicas);
  if (integerOption("size", size, 1) > replicasMax) {
    throw new OptionError("size", `an integer from 1 to ${replicasMax}`, size);
  }
  return { size, founder: safeNameOption("founder", founder) };
}

/** What is checked alike whether the replicas are named or chosen. */
function resolveCommon(definition: AnyActorDefinition, arg: unknown, options: GroupOptions) {
  objectOption("options", options);
  refuseAsync(definition);
  const group = safeNameOption("group", options.group);
  const given = { ...groupDefaults, ...dropUndefined(options) };
  const counts = {
    pipeline: integerOption("pipeline", given.pipeline, 1),
    batchRequests: integerOption("batchRequests", given.batchRequests, 1),
    batchBytes: integerOption("batchBytes", given.batchBytes, 1024),
    sessions: integerOption("sessions", given.sessions, 1),
    window: integerOption("window", given.window, 1),
    checkpointOps: integerOption("checkpointOps", given.checkpointOps, 1),
  };
  if (counts.pipeline * counts.batchBytes > pipelineBytesMax) {
    const most = Math.floor(pipelineBytesMax / counts.pipeline);
    throw new OptionError("batchBytes", `at most ${most} with this pipeline`, counts.batchBytes);
  }
  const durability = oneOfOption("durability", given.durability, ["disk", "memory"]);
  const storage = given.storage === undefined ? undefined : nameOption("storage", given.storage);
  if (durability === "memory" && storage !== undefined) {
    throw new OptionError("storage", "nothing, in a group that is kept in memory", storage);
  }
  if (durability === "disk" && booleanOption("bootstrap", given.bootstrap)) {
    throw new OptionError("bootstrap", "false, for a group whose journals tell its age", true);
  }
  booleanOption("bootstrap", given.bootstrap);
  // Replicas that begin differently stay different, so the argument of `init` is compared too.
  const argument = checksum(new Codec().encode(arg, "the argument of init"));
  return { group, given, counts, durability, storage, argument };
}

/** How many calls of its callers a session may have under way. */
export function callsOfWindow({ sessionWindow }: GroupConfig): number {
  return sessionWindow - windowExtra;
}

/** The directory of the journal of a node's replica. */
export function journalPath(storage: string, group: string, node: string): string {
  return join(storage, group, `${node}.journal`);
}

/** The largest message that a group of these options sends, in bytes. */
export function messageBytesMax({ config }: ResolvedGroupOptions): number {
  const { pipelineMax, batchBytesMax } = config;
  const largest = Math.max(
    pipelineMax * (batchBytesMax + entryEnvelopeBytes),
    newStateBytesMax + batchBytesMax + entryEnvelopeBytes,
    replyBytesMax,
  );
  return largest + envelopeBytesMax;
}

/** Names what differs between two nodes' settings: `pipeline: 8 here, 16 there`. */
export function differences(
  here: Readonly<Record<string, unknown>>,
  there: Readonly<Record<string, unknown>>,
): string[] {
  const show = (value: unknown) => JSON.stringify(value) ?? "nothing";
  return [...new Set([...Object.keys(here), ...Object.keys(there)])]
    .filter((name) => show(here[name]) !== show(there[name]))
    .map((name) => `${name}: ${show(here[name])} here, ${show(there[name])} there`);
}

/** An absent option and one that is `undefined` are the same. */
function dropUndefined(options: GroupOptions): GroupOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as GroupOptions;
}

function replicasOption(replicas: unknown): readonly string[] {
  if (!Array.isArray(replicas) || replicas.length < 1 || replicas.length > replicasMax) {
    const expected = `a list of 1 to ${replicasMax} node names, or a size instead`;
    throw new OptionError("replicas", expected, replicas);
  }
  const names = replicas.map((name, i) => safeNameOption(`replicas[${i}]`, name));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new OptionError("replicas", "names that all differ", twice);
  return Object.freeze(names);
}

function rejoinOption(
  rejoin: unknown,
  isInMemory: boolean,
  { length }: readonly string[],
): boolean {
  const given = booleanOption("rejoin", rejoin);
  if (given && isInMemory) {
    throw new OptionError("rejoin", "false, in a group whose replicas always rejoin", true);
  }
  if (given && length === 1) {
    throw new OptionError("rejoin", "false, where there is no other replica to ask", true);
  }
  return given;
}

function safeNameOption(option: string, value: unknown): string {
  if (isSafeName(value)) return value;
  throw new OptionError(option, "1 to 100 letters, digits, '_', '-' or '.'", value);
}

/** The compiler refuses these too; this is for those who do not ask it. */
function refuseAsync(definition: AnyActorDefinition): void {
  const { init, queries, calls, casts, info, continue: then } = definition;
  const handlers = { init, ...queries, ...calls, ...casts, ...info, ...then };
  for (const [name, handler] of Object.entries<unknown>(handlers)) {
    const kind = Object.prototype.toString.call(handler);
    if (kind === "[object AsyncFunction]" || kind === "[object AsyncGeneratorFunction]") {
      throw new NotReplicableError(`the asynchronous handler "${name}"`, "not_run");
    }
  }
}
