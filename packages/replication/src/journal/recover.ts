/**
 * Decides what a directory's content means: the recovery table of docs/journal.md, as code.
 *
 * It tells apart what was never finished (nobody was told of it: it is left out), what was durable
 * and cannot be read (its slots are damaged), and what it cannot know the extent of (refused). A
 * view is never lowered: each is in the log and, since before anybody was told, in the meta record.
 */
import { JournalDamagedError, JournalError } from "../errors.ts";
import type { Hash, LogBase, Recovered } from "../vsr/index.ts";
import { Boundaries } from "./boundaries.ts";
import { type Directory, isMeta, newestMeta } from "./directory.ts";
import { LogFold } from "./log-fold.ts";
import type { Mark, Meta } from "./meta.ts";
import { type LogRecord, tableEntryBytes } from "./record.ts";
import { type Gap, isRecord, type Segment, segmentHeaderBytes, segmentName } from "./segment.ts";
import { formatVersion, type Summary } from "./summary.ts";

export interface Damage {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly what: "meta" | "segment_header" | "segment_missing" | "record" | "body" | "checkpoint";
}

export interface RecoveredJournal {
  readonly meta: Meta;
  readonly recovered: Recovered;
  readonly summary: Summary;
  readonly last: Segment;
  /** The log begins with this segment; those before it are left over. */
  readonly first: number;
  readonly boundaries: Boundaries;
  /** Where the next record goes, and up to where everything was durable before the last batch. */
  readonly end: number;
  readonly base: number;
  /** Bytes behind the end that were never finished. */
  readonly torn: number;
  /** The last segment ends with what was durable and cannot be read: nothing may be put there. */
  readonly tailDamaged: boolean;
  readonly damage: readonly Damage[];
}

/**
 * What was recovered; undefined if the directory was never used: its making was not finished.
 * Throws JournalError, and JournalDamagedError where it cannot be known what was lost.
 */
export function recoverDirectory(
  directory: Directory,
  hash: Hash,
  identity?: string,
): RecoveredJournal | undefined {
  const meta = metaOf(directory);
  if (meta === undefined) return undefined;
  const { path } = directory;
  if (identity !== undefined && meta.identity !== identity) {
    const problem = `belongs to ${meta.identity}, not to ${identity}`;
    throw new JournalError(path, problem, "not_run", { kind: "foreign" });
  }
  return new Recovering(directory, meta, hash).run();
}

function metaOf({ path, metas, segments }: Directory): Meta | undefined {
  const meta = newestMeta(metas);
  if (meta !== undefined) {
    if (metas.every((copy) => !isMeta(copy) || copy.identity === meta.identity)) return meta;
    throw new JournalDamagedError(path, "meta-b", 0, "it belongs to another journal than meta-a");
  }
  for (const copy of metas) {
    if (typeof copy === "object" && "version" in copy) {
      const problem = `has format ${copy.version}, this version reads ${formatVersion}`;
      throw new JournalError(path, problem, "not_run", { kind: "version" });
    }
  }
  // A journal's first segment is made first, then meta-a, then meta-b, and then it is used. One
  // that has room has been used, whatever is left of what was in it.
  const isEmpty = segments.every(
    ({ sequence, items, length }) =>
      sequence === 1 && items.length === 0 && length <= segmentHeaderBytes,
  );
  if (isEmpty && metas[1] === "absent") return undefined;
  throw new JournalDamagedError(
    path,
    "meta-a",
    0,
    "and meta-b too: nobody knows what was promised",
  );
}

class Recovering {
  readonly #directory: Directory;
  readonly #meta: Meta;
  readonly #identity: string;
  readonly #first: number;
  readonly #fold: LogFold;
  readonly #boundaries = new Boundaries();
  readonly #damage: Damage[] = [];

