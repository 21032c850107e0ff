/**
 * The suite `replicated`: what an operation costs that three programs on one machine agree upon,
 * beside a bare prototype and other replicated systems. What each row does stands in the README.
 */
import { fileURLToPath } from "node:url";
import { inFlight, readers } from "./replicated-sides/replicated-loads.ts";
import type { Row } from "./rounds.ts";
import type { SideProgram } from "./side-process.ts";

/**
 * What runs once per call is compiled after thousands of calls, one after the other: it took 6,000
 * until a figure of ours no longer rose. A replica that serves has had them within a minute.
 */
const warmUp = 8_000;

/**
 * And each round has to be longer: a side that has waited for the others finds the caches of the
 * processors full of their code, and in rounds of some hundred calls its figure spread by a third.
 */
const sequential = { warmUp, roundLength: 4 };

/** The rows; a quick run kills fewer primaries. */
export function replicatedRows(quick: boolean): Row[] {
  const operations = { unit: "operations/s", better: "higher" } as const;
  return [
    { name: "call-durable", ...operations, ...sequential, unitOfWork: 50 },
    { name: "call-durable-inside", ...operations, ...sequential, unitOfWork: 50 },
    { name: "call-memory", ...operations, ...sequential, unitOfWork: 100 },
    { name: "pipelined-durable", ...operations, unitOfWork: 2 * inFlight },
    { name: "pipelined-memory", ...operations, unitOfWork: 2 * inFlight },
    { name: "query-linearizable", ...operations, unitOfWork: 8 * readers },
    { name: "query-local", ...operations, unitOfWork: 8 * readers },
    { name: "failover-ms", unit: "ms", better: "lower", operations: quick ? 1 : 3, rounds: 1 },
    {
      name: "checkpoint-stall-ms",
      unit: "ms",
      better: "lower",
      operations: quick ? 800_000 : 3_200_000,
      unitOfWork: 20_000,
      rounds: 1,
    },
    {
      name: "fsyncs-per-1000",
      unit: "fsyncs",
      better: "lower",
      operations: quick ? 5_000 : 20_000,
      rounds: quick ? 1 : 3,
    },
  ];
}

const agreeing = ["call-durable", "call-memory", "pipelined-durable", "pipelined-memory"];

/** The sides; ours comes first. */
export const replicatedSides: readonly SideProgram[] = [
  nodeSide("troupe"),
  { ...nodeSide("sockets"), rows: agreeing },
  {
    ...nodeSide("ra"),
    rows: ["call-durable", "call-durable-inside", "pipelined-durable"],
    optional: true,
  },
  {
    ...nodeSide("etcd"),
    rows: ["call-durable", "pipelined-durable", "query-linearizable", "query-local"],
    optional: true,
  },
];

function nodeSide(name: string): SideProgram {
  const program = fileURLToPath(new URL(`./replicated-sides/${name}.js`, import.meta.url));
  return { name, command: process.execPath, args: ["--expose-gc", program] };
}
