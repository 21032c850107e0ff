/**
 * The state of a replica, and the few transitions that every sub-protocol shares.
 *
 * The sub-protocols (normal, view-change, catch-up, repair, read-round) do not call each other:
 * each reads and changes this state and leaves what it wants done in the outbox. Fields are public
 * to them and to nobody else; `invariants()` says what must hold between them after every step.
 */
import { assert } from "./assert.ts";
import { decodeBatch } from "./batch.ts";
import { ClientTable } from "./client-table.ts";
import { type ReplicaOptions, replicationQuorum, viewChangeQuorum } from "./config.ts";
import { CrashVector } from "./crash-vector.ts";
import { KnownCheckpoints } from "./known-checkpoints.ts";
import { Log } from "./log.ts";
import { Memory } from "./memory.ts";
import type {
  DoViewChangeMessage,
  QueryMessage,
  ReplicaMessage,
  RequestMessage,
  StartViewMessage,
} from "./message.ts";
import { Outbox } from "./outbox.ts";
import { AckedOps, ViewVotes } from "./quorum.ts";
import type { Committed, Recovered, RequestName } from "./ready.ts";
import { Timeout } from "./timeout.ts";
import { timeoutsOf } from "./timeouts.ts";
import {
  type ClientId,
  type DamagedSlot,
  type LogBase,
  type NamedCheckpoint,
  type Op,
  type Prepare,
  primaryOf,
  type ReplicaIndex,
  type Request,
  type Status,
  type View,
} from "./types.ts";

/** A view is waited for at most 2^5 times as long as the first: 16 to 26 s with the defaults. */
const viewDoublingsMax = 5;

/** A query that waits for its round: answered if a quorum confirms a round begun after it came. */
export interface WaitingQuery {
  readonly query: QueryMessage;
  /** What had been committed when it came: the least that its answer must reflect. */
  readonly commit: Op;
}

export class ReplicaState {
  readonly options: ReplicaOptions;
  readonly index: ReplicaIndex;
  readonly replicationQuorum: number;
  readonly viewChangeQuorum: number;
  readonly log: Log;
  readonly clients: ClientTable;
  readonly outbox: Outbox;
  readonly checkpoints: KnownCheckpoints;

  view: View;
  logView: View;
  status: Status = "normal";
  /** Handed out to be run; the log is known to be everybody's up to here. */
  commitMin: Op = 0;
  /** Known to be committed; may lie beyond the log of a backup that lags (I23). */
  commitMax: Op = 0;
  /** Wall clock of the host in milliseconds, as of the current input. */
  now = 0;
  /** What is to be replied to requests that have been handed out and not yet reported applied. */
  readonly applying: Committed[] = [];
  /** Nothing is handed out to be run until the state of this op has been captured or restored. */
  hold: { readonly op: Op; readonly until: "captured" | "restored" } | undefined;
  /**
   * The checkpoint that the log begins after is lost, and with it the state: the log may be told,
   * acknowledged and voted with, and nothing be run, until another checkpoint has been fetched.
   */
  isHollow = false;
  /** Checkpoints that are captured, or about to be, and not durable yet: two at most. */
  capturing: LogBase[] = [];
  /** The last checkpoint that the host could not make; that is no reason to stand still. */
  uncaptured: Op = 0;
  /** The checkpoint that the host is fetching from others. */
  fetching: NamedCheckpoint | undefined;

  /** A backup owes the primary a `prepare_ok`; one covers all that one turn of the host brought. */
  ackDue = false;
  /** Primary: up to where each replica holds this view's log. */
  acked: AckedOps;
  /** Primary: the head that it inherited. Until that is committed it takes no new request (I27). */
  inheritedHead: Op = 0;
  /** Primary: requests that wait for room in the pipeline. */
  queue: RequestMessage[] = [];
  /** Primary: it has been told to go on with what the state wants done outside. */
  leads = false;
  /** Primary: what the state has for the log; at most one, until it is committed. */
  pulse: { readonly body: Uint8Array; prepared: boolean } | undefined;
  /** Primary: the highest number in the pipeline per client; absent if none is. */
  inFlight = new Map<ClientId, number>();

