/**
 * Counts, for every member, the rounds since anything was heard of it over its link, and tells who
 * has been silent for too long: first for being trusted, then for keeping its link.
 *
 * Rounds are counted, not milliseconds, and a round that comes late counts for nobody: a process
 * that was paused, or whose event loop was blocked, finds everybody silent and must accuse nobody.
 * This is the one place where silence is counted. Pure: no clock is read and no timer set.
 *
 * Source: OTP `net_ticktime` (kernel_app), any inbound byte counts; Lifeguard, local health;
 * Orleans, an observer that was itself paused accuses nobody.
 */

export interface DetectorOptions {
  /** How long a round is. Only for comparing it with what a peer promises. */
  readonly heartbeatMs: number;
  /** Silent rounds after which a member is suspect. */
  readonly suspectAfterMisses: number;
  /** Silent rounds after which a link is dead. */
  readonly heartbeatMisses: number;
}

/** What one round has brought. */
export interface RoundVerdict {
  /** The round does not count: this process was paused. */
  readonly skipped: boolean;
  /** Members that have been silent for too long to be trusted. */
  readonly suspects: readonly string[];
  /** Links that have been silent for too long to be kept. */
  readonly dead: readonly string[];
}

/** A peer cannot make us wait for longer than this times the allowed misses. */
export const MAX_HEARTBEAT_MS = 60_000;

/** How far we go in mistrusting ourselves: thresholds grow by as many times. */
export const MAX_DOUBT = 3;

/** Late rounds in a row that are excused. A process that is always late is slow, not paused. */
export const MAX_EXCUSED = 8;

/** Doublings of the patience with a member that others vouch for and that we cannot reach. */
export const MAX_CAUTION = 5;

/** The patience with a member that this node never had a link with: others do the watching. */
export const HEARSAY_CAUTION = 3;

interface Watch {
  linked: boolean;
  /** Whether it is a member that can be accused; a link alone is only kept or closed. */
  watched: boolean;
  heard: boolean;
  silent: number;
  /** How often it promises to be heard, and never more often than we look. */
  everyMs: number;
  caution: number;
}

/** The silence of all members. */
export class FailureDetector {
  readonly #options: DetectorOptions;
  readonly #watches = new Map<string, Watch>();
  #doubt = 0;
  #excused = 0;

  constructor(options: DetectorOptions) {
    this.#options = options;
  }

  /** How much this node mistrusts itself, from 0 to {@link MAX_DOUBT}. */
  get doubt(): number {
    return this.#doubt;
  }

  /** A link is up, and was heard: the handshake came over it. */
  linked(name: string, heartbeatMs: number): void {
    const watched = this.#watches.get(name)?.watched ?? false;
    const everyMs = this.#everyMs(heartbeatMs);
    this.#watches.set(name, { linked: true, watched, heard: true, silent: 0, everyMs, caution: 0 });
  }

  /** The link is gone. The member goes on being silent. */
  unlinked(name: string): void {
    const watch = this.#watches.get(name);
    if (watch === undefined) return;
    watch.linked = false;
    if (!watch.watched) this.#watches.delete(name);
  }

  /** The member may be accused from now on. */
  watch(name: string, heartbeatMs: number): void {
    const everyMs = this.#everyMs(heartbeatMs);
    const watch = this.#watches.get(name);
    if (watch === undefined) {
      const fresh = { linked: false, watched: true, heard: false, silent: 0, everyMs };
      this.#watches.set(name, { ...fresh, caution: HEARSAY_CAUTION });
    } else {
      watch.watched = true;
      watch.everyMs = everyMs;
    }
  }

  /** The member is gone, and is not accused any more. */
  unwatch(name: string): void {
    const watch = this.#watches.get(name);
    if (watch === undefined) return;
    watch.watched = false;
    if (!watch.linked) this.#watches.delete(name);
  }

  /** Anything came in over the member's link. */
  heard(name: string): void {
    const watch = this.#watches.get(name);
    if (watch !== undefined) watch.heard = true;
  }

  /** The member has spoken, and others have passed it on: they hear it where we do not. */
  vouched(name: string): void {
    const watch = this.#watches.get(name);
    if (watch === undefined) return;
    watch.caution = Math.min(MAX_CAUTION, watch.caution + 1);
    // A silent link is dead all the same: what others hear does not come over it.
    if (!watch.linked) watch.silent = 0;
  }

  /** This node had to refute: perhaps it is the one who is ill. */
  doubtSelf(): void {
    this.#doubt = Math.min(MAX_DOUBT, this.#doubt + 1);
  }

  /** Whether the member is heard over its link, so that nobody has to tell us how it is. */
  isHeard(name: string): boolean {
    const watch = this.#watches.get(name);
    if (watch === undefined || !watch.linked) return false;
    return watch.silent < this.#rounds(watch, this.#options.suspectAfterMisses);
  }

  /** Whether anything came over the member's link in the last round. */
  wasHeard(name: string): boolean {
    const watch = this.#watches.get(name);
    return watch?.linked === true && watch.silent === 0;
  }

  /** Ends a round. A late one forgives everybody and accuses nobody. */
  round(late: boolean): RoundVerdict {
    if (late && this.#excused < MAX_EXCUSED) {
      this.#excused += 1;
      this.doubtSelf();
      for (const watch of this.#watches.values()) {
        watch.silent = 0;
        watch.heard = false;
      }
      return { skipped: true, suspects: [], dead: [] };
    }
    if (!late) this.#excused = 0;
    this.#judgeSelf();
    const suspects: string[] = [];
    const dead: string[] = [];
    for (const [name, watch] of this.#watches) {
      if (watch.heard) forgive(watch);
      else watch.silent += 1;
      if (watch.watched && watch.silent >= this.#patience(watch)) suspects.push(name);
      if (watch.linked && watch.silent >= this.#rounds(watch, this.#options.heartbeatMisses)) {
        dead.push(name);
      }
    }
    return { skipped: false, suspects, dead };
  }

  /** When nobody at all is heard, it is more likely us than all of them; one alone may be it. */
  #judgeSelf(): void {
    let known = 0;
    let heard = 0;
    for (const watch of this.#watches.values()) {
      if (!watch.watched || watch.caution > 0) continue;
      known += 1;
      if (watch.heard) heard += 1;
    }
    if (known >= 2 && heard === 0) this.doubtSelf();
    else this.#doubt = Math.max(0, this.#doubt - 1);
  }

  #patience(watch: Watch): number {
    const factor = (1 + this.#doubt) * 2 ** watch.caution;
    return this.#rounds(watch, this.#options.suspectAfterMisses * factor);
  }

  /** A peer that promises to be heard less often is given as many of its own rounds. */
  #rounds(watch: Watch, misses: number): number {
    return Math.ceil((watch.everyMs * misses) / this.#options.heartbeatMs);
  }

  #everyMs(theirMs: number): number {
    return Math.max(this.#options.heartbeatMs, Math.min(theirMs, MAX_HEARTBEAT_MS));
  }
}

/** It was heard over its link: nobody has to vouch for it. */
function forgive(watch: Watch): void {
  watch.silent = 0;
  watch.heard = false;
  watch.caution = 0;
}
