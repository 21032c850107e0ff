/**
 * The options of a node: one interface, one object of defaults, one resolver.
 *
 * The resolver is the only reader of an absent option. It refuses a bad one by name before
 * anything is opened, and fills in the transport and the sources of chance.
 */
import { randomBytes } from "node:crypto";
import {
  type AnyActorDefinition,
  type EventLoop,
  OptionError,
  type SystemOptions,
} from "@troupe/actor";
import {
  booleanOption,
  durationOption,
  functionOption,
  integerOption,
  nameOption,
  nodeEventLoop,
  objectOption,
  positiveOption,
  systemClock,
  WireClasses,
} from "@troupe/actor/runtime";
import { resolveAdvertise } from "./advertise.ts";
import type { Discovery } from "./discovery/discovery.ts";
import type { EndpointOptions } from "./http/endpoints.ts";
import { BATCH_BYTES } from "./link/frame-batch.ts";
import { isNodeName, MIN_MESSAGE_LIMIT } from "./link/handshake.ts";
import { type ResolvedTls, resolveTls, type TlsOptions } from "./transport/tls.ts";
import type { ListenAddress, Transport } from "./transport/transport.ts";
import { dialledSchemes, webSocketTransport } from "./transport/websocket.ts";

/** What may be queued, and for how many. */
export interface NodeLimits {
  /**
   * The largest message that this node takes and sends: one call, one reply, one payload. Others
   * are told, and refuse to send a larger one. At least 65536. @default 33554432
   */
  readonly maxMessageBytes?: number;
  /** Bytes waiting for one node above which `congested` is emitted. @default 1048576 */
  readonly softOutboxBytes?: number;
  /** Bytes waiting for one node above which nothing more is taken. @default 67108864 */
  readonly hardOutboxBytes?: number;
  /** Calls waiting for answers of one node. @default 1048576 */
  readonly maxPendingCalls?: number;
  /**
   * Monitors from here on processes of one node, as many from there, and as many linked pairs. One
   * more is over at once, with an error of code ERR_OVERLOADED for a reason. @default 262144
   */
  readonly maxRelations?: number;
  /** Accepted sockets that have not proven themselves, at a time. @default 64 */
  readonly maxUnauthenticated?: number;
  /** The same, from one address; a /64 of IPv6 counts as one. @default 32 */
  readonly maxUnauthenticatedPerAddress?: number;
  /**
   * Entries of one node in the directory: a process in a group, a topic with a subscriber, and a
   * presence are one each. The same on all nodes: one that has more than another allows is not
   * seen there as it is. Also the subscriptions of one node. @default 65536
   */
  readonly maxDirectoryEntries?: number;
  /** Bytes of the encoded meta of one presence, at most a frame's. @default 4096 */
  readonly maxDirectoryValueBytes?: number;
}

/** What a node answers by plain HTTP. */
export interface HttpOptions {
  /** `/livez` and `/readyz`. @default true */
  readonly probes?: boolean;
  /** `/metrics`, for Prometheus. It names nodes. @default true where only this machine can ask */
  readonly metrics?: boolean;
}

