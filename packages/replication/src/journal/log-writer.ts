/**
 * The journal on files, once it is open: it appends, and never tries a second time.
 *
 * One batch is under way at a time: one write and one `datasync` for all that waits (group commit).
 * A batch that changes a view is followed by a meta write before anybody is told of it; that is
 * the only second sync, and a change of view the only time at which it is paid. Segments that a
 * cut has made dispensable go when the meta record says twice that the log begins behind them.
 */
import { join } from "node:path";
import { JournalError } from "../errors.ts";
import type { Checksum, Hash, LogBase, Op, Write } from "../vsr/index.ts";
import type { Boundaries } from "./boundaries.ts";
import type { CheckpointFiles } from "./checkpoint-files.ts";
import { journalFailure } from "./failure.ts";
import type { Journal } from "./journal.ts";
import type { MetaWriter } from "./meta-writer.ts";
import { recordBytes, recordBytesMax, sealRecord } from "./record.ts";
import { segmentHeaderBytes, segmentName } from "./segment.ts";
import { createSegment, type OpenSegment, withRoom } from "./segment-file.ts";
import type { Storage } from "./storage.ts";
import { type Summary, summaryAfter } from "./summary.ts";

/** What may wait for a disk that hangs; beyond it the replica stops, and the others go on. */
const waitingBytesMax = 256 * 1024 * 1024;

export interface LogPorts {
  readonly storage: Storage;
  readonly path: string;
  readonly hash: Hash;
  readonly identity: Checksum;
  readonly meta: MetaWriter;
  readonly checkpoints: CheckpointFiles;
  /** Where the log could begin. */
  readonly boundaries: Boundaries;
  readonly segmentBytes: number;
  readonly onFailure: (error: JournalError) => void;
  /** Gives the directory back. */
  readonly release: () => Promise<void>;
}

interface Waiting {
  readonly write: Write;
  readonly done: () => void;
}

export class FileJournal implements Journal {
  /** Told once, when closing has begun, with what is fulfilled when the directory is given back. */
  onClosing: ((closed: Promise<void>) => void) | undefined;
  readonly checkpoints: CheckpointFiles;
  readonly #ports: LogPorts;
  #segment: OpenSegment;
  /** What the log has come to, as far as it is durable. */
  #summary: Summary;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #flushing: Promise<void> | undefined;
  /** Whether something has become durable that no mark tells of. */
  #markDue = false;
  #taking = true;
  #failed = false;
  #closing: Promise<void> | undefined;

  constructor(ports: LogPorts, segment: OpenSegment, summary: Summary) {
    this.#ports = ports;
    this.#segment = segment;
    this.#summary = summary;
    this.checkpoints = ports.checkpoints;
    this.checkpoints.onFailure = (error) => this.#fail(error);
  }

