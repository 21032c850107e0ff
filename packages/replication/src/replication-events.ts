/**
 * What a node tells of a group: one event for each change, to whoever listens at one of its refs.
 *
 * Nothing is queued: a listener is called when it happens. What stays as it is (the group is lost,
 * the replica has stopped) is told to those as well who listen later.
 */
import type { GroupLostError, GroupSplitError } from "./errors.ts";

export type ReplicationEvent =
  /** This node's replica has stopped because of an error; its last event before a restart. */
  | { readonly type: "stopped"; readonly error: unknown }
  /** This memory group has forgotten too much; this node's replica answers nobody any more. */
  | { readonly type: "lost"; readonly error: GroupLostError }
  /** Another group goes by the same name. */
  | { readonly type: "split"; readonly error: GroupSplitError };

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
    if (event.type === "stopped" || event.type === "lost") this.#lasting.set(event.type, event);
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
