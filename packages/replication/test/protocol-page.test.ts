/** docs/protocol.md against the code: its messages, its quorums, and where each invariant is. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { quorumOf } from "../src/vsr/index.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const read = (path: string) => readFileSync(here(path), "utf8");
const page = read("../../../docs/protocol.md");

/** The cells of the tables' rows of a section, up to the next heading. */
function rowsOf(heading: string): string[][] {
  const start = page.indexOf(`\n${heading}\n`);
  expect(start, `the section "${heading}"`).toBeGreaterThan(0);
  const body = page.slice(start + heading.length + 2).split(/\n#+ /)[0] ?? "";
  return body
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[\s|:-]+\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

function namesIn(cell = ""): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
}

test("every message of the room has a row, and every row is a message", () => {
  const types = [...read("../src/vsr/message.ts").matchAll(/readonly type: "(\w+)"/g)];
  const named = rowsOf("## Messages")
    .filter((row) => row.length > 2)
    .flatMap(([first]) => namesIn(first));
  expect(new Set(named)).toEqual(new Set(types.map(([, type]) => type)));
  expect(types.length).toBeGreaterThan(15);
});

test("what must be durable first is said of those messages, and only those, that wait for it", () => {
  const gated = rowsOf("## Messages").filter((row) => row.length > 2 && row[2] === "yes");
  const durable = rowsOf("## Messages").filter((row) => row.length === 2);
  const atSender = durable.filter(([, what]) => what?.startsWith("at its sender"));
  expect(atSender.flatMap(([first]) => namesIn(first))).toEqual(
    gated.flatMap(([first]) => namesIn(first)),
  );
  expect(gated.length).toBeGreaterThan(2);
});

test("the quorums are those of the code", () => {
  const rows = rowsOf("## Quorums").filter(([first]) => /^\d+$/.test(first ?? ""));
  expect(rows.map(([size]) => Number(size))).toEqual([1, 2, 3, 4, 5, 6, 7]);
  for (const [size, quorum] of rows) expect(Number(quorum)).toBe(quorumOf(Number(size)));
});

describe("the invariants", () => {
  const rows = rowsOf("### By their numbers").filter(([number]) => /^I\d+$/.test(number ?? ""));
  const places: Record<string, string> = {
    laws: "support/scenario/laws.ts",
    checker: "../sim/checker.ts",
  };

  test("are all there, or the page says why not", () => {
    const told = rows.map(([number]) => number);
    const rest = page.slice(page.indexOf("Not of this room, or not built"));
    for (const [, from, to] of rest.matchAll(/\bI(\d+)(?:–I(\d+))?/g)) {
      for (let n = Number(from); n <= Number(to ?? from); n++) told.push(`I${n}`);
    }
    const all = Array.from({ length: 58 }, (_, i) => `I${i + 1}`);
    expect(all.filter((number) => !told.includes(number))).toEqual([]);
  });

  test.each(rows)("%s is asserted and tested where the page says: %s", (number, _, ...cells) => {
    const [asserted, tested] = cells.map(namesIn);
    for (const name of asserted ?? []) {
      expect(existsSync(here(places[name] ?? `../src/vsr/${name}.ts`)), name).toBe(true);
    }
    expect(tested).not.toEqual([]);
    for (const name of tested ?? []) {
      // In the title of a test: that is where one who is looking for it will look.
      const titles = read(`${name}.test.ts`).match(/^ *(test|describe)(\.each)?\(.*$/gm) ?? [];
      const about = titles.filter((title) => new RegExp(`\\b${number}\\b`).test(title));
      expect(about.length, `${number} in the titles of ${name}`).toBeGreaterThan(0);
    }
  });
});
