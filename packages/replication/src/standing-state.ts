/**
 * The state that goes on after a capture, made while the slices are: what a reader of them would
 * make, out of the objects that are there wherever one of those is what it would make.
 *
 * To make every object anew would make the whole old state garbage at each capture, and a
 * collector that has to clear away millions of objects holds up the event loop for longer than a
 * failure detector waits. So only that is replaced which stands in two places, or is not as a
 * reader makes it: frozen, with accessors, a date, bytes.
 */
import type { Codec } from "@troupe/cluster/runtime";
import { Census } from "./census.ts";
import { type Growing, GrowingBytes, growing } from "./growing.ts";
import { Token, takesValue } from "./state-tokens.ts";

/** Listing the keys of a larger one takes time, so it is made anew, part by part. */
const keysMax = 1024;
const itemsMax = 64;

/** A container, a text or bytes between their first token and their last. */
interface Part {
  /** `stays` says that the part is what it was. */
  add(part: unknown, stays: boolean): void;
  finish(): unknown;
  /** Whether what is finished is what was there. */
  readonly stays: boolean;
}

export class StandingState {
  readonly #codec: Codec;
  readonly #census = new Census();
  /** What the tokens of the next slice begin with, in their order; undefined is made anew. */
  #begun: unknown[] = [];
  readonly #open: Part[] = [];
  #whole: { readonly value: unknown } | undefined;
  #changed = false;

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  /** Whether anything was replaced in what stays. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Whether a small tree stays as it is. */
  tree(value: object): boolean {
    return this.#census.meetTree(value);
  }

  /** A container, a long text or a long typed array begins. */
  begin(code: number, value: unknown): void {
    const stays =
      code === Token.text || (code !== Token.bytes && this.#meet(code, value as object));
    this.#begun.push(stays ? value : undefined);
  }

  /** Takes in what a slice was made of; `stays` is there for each value. */
  take(slice: Uint8Array, codes: Uint8Array, values: unknown[], stays: boolean[]): void {
    const copies = stays.includes(false) ? this.#copiesIn(slice) : values;
    let next = 0;
    let begun = 0;
    for (const code of codes) {
      if (code === Token.close) this.#close();
      else if (code === Token.value) {
        const isSame = stays[next] === true;
        if (!isSame) this.#census.addTree(copies[next]);
        this.#add(isSame ? values[next] : copies[next], isSame);
      } else if (code === Token.piece) this.#open.at(-1)?.add(values[next], true);
      else this.#open.push(this.#part(code, this.#begun[begun++], values[next]));
      if (takesValue(code)) next++;
    }
    this.#begun = [];
  }

  /** The state; what was replaced is in its place already. */
  end(): unknown {
    return this.#whole?.value;
  }

  #meet(code: number, value: object): boolean {
    if (code === Token.array && (value as unknown[]).length > itemsMax) return false;
    if (code === Token.object && Object.keys(value).length > keysMax) return false;
    return this.#census.meet(value);
  }

  #copiesIn(slice: Uint8Array): readonly unknown[] {
    const [, copies] = this.#codec.decode(slice) as [Uint8Array, unknown[]];
    return copies;
  }

  #part(code: number, staying: unknown, value: unknown): Part {
    if (code === Token.text) return new StayingText(staying);
    if (code === Token.bytes) return new PartAnew(new GrowingBytes(value));
    if (staying === undefined) return new PartAnew(growing(code));
    const changes = () => {
      this.#changed = true;
    };
    if (code === Token.object) return new StayingObject(staying as never, changes);
    if (code === Token.array) return new StayingArray(staying as unknown[], changes);
    if (code === Token.map) return new StayingMap(staying as Map<unknown, unknown>, changes);
    return new StayingSet(staying as Set<unknown>);
  }

  #close(): void {
    const part = this.#open.pop();
    const whole = part?.finish();
    const stays = part?.stays === true;
    if (!stays && !ArrayBuffer.isView(whole)) this.#census.add(whole as object);
    this.#add(whole, stays);
  }

  #add(value: unknown, stays: boolean): void {
    const around = this.#open.at(-1);
    if (around === undefined) this.#whole = { value };
    else around.add(value, stays);
  }
}

/** What is made anew; what it holds may have stayed. */
class PartAnew implements Part {
  readonly stays = false;
  readonly #growing: Growing;

  constructor(made: Growing) {
    this.#growing = made;
  }

  add(part: unknown): void {
    this.#growing.add(part);
  }

  finish(): unknown {
    return this.#growing.finish();
  }
}

/** A text cannot be changed, so its pieces are of no interest. */
class StayingText implements Part {
  readonly stays = true;
  readonly #text: unknown;

  constructor(text: unknown) {
    this.#text = text;
  }

  add(): void {}

  finish(): unknown {
    return this.#text;
  }
}

/** A key comes before each value. */
class StayingObject implements Part {
  readonly stays = true;
  readonly #object: Record<string, unknown>;
  readonly #changes: () => void;
  #key: string | undefined;

  constructor(object: Record<string, unknown>, changes: () => void) {
    this.#object = object;
    this.#changes = changes;
  }

  add(part: unknown, stays: boolean): void {
    if (this.#key === undefined) {
      this.#key = part as string;
      return;
    }
    if (!stays) {
      this.#changes();
      this.#object[this.#key] = part;
    }
    this.#key = undefined;
  }

  finish(): unknown {
    return this.#object;
  }
}

class StayingArray implements Part {
  readonly stays = true;
  readonly #array: unknown[];
  readonly #changes: () => void;
  #next = 0;

  constructor(array: unknown[], changes: () => void) {
    this.#array = array;
    this.#changes = changes;
  }

  add(part: unknown, stays: boolean): void {
    if (!stays) {
      this.#changes();
      this.#array[this.#next] = part;
    }
    this.#next++;
  }

  finish(): unknown {
    return this.#array;
  }
}

/** A key cannot be replaced where it stands: from the first that is not what it was it is anew. */
class StayingMap implements Part {
  #map: Map<unknown, unknown>;
  #stays = true;
  readonly #changes: () => void;
  #entries = 0;
  #key: { readonly key: unknown } | undefined;

  constructor(map: Map<unknown, unknown>, changes: () => void) {
    this.#map = map;
    this.#changes = changes;
  }

  get stays(): boolean {
    return this.#stays;
  }

  add(part: unknown, stays: boolean): void {
    if (this.#key === undefined) {
      this.#key = { key: part };
      if (!stays && this.#stays) {
        this.#stays = false;
        this.#map = new Map(firstOf(this.#map, this.#entries));
      }
      return;
    }
    if (!stays && this.#stays) this.#changes();
    if (!stays || !this.#stays) this.#map.set(this.#key.key, part);
    this.#entries++;
    this.#key = undefined;
  }

  finish(): unknown {
    return this.#map;
  }
}

class StayingSet implements Part {
  #set: Set<unknown>;
  #stays = true;
  #members = 0;

  constructor(set: Set<unknown>) {
    this.#set = set;
  }

  get stays(): boolean {
    return this.#stays;
  }

  add(member: unknown, stays: boolean): void {
    if (!stays && this.#stays) {
      this.#stays = false;
      this.#set = new Set(firstOf(this.#set, this.#members));
    }
    if (!this.#stays) this.#set.add(member);
    this.#members++;
  }

  finish(): unknown {
    return this.#set;
  }
}

function* firstOf<T>(all: Iterable<T>, count: number): Iterable<T> {
  let left = count;
  if (left === 0) return;
  for (const one of all) {
    yield one;
    if (--left === 0) return;
  }
}
