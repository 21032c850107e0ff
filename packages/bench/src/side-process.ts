/**
 * One side of a comparison, as a program of its own that is asked for figures over a pipe.
 *
 * In one process the sides would share a heap and, worse, what the compiler has learnt about the
 * code that they share. A side that does not answer is ended; none outlives this program, for its
 * stdin closes with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How to start a side. */
export interface SideProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** A side that may be absent is left out when it cannot be started, and is no failure. */
  readonly optional?: boolean;
  /** The rows that it has, when it does not have all of them. */
  readonly rows?: readonly string[];
}

/** Milliseconds that a program has to say that it is there. */
const readyTimeoutMs = 30_000;

/** Milliseconds that one figure may take. */
const answerTimeoutMs = 120_000;

/** Milliseconds that a program has to end. */
const endTimeoutMs = 10_000;

/** A side could not be started, or is gone. */
export class SideLostError extends Error {
  readonly side: string;

  constructor(side: string, why: string) {
    super(`${side}: ${why}`);
    this.side = side;
  }
}

interface Answer {
  readonly ready?: boolean;
  readonly value?: number;
  readonly error?: string;
}

/** A running side. */
export class SideProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  #settle: ((answer: Answer | SideLostError) => void) | undefined = undefined;
  #lost: SideLostError | undefined = undefined;

  private constructor(program: SideProgram) {
    this.name = program.name;
    const { command, args } = program;
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.on("error", (error) => this.#lose(error.message));
    this.#child.on("exit", (code, signal) => this.#lose(`it ended with ${signal ?? code}`));
    // Writing to a program that is gone is told by its exit.
    this.#child.stdin?.on("error", () => {});
    const { stdout } = this.#child;
    if (stdout === null) return;
    createInterface({ input: stdout }).on("line", (line) => this.#answered(line));
  }

  /** Starts a side and waits until it is there; rejects with `SideLostError` when it is not. */
  static async start(program: SideProgram): Promise<SideProcess> {
    const side = new SideProcess(program);
    await side.#next(readyTimeoutMs);
    return side;
  }

  /** Asks for one figure. A side that counted wrong rejects. */
  async ask(row: string, operations: number): Promise<number> {
    this.#child.stdin?.write(`${row} ${operations}\n`);
    const { value, error } = await this.#next(answerTimeoutMs);
    if (value === undefined) throw new Error(`${row}: ${this.name} failed: ${error}`);
    return value;
  }

  /** Lets the side end by itself, and waits until it has: an ending program disturbs the next. */
  close(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#lost !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), endTimeoutMs);
      this.#settle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #next(timeoutMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#child.kill("SIGKILL");
        this.#lose(`it did not answer within ${timeoutMs} ms`);
      }, timeoutMs);
      this.#settle = (answer) => {
        clearTimeout(timer);
        this.#settle = undefined;
        if (answer instanceof SideLostError) reject(answer);
        else resolve(answer);
      };
      if (this.#lost !== undefined) this.#settle(this.#lost);
    });
  }

  #answered(line: string): void {
    this.#settle?.(JSON.parse(line) as Answer);
  }

  #lose(why: string): void {
    this.#lost ??= new SideLostError(this.name, why);
    this.#settle?.(this.#lost);
  }
}
