import { expect, test } from "vitest";
import { Display, type Snapshot } from "../src/display.ts";

const snapshot: Snapshot = {
  ...{ rows: 2_000, answered: 500, refused: 7, retries: 2 },
  statuses: [
    {
      replica: "r1",
      reachable: true,
      status: "normal",
      view: 3,
      primary: "r1",
      op: 12,
      commit: 11,
    },
    {
      replica: "r2",
      reachable: true,
      status: "view_change",
      view: 3,
      primary: "r1",
      op: 9,
      commit: 9,
    },
    { replica: "r3", reachable: false },
  ],
};

function screen(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  let now = 0;
  const display = new Display({ isTTY, columns, write: (text) => written.push(text) }, () => now);
  return { display, written, pass: (ms: number) => (now += ms) };
}

test("elsewhere than on a terminal, progress is plain lines", () => {
  const { display, written, pass } = screen(false);
  display.progress({ ...snapshot, answered: 0 });
  pass(1_000);
  display.progress(snapshot);
  expect(written[1]).toBe(
    " 25 %  500/2,000  500 ops/s  view 3, primary r1 | " +
      "r1 op 12 commit 11 | r2 view_change op 9 commit 9 | r3 down\n",
  );
  expect(written.join("")).not.toContain("\u001b");
});

test("a plain line appears every 5 percent or every 2 seconds", () => {
  const { display, written, pass } = screen(false);
  display.progress({ ...snapshot, answered: 0 });
  display.progress({ ...snapshot, answered: 99 });
  expect(written).toHaveLength(1);
  display.progress({ ...snapshot, answered: 100 });
  expect(written).toHaveLength(2);
  pass(2_000);
  display.progress({ ...snapshot, answered: 100 });
  expect(written).toHaveLength(3);
});

test("on a terminal the progress is repainted in place", () => {
  const { display, written } = screen(true);
  display.progress(snapshot);
  const lines = written[0]?.split("\n").length ?? 0;
  display.progress(snapshot);
  expect(written[1]?.startsWith(`\u001b[${lines - 1}A\u001b[J`)).toBe(true);
  expect(written[1]).toContain("view 3, primary r1");
  expect(written[1]).toContain("r3 down");
});

test("a note stays above what is repainted", () => {
  const { display, written } = screen(true);
  display.progress(snapshot);
  display.note("killed the primary r1");
  expect(written[1]).toMatch(/J?killed the primary r1\n\n {2}█/);
  display.end();
  display.note("the end");
  expect(written[2]).toBe("the end\n");
});

test("a line never wraps", () => {
  const { display, written } = screen(true, 20);
  display.progress(snapshot);
  const widths = written[0]?.split("\n").map((line) => line.length) ?? [];
  expect(Math.max(...widths)).toBeLessThan(20);
});

test("without a primary it says so", () => {
  const { display, written } = screen(false);
  display.progress({ ...snapshot, statuses: [] });
  expect(written[0]).toContain("no primary");
});
