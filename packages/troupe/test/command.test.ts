import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { checksum, openFileJournal } from "@troupe/replication/runtime";
import { expect, onTestFinished, test } from "vitest";
import { runCommand } from "../src/command.ts";

/** A journal in a directory that goes away, with writes that change views alone. */
async function openJournal() {
  const path = await mkdtemp(join(tmpdir(), "troupe-command-"));
  onTestFinished(() => rm(path, { recursive: true }));
  const onFailure = (error: unknown) => {
    throw error;
  };
  const { journal } = await openFileJournal({
    path,
    identity: "the tests",
    hash: checksum,
    onFailure,
  });
  for (const view of [1, 2]) {
    const write = { write: view, view, log_view: 0, commit: 0, entries: [] };
    await new Promise<void>((resolve) => journal.append(write, resolve));
  }
  return { path, journal };
}

async function contents(path: string) {
  const names = (await readdir(path)).filter((name) => !name.startsWith("lock-")).sort();
  return Promise.all(names.map(async (name) => [name, await readFile(join(path, name), "hex")]));
}

test("a journal that is well is shown and verified, while it is open, and nothing is written", async () => {
  const { path, journal } = await openJournal();
  const before = await contents(path);
  const shown = await runCommand(["journal", "inspect", path]);
  expect(shown.exitCode).toBe(0);
  expect(shown.text).toContain("belongs to the tests\nlife 1\n000000000001.log");
  expect(shown.text).toContain(
    "2 records, 0 entries, view 2\nview 2, log_view 0, commit 0, head 0",
  );
  const told = await runCommand(["journal", "inspect", path, "--json"]);
  expect(JSON.parse(told.text)).toMatchObject({
    path,
    incarnation: 1,
    recovered: { view: 2, head: 0, damagedOps: [] },
    damage: [],
  });
  expect(await runCommand(["journal", "verify", path])).toEqual({
    text: `${path}: well, 1 segments, 0 entries`,
    exitCode: 0,
  });
  expect(await contents(path)).toEqual(before);
  await journal.close();
});

test("checkpoints are shown and counted, and one that is damaged is named", async () => {
  const { path, journal } = await openJournal();
  const writer = journal.checkpoints?.begin(16);
  await new Promise<void>((done) => writer?.write(Buffer.from("the state"), done));
  await new Promise<void>((done) => writer?.commit(() => done()));
  await journal.close();
  const shown = await runCommand(["journal", "inspect", path]);
  expect(shown.text).toContain("checkpoint after op 16, 9 bytes, id ");
  const well = await runCommand(["journal", "verify", path]);
  expect(well).toEqual({
    text: `${path}: well, 1 segments, 0 entries, 1 checkpoints`,
    exitCode: 0,
  });
  const file = join(path, "0000000000000016.checkpoint");
  const bytes = await readFile(file);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(file, bytes);
  const ill = await runCommand(["journal", "verify", path]);
  expect(ill.exitCode).toBe(1);
  expect(ill.text).toContain("damage: 0000000000000016.checkpoint, bytes 0 to ");
});

test("states that a majority has contradicted are told of, with both ids, and are no damage", async () => {
  const { path, journal } = await openJournal();
  await journal.close();
  const said = JSON.stringify({ op: 16, own: "aaaa", other: "bbbb" });
  await writeFile(join(path, "diverged"), `${said}\n${checksum(Buffer.from(said))}\n`);
  const shown = await runCommand(["journal", "inspect", path]);
  expect(shown).toMatchObject({ exitCode: 0 });
  expect(shown.text).toContain(
    "diverged: after op 16, id aaaa here and bbbb on a majority; the next start takes a state",
  );
  expect(await runCommand(["journal", "verify", path])).toEqual({
    text: `${path}: well, 1 segments, 0 entries, diverged`,
    exitCode: 0,
  });
  // What cannot be read any more counts all the same.
  await writeFile(join(path, "diverged"), "");
  expect((await runCommand(["journal", "verify", path])).text).toContain(", diverged");
});

test("damage is named by file and bytes, and is exit code 1", async () => {
  const { path, journal } = await openJournal();
  await journal.close();
  const file = join(path, "000000000001.log");
  const bytes = await readFile(file);
  bytes[1030] = (bytes[1030] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const before = await contents(path);
  const { text, exitCode } = await runCommand(["journal", "verify", path]);
  expect(text).toBe(`${path}: damaged\ndamage: 000000000001.log, bytes 1024 to 1136 (record)`);
  expect(exitCode).toBe(1);
  await rm(file);
  const refused = await runCommand(["journal", "verify", path]);
  expect(refused.exitCode).toBe(1);
  expect(refused.text).toContain("refused: journal ");
  expect(await contents(path)).toEqual(before.filter(([name]) => name !== "000000000001.log"));
});

test("what is not a journal, or not a command, is exit code 2", async () => {
  const path = await mkdtemp(join(tmpdir(), "troupe-command-"));
  onTestFinished(() => rm(path, { recursive: true }));
  const nothing = await runCommand(["journal", "verify", path]);
  expect(nothing).toMatchObject({ exitCode: 2 });
  expect(nothing.text).toContain("there is no journal in this directory");
  const commands = [[], ["journal"], ["journal", "mend", path], ["journal", "verify", path, "x"]];
  for (const words of [...commands, ["journal", "inspect", path, "--yaml"]]) {
    const { text, exitCode } = await runCommand(words);
    expect([text.split(" ")[0], exitCode]).toEqual(["usage:", 2]);
  }
});

test("the program says it, and ends with that code", async () => {
  const { path, journal } = await openJournal();
  await journal.close();
  const program = fileURLToPath(new URL("../bin/troupe.js", import.meta.url));
  const run = (...words: string[]) =>
    promisify(execFile)(process.execPath, [program, ...words]).then(
      ({ stdout }) => ({ code: 0, out: stdout }),
      ({ code, stderr }) => ({ code, out: stderr }),
    );
  expect(await run("journal", "verify", path)).toEqual({
    code: 0,
    out: `${path}: well, 1 segments, 0 entries\n`,
  });
  const wrong = await run("journal");
  expect([wrong.code, wrong.out.split(" ")[0]]).toEqual([2, "usage:"]);
});
