/**
 * Replicas whose disks are lost with all that was on them, and that rejoin with an empty one (I20).
 *
 * The group can spare a minority: so many at most are without their journals at one time, counted
 * until the new journal says that its replica has got the log.
 */
import { quorumOf } from "@troupe/replication/runtime";
import type { Checker } from "./checker.ts";
import { SimDisk } from "./disk.ts";
import type { SimHost } from "./host.ts";
import type { SimOptions } from "./options.ts";
import { Chance } from "./random.ts";
import type { Trace } from "./trace.ts";

interface Wiped {
  readonly hosts: readonly SimHost[];
  readonly disks: readonly unknown[];
  readonly checker: Checker;
  readonly trace: Trace;
}

export class Wipes {
  readonly #options: SimOptions;
  readonly #world: Wiped;
  readonly #chance: Chance;
  readonly #spare: number;

  constructor(options: SimOptions, world: Wiped) {
    const { seed, config } = options;
    this.#options = options;
    this.#world = world;
    this.#chance = new Chance(seed, "wipes");
    // One of two may be lost, though neither may be away.
    this.#spare = Math.max(1, config.replicaCount - quorumOf(config.replicaCount));
  }

  /** A replica has crashed: its disk may be lost as well. */
  strike(host: SimHost): void {
    const { wiped, memory } = this.#options;
    const { replicaCount } = this.#options.config;
    if (
      wiped === 0 ||
      memory ||
      replicaCount === 1 ||
      !this.#chance.hits(wiped) ||
      !this.#mayLose(host)
    )
      return;
    const { disks, checker, trace } = this.#world;
    const disk = disks[host.index];
    if (!(disk instanceof SimDisk)) return;
    trace.event("wipe", () => `r${host.index} has lost its disk, and will rejoin`, host.index);
    disk.wipe(host.index, host.nextLife());
    checker.wiped(host.index);
  }

  /** How long one that has begun to rejoin is let live before it crashes; undefined if it is. */
  crashesAfter({ index }: SimHost): number | undefined {
    const disk = this.#world.disks[index];
    const rejoins = disk instanceof SimDisk && disk.isRejoining;
    if (!rejoins || !this.#chance.hits(this.#options.rejoinersCrash)) return undefined;
    return this.#chance.exponential(150);
  }

  #mayLose(host: SimHost): boolean {
    const without = this.#world.disks.filter((disk, index) => {
      return index !== host.index && disk instanceof SimDisk && disk.isRejoining;
    });
    return without.length < this.#spare;
  }
}
