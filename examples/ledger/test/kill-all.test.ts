import { expect, test } from "vitest";
import { replicasAgree } from "../src/await-group.ts";
import { connect, createAccounts, readLedger } from "../src/client.ts";
import type { Transfer } from "../src/ledger.ts";
import { ReplicaSet } from "../src/replica-set.ts";
import { verify } from "../src/verify.ts";
import { Workload } from "../src/workload.ts";
import { replicaEntry } from "./support/processes.ts";

// Real processes: this needs the build of the whole repository.

const callers = 32;
const transfers = Array.from({ length: 4_000 }, (_, index): Transfer => {
  const [debit, credit] = [`acc-${index % 10}`, `acc-${(index + 3) % 10}`];
  return { id: `t${index}`, debit, credit, amount: BigInt(1 + (index % 50)) };
});

test("kill -9 of all replicas at once loses no acknowledged transfer", {
  timeout: 90_000,
}, async () => {
  await using group = await ReplicaSet.start({ replicas: 3, entry: replicaEntry });
  await using client = await connect(group);
  await createAccounts(client.ledger, transfers, callers);
  const workload = new Workload(client.ledger, transfers, { callers });
  // Until the gate is moved, a quarter of the rows is all that there is.
  workload.gateAt(transfers.length / 4);
  const run = workload.run();
  run.catch(() => {});

  await workload.untilAnswered(transfers.length / 8);
  await Promise.all(group.processes.map((replica) => replica.kill()));
  const before = workload.claim();
  await Promise.all(group.processes.map((replica) => replica.start()));

  // What had been acknowledged is there, before anything else is written.
  expect(before.acknowledged.length).toBeGreaterThanOrEqual(transfers.length / 8);
  const kept = await readLedger(client.ledger);
  expect(verify(before, kept).lost).toEqual([]);
  expect(verify(before, kept).duplicated).toEqual([]);

  workload.gateAt(transfers.length);
  await run;
  const verdict = verify(workload.claim(), await readLedger(client.ledger));
  expect(verdict).toMatchObject({ lost: [], duplicated: [], unexpected: [], balanced: true });
  expect(workload.unresolved).toBe(0);
  expect(await replicasAgree(client, 3)).toBe(true);
});
