/** Addresses from a file, which may change while the node runs. */
import {
  integerOption,
  knownOptions,
  nameOption,
  objectOption,
  portOption,
  withDefaults,
} from "@troupe/actor/runtime";
import { DiscoveryError } from "../errors.ts";
import type { Discovery, DiscoveryContext } from "./discovery.ts";
import { type FilePort, systemFiles } from "./file-port.ts";
import { Pause } from "./pause.ts";
import { pollCounters, pollSeeds } from "./poll.ts";
import { seedUrl, seedUrlForm } from "./seed-url.ts";

/** What `fileSeeds` takes besides the path. */
export interface FileSeedsOptions {
  /** Milliseconds between two looks, however little the disk says. @default 5000 */
  readonly intervalMs?: number;
  /** The disk. @default that of the machine */
  readonly files?: FilePort;
}

export const fileSeedsDefaults = { intervalMs: 5000 } as const satisfies FileSeedsOptions;

/** A larger file is no list of nodes. */
const MAX_BYTES = 1024 * 1024;

/** Whoever writes is given this long after a change, so that no half of a file is read. */
const SETTLE_MS = 100;

/** A disk that takes longer is reported. */
const READ_TIMEOUT_MS = 10_000;

/**
 * Reads the nodes to connect to from a file: one address a line, as a URL or as `host:port`, with
 * comments from `#` to the end of the line; or all of them as one JSON array of strings. The file
 * is watched, and read every `intervalMs` besides, because watching misses changes on some disks.
 *
 * A file is taken as a whole or not at all. While it is missing, empty, unreadable or has a line
 * that is no address, the addresses that it had before stand, and the problem is reported. A file
 * that names nobody on purpose has a comment, or `[]`. Write the file elsewhere and rename it: what
 * is read in the middle of a line may look like an address.
 *
 * Throws OptionError for a bad option.
 *
 * @example
 * ```ts
 * discovery: [fileSeeds("/etc/shop/nodes.txt")];
 * ```
 */
export function fileSeeds(path: string, options: FileSeedsOptions = {}): Discovery {
  nameOption("path", path);
  knownOptions(objectOption("options", options), ["intervalMs", "files"]);
  const given = withDefaults({ ...fileSeedsDefaults, files: systemFiles }, options);
  const intervalMs = integerOption("intervalMs", given.intervalMs, 1);
  portOption("files", given.files, ["read", "watch"]);
  const { files } = given;
  const name = `file ${path}`;
  const counters = pollCounters();
  return {
    name,
    counters,
    async *watch(context) {
      const pause = new Pause(context);
      const watching = new Watching(path, files, context, () => pause.wake());
      try {
        yield* pollSeeds(context, {
          name,
          intervalMs,
          timeoutMs: READ_TIMEOUT_MS,
          counters,
          pause,
          look: async () => {
            // Begun anew when it was lost, or when the folder was not there before.
            watching.begin();
            return parseSeedFile(await files.read(path, MAX_BYTES));
          },
        });
      } finally {
        watching.end();
      }
    },
  };
}

/** Tells of changes, once for all that happen shortly after one another. */
class Watching {
  readonly #path: string;
  readonly #files: FilePort;
  readonly #context: DiscoveryContext;
  readonly #changed: () => void;
  #stop: (() => void) | undefined;
  #settling: object | number | undefined;
  #over = false;

  constructor(path: string, files: FilePort, context: DiscoveryContext, changed: () => void) {
    this.#path = path;
    this.#files = files;
    this.#context = context;
    this.#changed = changed;
  }

  begin(): void {
    if (this.#stop !== undefined || this.#over) return;
    const lost = () => {
      this.#stop = undefined;
    };
    try {
      this.#stop = this.#files.watch(this.#path, () => this.#note(), lost);
    } catch {
      // There is no such folder yet, or the machine has no watch left; the polling does.
    }
  }

  end(): void {
    this.#over = true;
    this.#stop?.();
    if (this.#settling !== undefined) this.#context.clock.clearTimer(this.#settling);
  }

  #note(): void {
    if (this.#settling !== undefined || this.#over) return;
    this.#settling = this.#context.clock.setTimer(SETTLE_MS, () => {
      this.#settling = undefined;
      this.#changed();
    });
  }
}

/** The addresses in the text of a file. Throws DiscoveryError with the place of what is none. */
function parseSeedFile(text: string): readonly string[] {
  if (text.trim() === "") throw new DiscoveryError("it is empty");
  if (text.trimStart().startsWith("[") && !isBareIPv6(text)) return parseJson(text);
  const urls: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const entry = line.replace(/(^|\s)#.*$/, "").trim();
    if (entry === "") continue;
    const url = seedUrl(entry);
    if (url === undefined) throw noAddress(`line ${index + 1}`);
    urls.push(url);
  }
  return urls;
}

/** A first line such as `[::1]:7400`, which is the other thing that begins with a bracket. */
function isBareIPv6(text: string): boolean {
  return /^\s*\[[0-9a-f:.]+\]:/i.test(text);
}

function parseJson(text: string): readonly string[] {
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    throw new DiscoveryError("it begins like a JSON array and is none");
  }
  return (entries as readonly unknown[]).map((entry, index) => {
    const url = seedUrl(entry);
    if (url === undefined) throw noAddress(`entry ${index}`);
    return url;
  });
}

function noAddress(place: string): DiscoveryError {
  return new DiscoveryError(`${place} is no address; expected ${seedUrlForm}`);
}
