/** Takes the slices of a state in, each in a few milliseconds, and makes a state of them. */
import type { Codec } from "@troupe/cluster/runtime";
import { type Growing, GrowingBytes, GrowingText, growing, malformed } from "./growing.ts";
import { Token, takesValue } from "./state-tokens.ts";

/**
 * Puts a value together again out of its slices, in their order. It owns its memory, and shares
 * nothing within itself: what was reachable twice is there twice.
 */
export class StateReader {
  readonly #codec: Codec;
  readonly #open: Growing[] = [];
  #whole: { readonly value: unknown } | undefined;

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  /** Throws DecodeError for what is no slice, or does not follow on the one before. */
  take(slice: Uint8Array): void {
    // A decoder of texts takes no memory that other threads may write to.
    const isShared = slice.buffer instanceof SharedArrayBuffer;
    const parts = this.#codec.decode(isShared ? new Uint8Array(slice) : slice);
    const [codes, values] = Array.isArray(parts) ? (parts as unknown[]) : [];
    if (!(codes instanceof Uint8Array) || !Array.isArray(values)) throw malformed();
    let next = 0;
    for (const code of codes) {
      if (this.#whole !== undefined) throw malformed();
      if (!takesValue(code)) this.#move(code);
      else if (next < values.length) this.#takeValue(code, values[next++] as unknown);
      else throw malformed();
    }
    if (next !== values.length) throw malformed();
  }

  /** The value; throws DecodeError if slices are missing. */
  end(): unknown {
    if (this.#whole === undefined) throw malformed();
    return this.#whole.value;
  }

  #takeValue(code: number, value: unknown): void {
    if (code === Token.text) this.#open.push(new GrowingText(value));
    else if (code === Token.bytes) this.#open.push(new GrowingBytes(value));
    else this.#add(value);
  }

  #move(code: number): void {
    if (code !== Token.close) {
      this.#open.push(growing(code));
      return;
    }
    const closed = this.#open.pop();
    if (closed === undefined) throw malformed();
    this.#add(closed.finish());
  }

  #add(value: unknown): void {
    const around = this.#open.at(-1);
    if (around === undefined) this.#whole = { value };
    else around.add(value);
  }
}
