/** Real files: the events of a disk come when they come, and are waited for. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { expect, onTestFinished, test } from "vitest";
import { fileSeeds } from "../../src/discovery/file.ts";
import { systemFiles } from "../../src/discovery/file-port.ts";
import { discoveryContract, type FailingBench } from "../contract/discovery.ts";
import { pass, Watch } from "./support.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "troupe-seeds-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const watches = () =>
  process.getActiveResourcesInfo().filter((kind) => kind === "FSEventWrap").length;

async function bench(): Promise<FailingBench> {
  const path = join(folder(), "nodes");
  // What the test before has closed is gone a turn later.
  await settle();
  const before = watches();
  writeFileSync(path, "a:1\n");
  const source = fileSeeds(path);
  return {
    source,
    names: ["ws://a:1"],
    // A disk is quick, but not as quick as a clock that is moved by hand.
    look: async (watch) => {
      const { looks = 0 } = source.counters ?? {};
      await pass(watch, 6000);
      while (source.counters?.looks === looks) await settle();
    },
    fail: () => rmSync(path),
    recover: () => {
      writeFileSync(path, "b:2\n");
      return ["ws://b:2"];
    },
    open: () => watches() - before,
    end: () => {},
  };
}

discoveryContract("a file on disk", bench, bench);

/** Nothing is polled in the lifetime of a test: it is the disk that has to tell. */
const untold = { intervalMs: 1e9 };

async function watching(path: string): Promise<Watch> {
  const watch = new Watch(fileSeeds(path, untold), { clock: systemClock });
  await watch.until(() => watch.snapshots.length > 0);
  return watch;
}

const shows = (watch: Watch, url: string) => watch.until(() => watch.last?.[0] === url);

test("a file is seen to be changed in place, replaced, removed and written again", async () => {
  const path = join(folder(), "nodes");
  writeFileSync(path, "a:1\n");
  const watch = await watching(path);
  expect(watch.last).toEqual(["ws://a:1"]);
  writeFileSync(path, "b:2\n");
  await shows(watch, "ws://b:2");
  writeFileSync(`${path}.new`, "c:3\n");
  renameSync(`${path}.new`, path);
  await shows(watch, "ws://c:3");
  rmSync(path);
  await watch.until(() => watch.warnings.length > 0);
  expect(watch.warnings[0]).toMatch(/ENOENT/);
  writeFileSync(path, '["d:4"]');
  await shows(watch, "ws://d:4");
});

test("a mounted map of Kubernetes is seen to change, where a link is swapped", async () => {
  const path = folder();
  const version = (name: string, text: string) => {
    mkdirSync(join(path, name));
    writeFileSync(join(path, name, "nodes"), text);
    symlinkSync(name, join(path, "..data_tmp"));
    renameSync(join(path, "..data_tmp"), join(path, "..data"));
  };
  version("..1", "a:1\n");
  symlinkSync(join("..data", "nodes"), join(path, "nodes"));
  const watch = await watching(join(path, "nodes"));
  version("..2", "b:2\n");
  await shows(watch, "ws://b:2");
});

test("what is no ordinary file, or is too large, is not read", async () => {
  const path = folder();
  await expect(systemFiles.read(path, 10)).rejects.toThrow("it is no ordinary file");
  await expect(systemFiles.read("/dev/zero", 10)).rejects.toThrow("it is no ordinary file");
  writeFileSync(join(path, "large"), "#".repeat(11));
  await expect(systemFiles.read(join(path, "large"), 10)).rejects.toMatchObject({
    code: "ERR_DISCOVERY",
    message: "it has more than 10 bytes",
  });
  expect(await systemFiles.read(join(path, "large"), 11)).toHaveLength(11);
  await expect(systemFiles.read(join(path, "none"), 10)).rejects.toThrow(/ENOENT/);
});

test("a folder that is not there cannot be watched", () => {
  const nowhere = join(folder(), "none", "nodes");
  expect(() =>
    systemFiles.watch(
      nowhere,
      () => {},
      () => {},
    ),
  ).toThrow(/ENOENT/);
});
