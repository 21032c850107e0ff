/**
 * Partition supervisors: one child many times over, and a key to choose among them.
 *
 * A process that everybody calls is a bottleneck; with a partition per part of the keys, equal keys
 * still meet in one process. A partition has no state of its own that follows a key: after `resize`
 * a key may belong to another one.
 */
import type { Ctx } from "../ctx.ts";
import { NoProcessError, OptionError } from "../errors.ts";
import { functionOption, integerOption } from "../option.ts";
import type { Receiver } from "../process/local-ref.ts";
import type { Process } from "../process/process.ts";
import type { AnyRef, CallOptions, ReplyTo } from "../ref.ts";
import type { LaunchOptions } from "../system/start-options.ts";
import type { Startable } from "../system/startable.ts";
import type { ActorSystem } from "../system/system.ts";
import { type ChildSpec, checkChildSpec } from "./child-spec.ts";
import { Lane } from "./supervisor-jobs.ts";
import {
  type ResolvedRestartOptions,
  type RestartOptions,
  resolveRestartOptions,
  supervisedSpecOption,
} from "./supervisor-options.ts";
import { defineSupervisor, launchSupervisor } from "./supervisor-process.ts";
import { LocalSupervisorRef, type SupervisorView } from "./supervisor-ref.ts";
import { StaticTree, type StaticTreeOptions } from "./supervisor-static.ts";

/** What chooses a partition. */
export type PartitionKey = string | number | bigint | boolean;

/** What `partitionSupervisor` takes. */
export interface PartitionSupervisorOptions<R extends AnyRef | undefined> extends RestartOptions {
  /** Describes the child of each partition, from 0; its id becomes the partition's number. */
  readonly child: (partition: number) => ChildSpec<R>;
  /** How many partitions there are at most, and at first. */
  readonly partitions: number;
}

/** The ref of a partition supervisor. */
export interface PartitionSupervisorRef<R extends AnyRef | undefined> extends SupervisorView {
  /** How many partitions are in use. */
  readonly partitions: number;
  /**
   * The child of the partition that a key belongs to: an integer `k` to `abs(k) mod partitions`,
   * any other key by a hash that is the same in every program. Ask anew for each use, because a
   * restarted child has a new ref. Throws `NoProcessError` while the child has no process, and when
   * there is no partition; `OptionError` for a key that is no text, number, bigint or boolean.
   * Elixir: `{:via, PartitionSupervisor, {name, key}}`.
   *
   * @example
   * ```ts
   * await counters.partition("user-7").call("add", 1);
   * ```
   */
  partition(key: PartitionKey): NonNullable<R>;
  /**
   * Uses so many partitions from now on, from 0 to as many as there were at first: stops the last
   * ones, or starts them again. Resolves when they are; rejects with `OptionError` (nothing has
   * changed), or with `StartError` when one did not come up: those before it are in use then.
   * Elixir: `PartitionSupervisor.resize!/2`.
   */
  resize(partitions: number, options?: CallOptions): Promise<void>;
}

/** What `partitionSupervisor` makes: give it to `system.start` or to `child`. */
export interface PartitionSupervisorDefinition<R extends AnyRef | undefined>
  extends Startable<PartitionSupervisorRef<R>>,
    ResolvedRestartOptions {
  readonly partitions: number;
}

/**
 * Defines a supervisor of `partitions` children that are alike; the strategy is `one_for_one`.
 *
 * Throws `OptionError` for a bad option, also in the specs that `child` makes. Elixir:
 * `PartitionSupervisor`.
 *
 * @example
 * ```ts
 * const Counters = partitionSupervisor({
 *   child: (partition) => child(Counter, { start: partition }),
 *   partitions: 4,
 * });
 * const counters = await system.start(Counters);
 * await counters.partition("user-7").call("add", 1);
 * ```
 */
