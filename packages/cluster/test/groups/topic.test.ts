import { expect, test } from "vitest";
import { topicOption } from "../../src/groups/topic.ts";

test("a name is well-formed text of 1 to 256 bytes", () => {
  expect(topicOption("topic", "#lobby 🎈")).toBe("#lobby 🎈");
  expect(topicOption("topic", "x".repeat(256))).toHaveLength(256);
  for (const bad of ["", "x".repeat(257), "ä".repeat(129), "\udfff", 7, undefined]) {
    expect(() => topicOption("topic", bad)).toThrow(/invalid option topic/);
  }
});
