/**
 * What a node measures, as Prometheus reads it. The only file that knows `prom-client`.
 *
 * Nothing is collected before somebody asks: then the figures are read off the node. Each node has
 * its own registry, so that two of them in one program do not count for each other.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Registry } from "prom-client";

/** Totals of what has passed, each way. */
export interface Passed {
  readonly framesIn: number;
  readonly framesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What can be read off a node. */
export interface Measured {
  readonly name: string;
  readonly cluster: string;
  /** Links that are up, and the bytes that wait for each. */
  links(): readonly (readonly [node: string, queuedBytes: number])[];
  /** Nodes of the cluster by status, this one included. */
  members(): ReadonlyMap<string, number>;
  processes(): number;
  /** Messages in all mailboxes. */
  queued(): number;
  undelivered(): number;
  /** Calls and queries between this node and others. */
  calls(): { readonly in: number; readonly out: number };
  traffic(): Passed;
  isReady(): boolean;
  /** Links that ever came up. */
  linksUp(): number;
  /** Totals by reason. */
  totals(name: "nodedown" | "refused"): ReadonlyMap<string, number>;
}

/** How often the event loop is asked how late it is, in milliseconds. */
const LOOP_RESOLUTION_MS = 20;

const NANOSECONDS = 1e9;

const DELAY_HELP = "How late the event loop was since last asked.";

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
    this.#gauge("mailbox_messages", "Messages in all mailboxes.", () => node.queued());
    this.#gauge("ready", "1 while the node is ready for work.", () => (node.isReady() ? 1 : 0));
    this.#labelled("event_loop_delay_seconds", "quantile", DELAY_HELP, () => this.#delays());
    this.#labelled("members", "status", "Nodes of the cluster by status.", () => node.members());
    this.#labelled("queued_bytes", "peer", "Bytes that wait to be sent.", () => node.links());
  }

  #addCounters(node: Measured): void {
    this.#total("links_up_total", "Links that came up.", () => node.linksUp());
    this.#total("undelivered_total", "Messages for other nodes that got lost.", () => {
      return node.undelivered();
    });
    this.#counter("links_down_total", "reason", "Links that ended.", () => node.totals("nodedown"));
    this.#counter("calls_total", "direction", "Calls between this node and others.", () => {
      const calls = node.calls();
      return [["in", calls.in] as const, ["out", calls.out] as const];
    });
    this.#counter("frames_total", "direction", "Frames, those of handshakes included.", () => {
      const { framesIn, framesOut } = node.traffic();
      return [["in", framesIn] as const, ["out", framesOut] as const];
    });
    this.#counter("frame_bytes_total", "direction", "Bytes of these frames.", () => {
      const { bytesIn, bytesOut } = node.traffic();
      return [["in", bytesIn] as const, ["out", bytesOut] as const];
    });
    this.#counter("handshakes_refused_total", "reason", "Handshakes refused.", () =>
      node.totals("refused"),
    );
  }

  /** What the event loop was late by: the histogram has the time between two looks at it. */
  #delays(): Labelled {
    const loop = this.#loop;
    if (loop.count === 0) return [];
    const late = (percentile: number) =>
      Math.max(0, loop.percentile(percentile) / NANOSECONDS - LOOP_RESOLUTION_MS / 1000);
    const delays = [
      ["0.5", late(50)] as const,
      ["0.99", late(99)] as const,
      ["1", late(100)] as const,
    ];
    loop.reset();
    return delays;
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