  append(write: Write, done: () => void): void {
    if (!this.#taking) return;
    const bytes = recordBytes(write);
    this.#waitingBytes += bytes;
    const problem = this.#refusal(bytes);
    if (problem !== undefined) {
      this.#fail(new JournalError(this.#ports.path, problem, "unknown"));
      return;
    }
    this.#waiting.push({ write, done });
    // At once, for the disk should be at work while the rest of the turn is carried out: what it
    // sends, and what it runs. What is appended meanwhile shares the next flush.
    this.#flushing ??= this.#flushAll();
  }

  /**
   * Marks what is durable. Not with each batch: only the last one needs the mark, for whatever is
   * behind another batch vouches for it as well, and a write to a second file costs a call that is
   * alone a third of its way through the thread pool.
   */
  tick(): void {
    if (!this.#markDue || !this.#taking) return;
    this.#markDue = false;
    this.#ports.meta.mark(this.#place()).catch((error) => this.#fail(error));
  }

  /** Lets finish what is under way, and gives the directory back. */
  close(): Promise<void> {
    // Nothing more is taken from here on: a write that began now would meet a closed file.
    this.#taking = false;
    if (this.#closing === undefined) {
      this.#closing = this.#close();
      this.onClosing?.(this.#closing);
    }
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { meta, release, checkpoints } = this.#ports;
    const kept = checkpoints.close();
    // A write that is still under way could land in the files of the next life: it is waited for,
    // however long the disk takes, before anybody else may open them.
    await this.#flushing;
    await kept;
    try {
      if (!this.#failed) {
        await meta.mark(this.#place());
        await meta.syncMarks();
      }
    } catch (error) {
      this.#fail(error);
    }
    try {
      await meta.close();
      await this.#segment.file.close();
    } catch (error) {
      this.#fail(error);
    } finally {
      await release();
    }
  }

  /** Why a write cannot be taken; undefined if it can. */
  #refusal(bytes: number): string | undefined {
    if (bytes > recordBytesMax) return `a write of ${bytes} bytes is too large`;
    if (this.#waitingBytes > waitingBytesMax) return "the disk does not keep up";
    return undefined;
  }

  async #flushAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting;
        this.#waiting = [];
        this.#waitingBytes = 0;
        await this.#append(batch.map(({ write }) => write));
        // A write that was refused meanwhile has failed the journal: it reports nothing any more.
        if (this.#failed) break;
        this.#markDue = true;
        for (const { done } of batch) done();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#flushing = undefined;
  }

  async #append(writes: readonly Write[]): Promise<void> {
    let from = 0;
    for (const [i, write] of writes.entries()) {
      if (write.reset === undefined) continue;
      await this.#appendRecords(writes.slice(from, i));
      await this.#beginAnew(write, write.reset);
      from = i + 1;
    }
    await this.#appendRecords(writes.slice(from));
    const { meta } = this.#ports;
    const { view, log_view } = this.#summary;
    const lives = writes.findLast((write) => write.lives !== undefined)?.lives;
    if (lives !== undefined) {
      // In both copies: the log does not repeat it, and damage to one must not bring the past back.
      await meta.write({ view, log_view, lives });
      await meta.write({});
    } else if (view !== meta.meta.view || log_view !== meta.meta.log_view) {
      await meta.write({ view, log_view });
    }
    for (const { cut } of writes) if (cut !== undefined) await this.#cut(cut);
  }

  async #appendRecords(writes: readonly Write[]): Promise<void> {
    if (writes.length === 0) return;
    const { hash, segmentBytes, boundaries } = this.#ports;
    if (this.#segment.end >= segmentBytes) await this.#beginSegment();
    const { file, key, end: base } = this.#segment;
    let start = base;
    let summary = this.#summary;
    const records = writes.map((write) => {
      const record = sealRecord(write, summary, { start, base, key }, hash);
      start += record.length;
      summary = summaryAfter(summary, write);
      return record;
    });
    const bytes = withRoom(records, this.#segment);
    await file.write(bytes, base);
    await file.datasync();
    this.#segment.end = start;
    this.#segment.length = Math.max(this.#segment.length, base + bytes.length);
    this.#summary = summary;
    for (const write of writes) boundaries.change(write);
  }

  async #beginSegment(): Promise<void> {
    await this.#nextSegment(this.#summary);
  }

  /**
   * The log is replaced as a whole: a segment that says so, and has the write in it before it has
   * its name. Until then the old log is all there, and from then on it is nothing.
   */
  async #beginAnew({ reset: _, ...write }: Write, base: LogBase): Promise<void> {
    const { hash } = this.#ports;
    const empty = { ...write, reset: base, entries: [] };
    const before = summaryAfter(this.#summary, empty);
    const place = { start: segmentHeaderBytes, base: segmentHeaderBytes };
    await this.#nextSegment(before, (key) => sealRecord(write, before, { ...place, key }, hash));
    this.#summary = summaryAfter(before, write);
    await this.#beginLogWith(this.#segment.sequence);
  }

  /** Goes on in a new segment; with a record in it the log begins anew there. */
  async #nextSegment(summary: Summary, record?: (key: Checksum) => Buffer): Promise<void> {
    const { storage, path, hash, identity, meta, boundaries } = this.#ports;
    const { file, sequence: last, end: previousEnd } = this.#segment;
    const { incarnation } = meta.meta;
    const sequence = last + 1;
    const begins = record !== undefined;
    const header = { sequence, incarnation, summary, previousEnd, identity, begins };
    this.#segment = await createSegment(storage, path, header, hash, record);
    boundaries.add(sequence, summary);
    // Before anything more is in it: so that its absence is noticed.
    await meta.write({ segment: sequence });
    await file.close();
  }

  /** Forgets whole segments, all of whose slots are at or below an op. */
  async #cut(op: Op): Promise<void> {
    const { meta, boundaries } = this.#ports;
    const boundary = boundaries.upTo(op);
    if (boundary === undefined || boundary.sequence <= meta.meta.first) return;
    await this.#beginLogWith(boundary.sequence);
  }

  async #beginLogWith(first: number): Promise<void> {
    const { storage, path, meta, boundaries, checkpoints } = this.#ports;
    const { first: before } = meta.meta;
    const checkpoint = checkpoints.names.at(-1)?.op ?? 0;
    // In both copies: the older one would look for what is no longer there.
    await meta.write({ first, checkpoint });
    await meta.write({});
    for (let sequence = before; sequence < first; sequence++) {
      await storage.remove(join(path, segmentName(sequence)));
    }
    await storage.syncDirectory(path);
    boundaries.forgetBefore(first);
  }

  #place() {
    const { sequence, end } = this.#segment;
    const { identity } = this.#ports;
    return { segment: sequence, offset: end, summary: this.#summary, identity };
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#taking = false;
    this.#waiting = [];
    const { path, onFailure } = this.#ports;
    const problem = "cannot be written, the replica stops";
    onFailure(journalFailure(error, path, problem, "unknown"));
    void this.close();
  }
}
