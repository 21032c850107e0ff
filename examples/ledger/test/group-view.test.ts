import type { ReachableReplica, UnreachableReplica } from "@troupe/replication";
import { expect, test } from "vitest";
import { digestsAgree, hasRejoined, workingView } from "../src/group-view.ts";

function replica(name: string, changes: Partial<ReachableReplica> = {}): ReachableReplica {
  const state = { view: 4, primary: "r2", op: 7, commit: 7, digest: "d" };
  return { replica: name, reachable: true, status: "normal", ...state, ...changes };
}

function down(name: string): UnreachableReplica {
  return { replica: name, reachable: false };
}

const group = [replica("r1"), replica("r2"), replica("r3")];

test("the primary is whoever works as such in the newest view", () => {
  expect(workingView(group)).toEqual({ view: 4, primary: "r2", commit: 7 });
  const late = replica("r1", { view: 3, primary: "r1" });
  expect(workingView([late, replica("r2"), replica("r3")])?.primary).toBe("r2");
});

test("there is no primary while only others say who it is", () => {
  expect(workingView([replica("r1"), down("r2")])).toBeUndefined();
  expect(workingView([replica("r1"), replica("r2", { status: "view_change" })])).toBeUndefined();
  expect(workingView([])).toBeUndefined();
});

test("a replica has rejoined when it works in the newest view and has caught up", () => {
  expect(hasRejoined(group, "r1", 7)).toBe(true);
  expect(hasRejoined(group, "r1", 8)).toBe(false);
  const waiting = replica("r1", { status: "view_change" });
  expect(hasRejoined([waiting, replica("r2")], "r1", 7)).toBe(false);
  const late = replica("r1", { view: 3, primary: "r1" });
  expect(hasRejoined([late, replica("r2")], "r1", 7)).toBe(false);
  expect(hasRejoined([replica("r2")], "r1", 7)).toBe(false);
});

test("digests are compared only between replicas at the same commit", () => {
  expect(digestsAgree(group, 3)).toBe(true);
  const behind = replica("r3", { commit: 6, digest: "c" });
  expect(digestsAgree([replica("r1"), replica("r2"), behind], 3)).toBeUndefined();
});

test("different digests at the same commit disagree", () => {
  const other = replica("r3", { digest: "e" });
  expect(digestsAgree([replica("r1"), replica("r2"), other], 3)).toBe(false);
});

test("a replica that is away or gives no digest leaves the question open", () => {
  expect(digestsAgree(group.slice(1), 3)).toBeUndefined();
  const away = down("r3");
  expect(digestsAgree([replica("r1"), replica("r2"), away], 3)).toBeUndefined();
  const { digest: _, ...silent } = replica("r3");
  expect(digestsAgree([replica("r1"), replica("r2"), silent], 3)).toBeUndefined();
  expect(digestsAgree([], 3)).toBeUndefined();
});