  readonly votes = new ViewVotes();
  /** How many views in a row this replica has waited for in vain; each is waited for longer. */
  failedViews = 0;
  /** Whether this replica itself wants another view. */
  wantsView: View | undefined;
  /** Candidate: the `do_view_change` of each replica for the current view. */
  doViewChanges = new Map<ReplicaIndex, DoViewChangeMessage>();
  /** Candidate: what nobody has supplied yet of the log that it is to take over. */
  missing: readonly DamagedSlot[] = [];
  /** Candidate: what was supplied of that since, by op. */
  readonly supplied = new Map<Op, Prepare>();
  /** What this replica sent for the current view; resent unchanged (I11). */
  sentDoViewChange: DoViewChangeMessage | undefined;
  /** Backup: the log of the view that began, kept until the gap before it has been filled. */
  pendingStartView: StartViewMessage | undefined;
  /** The committed op that is being caught up to, and from whom; undefined if none is. */
  catchUp: { readonly target: Op; readonly from: ReplicaIndex } | undefined;

  /** The replica that was last asked for damaged entries, and how many it still owes. */
  repairFrom: ReplicaIndex;
  repairsAwaited = 0;
  /** While the head is damaged: the number of this life's question for a view's log; else 0. */
  nonce = 0;

  /** Primary: queries for which no round has begun, and those of the round that is under way. */
  newQueries: WaitingQuery[] = [];
  roundQueries: WaitingQuery[] = [];
  round = 0;
  roundUnderWay = false;
  roundOks = new Set<ReplicaIndex>();
  /** Primary: what a quorum has confirmed, and what waits to be run before it is answered. */
  confirmedQueries: WaitingQuery[] = [];

  /** Which lives are known, and how far one that has forgotten everything has recovered. */
  readonly memory: Memory;
  /** What it says is kept on a disk; a memory group keeps nothing. */
  readonly hasJournal: boolean;

  readonly timeouts;
  /** Until this replica tells again of its newest checkpoint; runs in every view and status. */
  readonly announce: Timeout;

  constructor(options: ReplicaOptions, recovered: Recovered | undefined) {
    const { config } = options;
    assert(options.index >= 0 && options.index < config.replicaCount, "index is not of the group");
    this.options = options;
    this.index = options.index;
    this.repairFrom = options.index;
    this.replicationQuorum = replicationQuorum(config.replicaCount);
    this.viewChangeQuorum = viewChangeQuorum(config.replicaCount);
    this.outbox = new Outbox(recovered?.view);
    this.log = new Log(recovered?.base ?? config.root, recovered?.entries, recovered?.damaged);
    const { index, replicationQuorum: quorum } = this;
    this.checkpoints = new KnownCheckpoints(index, config.replicaCount, quorum);
    this.clients = new ClientTable(config.sessionsMax);
    this.acked = new AckedOps(config.replicaCount, quorum);
    this.view = recovered?.view ?? 0;
    this.logView = recovered?.log_view ?? 0;
    assert(this.view >= this.logView, "recovered a log_view above the view (I1)");
    const { rejoining = false, lives } = recovered?.lives ?? {};
    this.memory = new Memory(options, new CrashVector(config.replicaCount, lives), rejoining);
    this.hasJournal = options.memory === undefined;
    this.timeouts = timeoutsOf(options);
    this.announce = new Timeout(options.ticks.abdicate);
    this.announce.start();
  }

  get replicaCount(): number {
    return this.options.config.replicaCount;
  }

  get primary(): ReplicaIndex {
    return primaryOf(this.view, this.replicaCount);
  }

  /** Whether it leads its view now: a candidate that has not got its log yet does not. */
  get isPrimary(): boolean {
    return this.status === "normal" && this.primary === this.index;
  }