  constructor(directory: Directory, meta: Meta, hash: Hash) {
    this.#directory = directory;
    this.#meta = meta;
    this.#identity = hash(Buffer.from(meta.identity, "utf8"));
    const anew = directory.segments.findLast(({ header }) => header?.begins === true);
    this.#first = Math.max(meta.first, anew?.sequence ?? 0);
    this.#fold = new LogFold(this.#base());
    directory.metas.forEach((copy, i) => {
      if (!isMeta(copy)) this.#note(i === 0 ? "meta-a" : "meta-b", 0, 0, "meta");
    });
  }

  run(): RecoveredJournal {
    const last = this.#lastSegment();
    this.#readOlder(last);
    const { end, torn } = this.#readLast(last);
    const tailDamaged = this.#settleTail(last, end);
    const broken = this.#fold.brokenAt();
    if (broken !== undefined) this.#refuse(last, end, `op ${broken} does not continue the log`);
    const records = last.items.filter(isRecord).filter((record) => record.end <= end);
    return {
      meta: this.#meta,
      recovered: this.#fold.recovered(),
      summary: this.#fold.summary,
      last,
      first: this.#first,
      boundaries: this.#boundaries,
      end,
      base: records.at(-1)?.base ?? segmentHeaderBytes,
      torn: tailDamaged ? 0 : torn,
      tailDamaged,
      damage: this.#damage,
    };
  }

