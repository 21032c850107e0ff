/** Repaints one line on a terminal; elsewhere prints a plain line for every tenth of the way. */
export class Progress {
  readonly #total: number;
  readonly #of: string;
  readonly #terminal = process.stderr.isTTY;
  #tenths = 0;

  constructor(total: number, of: string) {
    this.#total = total;
    this.#of = of;
  }

  update(done: number, details: string): void {
    const line = `${done} of ${this.#total} ${this.#of}: ${details}`;
    if (this.#terminal) {
      process.stderr.write(`\r\u001b[K${line}`);
      return;
    }
    const tenths = Math.floor((done * 10) / this.#total);
    if (tenths === this.#tenths) return;
    this.#tenths = tenths;
    process.stderr.write(`${line}\n`);
  }

  say(line: string): void {
    process.stderr.write(`${this.#terminal ? "\r\u001b[K" : ""}${line}\n`);
  }

  end(): void {
    if (this.#terminal) process.stderr.write("\r\u001b[K");
  }
}
