/**
 * What others hold of a process: links, watchers, release hooks and deferred replies.
 *
 * Most processes have few of these or none, so they are made when first needed and cost an idle
 * process one empty field. Nothing is decided here.
 */
import type { ExitReason } from "../exit-reason.ts";
import { type Linked, Links } from "./links.ts";

/** What others hold of one process. */
export class Attachments {
  readonly #owner: Linked;
  #releases: Set<() => void> | undefined = undefined;
  #watchers: Set<(reason: ExitReason) => void> | undefined = undefined;
  #deferred: Set<number> | undefined = undefined;
  #links: Links | undefined = undefined;

  constructor(owner: Linked) {
    this.#owner = owner;
  }

  /** Called first of all when the process ends: what it owned is free before anybody is told. */
  get releases(): Set<() => void> {
    this.#releases ??= new Set();
    return this.#releases;
  }

  /** Called once with the reason when the process has ended. */
  get watchers(): Set<(reason: ExitReason) => void> {
    this.#watchers ??= new Set();
    return this.#watchers;
  }

  /** The numbers of the replies that it has deferred and not given. */
  get deferred(): Set<number> {
    this.#deferred ??= new Set();
    return this.#deferred;
  }

  get links(): Links {
    this.#links ??= new Links(this.#owner);
    return this.#links;
  }

  /** Frees what the process owned. */
  release(): void {
    for (const release of this.#releases ?? none) release();
  }

  /** Tells everybody that the process is over. */
  tell(reason: ExitReason): void {
    for (const watcher of this.#watchers ?? none) watcher(reason);
    this.#links?.break(reason);
  }
}

const none: readonly never[] = [];
