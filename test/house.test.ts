/** The laws of the house (DESIGN §2) that a machine can check, over every source of the project. */
import { describe, expect, it } from "vitest";
import { pages } from "./fences.ts";
import { floors, rooms } from "./floors.ts";
import { headings, importsOf, readSource, sources, specifiersOf } from "./sources.ts";

const packages = ["actor", "cluster", "replication"] as const;

/** Which packages of the project a package may import, and nothing else of it. */
const mayImport: Record<(typeof packages)[number], readonly string[]> = {
  actor: [],
  cluster: ["@troupe/actor"],
  replication: ["@troupe/actor", "@troupe/cluster"],
};

/** Dependencies that enter through one file, so that replacing one means changing one. */
const singleDoors: readonly (readonly [specifier: string, file: string])[] = [
  ["ws", "packages/cluster/src/transport/websocket.ts"],
  ["prom-client", "packages/cluster/src/http/metrics.ts"],
  ["cbor-x", "packages/cluster/src/codec/codec.ts"],
  ["eventemitter3", "packages/actor/src/system/reports.ts"],
  ["node:fs/promises", "packages/replication/src/journal/storage.ts"],
  ["node:dns", "packages/cluster/src/discovery/dns-port.ts"],
  ["node:dgram", "packages/cluster/src/discovery/datagram-port.ts"],
];

const published = packages.flatMap((name) => sources(`packages/${name}/src`));
const everything = [
  ...published,
  ...sources("packages/cluster/sim"),
  ...sources("packages/replication/sim"),
  ...sources("packages/troupe"),
  ...sources("packages/bench/src"),
  ...sources("examples"),
  ...sources("test"),
  ...packages.flatMap((name) => sources(`packages/${name}/test`)),
];

const comment = /^\s*(\/?\*|\/\/)/;

/** The lines that break a rule, as `file:line`; a test shows them all at once. */
function offences(files: readonly string[], pattern: RegExp, where: "code" | "all" = "code") {
  return files.flatMap((file) =>
    readSource(file)
      .split("\n")
      .map((line, i) => ({ line, place: `${file}:${i + 1}: ${line.trim()}` }))
      .filter(({ line }) => pattern.test(line) && (where === "all" || !comment.test(line)))
      .map(({ place }) => place),
  );
}

describe("floors", () => {
  for (const name of packages) {
    const room = `packages/${name}/src/`;
    const table = floors(name);

    it(`${name}: every file is on one floor, and every floor's file exists`, () => {
      const files = sources(`packages/${name}/src`).map((file) => file.slice(room.length));
      expect([...table.keys()].sort()).toEqual(files.sort());
    });

    it(`${name}: a file imports lower floors only; types may stay on its floor`, () => {
      const climbing = sources(`packages/${name}/src`).flatMap((file) =>
        importsOf(file).flatMap(({ path, typeOnly }) => {
          const from = table.get(file.slice(room.length)) ?? -1;
          const to = table.get(path.slice(room.length)) ?? -1;
          return to < from || (typeOnly && to === from) ? [] : [`${file} -> ${path}`];
        }),
      );
      expect(climbing).toEqual([]);
    });

    it(`${name}: imports of the other packages only what is below it, by name`, () => {
      const wrong = sources(`packages/${name}/src`).flatMap((file) =>
        specifiersOf(file)
          .filter((specifier) => specifier.startsWith("@troupe/"))
          .filter((specifier) => !mayImport[name].some((p) => isDoorOf(specifier, p)))
          .map((specifier) => `${file}: ${specifier}`),
      );
      expect(wrong).toEqual([]);
    });
  }

  it("a package is entered by its public name or its runtime door only", () => {
    expect(isDoorOf("@troupe/actor/runtime", "@troupe/actor")).toBe(true);
    expect(isDoorOf("@troupe/actor/dist/system.js", "@troupe/actor")).toBe(false);
  });
});

function isDoorOf(specifier: string, name: string): boolean {
  return specifier === name || specifier === `${name}/runtime`;
}

describe("the walled room", () => {
  const room = sources("packages/replication/src/vsr");

  it("is there", () => {
    expect(room.length).toBeGreaterThan(10);
  });

  it("imports nothing from outside itself", () => {
    const outside = room.flatMap((file) =>
      specifiersOf(file)
        .filter((specifier) => !specifier.startsWith("./"))
        .map((specifier) => `${file}: ${specifier}`),
    );
    expect(outside).toEqual([]);
  });

  it("has no promise, timer, clock, chance or console", () => {
    const words =
      "async await Promise setTimeout setInterval setImmediate queueMicrotask Date performance " +
      "process Buffer console";
    const impure = new RegExp(`\\b(${words.replaceAll(" ", "|")})\\b|Math\\.random`);
    expect(offences(room, impure)).toEqual([]);
  });
});

describe("dependencies", () => {
  for (const [specifier, door] of singleDoors) {
    it(`${specifier} enters through ${door}`, () => {
      const importers = published.filter((file) => specifiersOf(file).includes(specifier));
      expect(importers).toEqual([door]);
    });
  }

  it("no published source imports the simulator, a test, or a testing door", () => {
    // The rooms behind the testing doors may of course use their own files.
    const others = published.filter((file) => !/\/src\/testing(\/|\.ts$)/.test(file));
    const wrong = others.flatMap((file) =>
      specifiersOf(file)
        .filter((specifier) => /(^|\/)(sim|test|testing)(\/|\.ts|$)/.test(specifier))
        .map((specifier) => `${file}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("style", () => {
  it("no source file is longer than 400 lines", () => {
    const long = everything
      .filter((file) => !/\/test\//.test(`/${file}`))
      .filter((file) => readSource(file).split("\n").length > 401);
    expect(long).toEqual([]);
  });

  it("no line is longer than 100 characters, but a test's title that is one sentence", () => {
    expect(offences(everything, /^(?!\s*(it|test)\(").{101,}$/, "all")).toEqual([]);
  });

  it("errors are typed, exports are listed, and nothing is left for later", () => {
    expect(offences(published, /throw new Error\(/)).toEqual([]);
    expect(offences(published, /export \*/)).toEqual([]);
    expect(offences(published, /\bas any\b|@ts-ignore|\bTODO\b|\bFIXME\b/)).toEqual([]);
  });

  it("every file says at its top what it is for", () => {
    expect(published.filter((file) => !readSource(file).startsWith("/**"))).toEqual([]);
  });

  it("no test is skipped or singled out", () => {
    const tests = everything.filter((file) => file.endsWith(".test.ts"));
    expect(offences(tests, /\b(it|test|describe)\.(skip|only|todo)\b/)).toEqual([]);
  });

  it("no test sleeps, but those that open sockets or start processes", () => {
    const tests = packages
      .flatMap((name) => sources(`packages/${name}/test`))
      .filter((file) => !rooms.realTime.includes(file));
    expect(offences(tests, /\bsetTimeout\(|timers\/promises/)).toEqual([]);
  });

  it("a page has one title", () => {
    const wrong = pages().filter(
      (page) => headings(page).filter((h) => h.level === 1).length !== 1,
    );
    expect(wrong).toEqual([]);
  });
});
