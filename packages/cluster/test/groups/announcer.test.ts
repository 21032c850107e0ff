import { expect, test } from "vitest";
import { Announcer } from "../../src/groups/announcer.ts";

function announcer() {
  const errors: string[] = [];
  const heard: string[] = [];
  const made = new Announcer<number>((topic, error) => errors.push(`${topic}: ${error}`));
  const listen = (who: string, topic = "t") =>
    made.listen(topic, (event) => heard.push(`${who} ${event}`));
  return { made, errors, heard, listen };
}

test("a topic is told to its own listeners, as long as they listen", () => {
  const { made, heard, listen } = announcer();
  const stop = listen("x");
  listen("y", "other");
  made.announce("t", 1);
  expect(made.hears("t")).toBe(true);
  stop();
  stop();
  expect(made.hears("t")).toBe(false);
  made.announce("t", 2);
  expect(heard).toEqual(["x 1"]);
});

test("what is announced while something is told is told after it, in the same order to all", () => {
  const { made, heard, listen } = announcer();
  made.listen("t", (event) => event < 3 && made.announce("t", event + 1));
  listen("x");
  made.announce("t", 1);
  expect(heard).toEqual(["x 1", "x 2", "x 3"]);
});

test("a listener hears nothing that was announced before it listened", () => {
  const { made, heard, listen } = announcer();
  made.listen("t", (event) => {
    if (event !== 1) return;
    made.announce("t", 2);
    listen("late");
    made.announce("t", 3);
  });
  listen("x");
  made.announce("t", 1);
  expect(heard).toEqual(["x 1", "x 2", "x 3", "late 3"]);
});

test("one who stops while something is told hears no more of it", () => {
  const { made, heard, listen } = announcer();
  made.listen("t", () => stop());
  const stop = listen("x");
  made.announce("t", 1);
  expect(heard).toEqual([]);
});

test("one who comes after the last one has gone is a listener like any other", () => {
  const { made, heard, listen } = announcer();
  const first = listen("x");
  first();
  listen("y");
  first();
  made.announce("t", 1);
  expect(heard).toEqual(["y 1"]);
});

test("one who throws is reported and hides nothing from the others", () => {
  const { made, errors, heard, listen } = announcer();
  made.listen("t", () => {
    throw new RangeError("mine");
  });
  listen("x");
  made.announce("t", 1);
  made.announce("t", 2);
  expect(heard).toEqual(["x 1", "x 2"]);
  expect(errors).toEqual(["t: RangeError: mine", "t: RangeError: mine"]);
});
