import { describe, expect, it } from "vitest";
import { RestartIntensity } from "../../src/supervision/restart-intensity.ts";

/** What each of the given times answers, for `max` restarts in `seconds`. */
function answers(max: number, seconds: number, times: number[]): boolean[] {
  const intensity = new RestartIntensity(max, seconds);
  return times.map((time) => intensity.exceedsAt(time));
}

describe("RestartIntensity", () => {
  it("exceeds when more than maxRestarts fall within the window", () => {
    expect(answers(2, 5, [0, 1, 2])).toEqual([false, false, true]);
  });

  it("exceeds at the first restart when none is tolerated", () => {
    expect(answers(0, 5, [0])).toEqual([true]);
  });

  it("counts a restart exactly as old as the window, and forgets an older one", () => {
    expect(answers(1, 1, [0, 1000])).toEqual([false, true]);
    expect(answers(1, 1, [0, 1001])).toEqual([false, false]);
  });

  it("slides: restarts that are spread out never exceed", () => {
    const times = Array.from({ length: 50 }, (_, n) => n * 600);
    expect(answers(2, 1, times)).not.toContain(true);
  });

  it("refuses bad limits by name", () => {
    expect(() => new RestartIntensity(-1, 5)).toThrow("maxRestarts: expected an integer >= 0");
    expect(() => new RestartIntensity(1, 0)).toThrow("maxSeconds: expected a number > 0");
  });
});
