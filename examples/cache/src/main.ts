/**
 * A cache on three processes, of which one is killed, and then all of them. Read it from top to
 * bottom: it says what it does, and ends by itself; what must hold is asserted.
 */
import { deepEqual, equal } from "node:assert/strict";
import { createNode, staticSeeds } from "@troupe/cluster";
import { replicate } from "@troupe/replication";
import { Cache, type CacheRef } from "./cache.ts";
import { clusterName, groupOptions, type NodeName, settings } from "./group.ts";
import { Processes } from "./processes.ts";

/** A machine that does much else at once may need long for a failover. */
const patient = { timeout: 60_000 };

/** The node that leads, and whether all three have the same state, as they say themselves. */
async function ask(cache: CacheRef): Promise<{ primary: NodeName; agree: boolean }> {
  const replicas = await cache.status({ digest: true });
  const there = replicas.filter((replica) => replica.reachable);
  const digests = new Set(there.map(({ commit, digest }) => `${commit} ${digest}`));
  const primary = there[0]?.primary as NodeName;
  return { primary, agree: there.length === replicas.length && digests.size === 1 };
}

async function use(cache: CacheRef, processes: Processes): Promise<void> {
  await cache.call("add", { key: "color", value: "blue" }, patient);
  await cache.call("add", { key: "pi", value: { digits: [3, 1, 4] } }, patient);
  await cache.call("add", { key: "session", value: "open", ttl: 1000 }, patient);
  console.log("added color, pi, and session, which lives for a second");
  const place = ["entries", "pi", "value", "digits", 0];
  console.log(`getIn ${place.join(".")}: ${await cache.getIn(place, patient)}`);
  console.log(`get color: ${await cache.call("get", "color", patient)}`);
  console.log(`get colour: ${await cache.call("get", "colour", patient)}`);

  const { primary } = await ask(cache);
  await processes.kill([primary]);
  console.log("kill -9 of the one that leads");
  console.log(`get color: ${await cache.call("get", "color", patient)}`);
  await processes.start([primary]);
  while (!(await ask(cache)).agree);
  console.log("it is back, and all three have the same state");

  await processes.kill();
  await processes.start();
  console.log("kill -9 of all three, and they are back");
  console.log(`get color: ${await cache.call("get", "color", patient)}`);
  // Its timer has come through all of that, and fires once.
  while ((await cache.query("peek", "session", patient)) !== undefined);
  equal(await cache.call("get", "session", patient), undefined);
  console.log("get session: expired");
}

await using processes = new Processes();
await processes.start();
await using node = await createNode({
  name: "client",
  cluster: clusterName,
  discovery: [staticSeeds(processes.urls)],
});
const cache = await replicate(node, Cache, settings, groupOptions());
const holders = (await cache.status()).map(({ replica }) => replica);
console.log(`the cache is held by ${holders.join(", ")}`);
await use(cache, processes);

const statistics = await cache.query("statistics", undefined, patient);
const { entries, hits, misses, expired } = statistics;
console.log(
  `${entries} entries, ${hits} hits, ${misses} misses, ${expired} expired: each call ran once`,
);
deepEqual(statistics, { entries: 2, hits: 3, misses: 2, expired: 1 });
