/** Normal operation, reads and restarts, moved by hand. View changes have a file of their own. */
import { describe, expect, test } from "vitest";
import { decodeBatch } from "../../src/vsr/batch.ts";
import { text } from "../support/entries.ts";
import { ofType, TestGroup, viewOf } from "../support/test-group.ts";

/** A group in which client "a" has registered at op 1. */
function groupOfAnn(changes: ConstructorParameters<typeof TestGroup>[0] = {}): TestGroup {
  const group = new TestGroup(changes);
  expect(group.register("a")).toBe(1);
  return group;
}

describe("normal case", () => {
  test("a call runs on every replica and is answered once", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    expect(group.answers("a", 1)).toEqual(["1:x"]);
    group.tick(4);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x"]);
  });

  test("calls that come in one turn share a prepare, a write and an acknowledgement", () => {
    const group = groupOfAnn();
    const sent = group.sent.length;
    group.stepAll(
      0,
      [1, 2, 3].map((number) => group.call("a", number, `x${number}`)),
    );
    const { state } = group.replica(0);
    expect(state.log.head).toBe(2);
    const bodies = decodeBatch(state.log.get(2).body).map((request) => text(request.body));
    expect(bodies).toEqual(["x1", "x2", "x3"]);
    expect(group.replica(0).pending).toHaveLength(1);
    group.settle();
    const since = group.sent.slice(sent);
    expect(since.filter(ofType("prepare"))).toHaveLength(2);
    expect(since.filter(ofType("prepare_ok"))).toHaveLength(2);
    expect([1, 2, 3].flatMap((number) => group.answers("a", number))).toEqual([
      "1:x1",
      "2:x2",
      "3:x3",
    ]);
  });

  test("a batch takes no more requests than it may, and the pipeline no more batches", () => {
    const group = groupOfAnn({ batchRequestsMax: 1, pipelineMax: 2 });
    const calls = [1, 2, 3].map((number) => group.call("a", number, `x${number}`));
    group.stepAll(0, calls);
    expect(group.state(0).log.head).toBe(3);
    expect(group.state(0).queue).toHaveLength(1);
    group.settle();
    expect(group.state(0).log.head).toBe(4);
    expect(group.answers("a", 3)).toEqual(["3:x3"]);
  });

  test("a batch takes no more bytes than it may, but always one request", () => {
    const group = groupOfAnn({ batchBytesMax: 100 });
    group.stepAll(0, [group.call("a", 1, "x".repeat(200)), group.call("a", 2, "y")]);
    group.settle();
    expect(group.state(0).log.head).toBe(3);
  });

  test("requests beyond the queue are dropped, and the client's repeating brings them in", () => {
    const group = groupOfAnn({ queueMax: 2, batchRequestsMax: 8 });
    group.stepAll(
      0,
      [1, 2, 3].map((number) => group.call("a", number, `x${number}`)),
    );
    group.settle();
    expect(group.answers("a", 2)).toEqual(["2:x2"]);
    expect(group.answers("a", 3)).toEqual([]);
    group.run("a", 3, "x3");
    expect(group.answers("a", 3)).toEqual(["3:x3"]);
  });

  test("a call that is beyond the session's window, or before its turn, is not prepared", () => {
    const group = groupOfAnn({ sessionWindow: 3, batchRequestsMax: 1 });
    const calls = [1, 2, 3, 4].map((number) => group.call("a", number, "x"));
    group.stepAll(0, calls);
    group.settle();
    expect(group.state(0).log.head).toBe(4);
    group.step(0, group.call("a", 5, "x", 1, 4));
    expect(group.state(0).log.head).toBe(4);
    group.step(0, group.call("a", 4, "x", 1, 4));
    expect(group.state(0).log.head).toBe(5);
  });

  test("a call that claims to have the answer to itself, or to later ones, is dropped (I48)", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    const replies = group.replies.length;
    for (const acked of [3, 4, 1_000_000]) group.step(0, group.call("a", 2, "y", 1, acked));
    group.settle();
    expect([group.state(0).log.head, group.replies.length]).toEqual([2, replies]);
    group.run("a", 2, "y");
    expect(group.answers("a", 2)).toEqual(["2:y"]);
  });

  test("a call without a session is answered with an eviction, and not run", () => {
    const group = groupOfAnn();
    group.run("b", 1, "x", 7);
    expect(group.replies.at(-1)).toMatchObject({ type: "eviction", session: 7 });
    expect(group.history).toHaveLength(1);
  });

  test("a backup sends a client to the primary of the view it is in", () => {
    const group = groupOfAnn();
    group.step(2, group.call("a", 1, "x"));
    group.step(1, group.query("a", 1));
    const answers = group.replies.slice(-2).map(({ type, view, from }) => [type, view, from]);
    expect(answers).toEqual([
      ["not_primary", 0, 2],
      ["not_primary", 0, 1],
    ]);
    expect(group.history).toHaveLength(1);
  });

  test("clients are told of no view before it has begun: it may never do so", () => {
    const group = groupOfAnn();
    const told = () => {
      group.step(1, group.query("a", 1));
      return group.replies.at(-1);
    };
    const message = { type: "start_view_change", view: 2, left: true } as const;
    group.step(1, { type: "message", from: 2, message });
    group.sync(1);
    expect(group.state(1)).toMatchObject({ view: 2, status: "view_change" });
    expect(told()).toMatchObject({ type: "not_primary", view: 0, from: 1 });
    group.tickUntil(() => group.state(1).status === "normal");
    expect(told()).toMatchObject({ type: "not_primary", view: 2, from: 1 });
  });

  test("prepares are stamped with strictly increasing times, also if the clock goes back (I28)", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.now -= 60_000;
    group.run("a", 2, "y");
    const { log } = group.state(0);
    expect(log.get(3).timestamp).toBe(log.get(2).timestamp + 1);
  });
});

