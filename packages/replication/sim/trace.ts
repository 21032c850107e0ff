/**
 * All that happens in a run, folded into a hash: equal for equal seeds. Each event costs a few
 * multiplications; its line of text is only made when somebody wants to read it.
 */
import { foldText } from "./fold.ts";

export class Trace {
  readonly #listener: ((line: string) => void) | undefined;
  #high = 0x811c9dc5;
  #low = 0x1b873593;

  constructor(listener: ((line: string) => void) | undefined) {
    this.#listener = listener;
  }

  /** Takes in an event: what kind it is, and the numbers that tell it from others. */
  event(kind: string, line: () => string, a = 0, b = 0, c = 0, d = 0): void {
    this.#number(foldText(kind, 17));
    this.#number(a);
    this.#number(b);
    this.#number(c);
    this.#number(d);
    this.#listener?.(line());
  }

  text(text: string): void {
    this.#number(foldText(text, 29));
  }

  get digest(): string {
    const words = [this.#high, this.#low].map((word) => (word >>> 0).toString(16));
    return words.map((word) => word.padStart(8, "0")).join("");
  }

  #number(value: number): void {
    // The part behind the point counts too: times are not whole.
    const part = Math.trunc((value % 1) * 0x40000000);
    this.#high = Math.imul(this.#high ^ (value | 0) ^ part, 0x01000193) ^ (this.#low >>> 15);
    this.#low = Math.imul(this.#low + this.#high, 0x85ebca6b) ^ (this.#high >>> 13);
  }
}
