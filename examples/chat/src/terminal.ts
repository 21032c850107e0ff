/**
 * A node in a process of its own, and what a person at its terminal would do: type lines, read
 * lines, pull the plug.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { NodeName } from "./options.ts";

/** The program of a node; tests that run from the sources name the built one. */
const builtEntry = fileURLToPath(new URL("./main.js", import.meta.url));

/** How long a line may be waited for. It comes within milliseconds, unless something is wrong. */
const patienceMs = 20_000;

/** The rehearsal went another way than it should. */
export class RehearsalError extends Error {
  override readonly name = "RehearsalError";
}

export class Terminal {
  readonly name: NodeName;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  /** Lines that were printed and not read. */
  readonly #lines: string[] = [];
  #changed = () => {};
  #hasEnded = false;

  constructor(name: NodeName, basePort: number, entry = builtEntry) {
    this.name = name;
    const args = [entry, name, String(basePort)];
    this.#child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        this.#hasEnded = true;
        resolve(signal ?? `exit code ${code}`);
        this.#changed();
      });
    });
    // What is typed to a process that is gone is lost; that it is gone is told by its end.
    this.#child.stdin?.on("error", () => {});
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      this.#lines.push(line);
      this.#changed();
    });
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Waits until these lines, and no others, were printed, in whatever order. */
  async expect(lines: readonly string[]): Promise<void> {
    const missing = [...lines];
    const deadline = performance.now() + patienceMs;
    while (missing.length > 0) {
      const line = this.#lines.shift() ?? (await this.#next(deadline, missing));
      const at = missing.indexOf(line);
      if (at < 0) throw new RehearsalError(`${this.name} unexpectedly says "${line}"`);
      missing.splice(at, 1);
    }
  }

  /** Throws if anything was printed that nobody has expected. */
  expectNothing(): void {
    const [line] = this.#lines;
    if (line !== undefined) throw new RehearsalError(`${this.name} unexpectedly says "${line}"`);
  }

  /** kill -9. Resolves when the process is gone. */
  kill(): Promise<string> {
    this.#child.kill("SIGKILL");
    return this.#ended;
  }

  /** How the process has ended, once it has. */
  get ended(): Promise<string> {
    return this.#ended;
  }

  async #next(deadline: number, missing: readonly string[]): Promise<string> {
    if (!this.#hasEnded) await this.#change(deadline);
    const line = this.#lines.shift();
    if (line !== undefined) return line;
    throw new RehearsalError(`${this.name} does not say "${missing[0]}"`);
  }
  /** Resolves when something was printed, when the process has ended, or when it is too late. */
  async #change(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#changed = resolve;
      timer = setTimeout(resolve, deadline - performance.now());
    });
    clearTimeout(timer);
    this.#changed = () => {};
  }
}