describe("durability", () => {
  test("a backup acknowledges an entry only after its write (I12)", () => {
    const group = groupOfAnn();
    group.replica(1).diskHeld = true;
    group.replica(2).diskHeld = true;
    const before = group.sent.filter(ofType("prepare_ok")).length;
    group.run("a", 1, "x");
    expect(group.sent.filter(ofType("prepare_ok"))).toHaveLength(before);
    expect(group.answers("a", 1)).toEqual([]);
    group.sync(1);
    group.settle();
    expect(group.sent.filter(ofType("prepare_ok"))).toHaveLength(before + 1);
    expect(group.answers("a", 1)).toEqual(["1:x"]);
  });

  test("the primary's own vote waits for its own write (I25)", () => {
    const group = groupOfAnn();
    group.isolate(2);
    group.replica(0).diskHeld = true;
    group.run("a", 1, "x");
    expect(group.state(0).acked.of(1)).toBe(2);
    expect(group.answers("a", 1)).toEqual([]);
    group.sync(0);
    expect(group.answers("a", 1)).toEqual(["1:x"]);
  });

  test("an entry that a backup lost with its write is fetched again", () => {
    const group = groupOfAnn();
    group.replica(2).diskHeld = true;
    group.run("a", 1, "x");
    group.crash(2);
    group.replica(2).diskHeld = false;
    group.restart(2);
    expect(group.state(2).log.head).toBe(1);
    group.run("a", 2, "y");
    group.tick(20);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x", "y"]);
  });

  test("everything that was answered survives the loss of power everywhere", () => {
    const group = groupOfAnn();
    for (const number of [1, 2, 3]) group.run("a", number, `x${number}`);
    for (const index of [0, 1, 2]) group.crash(index);
    for (const index of [0, 1, 2]) group.restart(index);
    group.tickUntil(() => group.replicas.every(({ ran }) => ran.length === 3));
    group.expectAgreement();
    expect(group.replica(1).ran).toEqual(["x1", "x2", "x3"]);
  });
});

