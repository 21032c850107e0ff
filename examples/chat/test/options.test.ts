import { expect, test } from "vitest";
import { parseOptions, portOf, UsageError } from "../src/options.ts";

test("a name and a port are read, and have defaults", () => {
  expect(parseOptions([])).toEqual({ name: undefined, basePort: 7410 });
  expect(parseOptions(["c", "20000"])).toEqual({ name: "c", basePort: 20_000 });
  expect(portOf("c", 20_000)).toBe(20_002);
});

test.each([
  [["d"], 'expected a, b, c or nothing, got "d"'],
  [["toString"], 'expected a, b, c or nothing, got "toString"'],
  [["a", "x"], 'expected the port of node a, 1000 to 65000, got "x"'],
  [["a", "65001"], 'expected the port of node a, 1000 to 65000, got "65001"'],
  [["a", "7410", "b"], 'expected a node and a port, got "a 7410 b"'],
])("%j is refused by name", (args, message) => {
  expect(() => parseOptions(args)).toThrow(new UsageError(message));
});
