/**
 * Which addresses are worth dialling, and why: what sources name, and where nodes were met or are
 * said to live. It dials nothing and reads no clock.
 *
 * Sources replace what they named before. What no source names and nobody was met at is forgotten,
 * so that answers that change all the time fill no memory; where a node was met is kept until that
 * node has left. Both kinds have a limit: at the first, whoever names the most gives way; at the
 * second, the node that was not seen for the longest time.
 */
import type { TimerHandle } from "@troupe/actor";

/** Addresses that sources name, at most, all sources together. */
export const MAX_PROPOSED = 1024;

/** Nodes whose addresses are kept, at most, whatever the sources name. */
export const MAX_NODES = 256;

/** A longer one is no address. */
const MAX_URL_LENGTH = 2048;

/** One address. The book decides how long it lives; how it is tried is the dialer's. */
export class Candidate {
  readonly url: string;
  /** The sources that name it now. */
  readonly sources = new Set<unknown>();
  /** The nodes that are said to live there, and are looked for there. */
  readonly told = new Set<string>();
  /** The node that was met there last: it has proven itself. */
  metAs: string | undefined;
  /** Who answered there last, which may be a claim. */
  name: string | undefined;

  attempts = 0;
  /** It was refused because of a set-up, which somebody has to change first. */
  isMisfit = false;
  timer: TimerHandle | undefined;
  /** The timer is one to look again, of an address that seemed superfluous. */
  isSlow = false;
  /** It is tried even if whoever answered there is connected. */
  isAgain = false;
  attempt: AbortController | undefined;

  constructor(url: string) {
    this.url = url;
  }

  /** Who wants it dialled; nodes that were met are one party beside the sources. */
  *wantedBy(): Iterable<unknown> {
    if (this.metAs !== undefined || this.told.size > 0) yield nodes;
    yield* this.sources;
  }
}

/** The party of all nodes that were met or told of. */
const nodes = Symbol("nodes");

/** A node whose address is worth knowing once it is lost. */
interface KnownNode {
  /** Where it says that it can be dialled. */
  url: string | undefined;
  /** It said so after it was last met at an address that we dialled. */
  isNews: boolean;
  seenAt: number;
}

export interface AddressBookOptions {
  readonly isConnected: (name: string) => boolean;
  /** The address is not worth dialling any more. */
  readonly dropped: (candidate: Candidate) => void;
  /** A limit was hit; something was left out. */
  readonly full: (limit: "proposed" | "nodes") => void;
}

export class AddressBook {
  readonly #options: AddressBookOptions;
  readonly #candidates = new Map<string, Candidate>();
  readonly #bySource = new Map<unknown, Set<string>>();
  readonly #nodes = new Map<string, KnownNode>();
  /** How many candidates have sources. */
  #proposed = 0;

  constructor(options: AddressBookOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#candidates.size;
  }

