/**
 * Small texts beside the log, each in a file of its own: one line, and one with its checksum. Such
 * a file is there whole or not at all, and is durable when it has its name.
 */
import { join } from "node:path";
import { checksum } from "../checksum.ts";
import { unfinishedSuffix } from "./directory.ts";
import type { Storage } from "./storage.ts";

/** What a file says; undefined if there is none, and "" if its checksum does not hold. */
export async function readSmallFile(
  storage: Storage,
  path: string,
  name: string,
): Promise<string | undefined> {
  try {
    const file = await storage.open(join(path, name), "read");
    try {
      const [said = "", sum] = (await file.read()).toString("utf8").split("\n");
      return checksum(Buffer.from(said)) === sum ? said : "";
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function writeSmallFile(
  storage: Storage,
  path: string,
  name: string,
  said: string,
): Promise<void> {
  const unfinished = join(path, `${name}${unfinishedSuffix}`);
  const file = await storage.create(unfinished);
  try {
    await file.write(Buffer.from(`${said}\n${checksum(Buffer.from(said))}\n`), 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await storage.rename(unfinished, join(path, name));
  await storage.syncDirectory(path);
}
