import type { ReplicaStatus } from "@troupe/replication";
import { expect, test } from "vitest";
import { replicasAgree, waitForGroup } from "../src/await-group.ts";

function source(digests: readonly string[]) {
  const status = async (options: { digest?: boolean } = {}): Promise<ReplicaStatus[]> =>
    digests.map((digest, index) => {
      const state = { status: "normal", view: 1, primary: "r1", op: 3, commit: 3 } as const;
      const asked = options.digest ? { digest } : {};
      return { replica: `r${index + 1}`, reachable: true, ...state, ...asked };
    });
  return { status };
}

test("what is already so is not waited for", async () => {
  const found = await waitForGroup(source(["a"]), "anything", ([first]) => first?.replica);
  expect(found).toBe("r1");
});

test("replicas agree when the digests that they were asked for are equal", async () => {
  expect(await replicasAgree(source(["a", "a", "a"]), 3)).toBe(true);
  expect(await replicasAgree(source(["a", "b", "a"]), 3)).toBe(false);
});
