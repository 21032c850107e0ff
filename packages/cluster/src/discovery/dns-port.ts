/**
 * The port through which names are resolved, and the resolver of Node: its one door.
 *
 * Node's resolver asks name servers itself and measures its timeouts by the machine's clock; the
 * intervals between two questions are the source's, by the node's clock.
 */
import { promises as dns } from "node:dns";

/** Where a service runs, as an SRV record says it. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** What `dnsSeeds` needs of a resolver. Every question rejects if there is no answer to be had. */
export interface DnsPort {
  srv(name: string): Promise<readonly SrvRecord[]>;
  a(name: string): Promise<readonly string[]>;
  aaaa(name: string): Promise<readonly string[]>;
  /** Ends what is under way. */
  cancel(): void;
}

export interface DnsPortOptions {
  /** The name servers; undefined means those of the machine. */
  readonly servers: readonly string[] | undefined;
  /** How long one name server is given, in milliseconds. */
  readonly timeoutMs: number;
}

/** How often every name server is asked before the answer is that there is none. */
const TRIES = 2;

/** Throws if a server is no address. */
export function systemDns(options: DnsPortOptions): DnsPort {
  const resolver = new dns.Resolver({ timeout: options.timeoutMs, tries: TRIES });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  return {
    srv: (name) => resolver.resolveSrv(name),
    a: (name) => resolver.resolve4(name),
    aaaa: (name) => resolver.resolve6(name),
    cancel: () => resolver.cancel(),
  };
}
