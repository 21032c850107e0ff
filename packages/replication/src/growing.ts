/** The parts of a state while they are put together, one after the other. */
import { DecodeError } from "@troupe/cluster";
import { byteTypes, Token } from "./state-tokens.ts";

/** A container, a long text or a typed array that is being read. */
export interface Growing {
  add(part: unknown): void;
  /** Throws DecodeError if something is missing. */
  finish(): unknown;
}

export function malformed(): DecodeError {
  return new DecodeError("malformed slices of a state");
}

/** What a token begins. Throws DecodeError if it is none of these. */
export function growing(code: number): Growing {
  if (code === Token.object) return new GrowingObject();
  if (code === Token.map) return new GrowingMap();
  if (code === Token.array) {
    const array: unknown[] = [];
    return { add: (part) => array.push(part), finish: () => array };
  }
  if (code !== Token.set) throw malformed();
  const set = new Set<unknown>();
  return { add: (member) => set.add(member), finish: () => set };
}

/** A key waits here for its value. */
abstract class GrowingPairs implements Growing {
  #key: { readonly key: unknown } | undefined;

  add(part: unknown): void {
    if (this.#key === undefined) {
      this.#key = { key: part };
      return;
    }
    this.put(this.#key.key, part);
    this.#key = undefined;
  }

  finish(): unknown {
    if (this.#key !== undefined) throw malformed();
    return this.whole;
  }

  protected abstract readonly whole: object;
  protected abstract put(key: unknown, value: unknown): void;
}

class GrowingObject extends GrowingPairs {
  protected readonly whole: Record<string, unknown> = {};

  protected put(key: unknown, value: unknown): void {
    if (typeof key !== "string" || key === "__proto__") throw malformed();
    this.whole[key] = value;
  }
}

class GrowingMap extends GrowingPairs {
  protected readonly whole = new Map<unknown, unknown>();

  protected put(key: unknown, value: unknown): void {
    this.whole.set(key, value);
  }
}

export class GrowingText implements Growing {
  readonly #pieces: string[] = [];

  constructor(first: unknown) {
    this.add(first);
  }

  add(piece: unknown): void {
    if (typeof piece !== "string") throw malformed();
    this.#pieces.push(piece);
  }

  finish(): string {
    return this.#pieces.join("");
  }
}

export class GrowingBytes implements Growing {
  readonly #type: (typeof byteTypes)[number];
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(of: unknown) {
    const [index, length] = Array.isArray(of) ? (of as unknown[]) : [];
    const type = byteTypes[index as number];
    if (type === undefined || !Number.isSafeInteger(length)) throw malformed();
    if ((length as number) % type.prototype.BYTES_PER_ELEMENT !== 0) throw malformed();
    this.#type = type;
    this.#bytes = new Uint8Array(length as number);
  }

  add(piece: unknown): void {
    const isPiece = piece instanceof Uint8Array;
    if (!isPiece || piece.length > this.#bytes.length - this.#at) throw malformed();
    this.#bytes.set(piece, this.#at);
    this.#at += piece.length;
  }

  finish(): ArrayBufferView {
    if (this.#at !== this.#bytes.length) throw malformed();
    const { buffer } = this.#bytes;
    return this.#type === Buffer
      ? Buffer.from(buffer)
      : new (this.#type as typeof Uint8Array)(buffer);
  }
}
