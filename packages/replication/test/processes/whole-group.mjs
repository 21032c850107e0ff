/**
 * All replicas of a group as one program, for a test that kills all of them at once: three nodes,
 * three journals, and a load. It says over the pipe which state it came back with, and then which
 * calls were acknowledged; it ends when the pipe does.
 */
import { defineActor, systemClock } from "@troupe/actor";
import { seededRandom } from "@troupe/actor/testing";
import { createNode, staticSeeds } from "@troupe/cluster";
import { memoryNetwork, memoryUrl } from "@troupe/cluster/testing";
import { replicate } from "../../dist/index.js";

const { storage, life, callers, callsMax } = JSON.parse(process.argv[2] ?? "{}");
const names = ["a", "b", "c"];
process.on("disconnect", () => process.exit());

/** How often each call has run. */
const Tally = defineActor("tally", {
  init: () => new Map(),
  queries: { all: (runs) => [...runs] },
  calls: {
    put: (runs, n) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
    },
  },
});

const network = memoryNetwork({ clock: systemClock, random: seededRandom(life) });

async function member(name) {
  const node = await createNode({
    name,
    listen: { port: 0 },
    transport: network.transport(name),
    discovery: [staticSeeds(names.filter((other) => other !== name).map(memoryUrl))],
    reconnectMinMs: 1,
    reconnectMaxMs: 5,
    logger: false,
  });
  const options = { group: "g", replicas: names, storage, tickMs: 3, checkpointOps: 4 };
  return replicate(node, Tally, undefined, options);
}

const tell = (event, details) => process.send?.({ event, details });
const refs = await Promise.all(names.map(member));
tell("back", await refs[0].query("all"));
// Each life has numbers of its own: a call that was not acknowledged is never sent again.
let next = life * callsMax;
async function caller(i) {
  while (next < (life + 1) * callsMax) {
    const n = next++;
    await refs[i % refs.length].call("put", n);
    tell("acknowledged", n);
  }
}
await Promise.all(Array.from({ length: callers }, (_, i) => caller(i)));
