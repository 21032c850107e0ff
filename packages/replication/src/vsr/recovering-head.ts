/**
 * A replica whose last slot is damaged (I46).
 *
 * It does not know what it has acknowledged last, and so it is silent: no vote, no ack, no
 * `do_view_change`, until a primary tells it the log of a view. Of its own view only an answer to
 * its own question will do, for an older `start_view` may lack what it acknowledged since; a view
 * that is newer than all it has promised has everything that was committed before it.
 */
import { isIntact } from "./batch.ts";
import type { StartViewMessage } from "./message.ts";
import type { ReplicaState } from "./state.ts";
import { primaryOf, type ReplicaIndex } from "./types.ts";

export function enterRecoveringHead(state: ReplicaState): void {
  state.status = "recovering_head";
  state.nonce = 1 + Math.floor(state.options.random() * 2 ** 52);
  askForView(state);
}

/**
 * Whoever leads answers; which view there is by now, and so who that is, it cannot know. If it had
 * left for a view it says that again: that is no vote, for a quorum wanted the view, and the others
 * may have changed their minds since and stay below it, where it would wait for them for ever.
 */
export function askForView(state: ReplicaState): void {
  const { view, logView, nonce } = state;
  state.sendToOthers({ type: "request_start_view", view, nonce });
  if (logView < view) state.sendToOthers({ type: "start_view_change", view, left: true });
  state.timeouts.resend.start();
}

/**
 * Keeps the log of a view for `installStartView`; false if this message is none to believe. The old
 * log and log_view stay until the new log can be taken whole (I40).
 */
export function believeStartView(
  state: ReplicaState,
  from: ReplicaIndex,
  message: StartViewMessage,
): boolean {
  const { view, nonce, pendingStartView } = state;
  if (from !== primaryOf(message.view, state.replicaCount) || message.view < view) return false;
  if (message.view === view) {
    // Of the messages of one view that it may believe, the one with the longer log is the younger.
    const believed = message.nonce === nonce || pendingStartView !== undefined;
    if (!believed || message.op < (pendingStartView?.op ?? 0)) return false;
  }
  if (!message.entries.every((entry) => isIntact(entry, state.options.hash))) return false;
  if (message.view > view) {
    state.view = message.view;
    state.catchUp = undefined;
    state.outbox.writeMeta();
  }
  state.pendingStartView = message;
  return true;
}
