import fc from "fast-check";
import { expect, test } from "vitest";
import {
  CONTROL_LANE,
  channelLane,
  correlationLane,
  LANES,
  LaneUse,
  laneUse,
  processLane,
} from "../../src/link/lanes.ts";

test("channels have the lanes 1 to 7, always the same one for a name", () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      expect(laneUse(channelLane(name))).toBe(LaneUse.channel);
      expect(channelLane(name)).toBe(channelLane(name));
    }),
  );
});

test("names that differ in one character are spread over all lanes of channels", () => {
  const lanes = new Set(Array.from({ length: 100 }, (_, n) => channelLane(`group:${n}`)));
  expect([...lanes].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("processes and requests have the lanes 8 to 23, by their number", () => {
  const numbers = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(numbers, (n) => {
      expect(laneUse(processLane(n))).toBe(LaneUse.actors);
      expect(laneUse(correlationLane(n))).toBe(LaneUse.actors);
    }),
  );
  expect([processLane(1), processLane(17), processLane(15), processLane(16)]).toEqual([
    9, 9, 23, 8,
  ]);
  expect([correlationLane(1), correlationLane(2 ** 32 - 1)]).toEqual([9, 23]);
});

test("lane 0 is for control frames, and there is none above 23", () => {
  expect(laneUse(CONTROL_LANE)).toBe(LaneUse.control);
  expect([laneUse(LANES - 1), laneUse(LANES), laneUse(65_535)]).toEqual([
    LaneUse.actors,
    LaneUse.none,
    LaneUse.none,
  ]);
});
