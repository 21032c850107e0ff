/**
 * What must hold in every scenario, checked whenever something is sent, run or answered. The names
 * are those of research on checkers: OneLogPerView, DvcCoversAcks, MessagesBelowView, Survives.
 */
import { expect } from "vitest";
import type { Committed, Recovered, ReplicaIndex } from "../../../src/vsr/index.ts";
import { decodeBatch } from "../../../src/vsr/index.ts";
import type {
  DoViewChangeMessage,
  PrepareMessage,
  PrepareOkMessage,
  ReplicaMessage,
} from "../../../src/vsr/message.ts";
import { text } from "../entries.ts";

/** What the disk of a replica would give back if power were lost now. */
export type DiskOf = (index: ReplicaIndex) => Recovered;

export class Laws {
  readonly #disk: DiskOf;
  readonly #replicaCount: number;
  /** Who prepared first in a view, and what at which op. */
  readonly #authors = new Map<number, ReplicaIndex>();
  readonly #prepared = new Map<string, string>();
  /** The highest op that a replica has acknowledged in a view, with its checksum. */
  readonly #acked = new Map<string, PrepareOkMessage>();
  /** What was run at each op, by whoever ran it first. */
  readonly history: { readonly checksum: string; readonly calls: readonly string[] }[] = [];
  /** Calls whose user has been told the outcome. */
  readonly told: string[] = [];

  constructor(replicaCount: number, disk: DiskOf) {
    this.#replicaCount = replicaCount;
    this.#disk = disk;
  }

  sent(from: ReplicaIndex, message: ReplicaMessage): void {
    switch (message.type) {
      case "prepare":
        this.#prepare(from, message);
        break;
      case "prepare_ok":
        this.#prepareOk(from, message);
        break;
      case "do_view_change":
        this.#doViewChange(from, message);
        break;
      case "start_view":
        this.#atLeast(from, message);
        this.#survives(from, "start_view");
        break;
    }
  }

  /** One author and one log per view (I6, I21). */
  #prepare(from: ReplicaIndex, { view, entry }: PrepareMessage): void {
    const place = `${entry.view}/${entry.op}`;
    const first = this.#prepared.get(place) ?? entry.checksum;
    expect(entry.checksum, `OneLogPerView: op ${entry.op} of view ${entry.view}`).toBe(first);
    this.#prepared.set(place, entry.checksum);
    const author = this.#authors.get(view) ?? from;
    expect(from, `view ${view} has two authors`).toBe(author);
    this.#authors.set(view, author);
  }

  /** An ack is for what is on the disk, in a view that is on the disk (I9, I10, I12). */
  #prepareOk(from: ReplicaIndex, message: PrepareOkMessage): void {
    this.#atLeast(from, message);
    const { view, op, checksum } = message;
    const disk = this.#disk(from);
    expect(disk.log_view, `r${from} acknowledged in a view that is not on its disk`).toBe(view);
    const held = op === 0 ? checksum : disk.entries[op - 1]?.checksum;
    expect(held, `r${from} acknowledged op ${op}, which is not on its disk`).toBe(checksum);
    const key = `${from}/${view}`;
    if (op >= (this.#acked.get(key)?.op ?? 0)) this.#acked.set(key, message);
  }

  /** DvcCoversAcks (I38): what it acknowledged in a view is in what it says of that view. */
  #doViewChange(from: ReplicaIndex, message: DoViewChangeMessage): void {
    this.#atLeast(from, message);
    const { op, commit, entries, log_view } = message;
    const written = this.#disk(from).log_view;
    expect(written, `r${from} speaks of a log_view too early`).toBeGreaterThanOrEqual(log_view);
    const acked = this.#acked.get(`${from}/${log_view}`);
    if (acked === undefined) return;
    expect(op, `DvcCoversAcks: r${from} forgot op ${acked.op}`).toBeGreaterThanOrEqual(acked.op);
    if (acked.op <= commit) return;
    const said = entries.find((entry) => entry.op === acked.op)?.checksum;
    expect(said, `DvcCoversAcks: r${from} changed op ${acked.op}`).toBe(acked.checksum);
  }

  /** MessagesBelowView (I9): what promises something speaks of no view that is not on the disk. */
  #atLeast(from: ReplicaIndex, { type, view }: { type: string; view: number }): void {
    const durable = this.#disk(from).view;
    expect(durable, `r${from} said ${type} of view ${view} too early`).toBeGreaterThanOrEqual(view);
  }

  /** Survives (I38): whoever begins a view holds every call that anybody has been told of. */
  #survives(from: ReplicaIndex, where: string): void {
    const held = this.callsOn(from);
    const lost = this.told.filter((call) => !held.includes(call));
    expect(lost, `Survives: lost from the ${where} of r${from}`).toEqual([]);
  }

  callsOn(index: ReplicaIndex): string[] {
    return this.#disk(index).entries.flatMap(({ body }) => callsOf(decodeBatch(body)));
  }

  /** PrefixAgreement: all run the same ops, in order, and each call once (I23, I50). */
  ran(index: ReplicaIndex, { op, requests }: Committed, checksum: string): void {
    const calls = callsOf(requests);
    const first = this.history[op - 1];
    if (first === undefined) {
      expect(op, `r${index} ran ahead of everybody`).toBe(this.history.length + 1);
      const before = this.history.flatMap((run) => run.calls);
      for (const call of calls) expect(before, "a call ran twice").not.toContain(call);
      this.history.push({ checksum, calls });
    } else {
      expect({ checksum, calls }, `PrefixAgreement: op ${op} of r${index}`).toEqual(first);
    }
  }

  /** AckedWritesOnMajority: an answer may be given once the call is on a quorum's disks (I25). */
  answered(content: string): void {
    const indexes = Array.from({ length: this.#replicaCount }, (_, index) => index);
    const holders = indexes.filter((index) => this.callsOn(index).includes(content)).length;
    const quorum = Math.floor(this.#replicaCount / 2) + 1;
    expect(holders, `"${content}" was answered too early`).toBeGreaterThanOrEqual(quorum);
    this.told.push(content);
  }

  /** A query sees all that anybody had been told before it was asked (I55). */
  queried(mustHold: readonly string[], answer: string): void {
    const seen = answer.split(",");
    expect(
      mustHold.filter((call) => !seen.includes(call)),
      "a stale read",
    ).toEqual([]);
  }
}

function callsOf(requests: Committed["requests"]): string[] {
  return requests.filter(({ kind }) => kind === "call").map(({ body }) => text(body));
}
