/**
 * What others hold of a process: links, watchers, release hooks and deferred replies.
 *
 * Most processes have few of these or none, so they are made when first needed and cost an idle
 * process one empty field. Nothing is decided here.
 */
import type { ExitReason } from "../exit-reason.ts";
import { type Linked, Links } from "./links.ts";

/** Hears of the end of a process. */
type Watcher = (reason: ExitReason) => void;

/** What others hold of one process. */
export class Attachments {
  readonly #owner: Linked;
  #releases: Set<() => void> | undefined = undefined;
  /** The first who watches: most processes have one, which needs no set. */
  #watcher: Watcher | undefined = undefined;
  #watchers: Set<Watcher> | undefined = undefined;
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

  /** Calls the function once with the reason when the process has ended. */
  watch(watcher: Watcher): void {
    if (this.#watcher === undefined && this.#watchers === undefined) this.#watcher = watcher;
    else {
      this.#watchers ??= new Set();
      this.#watchers.add(watcher);
    }
  }

  unwatch(watcher: Watcher): void {
    if (this.#watcher === watcher) this.#watcher = undefined;
    else this.#watchers?.delete(watcher);
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
    this.#watcher?.(reason);
    for (const watcher of this.#watchers ?? none) watcher(reason);
    this.#links?.break(reason);
  }
}

const none: readonly never[] = [];
