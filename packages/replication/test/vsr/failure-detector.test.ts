import { describe, expect, test } from "vitest";
import { FailureDetector } from "../../src/vsr/failure-detector.ts";
import { ofType, TestGroup, ticks } from "../support/test-group.ts";

function detector(random = () => 0, jitter = 0): FailureDetector {
  return new FailureDetector({ floor: 20, ceiling: 60, jitter, random });
}

/** Signs of life, each after so many ticks. */
function hear(of: FailureDetector, ...pauses: number[]): void {
  for (const pause of pauses) {
    for (let tick = 0; tick < pause; tick++) of.tick();
    of.heard();
  }
}

/** The tick, from 1, at which the silence is too long; undefined if not within so many. */
function silentAt(of: FailureDetector, within = 200): number | undefined {
  for (let tick = 1; tick <= within; tick++) if (of.tick()) return tick;
  return undefined;
}

describe("a failure detector", () => {
  test("gives a primary that it does not know yet the least that it gives anybody", () => {
    const primary = detector();
    expect(silentAt(primary)).toBeUndefined();
    primary.start();
    expect(silentAt(primary)).toBe(20);
    expect([primary.running, silentAt(primary)]).toEqual([false, undefined]);
  });

  test("gives no less to one that speaks at every tick: it may fall idle", () => {
    const primary = detector();
    primary.start();
    hear(primary, ...new Array<number>(40).fill(1));
    expect(silentAt(primary)).toBe(20);
  });

  test("gives three of the longest recent pauses, and no more than its ceiling", () => {
    const primary = detector();
    primary.start();
    hear(primary, 4, 12, 4);
    expect(primary.patience).toBe(36);
    expect(silentAt(primary)).toBe(36);
    hear(primary, 0, 35, 1);
    expect(primary.patience).toBe(60);
  });

  test("forgets a pause after sixteen shorter ones, and counts signs of one tick as one", () => {
    const primary = detector();
    primary.start();
    hear(primary, 12, ...new Array<number>(15).fill(2), ...new Array<number>(99).fill(0));
    expect(primary.patience).toBe(36);
    hear(primary, 2);
    expect(primary.patience).toBe(20);
  });

  test("measures the whole silence if it gave up too early, and is not so hasty again", () => {
    const primary = detector();
    primary.start();
    expect(silentAt(primary)).toBe(20);
    // It wants another view and waits on; then the old primary is heard after all.
    primary.start();
    hear(primary, 5);
    expect(primary.patience).toBe(60);
  });

  test("knows nothing of the next primary's rhythm", () => {
    const primary = detector();
    primary.start();
    hear(primary, 15, 3);
    expect(primary.patience).toBe(45);
    primary.stop();
    primary.start();
    expect(silentAt(primary)).toBe(20);
  });

  test("adds from 0 up to its jitter, drawn anew at each start", () => {
    const drawn = [0, 0.5, 0.999_999];
    const primary = detector(() => drawn.shift() ?? 0, 4);
    const silences = [0, 1, 2].map(() => {
      primary.start();
      return silentAt(primary);
    });
    expect(silences).toEqual([20, 22, 24]);
  });
});

describe("a backup", () => {
  test("that has heard its primary speak slowly bears a longer silence of it than at first", () => {
    const group = new TestGroup();
    // Most heartbeats are lost: every fifth arrives.
    let sent = 0;
    const heal = group.lose((packet) => ofType("commit")(packet) && sent++ % 10 < 8);
    group.tick(10 * ticks.heartbeat);
    heal();
    const { patience } = group.state(1).timeouts.primarySilence;
    expect(patience).toBeGreaterThan(ticks.primarySilence);
    expect(patience).toBeLessThanOrEqual(ticks.primarySilenceMax);
    group.tick(ticks.heartbeat);
    group.isolate(0);
    group.tick(patience - ticks.heartbeat);
    expect([group.state(1).wantsView, group.state(2).wantsView]).toEqual([undefined, undefined]);
    group.tickUntil(() => group.state(1).isPrimary);
  });

  test("that was asleep draws no conclusion from that, but does what it owes", () => {
    const group = new TestGroup();
    group.isolate(0);
    for (let tick = 0; tick < 500; tick++) {
      for (const index of [0, 1, 2]) group.step(index, { type: "tick", late: true });
    }
    expect(group.replicas.map(({ state }) => [state.view, state.wantsView])).toEqual([
      [0, undefined],
      [0, undefined],
      [0, undefined],
    ]);
    expect(group.sentOf(0, "commit").length).toBeGreaterThan(200);
  });

  test("that was asleep does not give up a view either, nor a primary its office", () => {
    const group = new TestGroup();
    group.register("a");
    group.lose(ofType("prepare_ok", "do_view_change"));
    group.run("a", 1, "x");
    const asleep = (index: number) => group.step(index, { type: "tick", late: true });
    for (let tick = 0; tick < 2 * ticks.abdicate; tick++) asleep(0);
    expect(group.state(0)).toMatchObject({ isUnheard: false, wantsView: undefined });
    group.crash(0);
    group.tickUntil(() => group.state(1).status === "view_change");
    const { view } = group.state(1);
    for (let tick = 0; tick < 2 * ticks.primarySilence; tick++) asleep(1);
    expect(group.state(1)).toMatchObject({ view, wantsView: undefined });
  });
});
