/**
 * The file in which a replica's node keeps the roster that names it, in the journal's directory.
 *
 * It is durable before the journal has anything in it, and is never written again: so a directory
 * that has a journal in it also tells whose it is.
 */
import { JournalDamagedError } from "./errors.ts";
import { rosterName } from "./journal/directory.ts";
import { journalFailure } from "./journal/failure.ts";
import { readSmallFile, writeSmallFile } from "./journal/small-file.ts";
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
  let said: string | undefined;
  try {
    said = await readSmallFile(storage, path, rosterName);
  } catch (error) {
    throw journalFailure(error, path, "has a roster that cannot be read", "not_run");
  }
  if (said === undefined) return undefined;
  if (said === "") throw new JournalDamagedError(path, rosterName, 0, "its checksum does not hold");
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
  try {
    await storage.makeDirectory(path);
    await writeSmallFile(storage, path, rosterName, said);
  } catch (error) {
    throw journalFailure(error, path, "cannot keep its roster", "not_run");
  }
}
