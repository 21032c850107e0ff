/**
 * Monitors and links on processes of other nodes: each is told exactly once, for a reason that is
 * true, and none outlives the connection that it needs.
 */
import type { AnyRef, ExitReason } from "@troupe/actor";
import type { SimProcess } from "./sim-process.ts";

interface Watch {
  readonly id: number;
  readonly from: SimProcess;
  readonly node: string;
  readonly target: string;
  /** How many links the watcher had to the node, and whether it had one now. */
  readonly epoch: number;
  readonly kind: "monitor" | "link";
  fired: boolean;
  takenBack: boolean;
}

export interface NewWatch {
  readonly from: SimProcess;
  readonly ref: AnyRef;
  readonly epoch: number;
  readonly kind: Watch["kind"];
}

export class Watches {
  readonly #violate: (problem: string) => void;
  readonly #watches = new Map<number, Watch>();
  /** Processes that have ended, and those that were started. */
  readonly #ended = new Set<string>();
  firedCount = 0;

  constructor(violate: (problem: string) => void) {
    this.#violate = violate;
  }

  begin({ from, ref, epoch, kind }: NewWatch): number {
    const id = this.#watches.size + 1;
    const node = ref.address.node ?? "";
    const target = keyOf(ref);
    this.#watches.set(id, { id, from, node, target, epoch, kind, fired: false, takenBack: false });
    return id;
  }

  /** It is wanted no more: from here on it must not fire. */
  takeBack(id: number): void {
    const watch = this.#watches.get(id);
    if (watch !== undefined) watch.takenBack = true;
  }

  /** It was told; `isOver` says whether the whole node is. */
  fired(id: number, reason: ExitReason, isOver: boolean): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.firedCount += 1;
    const what = `${describe(watch)}: ${textOf(reason)}`;
    if (watch.fired) this.#violate(`${what}, a second time`);
    if (watch.takenBack) this.#violate(`${what}, although it was taken back`);
    watch.fired = true;
    if (reason === "noconnection" || isOver || this.#ended.has(watch.target)) return;
    this.#violate(`${what}, but it has not ended`);
  }

  /** It was told that the connection is gone, which is there: over how many links it was made. */
  deceived(id: number, epoch: number): void {
    const watch = this.#watches.get(id);
    if (watch?.epoch === epoch) this.#violate(`${describe(watch)} fired, but the link is there`);
  }

  /** A process is over, whatever watches it. */
  ended(ref: AnyRef): void {
    this.#ended.add(keyOf(ref));
  }

  /** Watches of a process over links up to a given one to one node that have not fired. */
  openTo(from: SimProcess, node: string, epoch: number): string[] {
    return [...this.#watches.values()]
      .filter((watch) => watch.from === from && watch.node === node && watch.epoch <= epoch)
      .filter(isOpen)
      .map(describe);
  }

  /** Watches of living processes on what has ended. */
  overdue(): string[] {
    return [...this.#watches.values()]
      .filter((watch) => watch.from.alive && isOpen(watch) && this.#ended.has(watch.target))
      .map(describe);
  }

  forget(process: SimProcess): void {
    for (const [id, { from }] of this.#watches) {
      // The numbers of the others stay what they are.
      if (from === process) this.#watches.set(id, { ...gone, id, from });
    }
  }
}

const gone = {
  node: "",
  target: "",
  epoch: 0,
  kind: "monitor",
  fired: true,
  takenBack: true,
} as const;

function isOpen({ fired, takenBack }: Watch): boolean {
  return !fired && !takenBack;
}

function keyOf(ref: AnyRef): string {
  const { node, incarnation, id } = ref.address;
  return `${node}/${incarnation}/${id}`;
}

function describe({ id, kind, from, target, epoch }: Watch): string {
  return `${kind} ${id} of ${from.label} on ${target}, link ${epoch}`;
}

function textOf(reason: ExitReason): string {
  return typeof reason === "string" ? reason : JSON.stringify(reason);
}
