/** Writes, made by hand: what a journal is given. */
import fc from "fast-check";
import type { LogBase, Prepare, Write } from "../../src/vsr/index.ts";
import { entryAfter, root } from "./entries.ts";

/** A writer that knows what it has written, so that each write continues the one before. */
export class Writer {
  #entries: Prepare[] = [];
  #written = 0;
  readonly #base: LogBase;

  constructor(base: LogBase = { op: 0, checksum: root, timestamp: 0 }) {
    this.#base = base;
  }

  /** A write of these entries, after a truncation if one is given. */
  write(contents: readonly string[], more: Partial<Write> = {}): Write {
    const { truncate, view = 0 } = more;
    if (truncate !== undefined) this.#entries = this.#entries.slice(0, truncate - this.#base.op);
    const entries: Prepare[] = [];
    for (const content of contents) {
      const last = this.#entries.at(-1) ?? this.#base;
      const entry = entryAfter(last, content, view);
      this.#entries.push(entry);
      entries.push(entry);
    }
    this.#written++;
    return { write: this.#written, view, log_view: view, commit: 0, entries, ...more };
  }

  get head(): number {
    return this.#base.op + this.#entries.length;
  }
}

/** A few writes in a row, some of which truncate; views and commits never go back. */
export const someWrites: fc.Arbitrary<Write[]> = fc
  .array(
    fc.record({
      contents: fc.array(fc.string({ maxLength: 12 }), { maxLength: 3 }),
      truncates: fc.nat({ max: 3 }).map((n) => n === 0),
      to: fc.double({ min: 0, max: 1, noNaN: true }),
      views: fc.nat({ max: 3 }).map((n) => Math.max(0, n - 1)),
      commits: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((steps) => {
    const writer = new Writer();
    let view = 0;
    let commit = 0;
    return steps.map(({ contents, truncates, to, views, commits }) => {
      // What is committed is never truncated.
      const target = commit + Math.floor(to * (writer.head - commit));
      const truncate = truncates ? { truncate: target } : {};
      view += views;
      const head = truncates ? target : writer.head;
      commit += Math.floor(commits * (head - commit));
      return writer.write(contents, { view, commit, ...truncate });
    });
  });
