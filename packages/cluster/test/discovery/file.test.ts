import { describe, expect, test } from "vitest";
import { fileSeeds } from "../../src/discovery/file.ts";
import { discoveryContract, type FailingBench } from "../contract/discovery.ts";
import { MemoryFiles, pass, Watch } from "./support.ts";

const PATH = "/etc/shop/nodes";

function bench(): FailingBench {
  const files = new MemoryFiles();
  files.texts.set(PATH, "ws://a:1\nb:2\n");
  return {
    source: fileSeeds(PATH, { files }),
    names: ["ws://a:1", "ws://b:2"],
    look: (watch) => pass(watch, 6000),
    fail: () => files.write(PATH, new Error("EACCES: permission denied")),
    recover: () => {
      files.write(PATH, "c:3");
      return ["ws://c:3"];
    },
    open: () => files.watching,
    end: () => {},
  };
}

discoveryContract("a file in memory", bench, bench);

describe("what a file may hold:", () => {
  const good: [string, string, string[]][] = [
    ["one address a line", "ws://a:1\nwss://b:2\n", ["ws://a:1", "wss://b:2"]],
    ["no line end at its end", "a:1\r\nb:2", ["ws://a:1", "ws://b:2"]],
    ["comments", "# nodes\n\n a:1 # the first\n#b:2\nws://c:3/#x\n", ["ws://a:1", "ws://c:3/#x"]],
    ["a mark of its byte order", "\uFEFFa:1\n", ["ws://a:1"]],
    ["nobody, on purpose", "# nobody yet\n", []],
    ["addresses that begin like an array", "[::1]:1\n[::2]:2\n", ["ws://[::1]:1", "ws://[::2]:2"]],
    ["a JSON array", ' [ "ws://a:1",\n "b:2" ]', ["ws://a:1", "ws://b:2"]],
    ["an empty JSON array", "[]", []],
  ];
  test.each(good)("%s", async (_title, text, names) => {
    const files = new MemoryFiles();
    files.texts.set(PATH, text);
    const watch = new Watch(fileSeeds(PATH, { files }));
    await watch.until(() => watch.snapshots.length > 0);
    expect([watch.last, watch.warnings]).toEqual([names, []]);
  });

  const bad: [string, string, string][] = [
    ["nothing at all", "", "it is empty"],
    ["nothing but spaces", " \n\n", "it is empty"],
    ["a line that is no address", "a:1\nhello world\n", "line 2 is no address"],
    ["two addresses on a line", "a:1 b:2\n", "line 1 is no address"],
    ["bytes that are no text", "\u0000\u0001\ufffd", "line 1 is no address"],
    ["half of a JSON array", '["ws://a:1", "b', "it begins like a JSON array and is none"],
    ["an array of something else", '["a:1", 7]', "entry 1 is no address"],
  ];
  test.each(bad)("not %s: what it held before stands", async (_title, text, problem) => {
    const files = new MemoryFiles();
    files.texts.set(PATH, "old:1");
    const watch = new Watch(fileSeeds(PATH, { files }));
    await watch.until(() => watch.snapshots.length > 0);
    files.write(PATH, text);
    await pass(watch, 6000);
    expect(watch.snapshots).toEqual([["ws://old:1"]]);
    expect(watch.warnings).toEqual([expect.stringContaining(problem)]);
  });
});

test("a change is seen at once where the disk tells of it, after a moment for its writer", async () => {
  const files = new MemoryFiles();
  files.texts.set(PATH, "a:1");
  const watch = new Watch(fileSeeds(PATH, { files }));
  await watch.until(() => watch.snapshots.length > 0);
  files.write(PATH, "");
  await pass(watch, 50);
  files.write(PATH, "b:2");
  await pass(watch, 50);
  expect([watch.snapshots.length, watch.last, watch.warnings]).toEqual([2, ["ws://b:2"], []]);
});

test("however often a file changes, it is read ten times a second at most", async () => {
  const files = new MemoryFiles();
  files.texts.set(PATH, "a:1");
  const watch = new Watch(fileSeeds(PATH, { files }));
  await watch.until(() => watch.snapshots.length > 0);
  for (let n = 0; n < 1000; n += 1) {
    files.announce(PATH);
    await watch.clock.advanceAsync(1);
  }
  expect(files.reads).toBeLessThan(12);
});

test("a change is seen at the next look where the disk tells nothing", async () => {
  const files = new MemoryFiles();
  files.watchable = false;
  const watch = new Watch(fileSeeds(PATH, { files, intervalMs: 1000 }));
  await watch.until(() => watch.warnings.length > 0);
  files.texts.set(PATH, "a:1");
  await pass(watch, 1100);
  expect([watch.last, files.watching]).toEqual([["ws://a:1"], 0]);
});

test("a watch that was lost is begun anew at the next look", async () => {
  const files = new MemoryFiles();
  files.texts.set(PATH, "a:1");
  const watch = new Watch(fileSeeds(PATH, { files }));
  await watch.until(() => watch.snapshots.length > 0);
  files.lose(PATH);
  await pass(watch, 6000);
  files.write(PATH, "b:2");
  await pass(watch, 100);
  expect(watch.last).toEqual(["ws://b:2"]);
});

test("a problem is reported when it is another one than before, and when it is back", async () => {
  const files = new MemoryFiles();
  const watch = new Watch(fileSeeds(PATH, { files }));
  const say = async (text: string | Error) => {
    files.write(PATH, text);
    await pass(watch, 20_000);
  };
  for (const text of ["", "", new Error("EIO"), "a:1", "", ""]) await say(text);
  expect(watch.warnings.map((warning) => warning.replace(/^.*": /, ""))).toEqual([
    "ENOENT: no such file",
    "it is empty",
    "EIO",
    "it is empty",
  ]);
});

test("a read that takes for ever is reported, and ends with the source", async () => {
  const files = { read: () => new Promise<string>(() => {}), watch: () => () => {} };
  const watch = new Watch(fileSeeds(PATH, { files }));
  await pass(watch, 10_000);
  expect(watch.warnings).toEqual([`discovery "file ${PATH}": no answer for 10000 ms`]);
  watch.abort();
  await watch.ended;
  expect(watch.clock.pending).toBe(0);
});

test("a bad option is refused by name", () => {
  expect(() => fileSeeds("")).toThrow(/invalid option path/);
  expect(() => fileSeeds(PATH, { intervalMs: 0 })).toThrow(/invalid option intervalMs/);
  expect(() => fileSeeds(PATH, { files: {} as never })).toThrow(/invalid option files.read/);
  expect(() => fileSeeds(PATH, { poll: 1 } as never)).toThrow(/invalid option poll/);
});
