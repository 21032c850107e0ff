/**
 * How a node is: ready or not and why, what it measures, and what it answers to probes.
 *
 * Totals are kept from the beginning, which costs an addition; everything else is read off the node
 * when somebody asks.
 */
import type { AnswerHttp } from "../transport/transport.ts";
import { type EndpointOptions, endpoints } from "./endpoints.ts";
import { type Measured, Metrics, type Passed } from "./metrics.ts";
import { Readiness, type ReadyCheck } from "./readiness.ts";
import { Tally } from "./tally.ts";

/** What the node tells of itself. */
export interface HealthSource {
  readonly name: string;
  readonly cluster: string;
  /** Why it takes no work, whatever the checks say; undefined while it does. */
  unavailable(): string | undefined;
  /** Bytes that wait for each connected node. */
  links(): readonly (readonly [node: string, queuedBytes: number])[];
  /** The statuses of the nodes of the cluster. */
  members(): readonly string[];
  processes(): number;
  /** Messages in all mailboxes. */
  queued(): number;
  undelivered(): number;
  /** Calls between this node and others. */
  calls(): { readonly in: number; readonly out: number };
  /** What has passed through the connections. */
  traffic(): Passed;
}

export class NodeHealth {
  /** Answers plain HTTP. */
  readonly answer: AnswerHttp;
  readonly #source: HealthSource;
  readonly #readiness = new Readiness();
  readonly #tally = new Tally();
  #linksUp = 0;
  #metrics: Metrics | undefined = undefined;

  constructor(source: HealthSource, options: EndpointOptions) {
    this.#source = source;
    this.answer = endpoints(
      { notReady: () => this.notReady(), metrics: () => this.measure() },
      options,
    );
  }

  addCheck(name: string, check: ReadyCheck): () => void {
    return this.#readiness.add(name, check);
  }

  /** Why the node should not be given work, one line each. */
  notReady(): readonly string[] {
    const unavailable = this.#source.unavailable();
    return unavailable === undefined ? this.#readiness.reasons() : [unavailable];
  }

  /** Takes note of an event of the node, if it is one that is counted. */
  count(event: string, payload: object): void {
    if (event === "nodeup") this.#linksUp += 1;
    else if (event === "nodedown" || event === "refused") {
      this.#tally.count(event, (payload as { readonly reason: string }).reason);
    }
  }

  /** The metrics as text. What measures begins with the first question. */
  async measure(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#metrics ??= new Metrics(this.#measured());
    return { contentType: this.#metrics.contentType, text: await this.#metrics.text() };
  }

  stop(): void {
    this.#metrics?.stop();
    this.#metrics = undefined;
  }

  #measured(): Measured {
    const source = this.#source;
    return {
      name: source.name,
      cluster: source.cluster,
      links: () => source.links(),
      members: () => countEach(source.members()),
      processes: () => source.processes(),
      queued: () => source.queued(),
      undelivered: () => source.undelivered(),
      calls: () => source.calls(),
      traffic: () => source.traffic(),
      linksUp: () => this.#linksUp,
      isReady: () => this.notReady().length === 0,
      totals: (name) => this.#tally.of(name),
    };
  }
}

function countEach(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
