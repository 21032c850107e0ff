/**
 * The other program of a remote side: forked by the side, asked over the pipe between the two, and
 * gone when the side is.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { usedBytes } from "../sides/loads.ts";

/** The side's end: a program that is there, and where it can be reached. */
export class ServerProcess {
  /** What the program said when it was there: where it can be reached. */
  readonly address: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.address = address;
  }

  /** Starts a program of this folder and waits until it is there. */
  static async start(name: string, ...args: string[]): Promise<ServerProcess> {
    const program = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
    const child = fork(program, args, { execArgv: ["--expose-gc"] });
    const [address] = (await once(child, "message")) as [string];
    return new ServerProcess(child, address);
  }

  /** What the program holds, in bytes, once what it does not is collected. */
  usedBytes(): Promise<number> {
    return this.ask("used");
  }

  /** Asks for a figure that the program knows by this name, of so many operations if it has any. */
  async ask(figure: string, operations = 0): Promise<number> {
    const asked: Asked = { figure, operations };
    this.#child.send(asked);
    const [value] = (await once(this.#child, "message")) as [number];
    return value;
  }

  /** Ends the program by force, and waits until it is gone. */
  async kill(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

interface Asked {
  readonly figure: string;
  readonly operations: number;
}

type Figure = (operations: number) => number | Promise<number>;

/** The program's end: says where it can be reached, and answers with its figures. */
export function serveSide(address: string, figures: Readonly<Record<string, Figure>> = {}): void {
  process.on("message", async ({ figure, operations }: Asked) => {
    const value = figures[figure] ?? usedBytes;
    process.send?.(await value(operations));
  });
  process.on("disconnect", () => process.exit());
  process.send?.(address);
}