/** What `createNode` takes. */
export interface NodeOptions extends SystemOptions {
  /** How the node is called. Unique in its cluster. */
  readonly name: string;
  /** Nodes of different clusters refuse each other. @default "troupe" */
  readonly cluster?: string;
  /** Where others can dial this node. Without it the node only dials. Port 0 takes a free one. */
  readonly listen?: { readonly host?: string; readonly port: number };
  /**
   * The URL at which others are told to dial this node, where it is not the one it listens on.
   * @default what `listen` says
   */
  readonly advertise?: string;
  /**
   * Shared secrets: the first one signs, any of them is accepted. To change a key, first add the
   * new one behind the old one everywhere, then swap them everywhere, then remove the old one.
   * Needed to listen beyond loopback, and there of at least 16 bytes each. @default none
   */
  readonly keys?: readonly (string | undefined)[];
  /** Encrypts the links: the node listens for `wss://` and dials nothing else. @default none */
  readonly tls?: TlsOptions;
  /** What is answered by plain HTTP on the port where the node listens. */
  readonly http?: HttpOptions;
  /** Where other nodes may be found. @default none */
  readonly discovery?: readonly Discovery[];
  /** What other nodes may start here. @default none */
  readonly actors?: readonly AnyActorDefinition[];
  /** Milliseconds after which an idle link is ticked. @default 1000 */
  readonly heartbeatMs?: number;
  /** Silent heartbeats after which a node is down; one alone may be chance. @default 5 */
  readonly heartbeatMisses?: number;
  /**
   * Silent heartbeats after which a node is suspected, and the others are told; one alone may be
   * chance. @default 3
   */
  readonly suspectAfterMisses?: number;
  /** How long nodes that are down or have left are remembered, in ms. @default 86400000 */
  readonly forgetAfterMs?: number;
  /** How long a handshake or a dial may take, in milliseconds. @default 5000 */
  readonly handshakeTimeoutMs?: number;
  /** How long a connected node may take to prove that it is alive to a rival. @default 1000 */
  readonly probeTimeoutMs?: number;
  /** The first wait before dialling again, before jitter. @default 100 */
  readonly reconnectMinMs?: number;
  /** The longest wait before dialling again, before jitter. @default 10000 */
  readonly reconnectMaxMs?: number;
  /** How long a stopping node waits for its links to close. @default 3000 */
  readonly closeTimeoutMs?: number;
  readonly limits?: NodeLimits;
  /** How bytes move. @default WebSockets */
  readonly transport?: Transport;
  /** The source of nonces. @default node:crypto */
  readonly randomBytes?: (size: number) => Uint8Array;
}

export const limitDefaults = {
  maxMessageBytes: 32 * 1024 * 1024,
  softOutboxBytes: 1024 * 1024,
  hardOutboxBytes: 64 * 1024 * 1024,
  maxPendingCalls: 1_048_576,
  maxRelations: 262_144,
  maxUnauthenticated: 64,
  maxUnauthenticatedPerAddress: 32,
  maxDirectoryEntries: 65_536,
  maxDirectoryValueBytes: 4096,
} as const satisfies NodeLimits;

export const nodeDefaults = {
  cluster: "troupe",
  heartbeatMs: 1000,
  heartbeatMisses: 5,
  suspectAfterMisses: 3,
  forgetAfterMs: 86_400_000,
  handshakeTimeoutMs: 5000,
  probeTimeoutMs: 1000,
  reconnectMinMs: 100,
  reconnectMaxMs: 10_000,
  closeTimeoutMs: 3000,
} as const satisfies Omit<NodeOptions, "name">;

const defaultHost = "127.0.0.1";

