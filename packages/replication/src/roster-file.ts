/**
 * The file in which a replica's node keeps the roster that names it, in the journal's directory.
 *
 * It is durable before the journal has anything in it, and says the same for ever: so a directory
 * that has a journal in it also tells whose it is, and one without it has lost what was there. The
 * founder's says as well that the roster is new, as long as not all have it.
 */
import { JournalDamagedError } from "./errors.ts";
import type { KnownRoster } from "./founding.ts";
import { rosterName } from "./journal/directory.ts";
import { journalFailure } from "./journal/failure.ts";
import { readSmallFile, writeSmallFile } from "./journal/small-file.ts";
import { realStorage, type Storage } from "./journal/storage.ts";
import { isRoster } from "./roster.ts";

/**
 * The roster that is kept in a directory; undefined if there is none. Rejects with JournalError,
 * and with JournalDamagedError for one that does not hold: nobody knows then who holds replicas.
 */
export async function readRoster(
  path: string,
  group: string,
  storage: Storage = realStorage,
): Promise<KnownRoster | undefined> {
  let said: string | undefined;
  try {
    said = await readSmallFile(storage, path, rosterName);
  } catch (error) {
    throw journalFailure(error, path, "has a roster that cannot be read", "not_run");
  }
  if (said === undefined) return undefined;
  if (said === "") throw new JournalDamagedError(path, rosterName, 0, "its checksum does not hold");
  const { format, group: of, isNew, ...roster } = JSON.parse(said) as Record<string, unknown>;
  if (format === 1 && of === group && isRoster(roster)) return { ...roster, isNew: isNew === true };
  throw new JournalDamagedError(path, rosterName, 0, `it is not that of group "${group}"`);
}

/** Makes a roster durable. Rejects with JournalError. */
export async function keepRoster(
  path: string,
  group: string,
  { id, replicas, isNew }: KnownRoster,
  storage: Storage = realStorage,
): Promise<void> {
  const said = JSON.stringify({ format: 1, group, id, replicas, ...(isNew && { isNew }) });
  try {
    await storage.makeDirectory(path);
    await writeSmallFile(storage, path, rosterName, said);
  } catch (error) {
    throw journalFailure(error, path, "cannot keep its roster", "not_run");
  }
}
