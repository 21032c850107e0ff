/**
 * The suite `remote`: what a message between two programs on one machine costs, beside a raw
 * socket and other ways to reach an actor. What each row does stands in the README.
 */
import { fileURLToPath } from "node:url";
import { burst, callers } from "./remote-sides/remote-loads.ts";
import type { Row } from "./rounds.ts";
import type { SideProgram } from "./side-process.ts";

/** The rows; a quick run has fewer idle links and watches one for a shorter time. */
export function remoteRows(quick: boolean): Row[] {
  const calls = { unit: "calls/s", better: "higher" } as const;
  return [
    { name: "remote-call", ...calls, unitOfWork: 500 },
    { name: "remote-call-256", ...calls, unitOfWork: callers * 40 },
    { name: "remote-cast", unit: "casts/s", better: "higher", unitOfWork: burst },
    { name: "remote-call-1kb", ...calls, unitOfWork: 500 },
    { name: "remote-call-1mb", ...calls, unitOfWork: 10 },
    {
      name: "idle-link-bytes",
      unit: "bytes/link",
      better: "lower",
      operations: quick ? 50 : 200,
      rounds: quick ? 1 : 3,
    },
    {
      name: "idle-link-traffic",
      unit: "bytes/s",
      better: "lower",
      operations: quick ? 5 : 25,
      rounds: 1,
    },
  ];
}

const callRows = ["remote-call", "remote-call-256", "remote-call-1kb", "remote-call-1mb"];

/** The sides; ours comes first. */
export const remoteSides: readonly SideProgram[] = [
  nodeSide("troupe"),
  { ...nodeSide("ws"), rows: [...callRows, "remote-cast", "idle-link-bytes"] },
  { ...nodeSide("moleculer"), rows: callRows, optional: true },
  { ...nodeSide("erlang"), rows: [...callRows, "remote-cast"], optional: true },
];

function nodeSide(name: string): SideProgram {
  const program = fileURLToPath(new URL(`./remote-sides/${name}.js`, import.meta.url));
  return { name, command: process.execPath, args: ["--expose-gc", program] };
}
