/**
 * One replica of a group: `step` in, `take` out. The only place that looks at view, status and
 * message type together, and so the only place where stale input is dropped.
 *
 * @example
 * const replica = new Replica(options);            // or (options, recovered) after a restart
 * replica.step({ type: "tick" }, now);
 * const ready = replica.take();                    // write it, send it, run it, as `Ready` says
 */
import { flushAck } from "./acks.ts";
import { assert } from "./assert.ts";
import { askForMissing, onGetState, onNewState } from "./catch-up.ts";
import { announce, onHollow } from "./checkpoint.ts";
import type { ReplicaOptions } from "./config.ts";
import type { ClientMessage, ReplicaMessage, ViewMessage } from "./message.ts";
import {
  flushLead,
  flushRequests,
  onApplied,
  onCommit,
  onPrepare,
  onPrepareOk,
  onPulse,
  onRequest,
  resendPrepares,
  sendCommit,
} from "./normal.ts";
import {
  answerConfirmed,
  askIfHeard,
  flushQueries,
  onQuery,
  onReadRound,
  onReadRoundOk,
  sendRound,
} from "./read-round.ts";
import type { Answer, Input, Ready, Recovered } from "./ready.ts";
import { askForView, believeStartView, enterRecoveringHead } from "./recovering-head.ts";
import {
  admit,
  askAgain,
  canInstall,
  endRecovery,
  type Outcome,
  onRecovery,
  onRecoveryResponse,
  startRecovery,
  viewAlone,
  withLives,
} from "./recovery.ts";
import { askForDamaged, onRequestedPrepare, onRequestPrepare } from "./repair.ts";
import { type ReplicaReport, reportOf } from "./report.ts";
import { ReplicaState } from "./state.ts";
import { onCheckpoint, onStateInput, recoverState, showsLaterView } from "./state-transfer.ts";
import { primaryOf, type ReplicaIndex } from "./types.ts";
import {
  enterViewChange,
  expireVotes,
  installCanonicalLog,
  installStartView,
  joinView,
  onDoViewChange,
  onRequestStartView,
  onStartView,
  onStartViewChange,
  repeatWishes,
  sendDoViewChange,
  wantNextView,
} from "./view-change.ts";

export class Replica {
  /** Open to the checkers of the simulator; a host has no business in it. */
  readonly state: ReplicaState;

  /**
   * A new replica of a new group; or, with `recovered`, one that comes back with what its journal
   * held. The second kind does not resume a view that it led (I14). With `options.memory` it has no
   * journal, and asks the others what it knew (I15), and so does one whose journal is new in the
   * place of a lost one. Throws `DamagedLogError` if it is alone and its log is damaged.
   */
  constructor(options: ReplicaOptions, recovered?: Recovered) {
    this.state = new ReplicaState(options, recovered);
    if (options.memory !== undefined) this.#goOn(startRecovery(this.state));
    else if (recovered === undefined) this.#begin();
    else this.#comeBack(recovered);
  }

