/**
 * One opener for one directory: a socket that lives as long as its process.
 *
 * Each opener listens at a socket of its own name in the directory, and then looks at everybody
 * else's. One that answers to a connection is alive, and the opener gives up; one that refuses has
 * no process any more, whatever killed it, and is removed. Nobody takes over a name, so there is
 * no moment at which two can; of two that open at one time, one or both give up. No process number
 * is trusted: it only says whom to look for.
 */
import { randomUUID } from "node:crypto";
import { connect, createServer, type Server } from "node:net";
import { hostname } from "node:os";
import { join, relative } from "node:path";
import { JournalError } from "../errors.ts";

const prefix = "lock-";
/** What fits an address of a socket on every system, in bytes. */
const addressBytesMax = 103;
const answerMs = 1000;

export interface LockDirectory {
  list(path: string): Promise<string[]>;
  remove(path: string): Promise<void>;
}

export function isLockName(name: string): boolean {
  return name.startsWith(prefix);
}

/** Rejects with JournalError of kind `locked`, which names the holder. */
export async function lockDirectory(
  directory: string,
  files: LockDirectory,
): Promise<() => Promise<void>> {
  const own = `${prefix}${process.pid}-${randomUUID().slice(0, 8)}`;
  const server = await listen(directory, own);
  const release = () => new Promise<void>((resolve) => server.close(() => resolve()));
  try {
    for (const name of await files.list(directory)) {
      if (!isLockName(name) || name === own) continue;
      const holder = await holderAt(directory, name);
      if (holder !== undefined) {
        throw new JournalError(directory, `is in use by ${holder}`, "not_run", {
          kind: "locked",
          data: { holder },
        });
      }
      await files.remove(join(directory, name));
    }
    return release;
  } catch (error) {
    await release();
    throw error;
  }
}

/** The shorter of the two ways to say where it is. */
function addressOf(directory: string, name: string): string {
  const full = join(directory, name);
  const short = relative(process.cwd(), full);
  const address = Buffer.byteLength(short) < Buffer.byteLength(full) ? short : full;
  const bytes = Buffer.byteLength(address);
  if (bytes <= addressBytesMax) return address;
  const problem = `its path is too long: a lock's has ${bytes} bytes, of ${addressBytesMax}`;
  throw new JournalError(directory, problem, "not_run", { kind: "unsuitable" });
}

function listen(directory: string, name: string): Promise<Server> {
  const path = addressOf(directory, name);
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.end(`process ${process.pid} on ${hostname()}`);
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EOPNOTSUPP" && error.code !== "ENOTSUP") reject(error);
      const problem = `no lock can be made there: ${error.message}`;
      const more = { kind: "unsuitable", cause: error } as const;
      reject(new JournalError(directory, problem, "not_run", more));
    });
    // A lock keeps no process alive that has nothing else to do.
    server.listen(path, () => resolve(server.unref()));
  });
}

/** Who listens there; undefined if nobody does. */
function holderAt(directory: string, name: string): Promise<string | undefined> {
  const path = addressOf(directory, name);
  const unheard = `process ${name.slice(prefix.length).split("-")[0]}`;
  return new Promise((resolve) => {
    let told = "";
    const socket = connect(path);
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      told += text;
    });
    socket.on("end", () => resolve(told || unheard));
    // One that is paused is still there: the kernel connects in its name.
    socket.setTimeout(answerMs, () => {
      socket.destroy();
      resolve(unheard);
    });
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      resolve(code === "ECONNREFUSED" || code === "ENOENT" ? undefined : unheard);
    });
  });
}