/** {@link NodeOptions} with every value filled in. */
export interface ResolvedNodeOptions {
  readonly system: SystemOptions;
  readonly loop: EventLoop;
  readonly name: string;
  readonly cluster: string;
  readonly listen: ListenAddress | undefined;
  readonly advertise: string | undefined;
  readonly http: EndpointOptions;
  readonly keys: readonly Uint8Array[];
  readonly discovery: readonly Discovery[];
  readonly actors: ReadonlyMap<string, AnyActorDefinition>;
  readonly classes: WireClasses;
  readonly heartbeatMs: number;
  readonly heartbeatMisses: number;
  readonly suspectAfterMisses: number;
  readonly forgetAfterMs: number;
  readonly handshakeTimeoutMs: number;
  readonly probeTimeoutMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly closeTimeoutMs: number;
  readonly limits: Required<NodeLimits>;
  readonly transport: Transport;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** Fills in and checks the options of a node; throws OptionError for a bad one. */
export function resolveNodeOptions(options: NodeOptions): ResolvedNodeOptions {
  objectOption("options", options);
  const given = { ...nodeDefaults, randomBytes, ...withoutAbsent(options) };
  const { clock = systemClock, random = Math.random, loop = nodeEventLoop } = options;
  const limits = resolveLimits(options.limits ?? {});
  const tls = resolveTls(options.tls);
  if (tls !== undefined && options.transport !== undefined) {
    throw new OptionError("tls", "to be left out, because a transport is given", "certificates");
  }
  const listen = resolveListen(options.listen);
  const keys = resolveKeys(options.keys ?? [], listen?.host);
  checkProof(listen, keys, tls);
  const handshakeTimeoutMs = positiveOption("handshakeTimeoutMs", given.handshakeTimeoutMs);
  functionOption("randomBytes", given.randomBytes);
  return Object.freeze({
    system: { ...pickSystem(options), clock, random, loop },
    loop,
    name: resolveName("name", given.name),
    cluster: resolveName("cluster", given.cluster),
    listen,
    advertise: resolveAdvertise(options.advertise, {
      isListening: listen !== undefined,
      schemes: options.transport === undefined ? dialledSchemes(tls) : undefined,
    }),
    http: resolveHttp(options.http ?? {}, listen),
    keys,
    discovery: resolveDiscovery(options.discovery ?? []),
    actors: resolveActors(options.actors ?? []),
    classes: new WireClasses(options.classes ?? []),
    heartbeatMs: resolveHeartbeat(given.heartbeatMs),
    heartbeatMisses: integerOption("heartbeatMisses", given.heartbeatMisses, 2),
    suspectAfterMisses: integerOption("suspectAfterMisses", given.suspectAfterMisses, 2),
    forgetAfterMs: positiveOption("forgetAfterMs", given.forgetAfterMs),
    handshakeTimeoutMs,
    probeTimeoutMs: positiveOption("probeTimeoutMs", given.probeTimeoutMs),
    reconnectMinMs: positiveOption("reconnectMinMs", given.reconnectMinMs),
    reconnectMaxMs: positiveOption("reconnectMaxMs", given.reconnectMaxMs),
    closeTimeoutMs: durationOption("closeTimeoutMs", given.closeTimeoutMs),
    limits,
    transport:
      options.transport ??
      webSocketTransport({
        clock,
        handshakeTimeoutMs,
        maxUnauthenticated: limits.maxUnauthenticated,
        maxUnauthenticatedPerAddress: limits.maxUnauthenticatedPerAddress,
        tls,
        maxMessageBytes: BATCH_BYTES,
      }),
    randomBytes: given.randomBytes,
  });
}

/** An option that is present but undefined counts as absent. */
function withoutAbsent<T extends object>(options: T): T {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T;
}

/** What a node hands on to the system that it is. */
function pickSystem(options: NodeOptions): SystemOptions {
  const { loop, mailboxCapacity, logger, shutdownTimeout, signals, schedule } = options;
  const { cloneMessages, classes } = options;
  const system = { loop, mailboxCapacity, logger, shutdownTimeout, signals, schedule };
  return withoutAbsent({ ...system, cloneMessages, classes }) as SystemOptions;
}

function resolveName(option: string, value: unknown): string {
  if (isNodeName(value)) return value;
  throw new OptionError(option, "a name of 1 to 128 bytes without spaces", value);
}

/** A shorter key can be found out by trying, by whoever was shown one proof that it made. */
const MIN_KEY_BYTES = 16;

/** Checks the shared secrets of a node that listens on `host`, the one that signs first. */
export function resolveKeys(keys: readonly unknown[], host?: string): readonly Uint8Array[] {
  if (!Array.isArray(keys)) throw new OptionError("keys", "a list of strings", keys);
  const min = host === undefined || isLoopback(host) ? 1 : MIN_KEY_BYTES;
  return keys.map((key, index) => {
    // The value of a key must not end in a log, so it is not shown.
    if (typeof key !== "string" || key === "") {
      throw new OptionError(`keys[${index}]`, "a non-empty string", key === "" ? key : typeof key);
    }
    const bytes = Buffer.from(key, "utf8");
    if (bytes.length >= min) return bytes;
    const expected = `${min} bytes or more, because other machines can reach ${host}`;
    throw new OptionError(`keys[${index}]`, expected, `${bytes.length} bytes`);
  });
}

function resolveListen(listen: NodeOptions["listen"]): ListenAddress | undefined {
  if (listen === undefined) return undefined;
  objectOption("listen", listen);
  const host = nameOption("listen.host", listen.host ?? defaultHost);
  // No host name is longer (RFC 1035), and the address has to fit into the handshake's frames.
  if (host.length > 253) throw new OptionError("listen.host", "a host name", host);
  const port = integerOption("listen.port", listen.port, 0);
  if (port > 65_535) throw new OptionError("listen.port", "a port of 0 to 65535", port);
  return { host, port };
}

/** A node that other machines can reach lets in only who proves something. */
function checkProof(
  listen: ListenAddress | undefined,
  keys: readonly Uint8Array[],
  tls: ResolvedTls | undefined,
): void {
  // Certificates on both sides prove as much as a key does.
  if (listen === undefined || keys.length > 0 || tls?.mutual === true) return;
  if (isLoopback(listen.host)) return;
  const expected = `a key, because other machines can reach ${listen.host}`;
  throw new OptionError("keys", expected, "none");
}

function resolveHttp(http: HttpOptions, listen: ListenAddress | undefined): EndpointOptions {
  objectOption("http", http);
  const { probes = true, metrics = listen !== undefined && isLoopback(listen.host) } = http;
  return {
    probes: booleanOption("http.probes", probes),
    metrics: booleanOption("http.metrics", metrics),
  };
}

/** Whether only programs of this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function resolveDiscovery(discovery: readonly Discovery[]): readonly Discovery[] {
  if (!Array.isArray(discovery)) throw new OptionError("discovery", "a list", discovery);
  for (const [index, source] of discovery.entries()) {
    objectOption(`discovery[${index}]`, source);
    functionOption(`discovery[${index}].watch`, source.watch);
  }
  return [...discovery];
}

function resolveActors(
  actors: readonly AnyActorDefinition[],
): ReadonlyMap<string, AnyActorDefinition> {
  if (!Array.isArray(actors)) throw new OptionError("actors", "a list of definitions", actors);
  const byName = new Map<string, AnyActorDefinition>();
  for (const [index, definition] of actors.entries()) {
    objectOption(`actors[${index}]`, definition);
    functionOption(`actors[${index}].init`, definition.init);
    if (byName.has(definition.name)) {
      throw new OptionError(`actors[${index}]`, "a name not used before", definition.name);
    }
    byName.set(definition.name, definition);
  }
  return byName;
}

function resolveHeartbeat(value: unknown): number {
  const ms = integerOption("heartbeatMs", value, 1);
  // It is told to others in 32 bits.
  if (ms <= 0xffff_ffff) return ms;
  throw new OptionError("heartbeatMs", "less than 2^32", ms);
}

function resolveMessageLimit(value: unknown): number {
  const bytes = integerOption("limits.maxMessageBytes", value, MIN_MESSAGE_LIMIT);
  // It is told to others in 32 bits.
  if (bytes <= 0xffff_ffff) return bytes;
  throw new OptionError("limits.maxMessageBytes", "less than 4 GiB", bytes);
}

function resolveLimits(limits: NodeLimits): Required<NodeLimits> {
  objectOption("limits", limits);
  const given = { ...limitDefaults, ...withoutAbsent(limits) };
  const resolved = {
    maxMessageBytes: resolveMessageLimit(given.maxMessageBytes),
    softOutboxBytes: integerOption("limits.softOutboxBytes", given.softOutboxBytes, 1),
    hardOutboxBytes: integerOption("limits.hardOutboxBytes", given.hardOutboxBytes, 1024),
    maxPendingCalls: integerOption("limits.maxPendingCalls", given.maxPendingCalls, 1),
    maxRelations: integerOption("limits.maxRelations", given.maxRelations, 1),
    maxUnauthenticated: integerOption("limits.maxUnauthenticated", given.maxUnauthenticated, 1),
    maxUnauthenticatedPerAddress: integerOption(
      "limits.maxUnauthenticatedPerAddress",
      given.maxUnauthenticatedPerAddress,
      1,
    ),
    maxDirectoryEntries: integerOption("limits.maxDirectoryEntries", given.maxDirectoryEntries, 1),
    maxDirectoryValueBytes: integerOption(
      "limits.maxDirectoryValueBytes",
      given.maxDirectoryValueBytes,
      1,
    ),
  };
  if (resolved.hardOutboxBytes < resolved.softOutboxBytes) {
    const { softOutboxBytes, hardOutboxBytes } = resolved;
    throw new OptionError(
      "limits.hardOutboxBytes",
      `at least limits.softOutboxBytes (${softOutboxBytes})`,
      hardOutboxBytes,
    );
  }
  return resolved;
}
