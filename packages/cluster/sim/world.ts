/**
 * What all parts of a simulated world share: time, the network, the book of all that was sent, and
 * the place where a broken rule is reported.
 */
import type { Node } from "@troupe/cluster";
import type { EventQueue } from "./event-queue.ts";
import type { Ledger } from "./ledger.ts";
import type { SimNetwork } from "./network.ts";
import type { SimOptions } from "./options.ts";
import type { SimProcess } from "./sim-process.ts";
import type { Watches } from "./watches.ts";
import type { Weather } from "./weather.ts";

/** A property that does not hold; the message says which and where. */
export class Violation extends Error {
  override readonly name = "Violation";
}

export interface World {
  readonly options: SimOptions;
  readonly events: EventQueue;
  readonly network: SimNetwork;
  readonly ledger: Ledger;
  readonly watches: Watches;
  readonly weather: Weather;
  /** The names of the nodes that belong to the cluster. */
  readonly names: readonly string[];
  readonly trace: (line: () => string) => void;
  /** Ends the run after this event; the first problem counts. */
  readonly violate: (problem: string) => void;
  /** Whether another process has claimed the name of one of these two since then. */
  readonly rivals: (a: SimProcess, b: SimProcess, since: number) => boolean;
  /** Called when every promise reaction of this event has run. */
  readonly atEndOfEvent: (check: () => void) => void;
  /** A process has become a node. */
  born(process: SimProcess, node: Node): void;
  /** A number for a process, and the process for the number. */
  idOf(process: SimProcess): number;
  processOf(id: number): SimProcess | undefined;
  /** Whether it has the key of the cluster. */
  isTrusted(process: SimProcess): boolean;
  /** The process that was that life of that node. */
  life(name: string, incarnation: number): SimProcess | undefined;
}
