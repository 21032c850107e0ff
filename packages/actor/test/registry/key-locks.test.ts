import { describe, expect, it } from "vitest";
import { KeyLocks } from "../../src/registry/key-locks.ts";
import { ManualClock, settle } from "../../src/testing.ts";
import { gate, watch } from "../support/harness.ts";

/** Something that can die, as a process does. */
function mortal(name: string) {
  const listeners = new Set<() => void>();
  return {
    listeners,
    describe: () => name,
    onRelease: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    die: () => {
      for (const listener of listeners) listener();
    },
  };
}

function locks(maxWaiting = 100) {
  const clock = new ManualClock();
  const made = new KeyLocks<unknown>({ clock, owner: "the registry", maxWaiting });
  const log: string[] = [];
  const free = { holder: undefined, timeoutMs: Number.POSITIVE_INFINITY, signal: undefined };
  /** Locks a key until the gate opens, and writes down when. */
  const hold = (
    key: unknown,
    name: string,
    request: Partial<Parameters<typeof made.run>[1]> = {},
  ) => {
    const held = gate<string>();
    const lost: string[] = [];
    const result = watch(
      made.run(key, { ...free, ...request }, (signal) => {
        log.push(`${name} in`);
        signal.addEventListener("abort", () => lost.push(String(signal.reason)));
        return held.promise.finally(() => log.push(`${name} out`));
      }),
    );
    return { ...held, lost, result };
  };
  return { locks: made, clock, log, hold, free };
}

