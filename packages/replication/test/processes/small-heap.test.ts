/** A replica that has too little memory for what the others can do: it dies, and forks nothing. */
import { expect, test } from "vitest";
import { ProcessGroup, primaryOf, replicas } from "./replicas.ts";

test("a replica that runs out of memory dies, and comes back to what the others did", async () => {
  const group = await ProcessGroup.start();
  for (const name of replicas) {
    await group.begin(name, name === "a" ? { heapMegabytes: 64 } : {});
  }
  const ref = await group.client();
  await ref.call("put", 1);
  expect(await primaryOf(ref)).toBe("a");
  // It dies of it as the primary, when a majority has the call on its disks.
  expect(await ref.call("swell", [2, 200], { timeout: 60_000 })).toBe(200);
  expect(await group.member("a").end()).toBe("SIGABRT");
  await ref.call("put", 3);
  // With as much memory as the others it does what they did.
  await group.begin("a");
  const agreed = async () => {
    const said = await ref.status({ digest: true, timeout: 500 });
    const states = said.map((one) => (one.reachable ? `${one.commit} ${one.digest}` : "away"));
    return !states.includes("away") && new Set(states).size === 1;
  };
  while (!(await agreed())) await ref.query("count");
  expect(await ref.query("all")).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
});
