/** Shows the report of a journal as text. */
import type { JournalReport } from "@troupe/replication/runtime";

export function isIll({ damage, refusal }: JournalReport): boolean {
  return damage.length > 0 || refusal !== undefined;
}

/** One line, and one for each place of damage. */
export function verdictText(report: JournalReport): string {
  const { path, segments, checkpoints, unfinishedBytes, diverged } = report;
  if (isIll(report)) return [`${path}: damaged`, ...damageLines(report)].join("\n");
  const entries = segments.reduce((sum, segment) => sum + segment.entries, 0);
  const unfinished = unfinishedBytes > 0 ? `, ${unfinishedBytes} bytes not finished` : "";
  const kept = checkpoints.length === 0 ? "" : `, ${checkpoints.length} checkpoints`;
  const states = `${kept}${diverged === undefined ? "" : ", diverged"}`;
  return `${path}: well, ${segments.length} segments, ${entries} entries${states}${unfinished}`;
}

export function reportText(report: JournalReport): string {
  const { path, identity, incarnation, recovered, unfinishedBytes, segments } = report;
  const { checkpoints, strange, diverged, rejoining } = report;
  const lines = [path];
  if (identity !== undefined) lines.push(`belongs to ${identity}`, `life ${incarnation}`);
  if (rejoining)
    lines.push("in the place of a lost one: it has not got the log from the others yet");
  for (const { file, bytes, room, records, entries, firstOp, lastOp, view } of segments) {
    const ops = firstOp === undefined ? "" : `, ops ${firstOp} to ${lastOp}`;
    const at = view === undefined ? "" : `, view ${view}`;
    const size = `${bytes} bytes${room === 0 ? "" : ` and room for ${room} more`}`;
    lines.push(`${file}  ${size}, ${records} records, ${entries} entries${ops}${at}`);
  }
  for (const { op, id, bytes } of checkpoints) {
    lines.push(`checkpoint after op ${op}, ${bytes} bytes, id ${id}`);
  }
  if (recovered !== undefined) {
    const { view, log_view, commit, head, base, damagedOps } = recovered;
    if (base > 0) lines.push(`the log begins after op ${base}`);
    lines.push(`view ${view}, log_view ${log_view}, commit ${commit}, head ${head}`);
    if (damagedOps.length > 0) lines.push(`damaged ops: ${rangesOf(damagedOps)}`);
  }
  if (unfinishedBytes > 0) lines.push(`${unfinishedBytes} bytes at the end are not finished`);
  if (diverged !== undefined) lines.push(divergedLine(diverged));
  if (strange.length > 0) lines.push(`other files: ${strange.join(", ")}`);
  return [...lines, ...damageLines(report)].join("\n");
}

function divergedLine({ op, own, other }: NonNullable<JournalReport["diverged"]>): string {
  const seen = own === "" ? "" : ` after op ${op}, id ${own} here and ${other} on a majority;`;
  return `diverged:${seen} the next start takes a state of the others`;
}

function damageLines({ damage, refusal }: JournalReport): string[] {
  const lines = damage.map(
    ({ file, start, end, what }) =>
      `damage: ${file}, bytes ${start} to ${end} (${what.replaceAll("_", " ")})`,
  );
  return refusal === undefined ? lines : [...lines, `refused: ${refusal.message}`];
}

/** `3, 5-9` */
function rangesOf(ops: readonly number[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const op of ops) {
    const last = ranges.at(-1);
    if (last?.to === op - 1) last.to = op;
    else ranges.push({ from: op, to: op });
  }
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}
