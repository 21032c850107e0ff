/** Bugs of the kind that a storage engine has, planted one at a time: each is found by a hunt. */
import { basename } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { Boundaries } from "../../src/journal/boundaries.ts";
import { MetaWriter } from "../../src/journal/meta-writer.ts";
import type { Storage, StorageFile } from "../../src/journal/storage.ts";
import type { Hash } from "../../src/vsr/index.ts";
import type { FaultyStorage } from "../support/faulty-storage.ts";
import { huntCrashes, huntFlips } from "../support/journal-hunt.ts";

/** The storage with some of its ways changed. */
function changed(storage: FaultyStorage, change: Partial<Storage>): Storage {
  return {
    makeDirectory: () => storage.makeDirectory(),
    list: () => storage.list(),
    open: (path) => storage.open(path),
    create: (path) => storage.create(path),
    rename: (from, to) => storage.rename(from, to),
    remove: (path) => storage.remove(path),
    syncDirectory: () => storage.syncDirectory(),
    lock: () => storage.lock(),
    ...change,
  };
}

const never = async () => undefined;
const unsynced = (file: StorageFile): StorageFile => ({ ...file, datasync: never });

describe("a journal in which no bug is planted", () => {
  test("is found well by both hunts", async () => {
    expect(await huntCrashes({})).toBeUndefined();
    expect(await huntFlips({})).toBeUndefined();
  });
});

describe("a hunt finds", () => {
  test("a sync that is skipped", async () => {
    const found = await huntCrashes({
      storage: (storage) =>
        changed(storage, {
          open: async (path) => unsynced(await storage.open(path)),
          create: async (path) => unsynced(await storage.create(path)),
        }),
    });
    expect(found).toMatch(/another log|refused|lost/);
  });

  test("a sync that is skipped for checkpoints alone", async () => {
    const found = await huntCrashes({
      storage: (storage) =>
        changed(storage, {
          create: async (path) => {
            const file = await storage.create(path);
            return path.includes(".checkpoint") ? unsynced(file) : file;
          },
        }),
    });
    expect(found).toContain("a checkpoint is lost");
  });

  test("a rename without a sync of the directory", async () => {
    const plant = { storage: (one: FaultyStorage) => changed(one, { syncDirectory: never }) };
    expect(await huntCrashes(plant)).toMatch(/another log|refused|lost/);
  });

  test("checksums that are not checked for what stands behind a header", async () => {
    const first = new Map<string, string>();
    const hash: Hash = (header, rest) => {
      if (rest === undefined) return checksum(header);
      const key = checksum(header);
      const told = first.get(key) ?? checksum(header, rest);
      first.set(key, told);
      return told;
    };
    expect(await huntFlips({ hash })).toContain("another log");
  });

  test("a segment that is removed before the meta record says where the log begins", async () => {
    const write = MetaWriter.prototype.write;
    const spy = vi.spyOn(MetaWriter.prototype, "write").mockImplementation(function (
      this: MetaWriter,
      change,
    ) {
      return write.call(this, { ...change, first: this.meta.first });
    });
    onTestFinished(() => spy.mockRestore());
    expect(await huntCrashes({})).toMatch(/another log|refused/);
  });

  test("a log that begins behind an entry which was replaced", async () => {
    const spy = vi.spyOn(Boundaries.prototype, "change").mockImplementation(() => undefined);
    onTestFinished(() => spy.mockRestore());
    expect(await huntCrashes({})).toMatch(/another log|refused/);
  });

  test("both copies of the meta record in one file", async () => {
    const toFirst = (path: string) =>
      basename(path) === "meta-b" ? path.replace("meta-b", "meta-a") : path;
    const found = await huntCrashes({
      storage: (storage) =>
        changed(storage, {
          list: async () => {
            const names = await storage.list();
            return names.includes("meta-a") ? [...names, "meta-b"] : names;
          },
          open: (path) => storage.open(toFirst(path)),
          create: (path) => storage.create(toFirst(path)),
        }),
    });
    expect(found).toMatch(/refused/);
  });

  test("a mark that vouches for what is not durable: a torn tail taken for damage", async () => {
    const mark = MetaWriter.prototype.mark;
    const spy = vi.spyOn(MetaWriter.prototype, "mark").mockImplementation(function (
      this: MetaWriter,
      place,
    ) {
      return mark.call(this, { ...place, offset: place.offset + 100 });
    });
    onTestFinished(() => spy.mockRestore());
    expect(await huntCrashes({})).toMatch(/another log|refused/);
  });

  test("a mark that is never written: damage at the end taken for a torn tail", async () => {
    const spy = vi.spyOn(MetaWriter.prototype, "mark").mockImplementation(never);
    onTestFinished(() => spy.mockRestore());
    expect(await huntFlips({})).toContain("another log");
  });
});
