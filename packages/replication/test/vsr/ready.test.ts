import { describe, expect, test } from "vitest";
import type { ReplicaMessage } from "../../src/vsr/message.ts";
import { Outbox } from "../../src/vsr/outbox.ts";
import type { Prepare } from "../../src/vsr/types.ts";
import { chain, clientId, entryAfter } from "../support/entries.ts";

const entries = chain(["one", "two", "three"]);
const at = (op: number) => entries[op - 1] as Prepare;
const wish: ReplicaMessage = { type: "start_view_change", view: 1, left: false };
const promise: ReplicaMessage = { type: "prepare_ok", view: 0, op: 1, checksum: at(1).checksum };

const take = (outbox: Outbox) => outbox.take(0, 0, 0);

describe("an outbox", () => {
  test("is empty at first, and hands out nothing", () => {
    const outbox = new Outbox();
    expect(outbox.empty).toBe(true);
    expect(take(outbox)).toEqual({
      write: undefined,
      messages: [],
      apply: [],
      queries: [],
      resume: false,
      effects: [],
      replies: [],
    });
  });

  test("hands out everything once", () => {
    const outbox = new Outbox();
    outbox.send(1, wish);
    outbox.writeEntry(at(1));
    outbox.apply({ op: 1, view: 0, timestamp: 1, requests: [] });
    outbox.query({ client: clientId("1"), number: 1, body: new Uint8Array(0) });
    outbox.reply({ type: "not_primary", view: 0, client: clientId("1") });
    expect(outbox.empty).toBe(false);
    const ready = take(outbox);
    expect(ready.write?.entries).toEqual([at(1)]);
    expect(ready.messages).toEqual([{ to: 1, message: wish }]);
    expect([ready.apply.length, ready.queries.length, ready.replies.length]).toEqual([1, 1, 1]);
    expect(outbox.empty).toBe(true);
    expect(take(outbox).write).toBeUndefined();
  });
});

describe("a write", () => {
  test("is numbered from 1 and carries the meta data as of its taking", () => {
    const outbox = new Outbox();
    outbox.writeMeta();
    expect(outbox.take(3, 2, 1).write).toEqual({
      write: 1,
      view: 3,
      log_view: 2,
      commit: 1,
      entries: [],
    });
    outbox.writeEntry(at(1));
    expect(outbox.take(3, 3, 1).write?.write).toBe(2);
  });

  test("gathers all entries of a turn", () => {
    const outbox = new Outbox();
    for (const entry of entries) outbox.writeEntry(entry);
    expect(take(outbox).write?.entries).toEqual(entries);
  });

  test("merges a truncation and what is appended after it", () => {
    const outbox = new Outbox();
    const other = entryAfter(at(1), "another two");
    outbox.writeTruncate(1);
    outbox.writeEntry(other);
    const { write } = take(outbox);
    expect(write?.truncate).toBe(1);
    expect(write?.entries).toEqual([other]);
  });

  test("does not hold entries that were truncated before it was taken", () => {
    const outbox = new Outbox();
    const other = entryAfter(at(1), "another two");
    outbox.writeEntry(at(1));
    outbox.writeEntry(at(2));
    outbox.writeTruncate(1);
    outbox.writeEntry(other);
    const { write } = take(outbox);
    expect(write?.entries).toEqual([at(1), other]);
    expect(write?.truncate).toBe(1);
  });

  test("truncates to the lowest of several places", () => {
    const outbox = new Outbox();
    outbox.writeTruncate(2);
    outbox.writeTruncate(1);
    outbox.writeTruncate(3);
    expect(take(outbox).write?.truncate).toBe(1);
  });
});

