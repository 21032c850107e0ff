/** Addresses that the nodes of a local network tell each other, by multicast. */
import { isIP } from "node:net";
import { OptionError } from "@troupe/actor";
import {
  integerOption,
  knownOptions,
  nameOption,
  objectOption,
  portOption,
  withDefaults,
} from "@troupe/actor/runtime";
import { type Announcement, announcementKey, encodeAnnouncement } from "./announcement.ts";
import { type DatagramPort, type DatagramSocket, systemDatagrams } from "./datagram-port.ts";
import type { Discovery, DiscoveryContext } from "./discovery.ts";
import { errorText } from "./error-text.ts";
import { HeardNodes, heardCounters } from "./heard-nodes.ts";
import { Pause } from "./pause.ts";
import { seedUrl } from "./seed-url.ts";

/** What `multicastSeeds` takes. */
export interface MulticastSeedsOptions {
  /**
   * Shared secrets: the first one signs, any of them is accepted. They may be the `keys` of the
   * node, and are exchanged in the same way.
   */
  readonly keys: readonly (string | undefined)[];
  /** The address of the group, one for multicast. @default "239.255.73.84" */
  readonly group?: string;
  /** The port, one for all nodes of the network. @default 7373 */
  readonly port?: number;
  /** How many routers a datagram may pass. @default 1 */
  readonly ttl?: number;
  /**
   * Milliseconds between two announcements. A node of which nothing was heard for twelve times as
   * long is forgotten. @default 5000
   */
  readonly intervalMs?: number;
  /** What to announce instead of the node's own URL. */
  readonly url?: string;
  /** The address of this machine to use, where it has several. @default the system's choice */
  readonly interface?: string;
  /** What sends and hears datagrams. @default the sockets of Node */
  readonly datagrams?: DatagramPort;
}

export const multicastSeedsDefaults = {
  group: "239.255.73.84",
  port: 7373,
  ttl: 1,
  intervalMs: 5000,
} as const satisfies Partial<MulticastSeedsOptions>;

const known = ["keys", "group", "port", "ttl", "intervalMs", "url", "interface", "datagrams"];

/**
 * Announces this node on the local network, and hears of the others: no address has to be known
 * beforehand. Every announcement is authenticated by a key, and good once within half a minute;
 * whatever else arrives is dropped without a word and counted (`counters`). The wall clocks of the
 * nodes must agree to within 30 seconds. A node that listens on all addresses is found at the one
 * from which its announcement came. A node that does not listen only hears.
 *
 * Most clouds carry no multicast; there, use DNS. Announcements are not secret: who listens to the
 * network reads the names and URLs of the nodes.
 *
 * Throws OptionError for a bad option, and without a key.
 *
 * Source: libcluster's Gossip, which decoded what anybody sent, is the example not to follow.
 *
 * @example
 * ```ts
 * const keys = [process.env.TROUPE_KEY];
 * await createNode({ name: "a", listen: { host: "0.0.0.0", port: 7400 }, keys, discovery: [
 *   multicastSeeds({ keys }),
 * ] });
 * ```
 */
export function multicastSeeds(options: MulticastSeedsOptions): Discovery {
  const resolved = resolve(options);
  const counters = heardCounters();
  return {
    name: `multicast ${resolved.group}:${resolved.port}`,
    counters,
    async *watch(context) {
      const pause = new Pause(context);
      const keys = resolved.keys.map(announcementKey);
      const expiryMs = EXPIRY_INTERVALS * resolved.intervalMs;
      const heard = new HeardNodes({ context, keys, expiryMs, counters });
      const station = new Station(this.name, resolved, context, heard, keys, () => pause.wake());
      const running = station.run();
      let last: string | undefined;
      try {
        while (!context.signal.aborted) {
          const urls = heard.urls();
          const text = urls.join("\n");
          if (text !== last) yield urls;
          last = text;
          await pause.wait(heard.expiresInMs());
        }
      } finally {
        station.close();
        await running;
      }
    },
  };
}

/** Announcements that may be lost in a row before a node is forgotten. */
const EXPIRY_INTERVALS = 12;

/** Keeps a socket open, and announces through it. */
class Station {
  readonly #name: string;
  readonly #options: Resolved;
  readonly #context: DiscoveryContext;
  readonly #heard: HeardNodes;
  readonly #keys: readonly Uint8Array[];
  readonly #changed: () => void;
  readonly #pause: Pause;
  readonly #over = new AbortController();
  #socket: DatagramSocket | undefined;
  #count = 0;