describe("a lock", () => {
  it("runs the function at once when the key is free, and settles as it does", async () => {
    const { locks: made, free } = locks();
    let ran = false;
    const running = made.run("k", free, () => {
      ran = true;
      return 42;
    });
    expect(ran).toBe(true);
    expect(await running).toBe(42);
    expect(made.size).toBe(0);
  });

  it("lets one in at a time, in the order of asking", async () => {
    const { locks: made, log, hold } = locks();
    const [one, two, three] = [hold("k", "one"), hold("k", "two"), hold("k", "three")];
    await settle();
    expect(log).toEqual(["one in"]);
    one.open("1");
    await settle();
    expect(log).toEqual(["one in", "one out", "two in"]);
    two.open("2");
    three.open("3");
    await settle();
    expect(log.slice(3)).toEqual(["two out", "three in", "three out"]);
    expect([one.result.value, two.result.value, three.result.value]).toEqual(["1", "2", "3"]);
    expect(made.size).toBe(0);
  });

  it("does not lock other keys; keys are those of a Map", async () => {
    const { log, hold } = locks();
    for (const key of [1, "1", 1n]) hold(key, typeof key);
    await settle();
    expect(log).toEqual(["number in", "string in", "bigint in"]);
  });

  it("is free again when the function throws or rejects", async () => {
    const { locks: made, free, hold } = locks();
    const boom = () => {
      throw new TypeError("boom");
    };
    await expect(made.run("k", free, boom)).rejects.toThrow("boom");
    const first = hold("k", "first");
    const second = hold("k", "second");
    first.fail(new TypeError("later"));
    second.open("fine");
    await settle();
    expect(first.result.state).toBe("rejected");
    expect(second.result.value).toBe("fine");
    expect(made.size).toBe(0);
  });

  it("passes on when its holder dies, and tells the function, which runs on", async () => {
    const { log, hold } = locks();
    const holder = mortal("worker <1>");
    const first = hold("k", "first", { holder });
    hold("k", "second");
    holder.die();
    await settle();
    expect(log).toEqual(["first in", "second in"]);
    expect(first.lost).toEqual(["NoProcessError: worker <1> is not running"]);
    expect(first.result.state).toBe("pending");
    first.open("late");
    await settle();
    expect(first.result.value).toBe("late");
    expect(log).toEqual(["first in", "second in", "first out"]);
  });

  it("is not taken from the next one when the function of a dead holder ends", async () => {
    const { log, hold } = locks();
    const holder = mortal("worker <1>");
    const first = hold("k", "first", { holder });
    hold("k", "second");
    hold("k", "third");
    holder.die();
    await settle();
    first.open("late");
    await settle();
    expect(log).toEqual(["first in", "second in", "first out"]);
  });

  it("skips a waiter that died, which is refused and has not run", async () => {
    const { log, hold } = locks();
    const dying = mortal("worker <2>");
    const first = hold("k", "first");
    const second = hold("k", "second", { holder: dying });
    hold("k", "third");
    dying.die();
    await settle();
    expect([second.result.error?.code, second.result.error?.outcome]).toEqual([
      "ERR_NO_PROCESS",
      "not_run",
    ]);
    first.open("done");
    await settle();
    expect(log).toEqual(["first in", "first out", "third in"]);
  });

  it("passes on when a waiter dies between the grant and its turn", async () => {
    const { log, hold } = locks();
    const [killer, dying] = [mortal("worker <1>"), mortal("worker <2>")];
    hold("k", "first", { holder: killer });
    const second = hold("k", "second", { holder: dying });
    hold("k", "third");
    killer.die();
    dying.die();
    await settle();
    expect(log).toEqual(["first in", "third in"]);
    expect(second.result.error?.code).toBe("ERR_NO_PROCESS");
  });

  it("is waited for no longer than asked; the next one is not held up", async () => {
    const { log, hold, clock } = locks();
    const first = hold("k", "first");
    const second = hold("k", "second", { timeoutMs: 100 });
    hold("k", "third");
    await clock.advanceAsync(99);
    expect(second.result.state).toBe("pending");
    await clock.advanceAsync(1);
    expect([second.result.error?.code, second.result.error?.outcome]).toEqual([
      "ERR_LOCK_TIMEOUT",
      "not_run",
    ]);
    expect(second.result.error?.message).toBe(
      'the lock "k" of the registry was not free within 100 ms',
    );
    first.open("done");
    await settle();
    expect(log).toEqual(["first in", "first out", "third in"]);
    expect(clock.pending).toBe(0);
  });

  it("passes on when it is granted to one that gives up in the same moment", async () => {
    const { log, hold, clock } = locks();
    const first = hold("k", "first");
    const second = hold("k", "second", { timeoutMs: 100 });
    hold("k", "third");
    await settle();
    clock.advance(100);
    first.open("done");
    await settle();
    expect(second.result.error?.code).toBe("ERR_LOCK_TIMEOUT");
    expect(log).toEqual(["first in", "first out", "third in"]);
  });

  it("is not waited for once the signal is aborted; what runs already runs on", async () => {
    const { locks: made, log, hold } = locks();
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const first = hold("k", "first", { signal });
    const second = hold("k", "second", { signal });
    await settle();
    giveUp.abort();
    await settle();
    expect([second.result.error?.code, second.result.error?.outcome]).toEqual([
      "ERR_CALL_ABORTED",
      "not_run",
    ]);
    expect(first.result.state).toBe("pending");
    first.open("done");
    await settle();
    const third = hold("k", "third", { signal });
    await settle();
    expect(third.result.error?.code).toBe("ERR_CALL_ABORTED");
    expect(log).toEqual(["first in", "first out"]);
    expect(made.size).toBe(0);
  });

  it("has a limited number of waiters, over all keys", async () => {
    const { hold, log } = locks(1);
    const [first, other] = [hold("k", "first"), hold("o", "other")];
    const second = hold("k", "second");
    const third = hold("o", "third");
    await settle();
    expect([third.result.error?.code, third.result.error?.outcome]).toEqual([
      "ERR_TOO_MANY_CALLS",
      "not_run",
    ]);
    first.open("done");
    await settle();
    hold("o", "fourth");
    other.open("done");
    second.open("done");
    await settle();
    expect(log.filter((line) => line.endsWith("in"))).toEqual([
      "first in",
      "other in",
      "second in",
      "fourth in",
    ]);
  });

  it("refuses all that wait and tells all that run when it is closed", async () => {
    const { locks: made, log, hold } = locks();
    const first = hold("k", "first");
    const second = hold("k", "second");
    const other = hold("o", "other");
    made.close(new TypeError("over"));
    await settle();
    expect(second.result.state).toBe("rejected");
    expect([first.lost, other.lost]).toEqual([["TypeError: over"], ["TypeError: over"]]);
    first.open("done");
    await settle();
    expect(first.result.value).toBe("done");
    expect(log).toEqual(["first in", "other in", "first out"]);
    expect(made.size).toBe(0);
  });

  it("listens to its holder only while it is asked for or held", async () => {
    const { locks: made, free, hold } = locks();
    const holder = mortal("worker <1>");
    const first = hold("k", "first", { holder });
    const second = made.run("k", { ...free, holder }, () => "second");
    expect(holder.listeners.size).toBe(2);
    first.open("done");
    expect(await second).toBe("second");
    await settle();
    expect(holder.listeners.size).toBe(0);
  });
});
