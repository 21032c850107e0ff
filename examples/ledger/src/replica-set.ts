/**
 * All replica processes of one run, with their directories, ports and secret. However the parent
 * ends, short of its own kill -9, no process and no temporary directory is left behind; after that
 * one the replicas still end by themselves, because their IPC channel closes.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DemoError, oneLine } from "./errors.ts";
import { freePorts, loopback } from "./ports.ts";
import { ReplicaProcess, type ReplicaProcessOptions } from "./replica-process.ts";

/** How the set is made. */
export interface ReplicaSetOptions extends Pick<ReplicaProcessOptions, "entry"> {
  readonly replicas: number;
  /** Leaves the directory behind. */
  readonly keepData?: boolean;
  /** Told in one line when a replica ends although nobody ended it. */
  readonly onUnexpectedExit?: (line: string) => void;
}

/** The replicas r1, r2, … of one ledger. */
export class ReplicaSet implements AsyncDisposable {
  /** Holds one directory per replica. */
  readonly directory: string;
  /** The secret that a client needs to connect. */
  readonly key: string;
  readonly processes: readonly ReplicaProcess[];
  readonly #keepData: boolean;

  private constructor(ports: readonly number[], options: ReplicaSetOptions) {
    this.directory = temporaryDirectory();
    this.key = randomBytes(32).toString("hex");
    this.#keepData = options.keepData ?? false;
    const names = ports.map((_, index) => `r${index + 1}`);
    const urls = ports.map((port) => `ws://${loopback}:${port}`);
    this.processes = ports.map((port, index) => {
      const name = `r${index + 1}`;
      const storage = join(this.directory, name);
      const seeds = urls.filter((_, other) => other !== index);
      return new ReplicaProcess(
        { name, port, key: this.key, seeds, replicas: names, storage },
        {
          ...(options.entry === undefined ? {} : { entry: options.entry }),
          onUnexpectedExit: (reason) => {
            options.onUnexpectedExit?.(`replica ${name} went down by itself: ${reason}`);
          },
        },
      );
    });
  }

  /** Starts all replicas. Rejects with `DemoError`, and leaves nothing behind, if one fails. */
  static async start(options: ReplicaSetOptions): Promise<ReplicaSet> {
    const set = new ReplicaSet(await freePorts(options.replicas), options);
    process.once("exit", set.#abandon);
    try {
      await Promise.all(set.processes.map((replica) => replica.start()));
      return set;
    } catch (error) {
      set.#abandon();
      throw error;
    }
  }

  get names(): string[] {
    return this.processes.map(({ name }) => name);
  }

  /** Where the replicas listen. */
  get urls(): string[] {
    return this.processes.map(({ settings }) => `ws://${loopback}:${settings.port}`);
  }

  /** The replica of that name. Throws `DemoError` for a name that is none of theirs. */
  process(name: string): ReplicaProcess {
    const found = this.processes.find((replica) => replica.name === name);
    if (!found) throw new DemoError(`no replica is named ${name}: ${this.names.join(", ")}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((replica) => replica.stop()));
    process.off("exit", this.#abandon);
    this.#removeDirectory();
  }

  /** The quick way out, which has to work inside of a process's last synchronous moments. */
  readonly #abandon = (): void => {
    for (const replica of this.processes) replica.killNow();
    this.#removeDirectory();
  };

  #removeDirectory(): void {
    if (this.#keepData) return;
    // A replica that was killed a moment ago may still be inside of its last write.
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
}

function temporaryDirectory(): string {
  try {
    return mkdtempSync(join(tmpdir(), "troupe-ledger-"));
  } catch (error) {
    throw new DemoError(`no temporary directory: ${oneLine(error)}`, { cause: error });
  }
}
