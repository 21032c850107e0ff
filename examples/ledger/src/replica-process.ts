/**
 * The parent's handle on one replica process: start, kill -9, start again from the same
 * directory, stop. It knows nothing of the ledger.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { DemoError } from "./errors.ts";
import type { ReplicaMessage, ReplicaSettings, StartMessage } from "./settings.ts";

const startTimeoutMs = 20_000;
const stopTimeoutMs = 5_000;
const keptStderr = 2_000;

/** What an owner is told, and which program to run. */
export interface ReplicaProcessOptions {
  /** The replica's entry file; tests that run from the sources name the built one. */
  readonly entry?: string;
  /** Called when the process ends although nobody here ended it. */
  readonly onUnexpectedExit?: (reason: string) => void;
}

/** One replica, alive or not. */
export class ReplicaProcess {
  readonly settings: ReplicaSettings;
  readonly #entry: string;
  readonly #onUnexpectedExit: (reason: string) => void;
  #child: ChildProcess | undefined;
  /** Resolves when the current process has ended. */
  #ended: Promise<void> = Promise.resolve();
  #endIsWanted = false;

  constructor(settings: ReplicaSettings, options: ReplicaProcessOptions = {}) {
    this.settings = settings;
    this.#entry = options.entry ?? fileURLToPath(new URL("./replica.js", import.meta.url));
    this.#onUnexpectedExit = options.onUnexpectedExit ?? (() => {});
  }

  get name(): string {
    return this.settings.name;
  }

  /** The process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts the process, on its old directory if it had one. Resolves when its replica is ready;
   * rejects with `DemoError`, one line, when it ends or says nothing for 20 s.
   */
  async start(): Promise<void> {
    const child = fork(this.#entry, [], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child = child;
    this.#endIsWanted = false;
    let isReady = false;
    let failure = "";
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-keptStderr);
    });
    // A message may fail because the process is gone; its exit tells the same, and more.
    child.on("error", () => {});

    await new Promise<void>((resolve, reject) => {
      const refuse = (reason: string) => {
        reject(new DemoError(`replica ${this.name} did not start: ${reason}`));
      };
      const deadline = setTimeout(() => {
        this.killNow();
        refuse(`not ready after ${startTimeoutMs / 1000} s`);
      }, startTimeoutMs);
      this.#ended = new Promise((ended) => {
        child.once("exit", (code, signal) => {
          clearTimeout(deadline);
          this.#child = undefined;
          const how = signal ? `ended by ${signal}` : `ended with exit code ${code}`;
          const reason = failure || `${how}${stderr ? `: ${lastLine(stderr)}` : ""}`;
          refuse(reason);
          if (isReady && !this.#endIsWanted) this.#onUnexpectedExit(reason);
          ended();
        });
      });
      child.on("message", (message: ReplicaMessage) => {
        if (message.type === "failed") failure = message.message;
        if (message.type !== "ready") return;
        clearTimeout(deadline);
        isReady = true;
        resolve();
      });
      child.send({ type: "start", settings: this.settings } satisfies StartMessage, () => {});
    });
  }

  /** kill -9. The signal is sent before this returns; resolves when the process is gone. */
  kill(): Promise<void> {
    this.killNow();
    return this.#ended;
  }

  /** kill -9 without waiting: also from a handler of the parent's own exit. */
  killNow(): void {
    this.#endIsWanted = true;
    this.#child?.kill("SIGKILL");
  }

  /** Asks the process to end by closing its channel; kills it if it does not within 5 s. */
  async stop(): Promise<void> {
    if (!this.#child) return;
    this.#endIsWanted = true;
    const deadline = setTimeout(() => this.killNow(), stopTimeoutMs);
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
    clearTimeout(deadline);
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
