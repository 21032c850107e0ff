/**
 * The monitors that one process has set: each tells it once that another process is over.
 *
 * Taking one back also takes back its message if that is already queued. The watched process knows
 * only that somebody watches; who, and what it means to them, is not its business.
 */
import type { Down } from "../ctx.ts";
import { MailboxFullError } from "../errors.ts";
import type { ExitReason } from "../exit-reason.ts";
import type { Operation } from "../program.ts";
import type { AnyRef } from "../ref.ts";
import type { Notice } from "./notice.ts";

/** Something whose end can be watched: a process. */
export interface Watched {
  readonly ref: AnyRef;
  readonly isDead: boolean;
  /** What the monitor of a dead one is told. @default "noproc" */
  readonly absence?: ExitReason | undefined;
  /**
   * Calls the listener once at the end. Returns a function that takes it back. The watcher is the
   * process that is told: what is far away tells it after what else it says to that process.
   */
  watch(listener: (reason: ExitReason) => void, watcher?: AnyRef): () => void;
}

/** What a monitor watches. */
export interface MonitorTarget {
  readonly process: Watched | undefined;
  /** What was asked for, when that was a ref. */
  readonly ref: AnyRef | undefined;
  readonly name: string | undefined;
}

/** One monitor, and the message that it becomes. */
class Monitor implements Notice {
  readonly id: string;
  readonly operation: Operation;
  readonly target: MonitorTarget;
  arg: Down | undefined = undefined;
  cancelled = false;
  isArmed = false;
  unwatch: (() => void) | undefined = undefined;
  readonly #monitors: Map<string, Monitor>;

  constructor(
    monitors: Map<string, Monitor>,
    id: string,
    operation: Operation,
    target: MonitorTarget,
  ) {
    this.#monitors = monitors;
    this.id = id;
    this.operation = operation;
    this.target = target;
  }

  take(): boolean {
    if (this.cancelled) return false;
    this.#monitors.delete(this.id);
    return true;
  }
}

/** What the monitors of a process need. */
export interface MonitorsOptions {
  /** How many monitors the process may have at a time. */
  readonly max: number;
  /** The process that has set the monitors. */
  readonly watcher: AnyRef;
  /** Names the process in errors. */
  readonly owner: string;
  /** Called when a monitor fires. */
  readonly fire: (notice: Notice) => void;
}

/** The monitors that one process has set. */
export class Monitors {
  readonly #options: MonitorsOptions;
  readonly #monitors = new Map<string, Monitor>();
  #lastId = 0;

  constructor(options: MonitorsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#monitors.size;
  }

  /** Makes a monitor that watches and tells nothing yet. Throws `MailboxFullError` at the cap. */
  add(target: MonitorTarget, down: Operation): string {
    const { max, owner, watcher } = this.#options;
    if (this.#monitors.size >= max) throw new MailboxFullError(`monitors of ${owner}`, max);
    this.#lastId += 1;
    const id = `m${this.#lastId}`;
    const monitor = new Monitor(this.#monitors, id, down, target);
    this.#monitors.set(id, monitor);
    const { process, ref, name } = target;
    const over = (reason: ExitReason) => {
      monitor.unwatch = undefined;
      monitor.arg = { monitor: id, ref: process?.ref ?? ref, name, reason };
      if (monitor.isArmed) this.#options.fire(monitor);
    };
    if (process === undefined || process.isDead) over(process?.absence ?? "noproc");
    else monitor.unwatch = process.watch(over, watcher);
    return id;
  }

  /** Tells from now on, and of what has happened since it was made. */
  arm(id: string): void {
    const monitor = this.#monitors.get(id);
    if (monitor === undefined || monitor.cancelled) return;
    monitor.isArmed = true;
    if (monitor.arg !== undefined) this.#options.fire(monitor);
  }

  /** Takes a monitor back, and its message if that waits already. Twice is once. */
  remove(id: string): void {
    const monitor = this.#monitors.get(id);
    if (monitor === undefined) return;
    monitor.cancelled = true;
    monitor.unwatch?.();
    this.#monitors.delete(id);
  }

  /** Takes every monitor back; the process is over. */
  clear(): void {
    for (const id of [...this.#monitors.keys()]) this.remove(id);
  }
}