  /** What the log begins after, which the header of its first segment tells. */
  #base(): LogBase | undefined {
    if (this.#first === 1) return undefined;
    const { path, segments } = this.#directory;
    const segment = segments.find(({ sequence }) => sequence === this.#first);
    const { head, headChecksum, headTimestamp } = segment?.header?.summary ?? {};
    if (head !== undefined && headChecksum !== undefined && headTimestamp !== undefined) {
      return { op: head, checksum: headChecksum, timestamp: headTimestamp };
    }
    const why = "nothing else tells where the log begins";
    throw new JournalDamagedError(path, segmentName(this.#first), 0, why);
  }

  #lastSegment(): Segment {
    const { path, segments, mark } = this.#directory;
    const last = segments.at(-1);
    const newest = Math.max(this.#meta.segment, mark?.segment ?? 0);
    if (last === undefined || last.sequence < newest) {
      const why = "it is missing, and nothing tells what was in it";
      throw new JournalDamagedError(path, segmentName(newest), 0, why);
    }
    return last;
  }

  #readOlder(last: Segment): void {
    const { segments } = this.#directory;
    let at = segments.findIndex(({ sequence }) => sequence >= this.#first);
    for (let sequence = this.#first; sequence < last.sequence; sequence++) {
      const segment = segments[at];
      if (segment?.sequence !== sequence) {
        this.#note(segmentName(sequence), 0, 0, "segment_missing");
        this.#miss();
        continue;
      }
      at++;
      if (!this.#begin(segment)) continue;
      const next = segments[at];
      const follows = next?.sequence === sequence + 1 ? next.header : undefined;
      const limit = follows?.previousEnd ?? segment.size;
      for (const item of upTo(segment, limit)) {
        if (item.start < limit) this.#take(segment, item);
      }
    }
  }

  /** Up to where the log counts in the last segment, and how much of it was never finished. */
  #readLast(last: Segment): { end: number; torn: number } {
    if (!this.#begin(last)) this.#refuse(last, 0, "and nothing tells what was in it");
    const { mark } = this.#directory;
    const bases = last.items.filter(isRecord).map((record) => record.base);
    const marked = mark?.segment === last.sequence ? mark.offset : 0;
    const durable = Math.max(segmentHeaderBytes, marked, ...bases.slice(-1));
    let end = segmentHeaderBytes;
    for (const item of upTo(last, durable)) {
      const isWhole = isRecord(item) && item.lost.length === 0 && item.end <= last.size;
      // Behind damage nothing is taken for torn: what cannot be read may have been durable as well.
      const isTorn = !isWhole && item.start >= durable && !this.#fold.missing;
      if (isTorn) return { end, torn: last.size - item.start };
      this.#take(last, item);
      end = item.end;
    }
    return { end, torn: 0 };
  }

  /**
   * What stands at the end of the last segment and cannot be read; true if it was durable once. The
   * mark then says what it was, and names more slots than it knows of for what is behind the mark.
   */
  #settleTail(last: Segment, end: number): boolean {
    const { mark } = this.#directory;
    const isDamaged = this.#fold.missing;
    if (isDamaged) {
      if (mark === undefined) return this.#refuse(last, end, "nothing tells what was in it");
      if (!this.#fold.meet(mark.summary)) this.#refuse(last, end, "its views are older");
      const behind = behindMark(last, end, mark);
      if (behind > 0) this.#fold.distrust(slotsIn(behind));
    }
    const { view, log_view } = this.#fold.summary;
    const { view: promised, log_view: promisedLog } = this.#meta;
    if (promised <= view && promisedLog <= log_view) return isDamaged;
    // The view was in the log before it was in the meta record: so what looks torn was durable, or
    // what looks like room was a record.
    const lost = isDamaged ? 0 : last.length - end;
    if (lost <= 0 && !isDamaged) this.#refuse(last, end, `view ${promised} was promised later`);
    this.#note(segmentName(last.sequence), end, Math.max(last.size, end + lost), "record");
    this.#fold.distrust(slotsIn(lost));
    this.#fold.meet({ ...this.#fold.summary, view: promised, log_view: promisedLog });
    return true;
  }

  /** Checks the header, and what the log had come to before it; false if it cannot be read. */
  #begin(segment: Segment): boolean {
    const { header, sequence } = segment;
    const name = segmentName(sequence);
    if (segment.headerDamaged) this.#note(name, 0, segmentHeaderBytes, "segment_header");
    if (header === undefined) {
      this.#miss();
      return false;
    }
    if (header.identity !== this.#identity || header.sequence !== sequence) {
      const problem = `${name} is a file of another journal`;
      const more = { kind: "foreign" } as const;
      throw new JournalError(this.#directory.path, problem, "not_run", more);
    }
    if (!this.#fold.meet(header.summary)) this.#refuse(segment, 0, "its views are older");
    this.#boundaries.add(sequence, header.summary);
    return true;
  }

  #take(segment: Segment, item: LogRecord | Gap): void {
    const name = segmentName(segment.sequence);
    if (!isRecord(item)) {
      this.#note(name, item.start, item.end, "record");
      this.#miss();
      return;
    }
    if (item.lost.length > 0) this.#note(name, item.start, item.end, "body");
    const { write, lost } = item;
    this.#boundaries.change({ ...write, entries: [...write.entries, ...lost] });
    const continues = this.#fold.add(item);
    if (!continues) this.#refuse(segment, item.start, "it does not continue what is before it");
  }

  #miss(): void {
    this.#fold.miss();
    this.#boundaries.forgetAll();
  }

  #note(file: string, start: number, end: number, what: Damage["what"]): void {
    this.#damage.push({ file, start, end, what });
  }

  #refuse(segment: Segment, offset: number, why: string): never {
    const name = segmentName(segment.sequence);
    throw new JournalDamagedError(this.#directory.path, name, offset, why);
  }
}

/** The items, and a gap up to `durable` if the file ends before that. */
function upTo({ items }: Segment, durable: number): readonly (LogRecord | Gap)[] {
  const end = items.at(-1)?.end ?? segmentHeaderBytes;
  return end >= durable ? items : [...items, { start: end, end: durable }];
}

/** What a disk loses, it loses as a whole; those of today have sectors of this or a multiple. */
const sectorBytes = 512;

/**
 * In how many bytes behind the mark there may have been records. Zeros there are room, or what has
 * become of records, and only this tells: content that ends at the mark, in the middle of a sector,
 * ends there, for a record behind it would have begun in the same sector.
 */
function behindMark(last: Segment, end: number, { offset }: Mark): number {
  if (last.size === offset && offset % sectorBytes !== 0) return 0;
  return Math.max(end, last.length) - offset;
}

/** No more entries than this can have been in so many bytes. */
function slotsIn(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / tableEntryBytes));
}