  all(): Candidate[] {
    return [...this.#candidates.values()];
  }

  has(candidate: Candidate): boolean {
    return this.#candidates.get(candidate.url) === candidate;
  }

  /** A source names these and no others. Returns those that it did not name before. */
  propose(source: unknown, urls: readonly string[]): Candidate[] {
    if (urls.length > MAX_PROPOSED) this.#options.full("proposed");
    const named = new Set<string>();
    for (const url of urls.slice(0, MAX_PROPOSED)) {
      const key = addressKey(url);
      if (key !== undefined) named.add(key);
    }
    const before = this.#bySource.get(source) ?? new Set<string>();
    for (const url of [...before]) if (!named.has(url)) this.#withdraw(source, url);
    const added: Candidate[] = [];
    for (const url of named) {
      if (before.has(url)) continue;
      const candidate = this.#name(source, url);
      if (candidate !== undefined) added.push(candidate);
    }
    return added;
  }

  /** A node is there, or is said to be. True if that is its first address, or another one. */
  remember(name: string, url: string | undefined, now: number): boolean {
    const node = this.#nodes.get(name) ?? this.#add(name, now);
    if (node === undefined) return false;
    node.seenAt = now;
    const key = url === undefined ? undefined : addressKey(url);
    if (key === undefined || key === node.url) return false;
    if (node.url !== undefined) this.#untell(name, this.#candidates.get(node.url));
    node.url = key;
    node.isNews = true;
    return true;
  }

  /** A node is not there any more; how long ago that was decides who is forgotten first. */
  lost(name: string, now: number): void {
    const node = this.#nodes.get(name);
    if (node !== undefined) node.seenAt = now;
  }

  /** A dial has led to this node itself. Returns the node that lived there before, to be sought. */
  metSelf(candidate: Candidate): string | undefined {
    const before = candidate.metAs;
    candidate.name = undefined;
    candidate.metAs = undefined;
    this.#dropIfUnwanted(candidate);
    return before;
  }

  /** A dial has led to a node. Returns the node that lived there before, to be sought. */
  met(candidate: Candidate, name: string, now: number): string | undefined {
    const before = candidate.metAs;
    candidate.name = name;
    candidate.metAs = name;
    this.remember(name, undefined, now);
    const node = this.#nodes.get(name);
    if (node !== undefined) node.isNews = false;
    // One address of a node that works makes those superfluous that nobody else names.
    for (const other of this.all()) {
      other.told.delete(name);
      const isSpare = other !== candidate && other.metAs === name && other.sources.size === 0;
      if (isSpare) other.metAs = undefined;
      this.#dropIfUnwanted(other);
    }
    return before === name ? undefined : before;
  }

  /** Where to look for a node that is not connected. */
  seek(name: string): Candidate[] {
    const node = this.#nodes.get(name);
    const wasMet = this.all().some(({ metAs }) => metAs === name);
    if (node?.url !== undefined && (node.isNews || !wasMet)) {
      this.#ensure(node.url).told.add(name);
    }
    return this.all().filter((at) => at.name === name || at.metAs === name || at.told.has(name));
  }

  /** A node will not come back; only sources can name its addresses any more. */
  forget(name: string): void {
    if (!this.#nodes.delete(name)) return;
    for (const candidate of this.all()) {
      if (candidate.metAs === name) candidate.metAs = undefined;
      this.#untell(name, candidate);
    }
  }

  /** Whether there is nobody to be found there who is not connected, as far as is known. */
  isSettled(candidate: Candidate): boolean {
    const { isConnected } = this.#options;
    const { name, told, sources } = candidate;
    if (name !== undefined) return isConnected(name);
    return sources.size === 0 && [...told].every(isConnected);
  }

  /**
   * Whether a settled address may come to be somebody else's without our knowing: nobody was met
   * there whose address it is, or another node is said to live there.
   */
  isDoubtful(candidate: Candidate): boolean {
    const { name, metAs, told, url } = candidate;
    if (![...told].every(this.#options.isConnected)) return true;
    return name !== undefined && metAs !== name && this.#nodes.get(name)?.url !== url;
  }

  /** Everything is dropped. */
  clear(): void {
    this.#bySource.clear();
    this.#nodes.clear();
    for (const candidate of this.all()) this.#drop(candidate);
  }

  #ensure(url: string): Candidate {
    let candidate = this.#candidates.get(url);
    if (candidate === undefined) {
      candidate = new Candidate(url);
      this.#candidates.set(url, candidate);
    }
    return candidate;
  }

  #name(source: unknown, url: string): Candidate | undefined {
    const isOneMore = (this.#candidates.get(url)?.sources.size ?? 0) === 0;
    if (isOneMore && this.#proposed >= MAX_PROPOSED && !this.#makeRoom(source)) return undefined;
    if (isOneMore) this.#proposed += 1;
    const candidate = this.#ensure(url);
    candidate.sources.add(source);
    const named = this.#bySource.get(source);
    if (named === undefined) this.#bySource.set(source, new Set([url]));
    else named.add(url);
    return candidate;
  }

  #withdraw(source: unknown, url: string): void {
    const named = this.#bySource.get(source);
    named?.delete(url);
    if (named?.size === 0) this.#bySource.delete(source);
    const candidate = this.#candidates.get(url);
    if (candidate === undefined || !candidate.sources.delete(source)) return;
    if (candidate.sources.size === 0) this.#proposed -= 1;
    this.#dropIfUnwanted(candidate);
  }

  /** Takes an address from the source that names the most, if that is not the one that asks. */
  #makeRoom(source: unknown): boolean {
    this.#options.full("proposed");
    const [largest, urls] = [...this.#bySource].reduce((a, b) => (b[1].size > a[1].size ? b : a));
    if (urls.size <= (this.#bySource.get(source)?.size ?? 0) + 1) return false;
    const spare = [...urls].findLast((url) => {
      const candidate = this.#candidates.get(url);
      return candidate?.sources.size === 1 && candidate.metAs === undefined;
    });
    if (spare === undefined) return false;
    this.#withdraw(largest, spare);
    return true;
  }

  #add(name: string, now: number): KnownNode | undefined {
    if (this.#nodes.size >= MAX_NODES) {
      this.#options.full("nodes");
      const lost = [...this.#nodes].filter(([other]) => !this.#options.isConnected(other));
      if (lost.length === 0) return undefined;
      const [oldest] = lost.reduce((a, b) => (b[1].seenAt < a[1].seenAt ? b : a));
      this.forget(oldest);
    }
    const node = { url: undefined, isNews: false, seenAt: now };
    this.#nodes.set(name, node);
    return node;
  }

  #untell(name: string, candidate: Candidate | undefined): void {
    if (candidate === undefined) return;
    candidate.told.delete(name);
    this.#dropIfUnwanted(candidate);
  }

  #dropIfUnwanted(candidate: Candidate): void {
    const { sources, told, metAs } = candidate;
    if (sources.size > 0 || told.size > 0) return;
    if (metAs === undefined || !this.#nodes.has(metAs)) this.#drop(candidate);
  }

  #drop(candidate: Candidate): void {
    if (!this.has(candidate)) return;
    this.#candidates.delete(candidate.url);
    this.#options.dropped(candidate);
  }
}

/** One spelling per address; undefined for what is none. */
function addressKey(url: unknown): string | undefined {
  if (typeof url !== "string" || url.length > MAX_URL_LENGTH) return undefined;
  return URL.canParse(url) ? new URL(url).href : undefined;
}