export function partitionSupervisor<R extends AnyRef | undefined>(
  options: PartitionSupervisorOptions<R>,
): PartitionSupervisorDefinition<R> {
  const restarts = resolveRestartOptions(options);
  const partitions = integerOption("partitions", options.partitions, 1);
  functionOption("child", options.child);
  const children = Array.from({ length: partitions }, (_, partition) => {
    const spec = options.child(partition);
    supervisedSpecOption(`child(${partition})`, spec, restarts.autoShutdown);
    const start: ChildSpec<R>["start"] = (host, start) => spec.start(host, start);
    return Object.freeze({ ...checkChildSpec(spec), id: String(partition), start });
  });
  const treeOptions = { ...restarts, strategy: "one_for_one", children } as const;
  const launchIn = (system: ActorSystem, launchOptions: LaunchOptions) => {
    const make = (process: Process) => {
      const tree = new PartitionTree(system, process, treeOptions);
      return { tree, ref: new LocalPartitionRef<R>(process.inbox, tree) };
    };
    return launchSupervisor(system, partitionActor, make, launchOptions);
  };
  return Object.freeze({ ...restarts, partitions, launchIn });
}

/** The children of a partition supervisor: their ids are the numbers of the partitions. */
class PartitionTree extends StaticTree {
  /** How many partitions keys are spread over. */
  inUse: number;
  readonly #specs: readonly ChildSpec[];
  readonly #resizes = new Lane();

  constructor(system: ActorSystem, process: Process, options: StaticTreeOptions) {
    super(system, process, options);
    this.#specs = options.children;
    this.inUse = options.children.length;
  }

  resize(partitions: number, to: ReplyTo<void>): void {
    const max = this.#specs.length;
    if (!Number.isInteger(partitions) || partitions < 0 || partitions > max) {
      this.refuse(to, new OptionError("partitions", `an integer from 0 to ${max}`, partitions));
      return;
    }
    this.serve(this.#resizes, to, () => this.#resize(partitions));
  }

  async #resize(partitions: number): Promise<void> {
    const before = this.inUse;
    // Those that are to be stopped get no more keys, and those that are to start get none yet.
    this.inUse = Math.min(before, partitions);
    for (const { id } of this.#specs.slice(partitions, before).reverse()) await this.stopById(id);
    for (const spec of this.#specs.slice(before, partitions)) {
      await this.startStopped(spec);
      this.inUse += 1;
    }
  }
}

/** A partition supervisor's ref. */
class LocalPartitionRef<R extends AnyRef | undefined>
  extends LocalSupervisorRef
  implements PartitionSupervisorRef<R>
{
  readonly #tree: PartitionTree;

  constructor(receiver: Receiver, tree: PartitionTree) {
    super(receiver, tree.offers);
    this.#tree = tree;
  }

  get partitions(): number {
    return this.#tree.inUse;
  }

  partition(key: PartitionKey): NonNullable<R> {
    const { inUse } = this.#tree;
    const partition = partitionOf(key, Math.max(1, inUse));
    const ref = inUse === 0 ? undefined : this.#tree.refOf(String(partition));
    if (ref === undefined)
      throw new NoProcessError(`partition ${partition} of ${inUse} of ${this}`);
    return ref as NonNullable<R>;
  }

  resize(partitions: number, options?: CallOptions): Promise<void> {
    return this.ask("resize", partitions, options);
  }
}

const partitionActor = defineSupervisor<PartitionTree>("partition supervisor", {
  calls: {
    resize: (tree, partitions: number, ctx: Ctx) =>
      ctx.defer<void>((to) => tree.resize(partitions, to)),
  },
  payloads: {},
});

/** The partition, of so many, that a key belongs to. Throws `OptionError` for a bad key. */
export function partitionOf(key: PartitionKey, partitions: number): number {
  if (typeof key === "number" && Number.isSafeInteger(key)) return Math.abs(key) % partitions;
  if (typeof key === "bigint") return Number((key < 0n ? -key : key) % BigInt(partitions));
  if (!["string", "number", "boolean"].includes(typeof key)) {
    throw new OptionError("key", "a string, a number, a bigint or a boolean", key);
  }
  return hash(`${typeof key}:${key}`) % partitions;
}

/** FNV-1a over the code units, then stirred, because its low bits alone are not spread well. */
function hash(text: string): number {
  let code = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    code = Math.imul(code ^ text.charCodeAt(at), 0x01000193);
  }
  code = Math.imul(code ^ (code >>> 16), 0x85ebca6b);
  code = Math.imul(code ^ (code >>> 13), 0xc2b2ae35);
  return (code ^ (code >>> 16)) >>> 0;
}