  constructor(
    name: string,
    options: Resolved,
    context: DiscoveryContext,
    heard: HeardNodes,
    keys: readonly Uint8Array[],
    changed: () => void,
  ) {
    this.#name = name;
    this.#options = options;
    this.#context = context;
    this.#heard = heard;
    this.#keys = keys;
    this.#changed = changed;
    this.#pause = new Pause({ clock: context.clock, signal: this.#over.signal });
    if (context.signal.aborted) this.close();
    else {
      const until = { signal: this.#over.signal };
      context.signal.addEventListener("abort", () => this.close(), until);
    }
  }

  close(): void {
    this.#over.abort();
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Never rejects; ends once closed. */
  async run(): Promise<void> {
    const { random } = this.#context;
    const { intervalMs } = this.#options;
    while (!this.#over.signal.aborted) {
      try {
        await this.#open();
        await this.#announce();
      } catch (error) {
        this.#warn(errorText(error));
      }
      // Jittered, so that the nodes of a network do not all speak at once.
      await this.#pause.wait(intervalMs * (0.75 + 0.5 * random()));
    }
  }

  async #open(): Promise<void> {
    if (this.#socket !== undefined) return;
    let hasFailed = false;
    const socket = await this.#options.datagrams.open(this.#options, {
      message: (bytes, from) => {
        if (!this.#over.signal.aborted && this.#heard.hear(bytes, from)) this.#changed();
      },
      failed: (error) => {
        hasFailed = true;
        this.#socket = undefined;
        this.#warn(errorText(error));
      },
    });
    if (this.#over.signal.aborted) socket.close();
    else if (!hasFailed) this.#socket = socket;
  }

  async #announce(): Promise<void> {
    const { clock, self } = this.#context;
    const url = this.#options.url ?? self.url;
    const [key] = this.#keys;
    if (this.#socket === undefined || url === undefined || key === undefined) return;
    this.#count += 1;
    const nonce = this.#heard.ownNonce(this.#count);
    const { cluster, name } = self;
    const announcement: Announcement = { cluster, name, url, sentAt: clock.now(), nonce };
    const datagram = encodeAnnouncement(announcement, key);
    if (datagram !== undefined) await this.#socket.send(datagram);
    else this.#warn(`${url} is too long to be announced`);
  }

  #warn(what: string): void {
    if (!this.#over.signal.aborted) this.#context.warn(`discovery "${this.#name}": ${what}`);
  }
}

type Resolved = Required<Omit<MulticastSeedsOptions, "keys" | "url" | "interface">> & {
  readonly keys: readonly string[];
  readonly url: string | undefined;
  readonly interface: string | undefined;
};

function resolve(options: MulticastSeedsOptions): Resolved {
  knownOptions(objectOption("options", options), known);
  const defaults = { ...multicastSeedsDefaults, datagrams: systemDatagrams };
  const given = withDefaults(defaults, options);
  portOption("datagrams", given.datagrams, ["open"]);
  const { url } = given;
  if (url !== undefined && seedUrl(url) === undefined) {
    throw new OptionError("url", 'a URL such as "ws://10.0.0.2:7400"', url);
  }
  if (given.interface !== undefined && isIP(given.interface) === 0) {
    throw new OptionError("interface", "an address of this machine", given.interface);
  }
  return {
    keys: resolveKeys(given.keys),
    group: resolveGroup(given.group),
    port: upTo(65_535, "port", given.port),
    ttl: upTo(255, "ttl", given.ttl),
    intervalMs: integerOption("intervalMs", given.intervalMs, 1),
    url: url === undefined ? undefined : seedUrl(url),
    interface: given.interface,
    datagrams: given.datagrams,
  };
}

function resolveKeys(keys: readonly unknown[]): readonly string[] {
  if (!Array.isArray(keys)) throw new OptionError("keys", "a list of strings", typeof keys);
  if (keys.length === 0) {
    throw new OptionError("keys", "a key, because anybody on the network can announce", "none");
  }
  return keys.map((key, index) => {
    // The value of a key must not end in a log, so it is not shown.
    if (typeof key === "string" && key !== "") return key;
    throw new OptionError(`keys[${index}]`, "a non-empty string", key === "" ? key : typeof key);
  });
}

function resolveGroup(group: string): string {
  nameOption("group", group);
  const version = isIP(group);
  const first = Number.parseInt(group, 10);
  if (version === 4 && first >= 224 && first <= 239) return group;
  if (version === 6 && /^ff/i.test(group)) return group;
  throw new OptionError("group", 'a multicast address such as "239.255.73.84"', group);
}

function upTo(max: number, option: string, value: number): number {
  if (integerOption(option, value, 1) <= max) return value;
  throw new OptionError(option, `an integer of 1 to ${max}`, value);
}
