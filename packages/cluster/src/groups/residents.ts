/**
 * The processes of this node that stand in a group, a subscription or a presence: which ref means
 * one, and what is taken back when it ends.
 *
 * A process is watched once, however much it stands in, and not at all when it stands in nothing.
 */
import { type AnyRef, NoProcessError, OptionError } from "@troupe/actor";
import { functionOption, objectOption } from "@troupe/actor/runtime";

/** The system of this node, as far as its processes are concerned. */
export interface ResidentHost {
  readonly name: string;
  readonly incarnation: number;
  localRef(id: number): AnyRef | undefined;
  monitor(ref: AnyRef, listener: () => void): () => void;
}

interface Resident {
  readonly unwatch: () => void;
  readonly releases: Set<() => void>;
}

/** The processes of one node that stand in something. */
export class Residents {
  readonly #host: ResidentHost;
  readonly #byId = new Map<number, Resident>();

  constructor(host: ResidentHost) {
    this.#host = host;
  }

  /**
   * The process that a ref means, a ref by name included. Throws `OptionError` for anything that is
   * no ref, or one of another node, and `NoProcessError` when the process has ended.
   */
  require(ref: AnyRef): AnyRef {
    const id = this.idOf(ref);
    const process = id === undefined ? undefined : this.#host.localRef(id);
    if (process === undefined) throw new NoProcessError(String(ref));
    return process;
  }

  /** The number of a process of this life of the node, ended or not. Throws `OptionError`. */
  idOf(ref: AnyRef): number | undefined {
    objectOption("ref", ref);
    functionOption("ref.send", ref.send);
    const { kind, node, incarnation, id } = ref.address;
    const { name } = this.#host;
    // A name that nobody has says no node.
    if (kind !== "process" || (node !== undefined && node !== name)) {
      throw new OptionError("ref", `the ref of a process of node ${name}`, String(ref));
    }
    return incarnation === this.#host.incarnation ? id : undefined;
  }

  /** Calls `release` when the process ends; the returned function takes that back. */
  attend(process: AnyRef, release: () => void): () => void {
    const { id } = process.address;
    let resident = this.#byId.get(id);
    if (resident === undefined) {
      const unwatch = this.#host.monitor(process, () => this.#end(id));
      resident = { unwatch, releases: new Set() };
      this.#byId.set(id, resident);
    }
    const { releases, unwatch } = resident;
    releases.add(release);
    return () => {
      if (!releases.delete(release) || releases.size > 0) return;
      unwatch();
      this.#byId.delete(id);
    };
  }

  #end(id: number): void {
    const releases = this.#byId.get(id)?.releases;
    this.#byId.delete(id);
    // One release may take others back, which then are not called.
    for (const release of releases ?? []) {
      releases?.delete(release);
      release();
    }
  }
}