describe("lost messages", () => {
  test("a gap is repaired: a backup does not acknowledge beyond it, and asks for what is missing", () => {
    const group = groupOfAnn();
    const heal = group.lose((packet) => packet.to === 2 && ofType("prepare")(packet));
    group.run("a", 1, "x");
    heal();
    const oks = group.sentOf(2, "prepare_ok").length;
    const cut = group.lose(ofType("get_state"));
    group.run("a", 2, "y");
    expect(group.state(2).log.head).toBe(1);
    expect(group.sentOf(2, "prepare_ok")).toHaveLength(oks);
    cut();
    group.tick(10);
    expect(group.sentOf(2, "get_state").length).toBeGreaterThan(0);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x", "y"]);
  });

  test("a prepare that reached nobody is sent again, unchanged", () => {
    const group = groupOfAnn();
    const heal = group.lose(ofType("prepare"));
    group.run("a", 1, "x");
    heal();
    expect(group.answers("a", 1)).toEqual([]);
    const { checksum } = group.state(0).log.get(2);
    group.tick(8);
    expect(group.answers("a", 1)).toEqual(["1:x"]);
    expect(group.state(1).log.get(2).checksum).toBe(checksum);
  });

  test("acknowledgements that were lost are given again when the prepare is repeated", () => {
    const group = groupOfAnn();
    const heal = group.lose(ofType("prepare_ok"));
    group.run("a", 1, "x");
    heal();
    group.tick(8);
    expect(group.answers("a", 1)).toEqual(["1:x"]);
    expect(group.sentOf(1, "prepare_ok").length).toBeGreaterThan(2);
    group.tick(4);
    expect(group.replica(1).ran).toEqual(["x"]);
  });

  test("a repeated prepare changes nothing", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.tick(4);
    const log = group.replica(1).log;
    for (const packet of group.sentOf(0, "prepare")) group.inject(packet);
    group.settle();
    expect(group.replica(1).log).toEqual(log);
    expect(group.replica(1).ran).toEqual(["x"]);
  });

  test("a damaged entry is not taken, and is fetched intact later", () => {
    const group = groupOfAnn();
    group.lose((packet) => packet.to === 1 && ofType("prepare")(packet));
    group.run("a", 1, "x");
    const prepare = group.sentOf(0, "prepare").at(-2);
    if (prepare?.message.type !== "prepare") throw new Error("no prepare was sent to 1");
    const body = Uint8Array.from(prepare.message.entry.body);
    body[10] = (body[10] ?? 0) ^ 1;
    const entry = { ...prepare.message.entry, body };
    group.inject({ from: 0, to: 1, message: { ...prepare.message, entry } });
    expect(group.state(1).log.head).toBe(1);
    group.heal();
    group.tick(10);
    group.expectAgreement();
  });
});

describe("a restarted replica", () => {
  test("that was a backup keeps what it held and catches up with the rest", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.crash(2);
    group.run("a", 2, "y");
    group.run("a", 3, "z");
    group.restart(2);
    expect(group.state(2).log.head).toBe(2);
    group.tick(15);
    group.expectAgreement();
    expect(group.state(2).view).toBe(0);
    expect(group.replica(2).ran).toEqual(["x", "y", "z"]);
  });

  test("that led a view does not resume it (I14)", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.crash(0);
    group.restart(0);
    expect(group.state(0).status).toBe("view_change");
    expect(group.state(0).isPrimary).toBe(false);
    group.step(0, group.call("a", 2, "y"));
    expect(group.replies.at(-1)?.type).toBe("not_primary");
    group.tickUntil(() => group.replicas.every(({ state }) => state.view === 1));
    group.run("a", 2, "y");
    group.tick(4);
    group.expectAgreement();
    const views = group.sentOf(0, "prepare", "commit").map(({ message }) => viewOf(message));
    expect(views).not.toContain(1);
  });

  test("that had prepared and not written cannot give that op two contents", () => {
    const group = groupOfAnn();
    group.replica(0).diskHeld = true;
    group.step(0, group.call("a", 1, "x"));
    group.deliver(ofType("prepare"));
    group.crash(0);
    group.replica(0).diskHeld = false;
    group.restart(0);
    expect(group.state(0).log.head).toBe(1);
    group.tickUntil(() =>
      group.replicas.every(({ state }) => state.status === "normal" && state.view > 0),
    );
    group.run("a", 1, "x");
    group.tick(10);
    group.expectAgreement();
    expect(group.replica(0).ran).toEqual(["x"]);
  });

  test("answers a repeated call from the table that it has rebuilt", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    for (const index of [0, 1, 2]) group.crash(index);
    for (const index of [0, 1, 2]) group.restart(index);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    group.tickUntil(() => group.primary.state.isSettled);
    group.replies.length = 0;
    group.run("a", 1, "x");
    expect(group.answers("a", 1)).toEqual(["1:x"]);
    expect(group.primary.ran).toEqual(["x"]);
  });
});

