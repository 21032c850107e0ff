import { CallTimeoutError, HandlerError, MailboxFullError, ReplyError } from "@troupe/actor";
import { expect, test } from "vitest";
import type { Transfer } from "../src/ledger.ts";
import { Workload } from "../src/workload.ts";
import { ledgerThat, rows } from "./support/fake-ledger.ts";

const retry = { pause: () => Promise.resolve() };

test("every row is sent once, and no more at a time than there are callers", async () => {
  const sent: string[] = [];
  let underWay = 0;
  let most = 0;
  const ledger = ledgerThat(async ({ id }) => {
    sent.push(id);
    most = Math.max(most, ++underWay);
    await Promise.resolve();
    underWay--;
  });
  const workload = new Workload(ledger, rows(20), { callers: 4, retry });
  await workload.run();
  expect(sent).toEqual(rows(20).map(({ id }) => id));
  expect(most).toBe(4);
  expect(workload.acknowledged).toBe(20);
});

test("a call that may have run is sent again with the same id until it is answered", async () => {
  const sent: Transfer[] = [];
  const ledger = ledgerThat((transfer) => {
    sent.push(transfer);
    return sent.length < 3 ? Promise.reject(timeout()) : Promise.resolve();
  });
  const workload = new Workload(ledger, rows(1), { callers: 1, retry });
  await workload.run();
  expect(sent).toEqual([...rows(1), ...rows(1), ...rows(1)]);
  expect(workload.retries).toBe(2);
  expect(workload.claim()).toEqual({ acknowledged: rows(1), refused: [], uncertain: [] });
});

test("a refusal is final, and is not claimed to have happened", async () => {
  const ledger = ledgerThat(() => Promise.reject(refusal()));
  const workload = new Workload(ledger, rows(2), { callers: 2, retry });
  await workload.run();
  expect(workload.refused).toBe(2);
  expect(workload.claim()).toEqual({ acknowledged: [], refused: rows(2), uncertain: [] });
});

test("a refusal after an attempt that may have run leaves the row uncertain", async () => {
  const answers = [timeout(), refusal()];
  const ledger = ledgerThat(() => Promise.reject(answers.shift()));
  const workload = new Workload(ledger, rows(1), { callers: 1, retry });
  await workload.run();
  expect(workload.refused).toBe(1);
  expect(workload.claim()).toEqual({ acknowledged: [], refused: [], uncertain: rows(1) });
});

test("a refusal after an attempt that did not run leaves no doubt", async () => {
  const answers = [new MailboxFullError("ledger", 1), refusal()];
  const ledger = ledgerThat(() => Promise.reject(answers.shift()));
  const workload = new Workload(ledger, rows(1), { callers: 1, retry });
  await workload.run();
  expect(workload.claim().refused).toEqual(rows(1));
});

test("a row without an answer is given up when the patience is over", async () => {
  const ledger = ledgerThat(() => Promise.reject(timeout()));
  const workload = new Workload(ledger, rows(1), {
    callers: 1,
    retry: { ...retry, patienceMs: 0 },
  });
  await workload.run();
  expect(workload.unresolved).toBe(1);
  expect(workload.claim().uncertain).toEqual(rows(1));
});

test("a defect of the ledger ends the run", async () => {
  const defect = new HandlerError("the handler threw");
  const ledger = ledgerThat(() => Promise.reject(defect));
  const workload = new Workload(ledger, rows(100), { callers: 2, retry });
  await expect(workload.run()).rejects.toBe(defect);
});

test("no row behind the gate is sent before the gate moves", async () => {
  const sent: string[] = [];
  const ledger = ledgerThat(async ({ id }) => void sent.push(id));
  const workload = new Workload(ledger, rows(6), { callers: 2, retry });
  workload.gateAt(2);
  const run = workload.run();
  await workload.untilAnswered(2);
  await Promise.resolve();
  expect(sent).toEqual(["t1", "t2"]);
  workload.gateAt(6);
  await run;
  expect(sent).toHaveLength(6);
});

test("a success counts as the next one only if its row was sent afterwards", async () => {
  const answers: (() => void)[] = [];
  const ledger = ledgerThat(() => new Promise<void>((answer) => answers.push(answer)));
  const workload = new Workload(ledger, rows(2), { callers: 1, retry });
  const run = workload.run();
  const since = performance.now();
  let seen: number | undefined;
  const success = workload.nextSuccess(since).then((at) => {
    seen = at;
  });

  answers[0]?.();
  await workload.untilAnswered(1);
  expect(seen).toBeUndefined();
  await expect.poll(() => answers.length).toBe(2);
  answers[1]?.();
  await Promise.all([run, success]);
  expect(seen).toBeGreaterThanOrEqual(since);
});

test("who waits for a success learns when the run ends without one", async () => {
  const workload = new Workload(
    ledgerThat(() => Promise.reject(refusal())),
    rows(1),
    {
      ...{ callers: 1, retry },
    },
  );
  const success = workload.nextSuccess(performance.now());
  await workload.run();
  expect(await success).toBeUndefined();
  expect(await workload.nextSuccess(0)).toBeUndefined();
});

function timeout() {
  return new CallTimeoutError("ledger", "transfer", 5_000);
}

function refusal() {
  return new ReplyError("insufficient_funds");
}
