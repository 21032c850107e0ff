/**
 * Folds what is read from a journal into slots, across places that cannot be read.
 *
 * Every record, and every segment, says what the log had come to before it. Where that is not what
 * has been read so far, something is missing in between; the hash chain says whether it matters.
 * What was committed then cannot have been changed by what is missing, and everything above may
 * have been: those slots are damaged, up to where the log then ended.
 */
import type { Checksum, DamagedSlot, LogBase, Op, Prepare, Recovered, View } from "../vsr/index.ts";
import type { LogRecord } from "./record.ts";
import type { Summary } from "./summary.ts";

type Head = Pick<Summary, "head" | "headChecksum">;

export class LogFold {
  /** The slots are those after this. */
  readonly #base: LogBase | undefined;
  readonly #slots: (Prepare | DamagedSlot)[] = [];
  #view: View = 0;
  #logView: View = 0;
  #commit: Op = 0;
  #missing = false;

  /** A log that begins after `base`, or with op 1. */
  constructor(base?: LogBase) {
    this.#base = base;
  }

  get #head(): Op {
    return this.#baseOp + this.#slots.length;
  }

  get #baseOp(): Op {
    return this.#base?.op ?? 0;
  }

  #at(op: Op): Prepare | DamagedSlot | undefined {
    return this.#slots[op - this.#baseOp - 1];
  }

  #checksumAt(op: Op): Checksum | undefined {
    return op === this.#base?.op ? this.#base.checksum : this.#at(op)?.checksum;
  }

  /** Keeps no slot after an op; what is before the base is none of them. */
  #shorten(op: Op): void {
    this.#slots.length = Math.min(this.#slots.length, Math.max(0, op - this.#baseOp));
  }

  /** Something cannot be read here. */
  miss(): void {
    this.#missing = true;
  }

  /** Whether something is missing of which it is not yet known what it was. */
  get missing(): boolean {
    return this.#missing;
  }

  get summary(): Summary {
    const head = this.#head;
    const last = head === this.#base?.op ? this.#base : this.#at(head);
    const headTimestamp = last !== undefined && "timestamp" in last ? last.timestamp : undefined;
    const { checksum: headChecksum } = last ?? {};
    const views = { view: this.#view, log_view: this.#logView, commit: this.#commit };
    return { ...views, head, headChecksum, headTimestamp };
  }

  /** Takes in what the log had come to at this place; false if that is a step back. */
  meet(summary: Summary): boolean {
    this.#meetHead(summary);
    return this.#meetViews(summary);
  }

  /** Takes a record in; false if it does not continue what is before it. */
  add({ write, lost, headBefore, headBeforeChecksum }: LogRecord): boolean {
    this.#meetHead({ head: headBefore, headChecksum: headBeforeChecksum });
    if (write.truncate !== undefined) this.#shorten(write.truncate);
    const slots = [...write.entries, ...lost].sort((one, other) => one.op - other.op);
    for (const slot of slots) {
      if (slot.op < 1 || slot.op > this.#head + 1) return false;
      // One from before the base that was repaired: a checkpoint has it.
      if (slot.op > this.#baseOp) this.#slots[slot.op - this.#baseOp - 1] = slot;
    }
    return this.#meetViews(write);
  }

  /** The log may have gone on for so many slots more, and all above the commit may be others. */
  distrust(more: number): void {
    this.#lose({ head: this.#head + more, headChecksum: undefined });
  }

  #meetViews({ view, log_view, commit }: Pick<Summary, "view" | "log_view" | "commit">): boolean {
    const isBack = view < this.#view || log_view < this.#logView;
    this.#view = Math.max(this.#view, view);
    this.#logView = Math.max(this.#logView, log_view);
    this.#commit = Math.max(this.#commit, commit);
    return !isBack;
  }

  #meetHead(head: Head): void {
    if (!this.#missing && this.#isAt(head)) return;
    this.#missing = false;
    const isSame =
      head.headChecksum !== undefined && this.#checksumAt(head.head) === head.headChecksum;
    if (isSame) this.#shorten(head.head);
    else this.#lose(head);
  }

  #isAt({ head, headChecksum }: Head): boolean {
    const own = this.#checksumAt(this.#head);
    const isUnknown = own === undefined || headChecksum === undefined;
    return head === this.#head && (isUnknown || own === headChecksum);
  }

  #lose({ head, headChecksum }: Head): void {
    this.#shorten(Math.min(this.#commit, head));
    while (this.#head < head) this.#slots.push({ op: this.#head + 1 });
    const last = this.#at(head);
    if (headChecksum !== undefined && last !== undefined && !isEntry(last)) {
      this.#slots[head - this.#baseOp - 1] = { ...last, checksum: headChecksum };
    }
  }

  /** The op at which an entry does not continue the one before it; undefined if all do. */
  brokenAt(): Op | undefined {
    let before = this.#base?.checksum;
    for (const { op, parent, checksum } of this.#slots) {
      if (parent !== undefined && before !== undefined && parent !== before) return op;
      before = checksum;
    }
    return undefined;
  }

  recovered(): Recovered {
    const entries = this.#slots.filter(isEntry);
    const damaged = this.#damaged();
    return {
      view: this.#view,
      log_view: this.#logView,
      commit: this.#commit,
      ...(this.#base === undefined ? {} : { base: this.#base }),
      entries,
      ...(damaged.length === 0 ? {} : { damaged }),
    };
  }

  /** With the checksums that the entries behind them tell. */
  #damaged(): DamagedSlot[] {
    return this.#slots.flatMap((slot, i) => {
      if (isEntry(slot)) return [];
      const checksum = slot.checksum ?? this.#slots[i + 1]?.parent;
      return [checksum === undefined ? slot : { ...slot, checksum }];
    });
  }
}

function isEntry(slot: Prepare | DamagedSlot): slot is Prepare {
  return "body" in slot;
}