  /**
   * The view that clients are told. They believe the highest that they hear of and nothing older,
   * so a view that may never begin would keep a client waiting for it: one that this replica has
   * voted for and then forgets (I9), or that nobody follows it to. One that has begun stays, for a
   * quorum has left all older ones for good.
   */
  get toldView(): View {
    return Math.min(this.logView, this.outbox.durableView);
  }

  get isBackup(): boolean {
    return this.status === "normal" && this.primary !== this.index;
  }

  /** A primary that has committed all that it inherited: only then is its client table complete. */
  get isSettled(): boolean {
    const hasState = this.hold?.until !== "restored" && !this.isHollow;
    return this.isPrimary && this.commitMin >= this.inheritedHead && hasState;
  }

  /** A settled primary whose state reflects all that it is settled upon, and that does not know. */
  get mayLead(): boolean {
    return this.isSettled && !this.leads && this.applying.length === 0;
  }

  /**
   * The highest op that is known to be committed and whose checksum is known here. It lies beyond
   * `commitMin` where a damaged slot keeps a replica from running what is behind.
   */
  get commitHeld(): Op {
    let op = Math.min(this.commitMax, this.log.head);
    while (this.log.checksumAt(op) === undefined) op--;
    return op;
  }

  /** The replicas after and before another one in the group's order, this one left out. */
  nextReplica(from: ReplicaIndex): ReplicaIndex {
    const next = (from + 1) % this.replicaCount;
    return next === this.index ? (next + 1) % this.replicaCount : next;
  }

  previousReplica(from: ReplicaIndex): ReplicaIndex {
    const before = (from + this.replicaCount - 1) % this.replicaCount;
    return before === this.index ? (before + this.replicaCount - 1) % this.replicaCount : before;
  }

  /** Takes part in nothing, for it has forgotten what it promised (I15). */
  get isForgetful(): boolean {
    return this.status === "recovering" || this.status === "lost";
  }

  /** Whether something that it sent still lacks a quorum's answer. */
  get awaitsQuorum(): boolean {
    return this.commitMax < this.log.head || this.roundUnderWay;
  }

  /**
   * A primary that has waited in vain: it may be able to send and not to receive. It falls silent
   * and votes for the next view, so that the others replace it (I30).
   */
  get isUnheard(): boolean {
    return this.isPrimary && this.awaitsQuorum && !this.timeouts.abdicate.running;
  }

  /**
   * Primary: from now on an answer is due. To be called before the thing to be answered is made.
   */
  awaitQuorum(): void {
    if (!this.awaitsQuorum) this.timeouts.abdicate.start();
    if (!this.timeouts.resend.running) this.timeouts.resend.start();
  }

  /**
   * Gives the view that is waited for its time: twice as long as the one before it that never
   * became normal, so that replicas with slow disks or links do not outrun themselves. One whose
   * head is damaged may not vote for another, and waits as long as it takes.
   */
  awaitView(): void {
    if (this.status === "recovering_head") return;
    const doublings = Math.min(this.failedViews, viewDoublingsMax);
    this.timeouts.viewChange.start(2 ** doublings);
  }

  /** Backup: the primary of this view is alive, so there is no wish for another one. */
  hearPrimary(): void {
    this.timeouts.primarySilence.heard();
    this.#stay();
  }

  /** Primary: a backup of this view is alive, so this view may go on. */
  hearBackup(): void {
    this.timeouts.abdicate.start();
    this.#stay();
  }

