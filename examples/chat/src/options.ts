/** The command line: which node this is, and where all of them are. */

/** Who sits at which node. The ports follow each other in this order. */
export const people = { a: "alice", b: "bob", c: "carol" } as const;

export type NodeName = keyof typeof people;

export const nodeNames = Object.keys(people) as NodeName[];

/** What the example was asked to do. */
export interface Options {
  /** The node to be; without one, all three are rehearsed. */
  readonly name: NodeName | undefined;
  /** The port of node a. */
  readonly basePort: number;
}

export const defaultBasePort = 7410;

/** The command line makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the command line. Throws `UsageError`, one line that says what was expected. */
export function parseOptions(args: readonly string[]): Options {
  const [name, port = String(defaultBasePort), ...more] = args;
  if (name !== undefined && !Object.hasOwn(people, name)) {
    throw new UsageError(`expected ${nodeNames.join(", ")} or nothing, got "${name}"`);
  }
  if (!/^\d{4,5}$/.test(port) || Number(port) > 65_000) {
    throw new UsageError(`expected the port of node a, 1000 to 65000, got "${port}"`);
  }
  if (more.length > 0) throw new UsageError(`expected a node and a port, got "${args.join(" ")}"`);
  return { name: name as NodeName | undefined, basePort: Number(port) };
}

export function portOf(name: NodeName, basePort: number): number {
  return basePort + nodeNames.indexOf(name);
}
