/**
 * The suite `vsr`: what an operation costs in the core of replication alone, beside three bare
 * programs that agree over sockets. What each row does stands in the README.
 */
import { fileURLToPath } from "node:url";
import type { Row } from "./rounds.ts";
import type { SideProgram } from "./side-process.ts";
import { inFlight } from "./vsr-sides/vsr-loads.ts";

export function vsrRows(): Row[] {
  const operations = { unit: "operations/s", better: "higher" } as const;
  return [
    { name: "vsr-sequential", ...operations, unitOfWork: 500 },
    { name: "vsr-pipelined", ...operations, unitOfWork: 8 * inFlight },
  ];
}

/** The sides; ours comes first. */
export const vsrSides: readonly SideProgram[] = [
  nodeSide("troupe", "core"),
  nodeSide("sockets", "sockets"),
];

function nodeSide(name: string, file: string): SideProgram {
  const program = fileURLToPath(new URL(`./vsr-sides/${file}.js`, import.meta.url));
  return { name, command: process.execPath, args: ["--expose-gc", program] };
}
