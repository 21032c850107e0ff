/**
 * Opens the journal of a replica in its directory, or makes it.
 *
 * A journal that exists at all belongs to a replica that has been started before: such a one comes
 * back by other rules than a new one (I14). Before it is handed out, what was read from its end is
 * made durable again, and that this is a new life of the replica.
 */
import { join, resolve } from "node:path";
import { assert } from "@troupe/actor/runtime";
import { JournalError } from "../errors.ts";
import type { Hash, KnownLives, Recovered } from "../vsr/index.ts";
import { Boundaries } from "./boundaries.ts";
import { CheckpointFiles, readCheckpoints } from "./checkpoint-files.ts";
import { type Directory, newestMeta, readDirectory } from "./directory.ts";
import { journalFailure } from "./failure.ts";
import type { OpenedJournal } from "./journal.ts";
import { FileJournal } from "./log-writer.ts";
import { MetaWriter } from "./meta-writer.ts";
import { type RecoveredJournal, recoverDirectory } from "./recover.ts";
import { segmentName } from "./segment.ts";
import { createSegment, type OpenSegment } from "./segment-file.ts";
import { realStorage, type Storage } from "./storage.ts";
import { emptySummary } from "./summary.ts";

const segmentBytesDefault = 64 * 1024 * 1024;
const oldFormatMagic = "TRJ1";

export interface FileJournalOptions {
  /** The journal's own directory; it is made if it is missing. */
  readonly path: string;
  /** Names the group, the replica and its history; a journal that says otherwise is refused. */
  readonly identity: string;
  readonly hash: Hash;
  /** Told once when a write has failed. Nothing that was not reported done is durable. */
  readonly onFailure: (error: JournalError) => void;
  /**
   * The journal was lost, and this one begins in its place: the life of each replica, of which only
   * its own is not 0. Refused (`not_empty`) where there is a journal that did not begin so.
   */
  readonly rejoin?: readonly number[];
  /** A segment that has so many bytes is followed by another. @default 67108864 */
  readonly segmentBytes?: number;
  /** @default the file system */
  readonly storage?: Storage;
}

/** The journals of this process that are being closed, by their directory. */
const closing = new Map<string, Promise<void>>();

/**
 * Opens the journal in a directory, or makes it. What was never finished is left out; what was
 * durable and cannot be read becomes `recovered.damaged`.
 *
 * Rejects with JournalError: the directory cannot be used, is locked, or belongs to another group,
 * replica or format; with JournalDamagedError if it cannot be known what was lost.
 */
export async function openFileJournal(options: FileJournalOptions): Promise<OpenedJournal> {
  const { path, storage = realStorage } = options;
  const key = resolve(path);
  // One that is restarted at once would find itself locked out by its last life.
  await closing.get(key);
  let unlock: (() => Promise<void>) | undefined;
  try {
    await makeDirectory(storage, path);
    unlock = await storage.lock(path);
    const opening = new Opening({ ...options, storage }, unlock);
    const opened = await opening.run();
    return { ...opened, journal: remembering(opened.journal, key) };
  } catch (error) {
    await unlock?.();
    throw journalFailure(error, path, "cannot be opened", "not_run");
  }
}

function remembering(journal: FileJournal, key: string): FileJournal {
  journal.onClosing = (closed) => {
    closing.set(key, closed);
    const forget = () => {
      if (closing.get(key) === closed) closing.delete(key);
    };
    void closed.then(forget, forget);
  };
  return journal;
}

