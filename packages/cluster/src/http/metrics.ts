/**
 * What a node measures, as Prometheus reads it. The only file that knows `prom-client`.
 *
 * Nothing is collected before somebody asks: then the figures are read off the node. Each node has
 * its own registry, so that two of them in one program do not count for each other.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Registry } from "prom-client";

/** What can be read off a node. */
export interface Measured {
  readonly name: string;
  readonly cluster: string;
  /** Links that are up, and the bytes that wait for each. */
  links(): readonly (readonly [node: string, queuedBytes: number])[];
  /** Nodes of the cluster by status, this one included. */
  members(): ReadonlyMap<string, number>;
  processes(): number;
  undelivered(): number;
  isReady(): boolean;
  /** Links that ever came up. */
  linksUp(): number;
  /** Totals by reason. */
  totals(name: "nodedown" | "refused"): ReadonlyMap<string, number>;
}

/** How often the event loop is asked how late it is, in milliseconds. */
const LOOP_RESOLUTION_MS = 20;

const NANOSECONDS = 1e9;

export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });

  constructor(node: Measured) {
    this.contentType = this.#registry.contentType;
    this.#registry.setDefaultLabels({ node: node.name, cluster: node.cluster });
    this.#loop.enable();
    this.#addGauges(node);
    this.#addCounters(node);
  }

  /** The text of all metrics at this moment. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  stop(): void {
    this.#loop.disable();
    this.#registry.clear();
  }

  #addGauges(node: Measured): void {
    this.#gauge("links", "Nodes that are connected now.", () => node.links().length);
    this.#gauge("processes", "Processes that run.", () => node.processes());
    this.#gauge("ready", "1 while the node is ready for work.", () => (node.isReady() ? 1 : 0));
    this.#gauge("event_loop_delay_seconds", "How late the event loop was since last asked.", () => {
      const { max, count } = this.#loop;
      this.#loop.reset();
      return count === 0 ? 0 : max / NANOSECONDS;
    });
    this.#labelled("members", "status", "Nodes of the cluster by status.", () => node.members());
    this.#labelled("queued_bytes", "peer", "Bytes that wait to be sent.", () => node.links());
  }

  #addCounters(node: Measured): void {
    this.#total("links_up_total", "Links that came up.", () => node.linksUp());
    this.#total("undelivered_total", "Messages for other nodes that got lost.", () => {
      return node.undelivered();
    });
    this.#counter("links_down_total", "reason", "Links that ended.", () => node.totals("nodedown"));
    this.#counter("handshakes_refused_total", "reason", "Handshakes refused.", () =>
      node.totals("refused"),
    );
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `troupe_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  #labelled(name: string, label: string, help: string, read: () => Labelled): void {
    new Gauge({
      name: `troupe_${name}`,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [value, figure] of read()) this.set({ [label]: value }, figure);
      },
    });
  }

  #total(name: string, help: string, read: () => number): void {
    new Counter({
      name: `troupe_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #counter(name: string, label: string, help: string, read: () => Labelled): void {
    new Counter({
      name: `troupe_${name}`,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        // The total is kept elsewhere; a counter of this library can only be added to.
        this.reset();
        for (const [value, total] of read()) this.inc({ [label]: value }, total);
      },
    });
  }
}

type Labelled = Iterable<readonly [value: string, figure: number]>;
