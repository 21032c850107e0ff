/**
 * The one way in which the protocol room says that it is broken.
 *
 * An invariant that does not hold means that this replica can no longer be believed. The error is
 * thrown out of `step`, nobody inside the room catches it, and the host stops the replica: it is
 * better to be silent than to lie (TigerBeetle's rule; I6, I23, I58).
 */

/** Thrown when the protocol's own rules are violated. The replica that threw it must be stopped. */
export class ReplicaInvariantError extends Error {
  override readonly name = "ReplicaInvariantError";
  readonly code = "ERR_INVARIANT";
}

/** Throws a `ReplicaInvariantError` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ReplicaInvariantError(message);
}
