/**
 * Reads all of a journal's directory, without judging it and without changing it.
 *
 * Meta and mark are read before the log: beside a running replica the log can only be newer than
 * what they say of it.
 */
import type { Hash } from "../vsr/index.ts";
import { checkpointFileOp } from "./checkpoint-file.ts";
import { isLockName } from "./lock.ts";
import { type Mark, type Meta, markName, metaNames, readMark, readMeta } from "./meta.ts";
import { readSegment, type Segment, segmentName, segmentSequence } from "./segment.ts";
import type { Storage } from "./storage.ts";

export const unfinishedSuffix = ".tmp";
/** Who holds the replicas, where the founder of the group has chosen them. */
export const rosterName = "roster";
/** That the states in it are not those of the group. */
export const divergedName = "diverged";

export type MetaCopy = Meta | "absent" | "damaged" | { readonly version: number };

export interface Directory {
  readonly path: string;
  readonly metas: readonly [MetaCopy, MetaCopy];
  readonly mark: Mark | undefined;
  /** In the order of their numbers; there may be some missing in between. */
  readonly segments: readonly Segment[];
  /** Files that were begun and never got their name. */
  readonly unfinished: readonly string[];
  /** Files that are none of a journal's. */
  readonly strange: readonly string[];
}

export function isMeta(copy: MetaCopy): copy is Meta {
  return typeof copy === "object" && "number" in copy;
}

/** The copy that counts. */
export function newestMeta(metas: readonly MetaCopy[]): Meta | undefined {
  return metas.filter(isMeta).sort((one, other) => other.number - one.number)[0];
}

export async function readDirectory(
  storage: Storage,
  path: string,
  hash: Hash,
): Promise<Directory> {
  const before = await storage.list(path);
  const [a, b] = metaNames;
  const metas = [
    await readCopy(storage, path, before, a, hash),
    await readCopy(storage, path, before, b, hash),
  ] as const;
  const identity = newestMeta(metas)?.identity;
  const marks = before.includes(markName) ? await readWhole(storage, `${path}/${markName}`) : "";
  const mark =
    marks === "" || identity === undefined
      ? undefined
      : readMark(marks, hash(Buffer.from(identity, "utf8")), hash);
  const names = await storage.list(path);
  const sequences = names.flatMap((name) => segmentSequence(name) ?? []).sort((x, y) => x - y);
  const segments: Segment[] = [];
  for (const sequence of sequences) {
    const bytes = await readWhole(storage, `${path}/${segmentName(sequence)}`);
    segments.push(readSegment(sequence, bytes, hash));
  }
  const known: readonly string[] = [...metaNames, markName, rosterName, divergedName];
  const isOurs = (name: string) =>
    known.includes(name) ||
    isLockName(name) ||
    segmentSequence(name) !== undefined ||
    checkpointFileOp(name) !== undefined;
  return {
    path,
    metas,
    mark,
    segments,
    unfinished: names.filter((name) => name.endsWith(unfinishedSuffix)),
    strange: names.filter((name) => !isOurs(name) && !name.endsWith(unfinishedSuffix)),
  };
}

async function readCopy(
  storage: Storage,
  path: string,
  names: readonly string[],
  name: string,
  hash: Hash,
): Promise<MetaCopy> {
  if (!names.includes(name)) return "absent";
  // A copy is made empty, and never emptied.
  const bytes = await readWhole(storage, `${path}/${name}`);
  return bytes.length === 0 ? "absent" : readMeta(bytes, hash);
}

async function readWhole(storage: Storage, path: string): Promise<Buffer> {
  const file = await storage.open(path, "read");
  try {
    return await file.read();
  } finally {
    await file.close();
  }
}
