/** The node that Troupe's remote side calls. */
import { createNode } from "@troupe/cluster";
import { benchKeys, RemoteCounterActor } from "./remote-counter-actor.ts";
import { serveSide } from "./server-process.ts";

const node = await createNode({
  name: "server",
  cluster: "bench",
  keys: benchKeys,
  listen: { port: 0 },
  actors: [RemoteCounterActor],
});
serveSide(node.url ?? "");
