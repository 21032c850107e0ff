/**
 * What holds of replicas that forget: who takes part again without a journal holds all that was
 * committed before its life began; and nobody says that the group is lost while it is not.
 */
import type { Replica } from "@troupe/replication/runtime";
import { anyEntry, checksumAt } from "./damage.ts";
import type { Ledger } from "./ledger.ts";
import { holds } from "./violation.ts";

/** What is known of the group from outside. */
export interface Founding {
  /** A quorum has begun. */
  readonly isFounded: boolean;
  /** More have forgotten everything at once than the group can spare. */
  readonly mayBeLost: boolean;
}

export class Lives {
  readonly #ledger: Ledger;
  readonly #group: Founding;
  /** By replica, until it takes part: how much was committed when its life began. */
  readonly #committed = new Map<number, number>();

  constructor(ledger: Ledger, group: Founding) {
    this.#ledger = ledger;
    this.#group = group;
  }

  get isFounded(): boolean {
    return this.#group.isFounded;
  }

  begins(index: number): void {
    this.#committed.set(index, this.#ledger.length);
  }

  stepped(index: number, replica: Replica): void {
    const { state } = replica;
    const op = this.#committed.get(index);
    if (op === undefined) return;
    if (state.status === "lost") {
      holds(this.#group.mayBeLost, "LostForAReason", () => {
        return `replica ${index} says that the group is lost, and a majority remembers`;
      });
    }
    if (state.isForgetful) return;
    this.#committed.delete(index);
    const held = checksumAt(replica, op);
    holds(held === anyEntry || held === this.#ledger.at(op), "RecoveredWhole", () => {
      return `replica ${index} takes part again without op ${op}, committed before its life began`;
    });
  }
}
