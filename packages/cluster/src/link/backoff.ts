/**
 * How long to wait before the next attempt: exponential, with full jitter.
 *
 * Jitter over the whole range keeps the nodes of a cluster that lost the same peer from dialling
 * it in step. Pure; the random number is given.
 */
import type { Random } from "@troupe/actor";

export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The delay before attempt number `attempt` (0 is the first repetition), in milliseconds. */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random): number {
  const ceiling = Math.min(options.maxMs, options.minMs * 2 ** Math.min(attempt, 30));
  return Math.ceil(random() * ceiling);
}
