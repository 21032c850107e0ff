/**
 * Says what is in a journal's directory, as data: for `troupe journal`. It only reads, takes no
 * lock, and may be used beside a running replica.
 */
import { JournalError } from "../errors.ts";
import type { Hash, Op, View } from "../vsr/index.ts";
import { readCheckpoints } from "./checkpoint-files.ts";
import { newestMeta, readDirectory } from "./directory.ts";
import { type Divergence, readDivergence } from "./diverged-mark.ts";
import { journalFailure } from "./failure.ts";
import type { CheckpointName } from "./journal.ts";
import { type Damage, recoverDirectory } from "./recover.ts";
import { isRecord, type Segment, segmentName } from "./segment.ts";
import { realStorage, type Storage } from "./storage.ts";

export interface SegmentReport {
  readonly file: string;
  /** Up to the end of its last record; in the last segment also what is not finished behind it. */
  readonly bytes: number;
  /** Bytes behind that in the file: zeros, into which the records to come are written. */
  readonly room: number;
  readonly records: number;
  readonly entries: number;
  /** Of its first and last entries; absent if there are none. */
  readonly firstOp?: Op;
  readonly lastOp?: Op;
  /** Of its last record, or of its header if it has none; absent if neither can be read. */
  readonly view?: View;
}

export interface JournalReport {
  readonly path: string;
  /** Absent if no meta record can be read. */
  readonly identity?: string;
  readonly incarnation?: number;
  readonly epoch?: number;
  readonly checkpoint?: Op;
  /** Its replica has lost a journal, and has not got the log from the others yet. */
  readonly rejoining?: boolean;
  readonly segments: readonly SegmentReport[];
  /** Those that are whole, oldest first; one that is not is among `damage`. */
  readonly checkpoints: readonly CheckpointName[];
  /** What a replica would come back with; absent if it would be refused, or is new. */
  readonly recovered?: {
    readonly view: View;
    readonly log_view: View;
    readonly commit: Op;
    readonly head: Op;
    /** The log begins after this op; 0 if nothing was ever cut off. */
    readonly base: Op;
    readonly damagedOps: readonly Op[];
  };
  /** Its states are not those of the group; the next start takes one of theirs. */
  readonly diverged?: Divergence;
  /** Bytes at the end that were never finished, or are just being written. */
  readonly unfinishedBytes: number;
  readonly damage: readonly Damage[];
  /** Why a replica would be refused. */
  readonly refusal?: { readonly code: string; readonly message: string };
  /** Files in the directory that are none of a journal's. */
  readonly strange: readonly string[];
}

/**
 * Reads a journal. Rejects with JournalError if the directory cannot be read, or has none.
 *
 * @example
 * const { damage, refusal } = await inspectJournal("data/counter/a.journal", checksum);
 */
export async function inspectJournal(
  path: string,
  hash: Hash,
  storage: Storage = realStorage,
): Promise<JournalReport> {
  try {
    const directory = await readDirectory(storage, path, hash);
    const { metas, segments, strange } = directory;
    if (segments.length === 0 && metas.every((copy) => copy === "absent")) {
      const problem = "there is no journal in this directory";
      throw new JournalError(path, problem, "not_run");
    }
    const meta = newestMeta(metas);
    const { incarnation = 0, epoch = 0, checkpoint = 0, identity = "" } = meta ?? {};
    const rejoining = meta?.lives?.rejoining === true;
    const about =
      meta === undefined
        ? {}
        : { identity, incarnation, epoch, checkpoint, ...(rejoining && { rejoining }) };
    const of = hash(Buffer.from(identity, "utf8"));
    const kept = await readCheckpoints({ storage, path, hash, identity: of });
    const { names: checkpoints } = kept;
    const diverged = await readDivergence(path, storage);
    const marked = diverged === undefined ? {} : { diverged };
    const shown = {
      path,
      ...about,
      ...marked,
      segments: segments.map(reportOf),
      checkpoints,
      strange,
    };
    const judged = judge(() => recoverDirectory(directory, hash));
    const lost = kept.damaged.map((file) => ({
      file,
      start: 0,
      end: 0,
      what: "checkpoint" as const,
    }));
    return { ...shown, ...judged, damage: [...judged.damage, ...lost] };
  } catch (error) {
    throw journalFailure(error, path, "cannot be read", "not_run");
  }
}

function judge(recover: () => ReturnType<typeof recoverDirectory>) {
  try {
    const found = recover();
    if (found === undefined) return { unfinishedBytes: 0, damage: [] };
    const { recovered, summary, torn, damage } = found;
    const { view, log_view, commit } = recovered;
    const damagedOps = (recovered.damaged ?? []).map(({ op }) => op);
    const base = recovered.base?.op ?? 0;
    const state = { view, log_view, commit, head: summary.head, base, damagedOps };
    return { recovered: state, unfinishedBytes: torn, damage };
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    const { code, message } = error;
    return { refusal: { code, message }, unfinishedBytes: 0, damage: [] };
  }
}

function reportOf({ sequence, size, length, header, items }: Segment): SegmentReport {
  const records = items.filter(isRecord);
  const ops = records.flatMap(({ write, lost }) => [...write.entries, ...lost].map(({ op }) => op));
  const view = records.at(-1)?.write.view ?? header?.summary.view;
  const [firstOp, lastOp] = [ops[0], ops.at(-1)];
  return {
    file: segmentName(sequence),
    bytes: size,
    room: length - size,
    records: records.length,
    entries: ops.length,
    ...(firstOp === undefined || lastOp === undefined ? {} : { firstOp, lastOp }),
    ...(view === undefined ? {} : { view }),
  };
}