  #begin(): void {
    const { state } = this;
    state.status = "normal";
    const { timeouts, isPrimary } = state;
    timeouts.resend.stop();
    if (isPrimary) {
      timeouts.heartbeat.start();
      timeouts.askIfHeard.start();
    } else {
      timeouts.primarySilence.start();
    }
  }

  #comeBack(recovered: Recovered): void {
    const { state } = this;
    recoverState(state, recovered);
    state.learnCommit(Math.min(recovered.commit, state.log.head));
    const { log, memory } = state;
    if (memory.isRejoining) this.#goOn(startRecovery(state));
    else if (log.isDamaged(log.head)) enterRecoveringHead(state);
    else this.#resume();
  }

  #resume(): void {
    const { state } = this;
    if (state.view === state.logView && state.primary !== state.index) {
      state.timeouts.primarySilence.start();
      return;
    }
    state.status = "view_change";
    state.awaitView();
    state.timeouts.resend.start();
    // It led this view, and what it prepared and did not write is forgotten here but perhaps not
    // elsewhere: preparing again in the same view could give one op two contents.
    if (state.view === state.logView) wantNextView(state);
    else sendDoViewChange(state);
  }

  /** Takes one input. `now` is the host's wall clock in milliseconds; it only stamps prepares. */
  step(input: Input, now: number): void {
    const { state } = this;
    state.now = now;
    switch (input.type) {
      case "tick":
        this.#tick();
        if (input.late !== true) this.#tickOfSilence();
        break;
      case "message":
        this.#receive(input.from, input.message);
        break;
      case "client":
        this.#receiveFromClient(input.message);
        break;
      case "written":
        state.outbox.written(input.write);
        break;
      case "applied":
        onApplied(state, input);
        break;
      case "pulse":
        onPulse(state, input.body);
        break;
      case "answered":
        this.#answer(input.answers);
        break;
      default:
        onStateInput(state, input);
        // A new view may wait for what has run now, or for the state that has come.
        if (state.status !== "normal" && state.status !== "lost") this.#caughtUp();
    }
    this.#deliverToSelf();
  }

  /** Closes the turn: makes batches of what came in, and hands out all there is to do. */
  take(): Ready {
    const { state } = this;
    flushLead(state);
    flushRequests(state);
    flushQueries(state);
    answerConfirmed(state);
    flushAck(state);
    askForMissing(state);
    askForDamaged(state);
    this.#deliverToSelf();
    state.invariants();
    return withLives(state, state.outbox.take(state.view, state.logView, state.commitMin));
  }

  /** Whether `take` would hand out anything. */
  get hasReady(): boolean {
    return !this.state.outbox.empty || this.state.mayLead;
  }

  get report(): ReplicaReport {
    return reportOf(this.state);
  }

  #deliverToSelf(): void {
    const { outbox, index } = this.state;
    for (;;) {
      const messages = outbox.takeForSelf(index);
      if (messages.length === 0) return;
      for (const message of messages) this.#receive(index, message);
    }
  }

  #receiveFromClient(message: ClientMessage): void {
    if (this.state.isForgetful) return;
    if (message.type === "request") onRequest(this.state, message);
    else onQuery(this.state, message);
  }

  #answer(answers: readonly Answer[]): void {
    const { outbox, toldView: view } = this.state;
    for (const answer of answers) outbox.reply({ type: "query_reply", view, ...answer });
  }

  #receive(from: ReplicaIndex, message: ReplicaMessage): void {
    const { state } = this;
    assert(from >= 0 && from < state.replicaCount, `a message from ${from}, not of the group`);
    if (!admit(state, from, message)) return;
    switch (message.type) {
      case "recovery": {
        const alone = viewAlone(state, from);
        if (alone !== undefined) enterViewChange(state, alone);
        else onRecovery(state, from, message);
        return;
      }
      case "recovery_response":
        this.#goOn(onRecoveryResponse(state, from, message));
        return;
      // Entries are judged by their chain or their checksum, not by the sender's view.
      case "get_state":
        onGetState(state, from, message);
        return;
      case "new_state":
        if (onNewState(state, from, message)) this.#caughtUp();
        return;
      case "checkpoint":
        if (showsLaterView(state, message)) joinView(state, message.view);
        onCheckpoint(state, from, message);
        return;
      case "hollow":
        onHollow(state, from, message);
        return;
      case "request_prepare":
        onRequestPrepare(state, from, message);
        return;
      case "requested_prepare":
        // A new view may wait for what has just been repaired.
        if (onRequestedPrepare(state, message) && state.status === "view_change") {
          this.#caughtUp();
        }
        return;
    }
    if (state.status === "recovering_head") {
      if (message.type === "start_view" && believeStartView(state, from, message)) {
        installStartView(state);
      }
      return;
    }
    switch (message.type) {
      // Votes are for views to come; and who has fallen behind may ask for the view there is.
      case "start_view_change":
        onStartViewChange(state, from, message);
        return;
      case "request_start_view":
        onRequestStartView(state, from, message);
        return;
    }
    if (message.view < state.view) return;
    if (message.view > state.view && !this.#follow(from, message)) return;
    this.#receiveOfView(from, message);
  }

  /** Moves to the newer view that a message speaks of; false if that is no reason to. */
  #follow(from: ReplicaIndex, message: ViewMessage): boolean {
    const { state } = this;
    const { view } = message;
    switch (message.type) {
      case "do_view_change":
        // A quorum wanted the view, for else its sender would not have left for it.
        if (primaryOf(view, state.replicaCount) !== state.index) return false;
        enterViewChange(state, view);
        return true;
      case "prepare":
      case "commit":
      case "read_round":
      case "start_view":
        // The view has begun: its log is needed before anything in it can be taken part in (I8).
        if (primaryOf(view, state.replicaCount) !== from) return false;
        joinView(state, view);
        return true;
      default:
        return false;
    }
  }

  #receiveOfView(from: ReplicaIndex, message: ViewMessage): void {
    const { state } = this;
    switch (message.type) {
      case "prepare":
        if (state.isBackup && from === state.primary) onPrepare(state, message);
        break;
      case "commit":
        if (state.isBackup && from === state.primary) onCommit(state, message);
        break;
      case "read_round":
        if (state.isBackup && from === state.primary) onReadRound(state, from, message);
        break;
      case "prepare_ok":
        onPrepareOk(state, from, message);
        break;
      case "read_round_ok":
        onReadRoundOk(state, from, message);
        break;
      case "do_view_change":
        onDoViewChange(state, from, message);
        break;
      case "start_view":
        onStartView(state, from, message);
        break;
    }
  }

  #goOn(outcome: Outcome): void {
    const { state } = this;
    if (outcome === "begin") {
      state.memory.restart();
      this.#begin();
    }
    if (outcome !== "install") return;
    installStartView(state);
    if (!this.state.isForgetful) endRecovery(state);
  }

  #caughtUp(): void {
    const { state } = this;
    if (state.status === "recovering") this.#goOn(canInstall(state) ? "install" : undefined);
    else if (state.primary === state.index) installCanonicalLog(state);
    else installStartView(state);
  }

  /** What this replica owes to others is due whether or not it has been asleep. */
  #tick(): void {
    const { state } = this;
    const { timeouts } = state;
    if (state.announce.tick()) announce(state);
    if (this.state.isForgetful) {
      timeouts.catchUp.tick();
      timeouts.repair.tick();
      if (timeouts.resend.tick()) this.#goOn(askAgain(state));
      return;
    }
    timeouts.catchUp.tick();
    timeouts.repair.tick();
    if (timeouts.heartbeat.tick()) this.#onHeartbeat();
    if (timeouts.resend.tick()) this.#onResend();
    if (timeouts.askIfHeard.tick()) this.#onAskIfHeard();
  }

  /** What others owe to it: of that, one that was asleep knows nothing (J1). */
  #tickOfSilence(): void {
    const { state } = this;
    if (this.state.isForgetful) return;
    const { timeouts } = state;
    if (timeouts.voteWindow.tick()) expireVotes(state);
    if (timeouts.abdicate.tick() && state.isUnheard) wantNextView(state);
    if (timeouts.primarySilence.tick()) this.#onSilence();
    if (timeouts.viewChange.tick()) this.#onStuck();
  }

  #onHeartbeat(): void {
    const { state } = this;
    if (!state.isUnheard) sendCommit(state);
    state.timeouts.heartbeat.start();
  }

  #onAskIfHeard(): void {
    askIfHeard(this.state);
    this.state.timeouts.askIfHeard.start();
  }

  #onSilence(): void {
    wantNextView(this.state);
    if (this.state.isBackup) this.state.timeouts.resend.start();
    if (this.state.isBackup) this.state.timeouts.primarySilence.start();
  }

  #onStuck(): void {
    wantNextView(this.state);
    if (this.state.status === "view_change") this.state.awaitView();
  }

  #onResend(): void {
    const { state } = this;
    if (state.status === "recovering_head") {
      askForView(state);
      return;
    }
    if (state.isPrimary && !state.isUnheard) {
      resendPrepares(state);
      sendRound(state);
    } else {
      repeatWishes(state);
    }
    if (state.status === "view_change") sendDoViewChange(state);
    const waits = state.isPrimary
      ? state.awaitsQuorum
      : state.status === "view_change" || state.wantsView !== undefined;
    if (waits) state.timeouts.resend.start();
  }
}
