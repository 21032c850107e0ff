/** Directories that reach each other over queues which a test fills, delays, garbles and cuts. */
import { ManualClock } from "@troupe/actor/testing";
import { Directory, type Writer } from "../../src/groups/directory.ts";
import { decodeDirectoryMessage } from "../../src/groups/directory-messages.ts";

const SPACE = 1;

export interface NetOptions {
  readonly maxEntries?: number;
  readonly maxValueBytes?: number;
  readonly maxMessageBytes?: number;
}

/** One node: its directory, what it has written, and what its changes add up to. */
export class Site {
  readonly writer: Writer;
  readonly directory: Directory;
  readonly written = new Map<string, string>();
  readonly warnings: string[] = [];
  /** By writer, then by topic and key; every change that was told is in it. */
  readonly seen = new Map<string, Map<string, string>>();
  receive: (from: string, payload: Uint8Array) => void = () => {};

  constructor(net: DirectoryNet, writer: Writer, options: NetOptions) {
    this.writer = writer;
    const { maxEntries = 100, maxValueBytes = 100, maxMessageBytes = 1000 } = options;
    this.directory = new Directory({
      self: writer,
      clock: net.clock,
      defer: (flush) => net.deferred.push(flush),
      hasRoom: (node) => !net.isFull(writer.name, node),
      maxEntries,
      maxValueBytes,
      maxMessageBytes,
      warn: (message) => this.warnings.push(message),
      channel: {
        name: "x",
        maxPayloadBytes: maxMessageBytes,
        send: (to, payload) => net.send(writer.name, to, payload),
        onMessage: (listener) => {
          this.receive = listener;
        },
        close: () => {},
      },
    });
    this.directory.listen(SPACE, (changes) => {
      for (const { writer: by, topic, key, value } of changes) {
        const entries = this.seen.get(by.name) ?? new Map<string, string>();
        this.seen.set(by.name, entries);
        if (value !== undefined) entries.set(`${topic}/${key}`, Buffer.from(value).toString());
        else if (!entries.delete(`${topic}/${key}`)) throw new Error(`${key} was not there`);
        if (entries.size === 0) this.seen.delete(by.name);
      }
      return undefined;
    });
  }

  set(key: string, value: string, topic = "t"): void {
    this.directory.set({ space: SPACE, topic, key }, new Uint8Array(Buffer.from(value)));
    this.written.set(`${topic}/${key}`, value);
  }

  remove(key: string, topic = "t"): void {
    this.directory.remove({ space: SPACE, topic, key });
    this.written.delete(`${topic}/${key}`);
  }

  /** What is seen of a writer, as `t/key=value`, sorted. */
  of(name: string): string[] {
    return [...(this.seen.get(name) ?? [])].map(([place, value]) => `${place}=${value}`).sort();
  }
}

export class DirectoryNet {
  readonly clock = new ManualClock();
  readonly deferred: (() => void)[] = [];
  readonly sites = new Map<string, Site>();
  /** Every message that was taken, as `a>b delta`. */
  readonly log: string[] = [];
  readonly #options: NetOptions;
  readonly #queues = new Map<string, Uint8Array[]>();
  readonly #full = new Set<string>();
  #lives = 0;

  constructor(options: NetOptions = {}) {
    this.#options = options;
  }

  /** Starts a node, or a new life of it: what was linked with the old one is not any more. */
  start(name: string, options: NetOptions = {}): Site {
    for (const other of this.sites.keys()) this.unlink(name, other);
    this.sites.get(name)?.directory.close();
    this.#lives += 1;
    const site = new Site(
      this,
      { name, incarnation: this.#lives },
      {
        ...this.#options,
        ...options,
      },
    );
    this.sites.set(name, site);
    return site;
  }

  site(name: string): Site {
    return this.sites.get(name) as Site;
  }

  isLinked(a: string, b: string): boolean {
    return this.#queues.has(`${a}>${b}`);
  }

  link(a: string, b: string): void {
    if (a === b || this.isLinked(a, b)) return;
    this.#queues.set(`${a}>${b}`, []).set(`${b}>${a}`, []);
    this.site(a).directory.nodeUp(this.site(b).writer);
    this.site(b).directory.nodeUp(this.site(a).writer);
  }

  /** Ends a link; what was on its way is lost. */
  unlink(a: string, b: string): void {
    if (!this.isLinked(a, b)) return;
    this.#queues.delete(`${a}>${b}`);
    this.#queues.delete(`${b}>${a}`);
    this.site(a).directory.nodeDown(b);
    this.site(b).directory.nodeDown(a);
  }

  /** From now on one direction of a link takes nothing, or takes everything again. */
  setFull(from: string, to: string, isFull: boolean): void {
    if (isFull) this.#full.add(`${from}>${to}`);
    else this.#full.delete(`${from}>${to}`);
  }

  isFull(from: string, to: string): boolean {
    return this.#full.has(`${from}>${to}`);
  }

  send(from: string, to: string, payload: Uint8Array): boolean {
    const queue = this.#queues.get(`${from}>${to}`);
    if (queue === undefined || this.isFull(from, to)) return false;
    this.log.push(`${from}>${to} ${decodeDirectoryMessage(payload, 1e6).kind}`);
    queue.push(Uint8Array.from(payload));
    return true;
  }

  /** Puts bytes on a link that no directory has sent. */
  inject(from: string, to: string, payload: Uint8Array): void {
    this.#queues.get(`${from}>${to}`)?.push(payload);
  }

  /** Damages what is next on a link, if anything is. */
  garble(from: string, to: string, at: number): void {
    const next = this.#queues.get(`${from}>${to}`)?.[0];
    if (next !== undefined) next[at % next.length] = 0xff;
  }

  /** Delivers the next message of a link. */
  deliver(from: string, to: string): boolean {
    const payload = this.#queues.get(`${from}>${to}`)?.shift();
    if (payload !== undefined) this.site(to).receive(from, payload);
    return payload !== undefined;
  }

  /** Runs what was put off to the end of the turn. */
  endTurn(): void {
    for (const task of this.deferred.splice(0)) task();
  }

  /** Delivers everything that is on its way, without letting time pass. */
  settle(): void {
    let isBusy = true;
    while (isBusy) {
      isBusy = this.deferred.length > 0;
      this.endTurn();
      for (const link of [...this.#queues.keys()]) {
        const [from = "", to = ""] = link.split(">");
        while (this.deliver(from, to)) isBusy = true;
      }
    }
  }

  /** Lets time pass, timer by timer, until no timer is left. Throws if there always is one. */
  rest(): void {
    this.settle();
    for (let timers = 0; this.clock.nextIn !== undefined; timers++) {
      if (timers > 1000) throw new Error("it never comes to rest");
      this.clock.runNext();
      this.settle();
    }
  }
}