  #stay(): void {
    this.wantsView = undefined;
    this.votes.delete(this.index);
  }

  sendToOthers(message: ReplicaMessage): void {
    for (let to = 0; to < this.replicaCount; to++) {
      if (to !== this.index) this.outbox.send(to, message);
    }
  }

  appendEntry(entry: Prepare): void {
    this.log.append(entry);
    this.outbox.writeEntry(entry);
  }

  repairEntry(entry: Prepare): void {
    this.log.repair(entry);
    this.outbox.writeEntry(entry);
  }

  truncateLog(head: Op): void {
    assert(head >= this.commitMin, `truncation to ${head} would forget committed ops`);
    if (head >= this.log.head) return;
    this.log.truncate(head);
    this.outbox.writeTruncate(head);
  }

  /**
   * Runs what is known to be committed and in the log, up to the first damaged slot or the next
   * checkpoint. To be called only where the log up to `commit` is known to be the group's: in the
   * current view, or after a verified install.
   */
  learnCommit(commit: Op): void {
    this.commitMax = Math.max(this.commitMax, commit);
    const end = Math.min(this.commitMax, this.log.intactHead);
    while (this.commitMin < end && !this.isHeld) this.#commitNext();
  }

  get isHeld(): boolean {
    return this.hold !== undefined || this.isHollow;
  }

  #commitNext(): void {
    const entry = this.log.get(this.commitMin + 1);
    this.commitMin++;
    const requests: Request[] = [];
    for (const request of decodeBatch(entry.body)) {
      if (request.kind === "pulse") {
        this.pulse = undefined;
        requests.push(request);
        continue;
      }
      const verdict = this.clients.commit(request, entry.op);
      if (verdict === "run") requests.push(request);
      else if (this.isPrimary) this.replyAgain(request);
      if (this.inFlight.get(request.client) === request.number) {
        this.inFlight.delete(request.client);
      }
    }
    const { op, view, timestamp } = entry;
    const isCheckpoint = op % this.options.config.checkpointEvery === 0;
    const committed: Committed = {
      op,
      view,
      timestamp,
      requests,
      ...(isCheckpoint && { checkpoint: true }),
    };
    if (isCheckpoint) this.hold = { op, until: "captured" };
    this.applying.push(committed);
    this.outbox.apply(committed);
  }

  /** Answers a request that will not run (again): from the table, or with an eviction. */
  replyAgain(request: Request): void {
    const { client, number } = request;
    const session = this.clients.sessionOf(client);
    if (session === undefined || (request.kind === "call" && session !== request.session)) {
      this.outbox.reply({
        type: "eviction",
        view: this.toldView,
        client,
        session: request.session,
      });
      return;
    }
    if (request.kind === "register") {
      this.replyTo(request, session, noBytes);
      return;
    }
    // Without a stored reply either it is still being computed and will be sent then, or the
    // client has said that it has it; in both cases there is nothing to say.
    const body = this.clients.replyTo(client, number);
    if (body !== undefined) this.replyTo(request, session, body);
  }

  replyTo(request: RequestName, session: Op, body: Uint8Array): void {
    const { client, number } = request;
    this.outbox.reply({ type: "reply", view: this.toldView, client, session, number, body });
  }

  /** Must hold at the end of every turn; checked there, in production too. */
  invariants(): void {
    assert(this.view >= this.logView, "log_view is above the view (I1)");
    if (this.status === "normal") assert(this.view === this.logView, "normal in no view (I2)");
    assert(this.commitMin <= this.commitMax, "ran what is not committed (I23)");
    assert(this.commitMin <= this.log.intactHead, "ran what is not in the log (I23)");
    assert(this.commitMin >= this.log.base.op, "the log is cut beyond what has run (I44)");
    if (this.isPrimary) {
      // What it inherited may have been prepared with a longer pipeline than today's.
      const own = this.log.head - Math.max(this.commitMax, this.inheritedHead);
      const { pipelineMax, queueMax } = this.options.config;
      assert(own <= pipelineMax, "the pipeline is too long (I24)");
      assert(this.queue.length <= queueMax, "the request queue is too long");
      assert(this.log.intactHead === this.log.head, "a primary with a damaged log (I35)");
      const lags = this.commitMax > this.commitMin && !this.isHeld;
      assert(!lags, "the primary lags behind its own commit (I24)");
    }
  }
}

export const noBytes = new Uint8Array(0);
