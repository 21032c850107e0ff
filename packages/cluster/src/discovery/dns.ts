/** Addresses from the domain name system: headless services, Consul, Nomad, plain zones. */
import { OptionError } from "@troupe/actor";
import {
  booleanOption,
  functionOption,
  integerOption,
  knownOptions,
  nameOption,
  objectOption,
  oneOfOption,
  withDefaults,
} from "@troupe/actor/runtime";
import { DiscoveryError } from "../errors.ts";
import type { Discovery } from "./discovery.ts";
import { type DnsPort, type DnsPortOptions, type SrvRecord, systemDns } from "./dns-port.ts";
import { pollCounters, pollSeeds } from "./poll.ts";
import { seedUrl } from "./seed-url.ts";

/** What `dnsSeeds` takes. */
export interface DnsSeedsOptions {
  /** The name to ask for, complete: search domains are not tried. */
  readonly name: string;
  /** SRV records name hosts and ports; A and AAAA records name hosts, and need `port`. */
  readonly type: "SRV" | "A" | "AAAA";
  /** The port at which the nodes listen; for A and AAAA, and for nothing else. */
  readonly port?: number;
  /** What the addresses begin with: `"wss"` if the nodes listen with TLS. @default "ws" */
  readonly scheme?: "ws" | "wss";
  /** Milliseconds between an answer and the next question. @default 5000 */
  readonly intervalMs?: number;
  /** How long one name server is given, each of two times, in milliseconds. @default 2000 */
  readonly timeoutMs?: number;
  /** The name servers to ask, as `address` or `address:port`. @default those of the machine */
  readonly servers?: readonly string[];
  /**
   * Whether the hosts of SRV records are resolved here, by the same name servers. Those of Consul
   * are known to nobody else. @default true if there are `servers`
   */
  readonly resolveTargets?: boolean;
  /** What makes a resolver. @default that of Node */
  readonly resolver?: (options: DnsPortOptions) => DnsPort;
}

export const dnsSeedsDefaults = {
  scheme: "ws",
  intervalMs: 5000,
  timeoutMs: 2000,
} as const satisfies Partial<DnsSeedsOptions>;

const known = [
  "name",
  "type",
  "port",
  "scheme",
  "intervalMs",
  "timeoutMs",
  "servers",
  "resolveTargets",
  "resolver",
];

/** Records of one answer that are used. A cluster, in which all are linked, is never so large. */
const MAX_TARGETS = 256;

/** An answer that takes as long as this is none, whatever the resolver thinks. */
const LOOK_TIMEOUT_MS = 60_000;

/**
 * Asks the domain name system for the nodes to connect to, again and again. SRV records give host
 * and port; A and AAAA records give hosts, all with the port `port`.
 *
 * The name is taken as it is: Node's resolver does not try the search domains of the machine, so
 * write `_cluster._tcp.shop.default.svc.cluster.local` and not `_cluster._tcp.shop`. An answer that
 * is empty, says that there is no such name, or does not come in time counts as stale: the
 * addresses of before stand. In Kubernetes, give the headless service `publishNotReadyAddresses`:
 * nodes that are ready only when they are connected would never find each other.
 *
 * Throws OptionError for a bad option.
 *
 * Source: libcluster's DNSPoll; nodejs/node #17850 (search domains); RFC 2782 (SRV).
 *
 * @example
 * ```ts
 * const name = "_cluster._tcp.shop.default.svc.cluster.local";
 * discovery: [dnsSeeds({ name, type: "SRV" })];
 * ```
 */
