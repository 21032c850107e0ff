import {
  CallTimeoutError,
  HandlerError,
  MailboxFullError,
  NotSerializableError,
  ReplyError,
} from "@troupe/actor";
import { expect, test } from "vitest";
import { insist, isRetryable } from "../src/retry.ts";

const timeout = new CallTimeoutError("ledger", "transfer", 5_000);

test("a call is repeated when it did not run, or when nobody knows", () => {
  expect(isRetryable(timeout)).toBe(true);
  expect(isRetryable(new MailboxFullError("ledger", 1))).toBe(true);
});

test("a call is not repeated when it ran, or when it never can", () => {
  expect(isRetryable(new ReplyError("id_reused"))).toBe(false);
  expect(isRetryable(new HandlerError("it threw"))).toBe(false);
  expect(isRetryable(new NotSerializableError("amount", "is a function"))).toBe(false);
  expect(isRetryable(new TypeError("a defect here"))).toBe(false);
});

test("the pauses between attempts grow, up to a limit", async () => {
  const pauses: number[] = [];
  const pause = async (ms: number) => pauses.push(ms);
  const reply = await insist(
    () => (pauses.length < 6 ? Promise.reject(timeout) : Promise.resolve("done")),
    { pause },
  );
  expect(reply).toBe("done");
  expect(pauses).toEqual([25, 50, 100, 200, 400, 400]);
});

test("when the patience is over the last error is the answer", async () => {
  const attempt = () => Promise.reject(timeout);
  await expect(insist(attempt, { patienceMs: 0 })).rejects.toBe(timeout);
});
