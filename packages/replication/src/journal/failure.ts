/** Says what a file system's error means for a journal, and what a person can do about it. */
import { JournalError, type JournalProblem } from "../errors.ts";

const kinds: Readonly<Record<string, JournalProblem>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EROFS: "read_only",
  EACCES: "permission",
  EPERM: "permission",
  ENOTDIR: "not_a_directory",
  EEXIST: "not_a_directory",
};

export function journalFailure(
  error: unknown,
  path: string,
  what: string,
  outcome: "not_run" | "unknown",
): JournalError {
  if (error instanceof JournalError) return error;
  const { code = "" } = error as NodeJS.ErrnoException;
  const said = error instanceof Error ? error.message : String(error);
  const more = { kind: kinds[code] ?? "failed", cause: error };
  return new JournalError(path, `${what}: ${said}`, outcome, more);
}
