/** Totals by name and label, which only grow: an addition each, and read when somebody asks. */

/** Labels come from closed lists of ours; this guards against one that does not. */
const MAX_LABELS = 64;

export class Tally {
  readonly #totals = new Map<string, Map<string, number>>();

  /** Counts one more. */
  count(name: string, label: string): void {
    let labels = this.#totals.get(name);
    if (labels === undefined) {
      labels = new Map();
      this.#totals.set(name, labels);
    }
    if (labels.size >= MAX_LABELS && !labels.has(label)) return;
    labels.set(label, (labels.get(label) ?? 0) + 1);
  }

  /** The totals of a name, by label. */
  of(name: string): ReadonlyMap<string, number> {
    return this.#totals.get(name) ?? none;
  }
}

const none: ReadonlyMap<string, number> = new Map();
