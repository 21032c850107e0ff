/** Keeps the display up to date while the transfers run. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ReplicaStatus } from "@troupe/replication";
import type { StatusSource } from "./await-group.ts";
import type { Display } from "./display.ts";
import type { Workload } from "./workload.ts";

const paintEveryMs = 200;
const askEveryMs = 200;

/**
 * Shows the workload and the replicas' state until it is disposed. Painting does not wait for the
 * replicas: while one of them is down, asking takes as long as its timeout.
 */
export function follow(workload: Workload, group: StatusSource, display: Display): AsyncDisposable {
  let statuses: readonly ReplicaStatus[] = [];
  let isOver = false;
  const paint = () => {
    const { rows, answered, refused, retries } = workload;
    display.progress({ rows, answered, refused, retries, statuses });
  };
  const ask = async () => {
    while (!isOver) {
      statuses = await group.status();
      await sleep(askEveryMs);
    }
  };
  const asking = ask();
  const painting = setInterval(paint, paintEveryMs);
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      clearInterval(painting);
      await asking;
      statuses = await group.status();
      paint();
      display.end();
    },
  };
}
