/** The three processes from outside: started, killed with kill -9, started again. */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type NodeName, nodeNames } from "./group.ts";

/** A process that did not become what it was started for. */
export class ProcessError extends Error {
  override readonly name = "ProcessError";
}

interface Told {
  readonly listens?: string;
  readonly isReady?: true;
}

const entry = fileURLToPath(new URL("../dist/replica.js", import.meta.url));

export class Processes implements AsyncDisposable {
  /** One directory for each process is in it; removed at the end. */
  readonly #directory = mkdtempSync(join(tmpdir(), "troupe-cache-"));
  readonly #children = new Map<NodeName, ChildProcess>();
  readonly #urls = new Map<NodeName, string>();
  readonly #abandon = () => this.#killAll();

  constructor() {
    process.once("exit", this.#abandon);
  }

  /** Where they listen, in the order of their names. */
  get urls(): string[] {
    return [...this.#urls.values()];
  }

  /**
   * Starts some of them, on the directories and ports that they had. Each one dials those that
   * listen already. Resolves when all are ready; rejects with ProcessError.
   */
  async start(names: readonly NodeName[] = nodeNames): Promise<void> {
    const ready: Promise<void>[] = [];
    for (const name of names) {
      const { listens, isReady } = this.#start(name);
      // Told together with the others, at the end.
      isReady.catch(() => undefined);
      ready.push(isReady);
      this.#urls.set(name, await listens);
    }
    await Promise.all(ready);
  }

  /** kill -9. Resolves when they are gone. */
  async kill(names: readonly NodeName[] = nodeNames): Promise<void> {
    const gone = names.map((name) => {
      const child = this.#children.get(name);
      return new Promise<void>((resolve) => {
        if (child === undefined) resolve();
        else child.once("exit", () => resolve());
        child?.kill("SIGKILL");
      });
    });
    await Promise.all(gone);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill([...this.#children.keys()]);
    process.off("exit", this.#abandon);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #start(name: NodeName): { listens: Promise<string>; isReady: Promise<void> } {
    const url = this.#urls.get(name);
    const port = url === undefined ? "0" : new URL(url).port;
    const others = [...this.#urls].filter(([other]) => other !== name).map(([, at]) => at);
    const child = fork(entry, [name, port, join(this.#directory, name), ...others], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#children.set(name, child);
    child.once("exit", () => this.#children.delete(name));
    const told = <T>(read: (message: Told) => T | undefined) =>
      new Promise<T>((resolve, reject) => {
        child.on("message", (message: Told) => {
          const value = read(message);
          if (value !== undefined) resolve(value);
        });
        child.once("exit", (code, signal) => {
          reject(new ProcessError(`${name} ended before it was ready: ${signal ?? code}`));
        });
      });
    const isReady = told((message) => message.isReady).then(() => undefined);
    isReady.catch(() => undefined);
    return { listens: told((message) => message.listens), isReady };
  }

  #killAll(): void {
    for (const child of this.#children.values()) child.kill("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
