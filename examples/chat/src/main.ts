/**
 * A chat of three nodes: `npm start -w examples/chat -- a` in one terminal, `b` and `c` in others.
 * Each node finds the others by a list of addresses, and any of them may be killed and started
 * again. Without a name, three processes are rehearsed: see `rehearsal.ts`.
 */
import { createInterface } from "node:readline";
import { isActorError } from "@troupe/actor";
import { createNode, staticSeeds } from "@troupe/cluster";
import { Chat, Session } from "./chat.ts";
import { type NodeName, nodeNames, parseOptions, people, portOf, UsageError } from "./options.ts";
import { rehearse } from "./rehearsal.ts";
import { RehearsalError } from "./terminal.ts";

async function chat(name: NodeName, basePort: number): Promise<void> {
  const others = nodeNames.filter((other) => other !== name);
  await using node = await createNode({
    name,
    cluster: "chat",
    listen: { port: portOf(name, basePort) },
    discovery: [staticSeeds(others.map((other) => `ws://127.0.0.1:${portOf(other, basePort)}`))],
  });
  const user = people[name];
  const session = await node.start(Session, { user });
  const room = new Chat(node, user, session);
  room.join("#lobby");

  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    const [command, argument] = line.trim().split(/\s+/);
    if (command === "/quit") break;
    if (command === "/join" && argument !== undefined) room.join(argument);
    else if (command === "/who") room.who();
    else if (command === "/rooms") room.rooms();
    else if (command?.startsWith("/")) console.log("/join ROOM, /who, /rooms, /quit");
    else if (command !== "") room.say(line.trim());
  }
  lines.close();
}

try {
  const { name, basePort } = parseOptions(process.argv.slice(2));
  await (name === undefined ? rehearse() : chat(name, basePort));
} catch (error) {
  const isUsage = error instanceof UsageError;
  if (!isUsage && !isActorError(error) && !(error instanceof RehearsalError)) throw error;
  console.error(`chat example: ${error.message}`);
  process.exitCode = isUsage ? 2 : 1;
}
// A terminal that is still open would keep the process alive.
process.stdin.destroy();
