/**
 * A storage in memory that keeps apart what was written from what is durable, and whose every step
 * can be made to fail, or be the last one before power is lost.
 */
import { basename } from "node:path";
import type { Storage, StorageFile } from "../../src/journal/storage.ts";

interface Change {
  readonly position: number;
  /** Bytes that are written there; absent, if the file is cut there. */
  readonly bytes?: Buffer;
}

interface Content {
  durable: Buffer;
  pending: Change[];
}

/** What of that which was not synced survives: nothing, everything, or a part. */
export type Survival = "nothing" | "everything" | "a part";
export type Step = "write" | "truncate" | "datasync" | "create" | "rename" | "remove" | "names";
/** At the step: it is not done, done by half (a short write), or done and then power is lost. */
export type When = "before" | "half" | "after";

export class FaultyStorage implements Storage {
  /** The steps taken, for a test to see which there are. */
  readonly steps: Step[] = [];
  failing: { step: number; when: When; error: Error; stays: boolean } | undefined;
  #names: Map<string, Content>;
  #durableNames: Map<string, Content>;
  #locked = false;

  constructor(files: ReadonlyMap<string, Buffer> = new Map()) {
    this.#names = new Map([...files].map(([name, durable]) => [name, { durable, pending: [] }]));
    this.#durableNames = new Map(this.#names);
  }

  /** Lets the step of that number, from 0, fail; and if it `stays`, all that come after. */
  failAt(step: number, when: When, stays: boolean, code = "EIO"): void {
    const error = Object.assign(new Error(`${code}: planted`), { code });
    this.failing = { step, when, error, stays };
  }

  async #step(kind: Step, run: (part: number) => void): Promise<void> {
    const number = this.steps.length;
    this.steps.push(kind);
    const { failing } = this;
    const isPast = failing?.stays === true && number > failing.step;
    const isNow = failing?.step === number;
    if (!isNow && !isPast) run(1);
    else if (isNow && failing?.when === "after") run(1);
    else if (isNow && failing?.when === "half") run(0.5);
    await undefined;
    if (failing !== undefined && (isNow || isPast)) throw failing.error;
  }

  /** The files as they are now, for whoever looks without losing power. */
  files(): Map<string, Buffer> {
    return new Map([...this.#names].map(([name, content]) => [name, whole(content)]));
  }

  /** What is there after a loss of power. `chance` decides where a part survives. */
  afterPowerLoss(survival: Survival, chance: () => number): FaultyStorage {
    const survives = () => survival === "everything" || (survival === "a part" && chance() < 0.5);
    const names = survives() ? this.#names : this.#durableNames;
    const files = [...names].map(([name, { durable, pending }]) => {
      const surviving = pending.filter(() => survives());
      const kept = surviving.flatMap((change) => torn(change, survival, chance));
      return [name, whole({ durable, pending: kept })] as const;
    });
    return new FaultyStorage(new Map(files));
  }

  async makeDirectory(): Promise<void> {}

  async list(): Promise<string[]> {
    return [...this.#names.keys()];
  }

  async open(path: string): Promise<StorageFile> {
    const content = this.#names.get(basename(path));
    if (content === undefined) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    return this.#fileOf(content);
  }

  async create(path: string): Promise<StorageFile> {
    const content: Content = { durable: Buffer.alloc(0), pending: [] };
    await this.#step("create", () => this.#names.set(basename(path), content));
    return this.#fileOf(content);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step("rename", (part) => {
      const content = this.#names.get(basename(from));
      if (content === undefined || part < 1) return;
      this.#names.delete(basename(from));
      this.#names.set(basename(to), content);
    });
  }

  async remove(path: string): Promise<void> {
    await this.#step("remove", () => this.#names.delete(basename(path)));
  }

  async syncDirectory(): Promise<void> {
    await this.#step("names", (part) => {
      if (part === 1) this.#durableNames = new Map(this.#names);
    });
  }

  async lock(): Promise<() => Promise<void>> {
    if (this.#locked) throw new Error("locked");
    this.#locked = true;
    return async () => {
      this.#locked = false;
    };
  }

  #fileOf(content: Content): StorageFile {
    return {
      read: async () => Buffer.from(whole(content)),
      readAt: async (position, length) =>
        Buffer.from(whole(content).subarray(position, position + length)),
      write: (bytes, position) =>
        this.#step("write", (part) => {
          const taken = Buffer.from(bytes.subarray(0, Math.ceil(bytes.length * part)));
          content.pending.push({ position, bytes: taken });
        }),
      truncate: (position) => this.#step("truncate", () => void content.pending.push({ position })),
      datasync: () =>
        this.#step("datasync", (part) => {
          if (part < 1) return;
          content.durable = whole(content);
          content.pending = [];
        }),
      close: async () => undefined,
    };
  }
}

function whole({ durable, pending }: Content): Buffer {
  let bytes = durable;
  for (const change of pending) {
    if (change.bytes === undefined) {
      bytes = bytes.subarray(0, change.position);
      continue;
    }
    const end = change.position + change.bytes.length;
    const next = Buffer.alloc(Math.max(bytes.length, end));
    bytes.copy(next);
    change.bytes.copy(next, change.position);
    bytes = next;
  }
  return bytes;
}

/** A write of which only some pieces reached the disk; where the others are missing is the old. */
function torn(change: Change, survival: Survival, chance: () => number): Change[] {
  const { bytes, position } = change;
  if (bytes === undefined || survival !== "a part") return [change];
  const piece = 64;
  const pieces: Change[] = [];
  for (let at = 0; at < bytes.length; at += piece) {
    if (chance() < 0.3) continue;
    pieces.push({ position: position + at, bytes: bytes.subarray(at, at + piece) });
  }
  return pieces;
}
