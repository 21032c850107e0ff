import { describe, expect, test } from "vitest";
import {
  FailureDetector,
  MAX_CAUTION,
  MAX_DOUBT,
  MAX_EXCUSED,
} from "../../src/membership/failure-detector.ts";

const options = { heartbeatMs: 1000, suspectAfterMisses: 3, heartbeatMisses: 5 };

/** A detector that watches some linked members. */
function watching(names: string[], overrides: Partial<typeof options> = {}) {
  const detector = new FailureDetector({ ...options, ...overrides });
  for (const name of names) {
    detector.linked(name, 1000);
    detector.watch(name, 1000);
  }
  // In the first round the handshake was heard.
  detector.round(false);
  return detector;
}

/** In which of the next rounds, counted from one, the member is first suspected. */
function suspectedIn(detector: FailureDetector, name: string, hear: string[] = []): number {
  for (let round = 1; round < 1000; round++) {
    for (const other of hear) detector.heard(other);
    if (detector.round(false).suspects.includes(name)) return round;
  }
  return Number.POSITIVE_INFINITY;
}

describe("a silent member", () => {
  test("is suspected first, and its link is dead later", () => {
    const detector = watching(["a"]);
    const rounds = Array.from({ length: 5 }, () => detector.round(false));
    expect(rounds.map(({ suspects }) => suspects.length)).toEqual([0, 0, 1, 1, 1]);
    expect(rounds.map(({ dead }) => dead.length)).toEqual([0, 0, 0, 0, 1]);
  });

  test("is trusted again with a single sign of life", () => {
    const detector = watching(["a"]);
    for (let round = 0; round < 4; round++) detector.round(false);
    detector.heard("a");
    expect(detector.round(false)).toEqual({ skipped: false, suspects: [], dead: [] });
    expect(detector.isHeard("a")).toBe(true);
    expect(suspectedIn(detector, "a")).toBe(3);
  });

  test("that promises to be heard less often is given as many of its own rounds", () => {
    const detector = new FailureDetector(options);
    detector.linked("slow", 3000);
    detector.watch("slow", 3000);
    detector.round(false);
    const rounds = Array.from({ length: 15 }, () => detector.round(false));
    expect(rounds.findIndex(({ suspects }) => suspects.length > 0) + 1).toBe(9);
    expect(rounds.findIndex(({ dead }) => dead.length > 0) + 1).toBe(15);
  });

  test("cannot have itself waited for for ever", () => {
    const detector = new FailureDetector(options);
    detector.linked("never", 2 ** 32 - 1);
    detector.watch("never", 2 ** 32 - 1);
    expect(suspectedIn(detector, "never")).toBe(1 + 3 * 60);
  });

  test("goes on being silent when its link is lost, and is not suspected for that alone", () => {
    const detector = watching(["a"]);
    detector.unlinked("a");
    expect(suspectedIn(detector, "a")).toBe(3);
    expect(detector.round(false).dead).toEqual([]);
  });

  test("that is gone is not suspected, but its link is still watched", () => {
    const detector = watching(["a", "b"]);
    detector.unwatch("a");
    const rounds = Array.from({ length: 5 }, () => detector.round(false));
    expect(rounds.flatMap(({ suspects }) => suspects)).not.toContain("a");
    expect(rounds[4]?.dead).toContain("a");
    detector.unlinked("a");
    expect(detector.round(false).dead).not.toContain("a");
  });
});

describe("a member that others vouch for", () => {
  test("is given twice the time after each refutation, up to a bound", () => {
    const detector = watching(["a"]);
    detector.unlinked("a");
    const patience = Array.from({ length: MAX_CAUTION + 2 }, () => {
      const rounds = suspectedIn(detector, "a");
      detector.vouched("a");
      return rounds;
    });
    expect(patience).toEqual([3, 6, 12, 24, 48, 96, 96]);
    detector.linked("a", 1000);
    detector.round(false);
    expect(suspectedIn(detector, "a")).toBe(3);
  });

  test("loses a silent link all the same", () => {
    const detector = watching(["a"]);
    const dead: number[] = [];
    for (let round = 1; round <= 6; round++) {
      if (detector.round(false).dead.length > 0) dead.push(round);
      detector.vouched("a");
    }
    expect(dead[0]).toBe(5);
  });

  test("and that we never had a link with is left to those who have one, for a while", () => {
    const detector = new FailureDetector(options);
    detector.watch("a", 1000);
    expect(suspectedIn(detector, "a")).toBe(24);
  });
});

describe("a late round", () => {
  test("forgives everybody", () => {
    const detector = watching(["a"]);
    detector.round(false);
    detector.round(false);
    expect(detector.round(true)).toEqual({ skipped: true, suspects: [], dead: [] });
    detector.heard("a");
    detector.round(false);
    expect(suspectedIn(detector, "a")).toBe(3);
  });

  test("makes the node doubt itself until it was on time again", () => {
    const detector = watching(["a"]);
    detector.round(true);
    expect(detector.doubt).toBe(1);
    detector.heard("a");
    detector.round(false);
    expect(detector.doubt).toBe(0);
  });

  test("is excused only so often in a row: who is always late is slow, and not paused", () => {
    const detector = watching(["a"]);
    const skipped = Array.from({ length: MAX_EXCUSED + 5 }, () => detector.round(true).skipped);
    expect(skipped.lastIndexOf(true)).toBe(MAX_EXCUSED - 1);
    expect(suspectedIn(detector, "a")).toBeLessThan(12);
  });
});

describe("a node doubts itself", () => {
  test("when nobody of several is heard, and then accuses later", () => {
    const detector = watching(["a", "b"]);
    expect(suspectedIn(detector, "a")).toBe(3 * (1 + MAX_DOUBT));
    expect(detector.doubt).toBe(MAX_DOUBT);
  });

  test("but not when the only other one is silent, nor when one of several is", () => {
    expect(suspectedIn(watching(["a"]), "a")).toBe(3);
    expect(suspectedIn(watching(["a", "b"]), "a", ["b"])).toBe(3);
  });

  test("after it had to refute, up to a bound, and believes itself again round by round", () => {
    const detector = watching(["a", "b"]);
    for (let n = 0; n < 10; n++) detector.doubtSelf();
    expect(detector.doubt).toBe(MAX_DOUBT);
    for (let n = 0; n < MAX_DOUBT; n++) {
      detector.heard("b");
      detector.round(false);
    }
    expect(detector.doubt).toBe(0);
  });
});
