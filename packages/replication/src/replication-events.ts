/**
 * What a node tells of a group: one event for each change, to whoever listens at one of its refs.
 *
 * Nothing is queued: a listener is called when it happens. What stays as it is (the group is lost,
 * the replica has stopped) is told to those as well who listen later.
 */
import type { GroupLostError, GroupSplitError } from "./errors.ts";
import type { DivergedError, ReplicaNeed } from "./vsr/index.ts";

export type ReplicationEvent =
  /** This node's replica takes part in another view than before, or in its first one. */
  | { readonly type: "view_changed"; readonly view: number; readonly primary: string }
  /** That view is led by another node; `previous` is undefined in the first one. */
  | {
      readonly type: "primary_changed";
      readonly primary: string;
      readonly previous: string | undefined;
      readonly view: number;
    }
  /**
   * This node's replica has lacked something for half a second (25 ticks) that others have: it has
   * run the operations up to `op`, and knows of those up to `commit`. `needs` is what it can run
   * nothing without, as `status` tells it: `"checkpoint"` if it has lost the state before its log.
   */
  | {
      readonly type: "behind";
      readonly op: number;
      readonly commit: number;
      readonly needs: ReplicaNeed;
    }
  /** It lacks nothing any more. */
  | { readonly type: "caught_up"; readonly op: number }
  /**
   * The state of this node's replica is not that of the others. `"stopped"` follows; when it is
   * started again it takes its state from them.
   */
  | { readonly type: "diverged"; readonly error: DivergedError }
  /** This memory group has forgotten too much; this node's replica answers nobody any more. */
  | { readonly type: "lost"; readonly error: GroupLostError }
  /** This node's replica has stopped because of an error; its last event before a restart. */
  | { readonly type: "stopped"; readonly error: unknown }
  /** Another group goes by the same name. */
  | { readonly type: "split"; readonly error: GroupSplitError };

/** What still holds when somebody listens later. */
const lasting: readonly string[] = ["diverged", "lost", "stopped"];

export type ReplicationListener = (event: ReplicationEvent) => void;

export class ReplicationEvents {
  readonly #listeners = new Set<ReplicationListener>();
  readonly #lasting = new Map<ReplicationEvent["type"], ReplicationEvent>();
  readonly #threw: (error: unknown) => void;

  /** `threw` is told of a listener that threw: its fault must not stop a replica. */
  constructor(threw: (error: unknown) => void) {
    this.#threw = threw;
  }

  tell(event: ReplicationEvent): void {
    if (lasting.includes(event.type)) this.#lasting.set(event.type, event);
    for (const listener of [...this.#listeners]) this.#call(listener, event);
  }

  /** A replica begins: what was told of the one before does not hold any more. */
  begin(): void {
    this.#lasting.clear();
  }

  /** Returns what takes the listener off. */
  listen(listener: ReplicationListener): () => void {
    this.#listeners.add(listener);
    for (const event of this.#lasting.values()) this.#call(listener, event);
    return () => this.#listeners.delete(listener);
  }

  #call(listener: ReplicationListener, event: ReplicationEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#threw(error);
    }
  }
}