describe("queries", () => {
  test("are answered after a quorum has confirmed the primary, and write nothing", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    const head = group.state(0).log.head;
    group.step(0, group.query("a", 1));
    expect(group.queryAnswers("a", 1)).toEqual([]);
    group.settle();
    expect(group.queryAnswers("a", 1)).toEqual(["x"]);
    expect(group.state(0).log.head).toBe(head);
  });

  test("that come during a round share the next one, whatever an earlier round is told (I55)", () => {
    const group = groupOfAnn();
    group.step(0, group.query("a", 1));
    group.step(0, group.query("a", 2));
    group.step(0, group.query("a", 3));
    expect(group.sentOf(0, "read_round")).toHaveLength(2);
    group.deliver(ofType("read_round"));
    const [late] = group.packets.filter(ofType("read_round_ok"));
    group.deliver(ofType("read_round_ok"));
    expect(group.queryAnswers("a", 1)).toHaveLength(1);
    expect(group.sentOf(0, "read_round")).toHaveLength(4);
    if (late === undefined) throw new Error("no round was confirmed");
    group.inject(late);
    expect(group.queryAnswers("a", 2)).toEqual([]);
    group.settle();
    expect([2, 3].map((number) => group.queryAnswers("a", number).length)).toEqual([1, 1]);
  });

  test("are asked about again if a round was lost", () => {
    const group = groupOfAnn();
    const heal = group.lose(ofType("read_round"));
    group.step(0, group.query("a", 1));
    group.settle();
    heal();
    group.tick(8);
    expect(group.queryAnswers("a", 1)).toEqual([""]);
  });

  test("are never answered by a primary that has been deposed without knowing it", () => {
    const group = groupOfAnn();
    group.isolate(0);
    group.tickUntil(() => group.replica(1).state.isPrimary);
    group.run("a", 1, "x");
    expect(group.answers("a", 1)).toEqual(["1:x"]);
    expect(group.state(0).isPrimary).toBe(true);
    group.step(0, group.query("a", 1));
    group.tick(20);
    expect(group.queryAnswers("a", 1)).toEqual([]);
    group.heal();
    group.tick(20);
    expect(group.queryAnswers("a", 1)).toEqual([]);
    group.step(group.primary.index, group.query("a", 1));
    group.settle();
    expect(group.queryAnswers("a", 1)).toEqual(["x"]);
  });
});

test("the client table is the same on a replica that commits several ops before it runs them", () => {
  const group = groupOfAnn();
  group.replica(1).machineHeld = true;
  for (const number of [1, 2, 3]) {
    group.step(0, group.call("a", number, `x${number}`, 1, number));
    group.settle();
  }
  group.tick(4);
  expect(group.state(1).commitMin).toBe(4);
  expect(group.replica(1).ran).toEqual([]);
  group.releaseMachine(1);
  group.expectAgreement();
});
