/**
 * Reads the transfers of a CSV file, one row per line, as a stream.
 *
 * A malformed row costs only itself: it is reported with its line number and the reason, and
 * skipped. That is why lines are split first and quotes are then resolved line by line: a CSV
 * parser given the whole stream lets one stray quote swallow the good rows after it.
 */
import { type FileHandle, open } from "node:fs/promises";
import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { DemoError, oneLine } from "./errors.ts";
import { maxAmount, type Transfer } from "./ledger.ts";

const columns = ["id", "debit", "credit", "amount"] as const;

/** A row of the file that is a transfer. */
export interface AcceptedRow {
  readonly line: number;
  readonly transfer: Transfer;
}

/** A row of the file that is none. */
export interface RejectedRow {
  readonly line: number;
  readonly reason: string;
}

/** What a whole file held. */
export interface CsvContent {
  readonly transfers: readonly Transfer[];
  readonly rejected: readonly RejectedRow[];
}

/**
 * Reads a whole file. CRLF, a byte order mark, blank lines, spaces around a value and quoted
 * values are tolerated.
 *
 * Rejects with `DemoError`, in one line, when the file cannot be read, is empty, has another
 * header than `id,debit,credit,amount`, or holds no transfer at all.
 */
export async function readTransfers(path: string): Promise<CsvContent> {
  const transfers: Transfer[] = [];
  const rejected: RejectedRow[] = [];
  for await (const row of streamTransfers(path)) {
    if ("reason" in row) rejected.push(row);
    else transfers.push(row.transfer);
  }
  if (transfers.length === 0) {
    const malformed = rejected[0] ? ` (line ${rejected[0].line}: ${rejected[0].reason})` : "";
    throw new DemoError(`${path}: no transfer in it${malformed}`);
  }
  return { transfers, rejected };
}

/** Yields the rows of a file one by one; rejects as `readTransfers` does. */
export async function* streamTransfers(path: string): AsyncGenerator<AcceptedRow | RejectedRow> {
  const file = await openFile(path);
  try {
    let line = 0;
    let headerSeen = false;
    for await (const text of file.readLines({ encoding: "utf8" })) {
      line++;
      // The byte order mark counts as white space in JavaScript, so trim() takes it as well.
      if (text.trim() === "") continue;
      const fields = splitFields(text);
      if (headerSeen) yield parseRow(line, fields);
      else checkHeader(path, line, fields);
      headerSeen = true;
    }
    if (!headerSeen) throw new DemoError(`${path}: the file is empty`);
  } catch (error) {
    throw readable(path, error);
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw readable(path, error);
  }
}

function readable(path: string, error: unknown): unknown {
  if (error instanceof DemoError || !(error instanceof Error) || !("code" in error)) return error;
  const reasons = new Map<unknown, string>([
    ["ENOENT", "no such file"],
    ["EISDIR", "is a directory, not a CSV file"],
    ["EACCES", "may not be read (permission denied)"],
  ]);
  return new DemoError(`${path}: ${reasons.get(error.code) ?? oneLine(error)}`, { cause: error });
}

function checkHeader(path: string, line: number, fields: string[] | string): void {
  if (Array.isArray(fields) && fields.join() === columns.join()) return;
  const found = Array.isArray(fields) ? fields.join() : fields;
  throw new DemoError(
    `${path}:${line}: expected the header ${columns.join()}, got ${quote(found)}`,
  );
}

/** The values of a line, or why it has none. */
function splitFields(text: string): string[] | string {
  if (!text.includes('"')) return text.split(",").map((field) => field.trim());
  try {
    const [fields = []] = parse(text, { bom: true, relax_column_count: true, trim: true });
    return fields;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return error.code === "CSV_QUOTE_NOT_CLOSED"
      ? "a quote is opened and not closed"
      : "a quote stands inside of a value";
  }
}

function parseRow(line: number, fields: string[] | string): AcceptedRow | RejectedRow {
  if (!Array.isArray(fields)) return { line, reason: fields };
  if (fields.length !== columns.length) {
    const few = fields.length < columns.length ? "few" : "many";
    return { line, reason: `too ${few} values: expected ${columns.length}, got ${fields.length}` };
  }
  const [id = "", debit = "", credit = "", amount = ""] = fields;
  const reason =
    reasonAgainstName("id", id) ??
    reasonAgainstName("debit", debit) ??
    reasonAgainstName("credit", credit) ??
    reasonAgainstAmount(amount) ??
    (debit === credit ? `debit and credit are the same account, ${quote(debit)}` : undefined);
  if (reason !== undefined) return { line, reason };
  return { line, transfer: { id, debit, credit, amount: BigInt(amount) } };
}

function reasonAgainstName(column: string, value: string): string | undefined {
  if (value === "") return `${column} is empty`;
  return value.length > 128 ? `${column} is longer than 128 characters` : undefined;
}

function reasonAgainstAmount(value: string): string | undefined {
  // The length is looked at first, so that a line of a million digits is never made a number.
  if (/^\d+$/.test(value) && !/^0+$/.test(value)) {
    const digits = value.replace(/^0+/, "");
    if (digits.length <= 19 && BigInt(digits) <= maxAmount) return undefined;
    return `amount is too large: expected at most ${maxAmount}, got ${quote(value)}`;
  }
  return `amount: expected a positive integer of minor units, got ${quote(value)}`;
}

function quote(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
