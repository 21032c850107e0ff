/**
 * Which disks may lose what, so that the group can live (TigerBeetle's ClusterFaultAtlas).
 *
 * An op is committed on a quorum of disks. In each region of the log fewer replicas than that may
 * have damage: so either one that has the entry has it intact, or so many never had it that a nack
 * quorum says so. A few replicas are *frail*: they alone may lose the end of their log, which makes
 * them silent, or their disk. They count against every region, for they deny nothing, and they are
 * a minority, for the others must change the view without them.
 */
import { quorumOf } from "@troupe/replication/runtime";
import { Chance } from "./random.ts";

/** What disks do besides being slow. */
export interface StorageFaults {
  /** Of restarts: those that find damaged records. */
  readonly rot: number;
  /** Of damaged records: those whose header is lost too, and with it the entry's checksum. */
  readonly lostHeaders: number;
  /** Of crashes of a frail replica: those that take its disk, so that it never comes back. */
  readonly lostDisks: number;
  /** More is damaged than the group may survive: it may stop, but it may not lie. */
  readonly beyondRepair: boolean;
}

export const soundDisks = {
  rot: 0,
  lostHeaders: 0,
  lostDisks: 0,
  beyondRepair: false,
} satisfies StorageFaults;

/** Of a stream of its own, so that the rest of a seed's world does not depend on it. */
export function storageFaultsOf(seed: number): StorageFaults {
  const chance = new Chance(seed, "storage-faults");
  return {
    rot: chance.hits(0.3) ? chance.pick([0.2, 0.6, 1]) : 0,
    lostHeaders: chance.pick([0, 0.3, 1]),
    lostDisks: chance.hits(0.15) ? 0.2 : 0,
    beyondRepair: false,
  };
}

export interface AtlasOptions extends StorageFaults {
  readonly seed: number;
  readonly config: { readonly replicaCount: number };
}

export class FaultAtlas {
  readonly #options: AtlasOptions;
  readonly #frail: ReadonlySet<number>;
  /** How many ops the damage of one region spans. */
  readonly #regionOps: number;
  readonly #regions = new Map<number, ReadonlySet<number>>();

  constructor(options: AtlasOptions) {
    this.#options = options;
    const { seed, config } = options;
    const chance = new Chance(seed, "atlas");
    this.#regionOps = chance.pick([1, 4, 16]);
    const minority = config.replicaCount - quorumOf(config.replicaCount);
    this.#frail = new Set(this.#draw(chance, chance.between(0, minority)));
  }

  /** Whether its last slot may be damaged: then it is silent until it is told a view's log. */
  mayLoseHead(index: number): boolean {
    if (this.#options.config.replicaCount === 1) return false;
    return this.#options.beyondRepair || this.#frail.has(index);
  }

  mayDamage(index: number, op: number): boolean {
    if (this.#options.config.replicaCount === 1) return false;
    return this.#options.beyondRepair || this.#region(op).has(index);
  }

  mayLoseDisk(index: number): boolean {
    return this.#frail.has(index);
  }

  /** Whether it may be left down for good when the rest heals; of all that are, a minority may. */
  mayStayDown(index: number): boolean {
    const { rot, lostDisks } = this.#options;
    return (rot === 0 && lostDisks === 0) || this.#frail.has(index);
  }

  #region(op: number): ReadonlySet<number> {
    const number = Math.floor(op / this.#regionOps);
    const known = this.#regions.get(number);
    if (known !== undefined) return known;
    const { seed, config } = this.#options;
    const chance = new Chance(seed, `atlas-${number}`);
    const room = quorumOf(config.replicaCount) - 1 - this.#frail.size;
    const region = new Set([...this.#frail, ...this.#draw(chance, room)]);
    this.#regions.set(number, region);
    return region;
  }

  /** So many replicas by chance, or fewer where one comes twice. */
  #draw(chance: Chance, count: number): number[] {
    const last = this.#options.config.replicaCount - 1;
    return Array.from({ length: count }, () => chance.between(0, last));
  }
}
