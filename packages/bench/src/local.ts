/**
 * The suite `local`: what one process of a local system costs, beside other actor libraries. What
 * each row does stands in the README.
 */
import { fileURLToPath } from "node:url";
import type { Row } from "./rounds.ts";
import type { SideProgram } from "./side-process.ts";

/** The rows; a quick run has fewer idle actors. */
export function localRows(quick: boolean): Row[] {
  return [
    { name: "call", unit: "calls/s", better: "higher" },
    { name: "call-100", unit: "calls/s", better: "higher" },
    { name: "cast", unit: "casts/s", better: "higher" },
    { name: "ping-pong", unit: "messages/s", better: "higher" },
    { name: "start-stop", unit: "actors/s", better: "higher" },
    { name: "idle-bytes", unit: "bytes/actor", better: "lower", operations: quick ? 20_000 : 1e5 },
    { name: "deep-mailbox", unit: "messages/s", better: "higher", operations: 1e6 },
  ];
}

/** The sides; ours comes first. */
export const localSides: readonly SideProgram[] = [
  nodeSide("troupe"),
  nodeSide("nact"),
  nodeSide("xstate"),
  {
    name: "genserver",
    command: "elixir",
    args: [fileURLToPath(new URL("../peers/genserver.exs", import.meta.url))],
    optional: true,
  },
];

function nodeSide(name: string): SideProgram {
  const program = fileURLToPath(new URL(`./sides/${name}.js`, import.meta.url));
  return { name, command: process.execPath, args: ["--expose-gc", program] };
}
