import { expect, test } from "vitest";
import { seedUrl, splitSeeds } from "../../src/discovery/seed-url.ts";

test.each([
  ["ws://a:1", "ws://a:1"],
  ["WSS://a:1/path", "WSS://a:1/path"],
  ["memory://a", "memory://a"],
  ["a:1", "ws://a:1"],
  ["localhost:7400", "ws://localhost:7400"],
  ["10.0.0.1:7400", "ws://10.0.0.1:7400"],
  ["[fd00::1]:7400", "ws://[fd00::1]:7400"],
  ["a.example.com:7400", "ws://a.example.com:7400"],
])("%s is %s", (text, url) => {
  expect(seedUrl(text)).toBe(url);
});

test.each([
  "",
  "a",
  "a:",
  ":1",
  "a:70000",
  "a:b:1",
  "fd00::1:7400",
  "[fd00::1]",
  "a:1/x",
  "u@a:1",
  "ws://",
  "ws://a b:1",
  " a:1",
  "a:1\n",
  `ws://${"a".repeat(2048)}:1`,
  7,
  null,
  ["a:1"],
])("no address: %j", (text) => {
  expect(seedUrl(text)).toBeUndefined();
});

test("a list is split at its commas and spaces", () => {
  expect(splitSeeds(" a, b\n\tc,,d ")).toEqual(["a", "b", "c", "d"]);
  expect(splitSeeds(" , ")).toEqual([]);
});