export function dnsSeeds(options: DnsSeedsOptions): Discovery {
  const { name, type, scheme, intervalMs, timeoutMs, ...given } = resolve(options);
  const counters = pollCounters();
  const at = (host: string, port: number) =>
    seedUrl(`${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`);
  const find = async (dns: DnsPort, signal: AbortSignal) => {
    if (type === "A") return (await dns.a(name)).map((host) => at(host, given.port));
    if (type === "AAAA") return (await dns.aaaa(name)).map((host) => at(host, given.port));
    const records = preferred(await dns.srv(name));
    if (!given.resolveTargets) return records.map((record) => at(record.name, record.port));
    const hosts = await Promise.all(records.map((record) => hostsOf(record.name, dns, signal)));
    return records.flatMap(({ port }, index) => hosts[index]?.map((host) => at(host, port)));
  };
  return {
    name: `dns ${type} ${name}`,
    counters,
    async *watch(context) {
      const dns = given.resolver({ servers: given.servers, timeoutMs });
      const look = async (signal: AbortSignal) => {
        signal.addEventListener("abort", () => dns.cancel(), { once: true });
        const urls = new Set((await find(dns, signal)).filter((url) => url !== undefined));
        if (urls.size === 0) throw new DiscoveryError("the answer has no address");
        return [...urls].sort();
      };
      yield* pollSeeds(context, {
        name: this.name,
        intervalMs,
        timeoutMs: LOOK_TIMEOUT_MS,
        counters,
        look,
      });
    },
  };
}

/** Those that are for use, the preferred ones if there are too many; weights mean nothing here. */
function preferred(records: readonly SrvRecord[]): SrvRecord[] {
  return records
    .map((record) => ({ ...record, name: record.name.replace(/\.$/, "") }))
    .filter(({ name, port }) => name !== "" && port > 0)
    .sort((a, b) => a.priority - b.priority)
    .slice(0, MAX_TARGETS);
}

/** The addresses of a host; none if it has none: the other hosts of the answer still count. */
async function hostsOf(
  name: string,
  dns: DnsPort,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    return await dns.a(name);
  } catch {
    // What was cancelled must not be followed by another question.
    return signal.aborted ? [] : dns.aaaa(name).catch(() => []);
  }
}

type Resolved = Required<Omit<DnsSeedsOptions, "servers">> & Pick<DnsPortOptions, "servers">;

function resolve(options: DnsSeedsOptions): Resolved {
  knownOptions(objectOption("options", options), known);
  const given = withDefaults({ ...dnsSeedsDefaults, resolver: systemDns }, options);
  const type = oneOfOption("type", given.type, ["SRV", "A", "AAAA"]);
  const { servers, resolveTargets = servers !== undefined } = given;
  functionOption("resolver", given.resolver);
  const resolved = {
    name: nameOption("name", given.name),
    type,
    port: resolvePort(type, given.port),
    scheme: oneOfOption("scheme", given.scheme, ["ws", "wss"]),
    intervalMs: integerOption("intervalMs", given.intervalMs, 1),
    timeoutMs: integerOption("timeoutMs", given.timeoutMs, 1),
    servers: resolveServers(servers),
    resolveTargets: booleanOption("resolveTargets", resolveTargets),
    resolver: given.resolver,
  };
  tryServers(resolved);
  return resolved;
}

function resolvePort(type: string, port: number | undefined): number {
  if (type === "SRV") {
    if (port === undefined) return 0;
    throw new OptionError("port", "no port, because SRV records name it", port);
  }
  if (integerOption("port", port, 1) <= 65_535) return port as number;
  throw new OptionError("port", "a port of 1 to 65535", port);
}

function resolveServers(servers: readonly string[] | undefined): readonly string[] | undefined {
  if (servers === undefined) return undefined;
  if (!Array.isArray(servers) || servers.length === 0) {
    throw new OptionError("servers", "a list of addresses", servers);
  }
  for (const [index, server] of servers.entries()) nameOption(`servers[${index}]`, server);
  return [...servers];
}

/** What is no address is refused now, and not once a node runs. */
function tryServers({ resolver, servers, timeoutMs }: Resolved): void {
  try {
    resolver({ servers, timeoutMs }).cancel();
  } catch {
    throw new OptionError("servers", "addresses such as 10.0.0.2 or 10.0.0.2:53", servers);
  }
}
