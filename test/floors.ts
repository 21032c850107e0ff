/**
 * The floors of each package, read from the tables of docs/architecture.md: the page is the law,
 * and the tests hold the sources against it.
 */
import { readSource } from "./sources.ts";

/** File, from the package's src, to its floor. */
export function floors(name: string): ReadonlyMap<string, number> {
  const page = readSource("docs/architecture.md");
  const section = new RegExp(`^### ${name}\\n(?<body>[\\s\\S]*?)(?=^##)`, "m").exec(page);
  const table = new Map<string, number>();
  for (const [, floor, files = ""] of section?.groups?.body?.matchAll(/^\| (\d+) \| (.*) \|$/gm) ??
    []) {
    for (const [, file] of files.matchAll(/`([^`]+)`/g)) table.set(`${file}.ts`, Number(floor));
  }
  return table;
}

/** Tests that need real time: they open sockets or start processes, and wait for events. */
export const rooms = {
  realTime: [
    "packages/actor/test/system/signals.test.ts",
    "packages/cluster/test/discovery/datagram-port.test.ts",
    "packages/cluster/test/discovery/dns-port.test.ts",
    "packages/cluster/test/discovery/file-port.test.ts",
    "packages/cluster/test/discovery/strangers.test.ts",
    "packages/cluster/test/websocket.test.ts",
    "packages/cluster/test/processes/processes.ts",
  ],
} satisfies Record<string, readonly string[]>;
