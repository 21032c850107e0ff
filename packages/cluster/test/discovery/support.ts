/** What the tests of discovery share: a watcher, and a disk, a resolver and a network in memory. */
import type { Clock } from "@troupe/actor";
import { ManualClock, seededRandom, settle } from "@troupe/actor/testing";
import { onTestFinished } from "vitest";
import type {
  DatagramListener,
  DatagramOptions,
  DatagramPort,
} from "../../src/discovery/datagram-port.ts";
import type { Discovery, DiscoveryContext, DiscoverySelf } from "../../src/discovery/discovery.ts";
import type { DnsPort, SrvRecord } from "../../src/discovery/dns-port.ts";
import type { FilePort } from "../../src/discovery/file-port.ts";

export const START = 1_700_000_000_000;

export interface WatchOptions {
  /** Another clock than one that the test moves. */
  readonly clock?: Clock;
  readonly self?: Partial<DiscoverySelf>;
  readonly seed?: number;
}

/** Watches a source as a node would, and keeps what it says. */
export class Watch {
  readonly clock: ManualClock;
  readonly snapshots: (readonly string[])[] = [];
  readonly warnings: string[] = [];
  /** Resolves when the source has ended, and rejects if it threw. */
  readonly ended: Promise<void>;
  readonly context: DiscoveryContext;
  readonly #abort = new AbortController();
  #notify: (() => void)[] = [];

  constructor(source: Discovery, options: WatchOptions = {}) {
    const { clock } = options;
    this.clock = clock instanceof ManualClock ? clock : new ManualClock({ now: START });
    this.context = {
      signal: this.#abort.signal,
      clock: clock ?? this.clock,
      random: seededRandom(options.seed ?? 1),
      self: { name: "me", cluster: "shop", url: "ws://10.0.0.9:7400", ...options.self },
      warn: (message) => this.#note(() => this.warnings.push(message)),
    };
    this.ended = this.#pull(source);
    this.ended.catch(() => {});
    onTestFinished(() => this.abort());
  }

  get last(): readonly string[] | undefined {
    return this.snapshots.at(-1);
  }

  abort(): void {
    this.#abort.abort();
  }

  /** Waits for what the source says, without moving the clock, until something holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#notify.push(resolve));
  }

  async #pull(source: Discovery): Promise<void> {
    try {
      for await (const urls of source.watch(this.context)) {
        this.#note(() => this.snapshots.push(urls));
      }
    } finally {
      this.#note(() => {});
    }
  }

  #note(change: () => void): void {
    change();
    for (const resume of this.#notify.splice(0)) resume();
  }
}

/** Files that are set by the test. What is an Error cannot be read. */
export class MemoryFiles implements FilePort {
  readonly texts = new Map<string, string | Error>();
  readonly #watchers = new Map<string, Set<{ changed: () => void; lost: () => void }>>();
  reads = 0;
  watchable = true;

  get watching(): number {
    return [...this.#watchers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  async read(path: string): Promise<string> {
    this.reads += 1;
    const text = this.texts.get(path) ?? new Error("ENOENT: no such file");
    if (text instanceof Error) throw text;
    return text;
  }

  watch(path: string, changed: () => void, lost: () => void): () => void {
    if (!this.watchable) throw new Error("ENOSPC: no watch is left");
    const watcher = { changed, lost };
    const watchers = this.#watchers.get(path) ?? new Set();
    this.#watchers.set(path, watchers.add(watcher));
    return () => watchers.delete(watcher);
  }

  /** Changes a file, and tells of it. */
  write(path: string, text: string | Error): void {
    this.texts.set(path, text);
    this.announce(path);
  }

  announce(path: string): void {
    for (const { changed } of this.#watchers.get(path) ?? []) changed();
  }

  lose(path: string): void {
    for (const { lost } of this.#watchers.get(path) ?? []) lost();
    this.#watchers.delete(path);
  }
}

/** A resolver that answers what the test has set. What is an Error is rejected with. */
export class MemoryDns implements DnsPort {
  srvRecords: readonly SrvRecord[] | Error = [];
  readonly hosts = new Map<string, readonly string[]>();
  readonly hosts6 = new Map<string, readonly string[]>();
  readonly asked: string[] = [];
  cancelled = 0;

  async srv(name: string): Promise<readonly SrvRecord[]> {
    this.asked.push(`SRV ${name}`);
    if (this.srvRecords instanceof Error) throw this.srvRecords;
    return this.srvRecords;
  }

  a(name: string): Promise<readonly string[]> {
    return this.#host("A", name, this.hosts);
  }

  aaaa(name: string): Promise<readonly string[]> {
    return this.#host("AAAA", name, this.hosts6);
  }

  cancel(): void {
    this.cancelled += 1;
  }

  async #host(type: string, name: string, hosts: Map<string, readonly string[]>) {
    this.asked.push(`${type} ${name}`);
    const found = hosts.get(name);
    if (found === undefined) throw new Error(`query${type} ENOTFOUND ${name}`);
    return found;
  }
}

export function srv(name: string, port: number, priority = 0): SrvRecord {
  return { name, port, priority, weight: 1 };
}

/** One local network: what anybody sends, everybody in the group hears, the sender included. */
export class MemoryLan {
  readonly stations = new Set<{ options: DatagramOptions; listener: DatagramListener }>();
  readonly sent: Uint8Array[] = [];
  /** Set: nothing can be opened or sent. */
  fault: Error | undefined;

  /** A machine of the network. */
  machine(address: string): DatagramPort {
    return {
      open: async (options, listener) => {
        if (this.fault !== undefined) throw this.fault;
        const station = { options, listener };
        this.stations.add(station);
        return {
          send: async (bytes) => {
            if (this.fault !== undefined) throw this.fault;
            this.broadcast(bytes, address);
          },
          close: () => this.stations.delete(station),
        };
      },
    };
  }

  /** Everything that is open fails, and nothing can be opened. */
  fail(fault: Error): void {
    this.fault = fault;
    for (const station of [...this.stations]) {
      this.stations.delete(station);
      station.listener.failed(fault);
    }
  }

  broadcast(bytes: Uint8Array, from: string): void {
    this.sent.push(bytes);
    for (const { listener } of [...this.stations]) listener.message(bytes, from);
  }
}

/** Lets a source that polls look once more. */
export async function pass(watch: Watch, ms: number): Promise<void> {
  await watch.clock.advanceAsync(ms);
  await settle();
}
