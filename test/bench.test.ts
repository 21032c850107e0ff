/** The bench itself: its figures are of work that was done, its ratios the right way up. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { remoteRows, remoteSides } from "../packages/bench/src/remote.ts";
import { replicatedRows, replicatedSides } from "../packages/bench/src/replicated.ts";
import { asJson } from "../packages/bench/src/report.ts";
import { measure, type Row } from "../packages/bench/src/rounds.ts";
import { SideProcess } from "../packages/bench/src/side-process.ts";
import { vsrRows, vsrSides } from "../packages/bench/src/vsr.ts";

const rows = [
  "call",
  "call-100",
  "cast",
  "ping-pong",
  "start-stop",
  "idle-bytes",
  "deep-mailbox",
] as const;

/** A side whose figures are given; the first is that of the warm-up. */
function side(name: string, figures: number[]) {
  const asked: string[] = [];
  const ask = async () => {
    asked.push(name);
    return figures.shift() ?? Number.NaN;
  };
  return { name, ask, asked };
}

/** A suite names the programs beside it: those of the sources are not built there. */
function builtFrom(args: readonly string[]): string[] {
  return args.map((arg) => arg.replace("/bench/src/", "/bench/dist/"));
}

async function measured(row: Row, own: number[], peer: number[]) {
  const sides = [side("troupe", [0, ...own]), side("peer", [0, ...peer])];
  const pace = { rounds: own.length, roundMs: 100, onFigure: () => {} };
  return asJson({ row, figures: await measure(row, sides, pace) });
}

describe("a figure of the bench", () => {
  it("is the median of its rounds, and its ratio says how much better Troupe is", async () => {
    const more: Row = { name: "call", unit: "calls/s", better: "higher", operations: 1 };
    expect(await measured(more, [90, 30, 60, 10, 70], [20, 9000, 20, 1, 20])).toEqual({
      name: "call",
      unit: "calls/s",
      troupe: 60,
      peers: { peer: 20 },
      ratios: { peer: 3 },
    });
    const less: Row = { name: "idle-bytes", unit: "bytes", better: "lower", operations: 1 };
    expect((await measured(less, [10, 20], [60, 60])).ratios).toEqual({ peer: 4 });
  });

  for (const name of ["troupe", "nact", "xstate"]) {
    it(`is counted by ${name}'s side in every row`, async () => {
      const program = new URL(`../packages/bench/dist/sides/${name}.js`, import.meta.url);
      const args = ["--expose-gc", fileURLToPath(program)];
      const running = await SideProcess.start({ name, command: process.execPath, args });
      for (const row of rows) expect(await running.ask(row, 10_000)).toBeGreaterThan(0);
      await expect(running.ask("no-such-row", 1)).rejects.toThrow("unknown row");
      await running.close();
    }, 60_000);
  }

  for (const { name, rows: own } of remoteSides.filter((one) => one.name !== "erlang")) {
    it(`is counted by ${name}'s side in every remote row it has`, async () => {
      const program = new URL(`../packages/bench/dist/remote-sides/${name}.js`, import.meta.url);
      const args = ["--expose-gc", fileURLToPath(program)];
      const running = await SideProcess.start({ name, command: process.execPath, args });
      for (const { name: row, operations, unitOfWork } of remoteRows(true)) {
        if (own !== undefined && !own.includes(row)) continue;
        const few = row === "idle-link-traffic" ? 2 : (operations ?? unitOfWork ?? 0);
        expect(await running.ask(row, few)).toBeGreaterThan(0);
      }
      await expect(running.ask("no-such-row", 1)).rejects.toThrow("unknown row");
      await running.close();
    }, 60_000);
  }

  for (const { name, command, args } of vsrSides) {
    it(`is counted by ${name}'s side in both rows of vsr`, async () => {
      const running = await SideProcess.start({ name, command, args: builtFrom(args) });
      for (const { name: row, unitOfWork = 0 } of vsrRows()) {
        expect(await running.ask(row, unitOfWork)).toBeGreaterThan(0);
      }
      await running.close();
    }, 60_000);
  }

  for (const { name, command, args, rows: own } of replicatedSides) {
    if (name === "ra" || name === "etcd") continue;
    it(`is counted by ${name}'s side in every replicated row it has`, async () => {
      const running = await SideProcess.start({ name, command, args: builtFrom(args) });
      for (const { name: row, unitOfWork } of replicatedRows(true)) {
        if (own !== undefined && !own.includes(row)) continue;
        const few = row === "failover-ms" ? 1 : (unitOfWork ?? 1000);
        expect(await running.ask(row, few)).toBeGreaterThan(0);
      }
      await running.close();
    }, 120_000);
  }

  it("is never that of a program that is not there", async () => {
    const start = SideProcess.start({ name: "none", command: "no-such-program", args: [] });
    await expect(start).rejects.toThrow("ENOENT");
  });
});