async function makeDirectory(storage: Storage, path: string): Promise<void> {
  try {
    await storage.makeDirectory(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") await refuseOldFormat(storage, path);
    throw error;
  }
}

/** Format 1 was one file, where the directory is now. */
async function refuseOldFormat(storage: Storage, path: string): Promise<void> {
  const file = await storage.open(path, "read");
  try {
    const bytes = await file.read();
    if (bytes.toString("latin1", 0, oldFormatMagic.length) !== oldFormatMagic) return;
  } finally {
    await file.close();
  }
  const problem = "has format 1, this version reads 3";
  throw new JournalError(path, problem, "not_run", { kind: "version" });
}

type Ports = FileJournalOptions & { readonly storage: Storage };

class Opening {
  readonly #options: Ports;
  readonly #unlock: () => Promise<void>;

  constructor(options: Ports, unlock: () => Promise<void>) {
    this.#options = options;
    this.#unlock = unlock;
  }

  async run(): Promise<OpenedJournal & { readonly journal: FileJournal }> {
    const { storage, path, hash, identity } = this.#options;
    const directory = await readDirectory(storage, path, hash);
    const found = recoverDirectory(directory, hash, identity);
    const lives = this.#lives(found);
    for (const name of directory.unfinished) await storage.remove(join(path, name));
    // Of a lost journal it is not known how often it was opened; a life is numbered by the clock.
    const before = found?.meta.incarnation ?? Math.max(0, ...(lives?.lives ?? []));
    const incarnation = before + 1;
    const segment = await this.#segment(found, incarnation);
    try {
      await storage.syncDirectory(path);
      const journal = await this.#begin(directory, found, segment, incarnation, lives);
      const nothing = lives && { view: 0, log_view: 0, commit: 0, entries: [] };
      const recovered: Recovered | undefined = found?.recovered ?? nothing;
      const known = lives === undefined ? {} : { lives };
      return { journal, recovered: recovered && { ...recovered, ...known }, incarnation };
    } catch (error) {
      await segment.file.close().catch(() => undefined);
      throw error;
    }
  }

  /** What is known of lives; a journal that is to be lost must not be there. */
  #lives(found: RecoveredJournal | undefined): KnownLives | undefined {
    const { path, rejoin } = this.#options;
    if (rejoin === undefined) return found?.meta.lives;
    if (found === undefined) return { lives: rejoin, rejoining: true };
    const known = found.meta.lives;
    const hasRejoined = rejoin.some((life, i) => life > 0 && (known?.lives[i] ?? 0) > 0);
    if (hasRejoined) return known;
    const problem = "holds a journal, which is not lost";
    throw new JournalError(path, problem, "not_run", { kind: "not_empty" });
  }

  /** The segment to go on in: the last one, or a new one behind a damaged end. */
  async #segment(found: RecoveredJournal | undefined, incarnation: number): Promise<OpenSegment> {
    const { storage, path, hash, identity } = this.#options;
    if (found !== undefined && !found.tailDamaged) return this.#goOn(found);
    const header = {
      sequence: (found?.last.sequence ?? 0) + 1,
      incarnation,
      summary: found?.summary ?? emptySummary,
      previousEnd: found === undefined ? 0 : Math.max(found.end, found.last.size),
      identity: hash(Buffer.from(identity, "utf8")),
    };
    return createSegment(storage, path, header, hash);
  }

  /**
   * Cuts off what was never finished, and writes the last batch again. The last life may have ended
   * between a write and its sync, or with a sync that failed, and then these bytes may stand in the
   * kernel's memory and nowhere else; a page whose sync has failed once counts as clean (J6).
   */
  async #goOn({ last, end, base, torn }: RecoveredJournal): Promise<OpenSegment> {
    const { storage, path } = this.#options;
    const { header } = last;
    assert(header !== undefined, "a log goes on in a segment whose header can be read");
    const file = await storage.open(join(path, segmentName(last.sequence)), "log");
    try {
      const bytes = await file.read();
      if (torn > 0) await file.truncate(end);
      await file.write(bytes.subarray(Math.min(base, end), end), Math.min(base, end));
      await file.datasync();
      const length = torn > 0 ? end : bytes.length;
      return { file, sequence: last.sequence, key: header.key, end, length };
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
  }

  async #begin(
    directory: Directory,
    found: RecoveredJournal | undefined,
    segment: OpenSegment,
    incarnation: number,
    lives: KnownLives | undefined,
  ): Promise<FileJournal> {
    const { storage, path, hash, identity: text, onFailure } = this.#options;
    const { segmentBytes = segmentBytesDefault } = this.#options;
    const { summary = emptySummary, first = 1, boundaries = new Boundaries() } = found ?? {};
    const identity = hash(Buffer.from(text, "utf8"));
    const { names: kept } = await readCheckpoints({ storage, path, hash, identity });
    const before = newestMeta(directory.metas);
    const { view, log_view } = summary;
    const { sequence, end } = segment;
    const given = { incarnation, identity: text, segment: sequence, first, view, log_view };
    const number = before?.number ?? 0;
    const known = lives === undefined ? {} : { lives };
    const start = { number, epoch: before?.epoch ?? 0, checkpoint: kept.at(-1)?.op ?? 0, ...known };
    const names = await storage.list(path);
    const marks = directory.mark?.number ?? 0;
    const meta = await MetaWriter.open(storage, path, names, { ...start, ...given }, marks, hash);
    try {
      // Both copies, so that no later damage to one of them can bring this life's number back.
      await meta.write({});
      await meta.write({});
      await meta.mark({ segment: sequence, offset: end, summary, identity });
      await meta.syncMarks();
      await this.#removeLeftOver(directory, first);
      await storage.syncDirectory(path);
    } catch (error) {
      await meta.close().catch(() => undefined);
      throw error;
    }
    const release = this.#unlock;
    if (boundaries.isNew(sequence)) boundaries.add(sequence, summary);
    const checkpoints = new CheckpointFiles({ storage, path, hash, identity }, kept);
    const own = { storage, path, hash, identity, meta, segmentBytes, onFailure, release };
    return new FileJournal({ ...own, checkpoints, boundaries }, segment, summary);
  }

  /** What the log no longer begins with: the last life ended while it removed them. */
  async #removeLeftOver({ segments }: Directory, first: number): Promise<void> {
    const { storage, path } = this.#options;
    for (const { sequence } of segments) {
      if (sequence < first) await storage.remove(join(path, segmentName(sequence)));
    }
  }
}
