/**
 * The file in which a replica's node keeps the roster that names it, in the journal's directory.
 *
 * It is durable before the journal has anything in it, and is never written again: so a directory
 * that has a journal in it also tells whose it is.
 */
import { join } from "node:path";
import { checksum } from "./checksum.ts";
import { JournalDamagedError } from "./errors.ts";
import { rosterName, unfinishedSuffix } from "./journal/directory.ts";
import { journalFailure } from "./journal/failure.ts";
import { realStorage, type Storage } from "./journal/storage.ts";
import { isRoster, type Roster } from "./roster.ts";

/**
 * The roster that is kept in a directory; undefined if there is none. Rejects with JournalError,
 * and with JournalDamagedError for one that does not hold: nobody knows then who holds replicas.
 */
export async function readRoster(
  path: string,
  group: string,
  storage: Storage = realStorage,
): Promise<Roster | undefined> {
  let text: string;
  try {
    const file = await storage.open(join(path, rosterName), "read");
    try {
      text = (await file.read()).toString("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw journalFailure(error, path, "has a roster that cannot be read", "not_run");
  }
  const [said = "", sum] = text.split("\n");
  if (checksum(Buffer.from(said)) !== sum) {
    throw new JournalDamagedError(path, rosterName, 0, "its checksum does not hold");
  }
  const { format, group: of, ...roster } = JSON.parse(said) as Record<string, unknown>;
  if (format === 1 && of === group && isRoster(roster)) return roster;
  throw new JournalDamagedError(path, rosterName, 0, `it is not that of group "${group}"`);
}

/** Makes a roster durable. Rejects with JournalError. */
export async function keepRoster(
  path: string,
  group: string,
  { id, replicas }: Roster,
  storage: Storage = realStorage,
): Promise<void> {
  const said = JSON.stringify({ format: 1, group, id, replicas });
  const bytes = Buffer.from(`${said}\n${checksum(Buffer.from(said))}\n`);
  const unfinished = join(path, `${rosterName}${unfinishedSuffix}`);
  try {
    await storage.makeDirectory(path);
    const file = await storage.create(unfinished);
    try {
      await file.write(bytes, 0);
      await file.datasync();
    } finally {
      await file.close();
    }
    await storage.rename(unfinished, join(path, rosterName));
    await storage.syncDirectory(path);
  } catch (error) {
    throw journalFailure(error, path, "cannot keep its roster", "not_run");
  }
}
