/** Waits, within bounds, until the group is in a certain state. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ReplicaStatus } from "@troupe/replication";
import { DemoError } from "./errors.ts";
import { digestsAgree } from "./group-view.ts";

/** Whoever can be asked what the replicas say of themselves. */
export interface StatusSource {
  status(options?: { digest?: boolean }): Promise<readonly ReplicaStatus[]>;
}

const longestWaitMs = 20_000;
const pollMs = 50;

/** Asks until `find` finds something. Rejects with `DemoError` after 20 s. */
export async function waitForGroup<T>(
  source: StatusSource,
  what: string,
  find: (statuses: readonly ReplicaStatus[]) => T | undefined,
  options: { digest?: boolean } = {},
): Promise<T> {
  const givesUpAt = performance.now() + longestWaitMs;
  for (;;) {
    const found = find(await source.status(options));
    if (found !== undefined) return found;
    if (performance.now() >= givesUpAt) {
      throw new DemoError(`waited ${longestWaitMs / 1000} s in vain for ${what}`);
    }
    await sleep(pollMs);
  }
}

/** True when all replicas hold the same state; false when they differ, or do not come together. */
export async function replicasAgree(source: StatusSource, replicas: number): Promise<boolean> {
  try {
    return await waitForGroup(
      source,
      "all replicas at one commit",
      (statuses) => digestsAgree(statuses, replicas),
      { digest: true },
    );
  } catch (error) {
    if (error instanceof DemoError) return false;
    throw error;
  }
}
