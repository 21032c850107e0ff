/**
 * The tables of options in the guide to clustering have every option, with the default that the
 * sources have.
 */
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { limitDefaults, nodeDefaults } from "../packages/cluster/src/options.ts";
import { tlsDefaults } from "../packages/cluster/src/transport/tls.ts";
import { readSource } from "./sources.ts";

interface Property {
  readonly isRequired: boolean;
  /** What its docstring says is the default. */
  readonly stated: string | undefined;
}

/** The properties of an interface, as its source has them. */
function propertiesOf(file: string, name: string, prefix = ""): ReadonlyMap<string, Property> {
  const source = ts.createSourceFile(file, readSource(file), ts.ScriptTarget.Latest, true);
  const found = source.statements
    .filter(ts.isInterfaceDeclaration)
    .find((statement) => statement.name.text === name);
  const members = found?.members.filter(ts.isPropertySignature) ?? [];
  return new Map(
    members.map((member) => {
      const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "default");
      const stated = ts.getTextOfJSDocComment(tag?.comment)?.replaceAll("`", "");
      const isRequired = member.questionToken === undefined;
      return [prefix + member.name.getText(), { isRequired, stated }];
    }),
  );
}

const options = "packages/cluster/src/options.ts";
const tls = "packages/cluster/src/transport/tls.ts";
const inherited = propertiesOf("packages/actor/src/system/system-options.ts", "SystemOptions");
const properties = new Map([
  ...propertiesOf(options, "NodeOptions"),
  ...propertiesOf(options, "NodeLimits", "limits."),
  ...propertiesOf(options, "HttpOptions", "http."),
  ...propertiesOf(tls, "TlsOptions", "tls."),
]);

/** Of each option, the cells of its row: type, default, meaning. */
const rows = readSource("docs/clustering.md")
  .replace(/[\s\S]*^## Options$/m, "")
  .replace(/^## [\s\S]*/m, "")
  .split("\n")
  .flatMap((line): [string, string[]][] => {
    const [, name, rest = ""] = /^\| `([\w.]+)` \|(.*)\|$/.exec(line) ?? [];
    const cells = rest.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("`", ""));
    return name === undefined ? [] : [[name, cells]];
  });

const statedIn = (name: string) => new Map(rows).get(name)?.[1];

const known = (prefix: string, defaults: Readonly<Record<string, unknown>>) =>
  Object.entries(defaults).map(([name, value]) => [prefix + name, JSON.stringify(value)] as const);

describe("the tables of options in the guide to clustering", () => {
  it("have one row for each option, and no other", () => {
    expect(properties.size).toBeGreaterThan(30);
    const named = rows.map(([name]) => name).filter((name) => !inherited.has(name));
    expect(named.sort()).toEqual([...properties.keys()].sort());
  });

  it.each([
    ...known("", nodeDefaults),
    ...known("limits.", limitDefaults),
    ...known("tls.", tlsDefaults),
  ])("say that %s is %s by default, as does its docstring", (name, value) => {
    expect([statedIn(name), properties.get(name)?.stated]).toEqual([value, value]);
  });

  it("say of every other option what its docstring says", () => {
    const expected = [...properties].map(([name, { isRequired, stated }]) => [
      name,
      isRequired ? "required" : (stated ?? expect.stringMatching(/^(none|see below)$/)),
    ]);
    expect([...properties.keys()].map((name) => [name, statedIn(name)])).toEqual(expected);
  });

  it("say of each what type it has, and what it means", () => {
    const bare = rows.filter(([, cells]) => cells.length !== 3 || cells.some((cell) => !cell));
    expect(bare).toEqual([]);
  });
});
