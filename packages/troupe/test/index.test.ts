import * as actor from "@troupe/actor";
import * as cluster from "@troupe/cluster";
import * as replication from "@troupe/replication";
import { expect, test } from "vitest";
import * as troupe from "../src/index.ts";

test("the umbrella has every name of the three packages, each the very same thing", () => {
  const parts = [actor, cluster, replication].map((part) => ({ ...part }));
  const all = Object.assign({}, ...parts);
  expect(parts.flatMap((part) => Object.keys(part)).sort()).toEqual(Object.keys(all).sort());
  expect({ ...troupe }).toEqual(all);
});
