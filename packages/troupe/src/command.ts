/**
 * The command `troupe`: words in, text and an exit code out. 0: all is well; 1: a journal is
 * damaged; 2: the command was not understood, or could not be carried out.
 */
import { parseArgs } from "node:util";
import { checksum, inspectJournal, type JournalReport } from "@troupe/replication/runtime";
import { isIll, reportText, verdictText } from "./journal-text.ts";

export interface CommandResult {
  readonly text: string;
  readonly exitCode: 0 | 1 | 2;
}

const usage = `usage: troupe journal inspect DIR [--json]
       troupe journal verify DIR

DIR is a replica's journal, STORAGE/GROUP/NODE.journal. Neither writes anything.
A replica whose journal is gone, was emptied or is refused has forgotten what it promised. Move
away what is left, and start the replica once with the option rejoin: true, so that it gets
everything from the others; without it, it must not be started under its name again.`;

/** @example await runCommand(["journal", "verify", "data/counter/a.journal"]) */
export async function runCommand(words: readonly string[]): Promise<CommandResult> {
  const parsed = parse(words);
  if (parsed === undefined) return { text: usage, exitCode: 2 };
  const { action, directory, json } = parsed;
  let report: JournalReport;
  try {
    report = await inspectJournal(directory, checksum);
  } catch (error) {
    return { text: error instanceof Error ? error.message : String(error), exitCode: 2 };
  }
  if (action === "verify") return { text: verdictText(report), exitCode: isIll(report) ? 1 : 0 };
  return { text: json ? JSON.stringify(report, undefined, 2) : reportText(report), exitCode: 0 };
}

function parse(words: readonly string[]) {
  try {
    const options = { json: { type: "boolean" } } as const;
    const { values, positionals } = parseArgs({
      args: [...words],
      options,
      allowPositionals: true,
    });
    const [topic, action, directory, ...more] = positionals;
    const json = values.json === true;
    if (topic !== "journal" || directory === undefined || more.length > 0) return undefined;
    if (action === "inspect") return { action, directory, json } as const;
    if (action === "verify" && !json) return { action, directory, json } as const;
    return undefined;
  } catch {
    return undefined;
  }
}
