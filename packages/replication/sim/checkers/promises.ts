/**
 * What replicas say to each other, held against their disks and against what they said before:
 * OneLogPerView, CommitsBacked, Survives, DvcCoversAcks, MessagesBelowView, and that a promise
 * stands on the disk before it is made (I9–I12).
 */
import type { GroupMessage, Replica, ReplyToClient } from "@troupe/replication/runtime";
import { anyEntry, checksumAt, checksumIn, deniesNoDamage } from "./damage.ts";
import type { Ledger } from "./ledger.ts";
import { holds } from "./violation.ts";

type Of<T extends GroupMessage["type"]> = Extract<GroupMessage, { readonly type: T }>;
type DoViewChange = Of<"do_view_change">;
type LogMessage = DoViewChange | Of<"start_view">;

/** What one replica has promised over all its lives. */
interface Promised {
  view: number;
  logView: number;
  /** By view: the last op that it has acknowledged there. */
  readonly acked: Map<number, { readonly op: number; readonly checksum: string }>;
  /** The last `do_view_change`, and what all its copies must say. */
  vote: { readonly message: DoViewChange; readonly content: string } | undefined;
}

const nothingPromised = (): Promised => ({
  view: 0,
  logView: 0,
  acked: new Map(),
  vote: undefined,
});

export class Promises {
  readonly #ledger: Ledger;
  readonly #pipelineMax: number;
  readonly #promised: Promised[];
  /** By view: the checksum of each op of its log that anybody has spoken of. */
  readonly #logs = new Map<number, (string | undefined)[]>();
  /** By view: who prepared in it, and in which life. */
  readonly #authors = new Map<number, string>();
  /** By checksum: the timestamp of an entry. */
  readonly #timestamps = new Map<string, number>();

  constructor(ledger: Ledger, replicaCount: number, pipelineMax: number) {
    this.#ledger = ledger;
    this.#pipelineMax = pipelineMax;
    this.#promised = Array.from({ length: replicaCount }, nothingPromised);
  }

  /** A replica sends something, in its how manieth life. */
  sent(from: number, life: number, message: GroupMessage): void {
    const who = () => `${message.type} of replica ${from}`;
    switch (message.type) {
      case "prepare":
        this.#ledger.backs(message.commit, undefined, who);
        this.#onPrepare(from, life, message);
        break;
      case "commit":
        this.#ledger.backs(message.commit, message.checksum, who);
        this.#oneLog(message.view, message.commit, message.checksum, who);
        break;
      case "prepare_ok":
        this.#onPrepareOk(from, message, who);
        break;
      case "do_view_change":
        this.#ledger.backs(message.commit, message.commit_checksum, who);
        this.#onDoViewChange(from, message, who);
        break;
      case "start_view":
        this.#ledger.backs(message.commit, message.commit_checksum, who);
        this.#onStartView(from, life, message, who);
        break;
      case "new_state":
        this.#onNewState(message, who);
        break;
      case "recovery_response":
        if (message.status === "normal") this.#onRecoveryResponse(from, message, who);
        break;
    }
  }