describe("a message that promises a write", () => {
  test("does not come out before that write has been reported", () => {
    const outbox = new Outbox();
    outbox.writeEntry(at(1));
    outbox.sendWhenDurable(1, promise);
    const ready = take(outbox);
    expect(ready.write?.write).toBe(1);
    expect(ready.messages).toEqual([]);
    expect(outbox.empty).toBe(true);
    expect(take(outbox).messages).toEqual([]);
    outbox.written(1);
    expect(outbox.empty).toBe(false);
    expect(take(outbox).messages.map(({ to, message }) => [to, message])).toEqual([[1, promise]]);
    expect(take(outbox).messages).toEqual([]);
  });

  test("does not come out before it to the replica itself either (I25)", () => {
    const outbox = new Outbox();
    outbox.writeEntry(at(1));
    outbox.sendWhenDurable(0, promise);
    expect(outbox.takeForSelf(0)).toEqual([]);
    take(outbox);
    expect(outbox.takeForSelf(0)).toEqual([]);
    outbox.written(1);
    expect(outbox.takeForSelf(0)).toEqual([promise]);
    expect(outbox.takeForSelf(0)).toEqual([]);
    expect(take(outbox).messages).toEqual([]);
  });

  test("waits for the write that is decided and not yet handed out, not for an earlier one", () => {
    const outbox = new Outbox();
    outbox.writeEntry(at(1));
    take(outbox);
    outbox.writeEntry(at(2));
    outbox.sendWhenDurable(1, promise);
    take(outbox);
    outbox.written(1);
    expect(take(outbox).messages).toEqual([]);
    outbox.written(2);
    expect(take(outbox).messages).toHaveLength(1);
  });

  test("waits for a write that is under way even if nothing is to be written since", () => {
    const outbox = new Outbox();
    outbox.writeEntry(at(1));
    take(outbox);
    outbox.sendWhenDurable(1, promise);
    expect(take(outbox).messages).toEqual([]);
    outbox.written(1);
    expect(take(outbox).messages).toHaveLength(1);
  });

  test("comes out at once if nothing is being written", () => {
    const outbox = new Outbox();
    outbox.sendWhenDurable(1, promise);
    expect(outbox.empty).toBe(false);
    expect(take(outbox).messages).toHaveLength(1);
  });

  test("is let through by the report of any later write, for a journal keeps order", () => {
    const outbox = new Outbox();
    outbox.writeEntry(at(1));
    outbox.sendWhenDurable(1, promise);
    take(outbox);
    outbox.writeEntry(at(2));
    take(outbox);
    outbox.written(2);
    outbox.written(1);
    expect(take(outbox).messages).toHaveLength(1);
  });

  test("leaves once, as it was last said, however often it is repeated while its write hangs", () => {
    const outbox = new Outbox();
    const later: ReplicaMessage = { ...promise, op: 2, checksum: at(2).checksum };
    const vote: ReplicaMessage = { type: "request_start_view", view: 0, nonce: 0 };
    outbox.writeEntry(at(1));
    outbox.writeEntry(at(2));
    for (let i = 0; i < 100; i++) outbox.sendWhenDurable(1, promise);
    take(outbox);
    for (let i = 0; i < 100; i++) outbox.sendWhenDurable(1, i < 99 ? promise : later);
    // To another replica, or of another kind, it is no repetition.
    outbox.sendWhenDurable(2, promise);
    outbox.sendWhenDurable(1, vote);
    expect(take(outbox).messages).toEqual([]);
    outbox.written(1);
    expect(take(outbox).messages.map(({ to, message }) => [to, message])).toEqual([
      [1, later],
      [2, promise],
      [1, vote],
    ]);
  });

  test("is not taken for a repetition of one that waits for an earlier write", () => {
    const outbox = new Outbox();
    outbox.writeEntry(at(1));
    outbox.sendWhenDurable(1, promise);
    take(outbox);
    outbox.writeEntry(at(2));
    outbox.sendWhenDurable(1, { ...promise, op: 2, checksum: at(2).checksum });
    take(outbox);
    outbox.written(1);
    expect(take(outbox).messages.map(({ message }) => message)).toEqual([promise]);
  });

  test("lets those that promise nothing pass it by", () => {
    const outbox = new Outbox();
    outbox.writeEntry(at(1));
    outbox.sendWhenDurable(1, promise);
    outbox.send(2, wish);
    expect(take(outbox).messages).toEqual([{ to: 2, message: wish }]);
  });

  test("stays for others when the replica takes its own", () => {
    const outbox = new Outbox();
    outbox.sendWhenDurable(1, promise);
    expect(outbox.takeForSelf(0)).toEqual([]);
    expect(take(outbox).messages).toHaveLength(1);
  });
});

describe("the view that is durable", () => {
  test("is that of the last write that has been reported, or what was recovered", () => {
    const outbox = new Outbox(2);
    outbox.writeMeta();
    outbox.take(3, 2, 0);
    outbox.writeMeta();
    outbox.take(4, 2, 0);
    expect(outbox.durableView).toBe(2);
    outbox.written(1);
    expect(outbox.durableView).toBe(3);
    outbox.written(2);
    expect(outbox.durableView).toBe(4);
  });
});
