/**
 * How far it is: one line that is repainted on a terminal, and elsewhere a plain line for every
 * tenth of the way. It goes to stderr, so that stdout has results only.
 */
export class Progress {
  readonly #terminal = process.stderr.isTTY;
  #tenths = 0;

  /** `share` is how much of the whole is done, from 0 to 1. */
  update(share: number, what: string): void {
    const line = `${String(Math.floor(share * 100)).padStart(3)} %  ${what}`;
    if (this.#terminal) {
      process.stderr.write(`\r\u001b[K${line}`);
      return;
    }
    const tenths = Math.floor(share * 10);
    if (tenths === this.#tenths) return;
    this.#tenths = tenths;
    process.stderr.write(`${line}\n`);
  }

  /** Clears the line, before something else is printed or at the end. */
  clear(): void {
    if (this.#terminal) process.stderr.write("\r\u001b[K");
  }
}
