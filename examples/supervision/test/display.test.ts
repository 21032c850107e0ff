import { child, createSystem, defineActor, supervisor } from "@troupe/actor";
import { expect, test } from "vitest";
import { Display } from "../src/display.ts";

const Worker = defineActor("worker", { init: () => ({}) });
const Group = supervisor({
  strategy: "one_for_one",
  children: [child(Worker, undefined, { name: "w1" })],
});
const App = supervisor({ strategy: "one_for_one", children: [child(Group, { name: "group" })] });

const cursor = "\u001b[";

/** A terminal that knows lines, "cursor up" and "erase below", and nothing else. */
function terminal(columns: number) {
  const lines: string[] = [];
  const write = (text: string) => {
    // The escape sequence stands at the beginning of what is written, or nowhere.
    const up = text.startsWith(cursor) ? Number.parseInt(text.slice(cursor.length), 10) : 0;
    const rest = up > 0 ? text.slice(text.indexOf("J") + 1) : text;
    lines.splice(lines.length - up);
    lines.push(...rest.split("\n").slice(0, -1));
  };
  return { lines, screen: { isTTY: true, columns, write } };
}

test("on a terminal the tree stands below the rows and is repainted", async () => {
  const { lines, screen } = terminal(40);
  const display = new Display(screen);
  await using system = createSystem({ logger: false });
  await system.start(App, { name: "app" });
  const show = (at: number) =>
    display.show({ at, nodes: system.inspectTree(), text: system.tree() });
  const cut = () =>
    system
      .tree()
      .split("\n")
      .map((line) => line.slice(0, 39));

  show(0);
  const head = lines.slice(0, 4);
  expect(lines).toEqual([...head, "", ...cut()]);
  expect(head.slice(2)).toEqual(["         group", "         w1"]);

  display.terminated("w1", { error: { name: "Error", message: "worn out" } });
  display.note("said");
  show(1234);
  expect(lines).toEqual([...head, " 1.23 s  X", "         said", "", ...cut()]);

  await system.shutdown();
  display.terminated("w1", "shutdown");
  show(2000);
  expect(lines.slice(4)).toEqual([
    " 1.23 s  X",
    "         said",
    "         w1 terminated: shutdown",
  ]);
});
