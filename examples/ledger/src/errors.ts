/**
 * The failures that this program explains to its user in one clear line. Whatever else reaches
 * the top is a bug and keeps its stack trace.
 */
import { isActorError } from "@troupe/actor";

/** Something outside the program is wrong: a file, a port, a replica that does not start. */
export class DemoError extends Error {
  override readonly name: string = "DemoError";
  /** What the process exits with. */
  readonly exitCode: number = 1;
}

/** The command line is wrong. */
export class UsageError extends DemoError {
  override readonly name = "UsageError";
  override readonly exitCode = 2;
}

/** The first line of what went wrong, for a message that must fit in one. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0] ?? "";
}

/**
 * Says what went wrong and returns what to exit with: one line for what a user can act on, the
 * whole stack for a defect of this program or of what it runs on.
 */
export function describeFailure(error: unknown, print: (line: string) => void): number {
  const isExplained =
    error instanceof DemoError || (isActorError(error) && error.code !== "ERR_INVARIANT");
  if (isExplained) print(`ledger demo: ${oneLine(error)}`);
  else print(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return error instanceof DemoError ? error.exitCode : 1;
}