  /** A client believes whoever tells it of a higher view: none may come to nothing (I9). */
  answered(from: number, message: ReplyToClient): void {
    this.#durable(this.#ledger.disk(from).view >= message.view, () => {
      return `${message.type} of replica ${from} to a client: view ${message.view}`;
    });
  }

  /** A replica of a memory group is in another life, which stands for nothing said before. */
  forgets(index: number): void {
    this.#promised[index] = nothingPromised();
  }

  /**
   * The first primary began and crashed before a quorum did, and may begin again: of the first view
   * nothing was committed, and what it said of it nobody who begins with it now listens to.
   */
  foundsAnew(): void {
    this.#authors.delete(0);
    this.#logs.delete(0);
  }

  /** MessagesBelowView: a replica that comes back knows of every view that it spoke in. */
  restarted(index: number, view: number, logView: number): void {
    const { view: told, logView: toldOf } = this.#of(index);
    holds(view >= told, "MessagesBelowView", () => {
      return `replica ${index} came back in view ${view}, having spoken in view ${told}`;
    });
    holds(logView >= toldOf, "MessagesBelowView", () => {
      return `replica ${index} came back with log_view ${logView}, having spoken of ${toldOf}`;
    });
  }

  /** After every step: Survives, of the log in memory. */
  stepped(index: number, replica: Replica): void {
    const { state } = replica;
    const promised = this.#of(index);
    holds(state.view >= promised.view, "MessagesBelowView", () => {
      return `replica ${index} is in view ${state.view}, having spoken in view ${promised.view}`;
    });
    const op = this.#ledger.committedBefore(state.logView);
    this.#survives(state.logView, checksumAt(replica, op), op, () => `replica ${index}`);
  }

  #of(index: number): Promised {
    const promised = this.#promised[index];
    if (promised === undefined) throw new RangeError(`replica ${index} is not of the group`);
    return promised;
  }

  /** OneLogPerView: at each op of the log of a view stands one entry, whoever speaks of it. */
  #oneLog(view: number, op: number, checksum: string, who: () => string): void {
    let log = this.#logs.get(view);
    if (log === undefined) {
      log = [];
      this.#logs.set(view, log);
    }
    const known = log[op];
    if (known === undefined) log[op] = checksum;
    else
      holds(known === checksum, "OneLogPerView", () => {
        return `${who()} has another op ${op} of view ${view} than was said before`;
      });
  }

  /** A view is led by one replica, in one life (I6, I14). */
  #author(view: number, from: number, life: number): void {
    const author = `replica ${from} in life ${life}`;
    const first = this.#authors.get(view);
    if (first === undefined) this.#authors.set(view, author);
    else
      holds(first === author, "OnePrimaryPerView", () => `view ${view}: ${first}, then ${author}`);
  }

  #onPrepare(from: number, life: number, { view, commit, entry }: Of<"prepare">): void {
    const who = () => `prepare of replica ${from}`;
    const { op, checksum, parent, timestamp } = entry;
    this.#author(view, from, life);
    this.#oneLog(view, op, checksum, who);
    this.#oneLog(view, op - 1, parent, who);
    if (entry.view === view) {
      holds(op - commit <= this.#pipelineMax, "CommitBounded", () => {
        return `${who()} is op ${op}, with ${commit} committed`;
      });
    }
    this.#timestamps.set(checksum, timestamp);
    const before = this.#timestamps.get(parent) ?? 0;
    holds(timestamp > before, "TimeGoesOn", () => {
      return `op ${op} is stamped ${before - timestamp} us before the one that it follows`;
    });
  }

  #onPrepareOk(from: number, message: Of<"prepare_ok">, who: () => string): void {
    const { view, op, checksum } = message;
    const promised = this.#of(from);
    const { damaged, covered, ever, log_view } = this.#ledger.disk(from);
    this.#durable(op === 0 || ever.has(checksum), () => `${who()}: op ${op}`);
    this.#durable(log_view >= view, () => `${who()}: log_view ${view}`);
    const [first = op + 1] = [...damaged].filter((lost) => lost > covered).sort((a, b) => a - b);
    holds(first > op, "PromisesDurable", () => {
      return `${who()} vouches for op ${op}, while op ${first} is damaged on its disk`;
    });
    this.#oneLog(view, op, checksum, who);
    const vote = promised.vote?.message;
    if (vote !== undefined && vote.log_view === view) {
      holds(vote.op >= op, "DvcCoversAcks", () => {
        return `${who()} acknowledges op ${op} of view ${view} after voting with ${vote.op}`;
      });
    }
    promised.view = Math.max(promised.view, view);
    promised.logView = Math.max(promised.logView, view);
    if (op > (promised.acked.get(view)?.op ?? 0)) promised.acked.set(view, { op, checksum });
  }

  #onDoViewChange(from: number, message: DoViewChange, who: () => string): void {
    const { view, log_view, op } = message;
    const promised = this.#of(from);
    const disk = this.#ledger.disk(from);
    this.#durable(disk.view >= view, () => `${who()}: view ${view}`);
    this.#logSurvives(log_view, message, who);
    deniesNoDamage(message, disk, who);
    const acked = promised.acked.get(log_view);
    if (acked !== undefined && acked.op > message.commit) {
      // What another committed entry stands in the place of can never be committed itself.
      const committed = this.#ledger.at(acked.op) ?? acked.checksum;
      const told = checksumIn(message, acked.op);
      const covers = told === acked.checksum || told === anyEntry;
      holds(covers || committed !== acked.checksum, "DvcCoversAcks", () => {
        return `${who()} for view ${view} lacks op ${acked.op}, acknowledged in view ${log_view}`;
      });
    }
    const content = [log_view, op, message.commit, headOf(message)].join();
    if (promised.vote?.message.view === view) {
      holds(promised.vote.content === content, "OneVotePerView", () => {
        return `${who()} for view ${view} says ${content}, and said ${promised.vote?.content}`;
      });
    }
    this.#durable(op === 0 || disk.ever.has(headOf(message)), () => `${who()}: op ${op}`);
    promised.vote = { message, content };
    promised.view = Math.max(promised.view, view);
    promised.logView = Math.max(promised.logView, log_view);
  }

  #onStartView(from: number, life: number, message: LogMessage, who: () => string): void {
    const { view, op, commit, commit_checksum, entries } = message;
    const promised = this.#of(from);
    this.#author(view, from, life);
    this.#oneLog(view, commit, commit_checksum, who);
    for (const entry of entries) this.#oneLog(view, entry.op, entry.checksum, who);
    this.#logSurvives(view, message, who);
    const { ever, log_view } = this.#ledger.disk(from);
    this.#durable(log_view >= view, () => `${who()}: log_view ${view}`);
    this.#durable(op === 0 || ever.has(headOf(message)), () => `${who()}: op ${op}`);
    promised.view = Math.max(promised.view, view);
    promised.logView = Math.max(promised.logView, view);
  }

  /** A vote or a new view speaks of all that was committed in the views before its log's. */
  #logSurvives(logView: number, message: LogMessage, who: () => string): void {
    const op = this.#ledger.committedBefore(logView);
    // What is below its commit has been held against the ledger by the commit's checksum.
    if (op <= message.commit) return;
    this.#survives(logView, checksumIn(message, op), op, who);
  }

  /** What is damaged and nameless may be the entry; it is not said to be another one. */
  #survives(logView: number, held: string | undefined, op: number, who: () => string): void {
    if (held !== anyEntry) this.#ledger.survives(logView, held, op, who);
  }

  /** It says what it has of a view that it takes part in, and its receiver builds upon that. */
  #onRecoveryResponse(from: number, message: Of<"recovery_response">, who: () => string): void {
    const { view, commit, commit_checksum, entries } = message;
    this.#ledger.backs(commit, commit_checksum, who);
    this.#oneLog(view, commit, commit_checksum, who);
    for (const entry of entries) this.#oneLog(view, entry.op, entry.checksum, who);
    this.#durable(this.#ledger.disk(from).log_view >= view, () => `${who()}: log_view ${view}`);
  }

  #onNewState({ commit, entries }: Of<"new_state">, who: () => string): void {
    this.#ledger.backs(commit, undefined, who);
    for (const { op, checksum } of entries) {
      if (op <= commit) this.#ledger.backs(op, checksum, who);
    }
  }

  /**
   * What is promised has stood on the disk of whoever promises it. It need not stand there still:
   * a message that waited for its write may leave when a later write has replaced what was never
   * committed, and says no more then than one that the network had delayed.
   */
  #durable(condition: boolean, what: () => string): void {
    holds(condition, "PromisesDurable", () => `${what()} has never been on its disk`);
  }
}

/** The checksum of the last entry that the message speaks of. */
function headOf({ entries, commit_checksum }: LogMessage): string {
  return entries.at(-1)?.checksum ?? commit_checksum;
}
