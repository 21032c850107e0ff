/**
 * The calls of a system whose replies come later: `ctx.defer` puts them here, by number.
 *
 * A number is answered at most once; an answer to one that is no longer open is dropped. What a
 * process has deferred is refused when it ends, and forgotten when its caller has given up, so
 * the table holds only calls that somebody waits for.
 */
import { TooManyCallsError } from "../errors.ts";
import type { ReplyPort } from "../ref.ts";

/** One open reply. */
interface OpenReply {
  readonly port: ReplyPort;
  /** The numbers that the same process has deferred. */
  readonly own: Set<number>;
}

/** The deferred replies of one system. */
export class Replies {
  readonly #open = new Map<number, OpenReply>();
  readonly #max: number;
  readonly #draw: () => number;
  #lastId = 0;

  /**
   * `max` is how many replies may be open at a time. `draw` gives numbers above 0; without it they
   * are counted, which is enough where nobody answers who was not given the number.
   */
  constructor(max: number, draw?: () => number) {
    this.#max = max;
    this.#draw = draw ?? (() => this.#lastId + 1);
  }

  /** How many replies are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether a number is open. */
  has(id: number): boolean {
    return this.#open.has(id);
  }

  /** Opens a reply and returns its number. Throws `TooManyCallsError` at the cap. */
  open(port: ReplyPort, own: Set<number>): number {
    if (this.#open.size >= this.#max) throw new TooManyCallsError(this.#max);
    let id = this.#draw();
    while (this.#open.has(id)) id = (id % Number.MAX_SAFE_INTEGER) + 1;
    this.#lastId = id;
    // The caller gave up before it was known that the answer would come later.
    if (port.isOpen === false) return id;
    this.#open.set(id, { port, own });
    own.add(id);
    port.onClosed = () => this.take(id);
    return id;
  }

  /** Takes the port of an open reply; undefined when the number is not open. */
  take(id: number): ReplyPort | undefined {
    const entry = this.#open.get(id);
    if (entry === undefined) return undefined;
    this.#open.delete(id);
    entry.own.delete(id);
    entry.port.onClosed = undefined;
    return entry.port;
  }
}
