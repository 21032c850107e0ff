/** What the simulator's checkers take for wrong, and what not, without any replica. */
import type { Committed, Replica, Write } from "@troupe/replication/runtime";
import { describe, expect, test } from "vitest";
import { Ledger } from "../../sim/checkers/ledger.ts";
import { Linearizability } from "../../sim/checkers/linearizability.ts";
import { Lives } from "../../sim/checkers/lives.ts";
import { OutsideWorld } from "../../sim/checkers/outside.ts";
import { bytesOf, ChainMachine, chainFrom } from "../../sim/machine.ts";
import { chain, root } from "../support/entries.ts";

const entries = chain(["one", "two", "three"]);
const [one, two, three] = entries;
const other = chain(["one", "other"])[1];

function write(view: number, log_view: number, ...some: (typeof one)[]): Write {
  return { write: 1, view, log_view, commit: 0, entries: some as Write["entries"] };
}

describe("the ledger", () => {
  test("calls an op committed when a quorum of disks holds it in one view", () => {
    const ledger = new Ledger(3, root);
    ledger.durable(0, write(0, 0, one, two));
    expect(ledger.length).toBe(0);
    ledger.durable(1, write(0, 0, one));
    expect(ledger.length).toBe(1);
    ledger.backs(1, one?.checksum, () => "it");
    expect(() => ledger.backs(2, undefined, () => "it")).toThrow(/^CommitsBacked: it calls op 2/);
    expect(() => ledger.backs(1, two?.checksum, () => "it")).toThrow(/another op 1/);
  });

  test("does not add up what disks hold in different views", () => {
    const ledger = new Ledger(3, root);
    ledger.durable(0, write(0, 0, one));
    ledger.durable(1, write(1, 1, one));
    expect(ledger.length).toBe(0);
  });

  test("does not count what is held after the view has been left", () => {
    const ledger = new Ledger(3, root);
    ledger.durable(0, write(0, 0, one));
    ledger.durable(1, write(1, 0, one));
    expect(ledger.length).toBe(0);
  });

  test("knows what the log of a later view must hold", () => {
    const ledger = new Ledger(3, root);
    ledger.durable(0, write(2, 2, one, two));
    ledger.durable(1, write(2, 2, one, two));
    expect([2, 3, 9].map((view) => ledger.committedBefore(view))).toEqual([0, 2, 2]);
    expect(() => ledger.durable(2, write(3, 3, one, other))).not.toThrow();
    expect(() => ledger.survives(3, other?.checksum, 2, () => "disk 2")).toThrow(
      /^Survives: disk 2 has a log of view 3 without committed op 2/,
    );
  });

  test("sees a disk with a later view's log that lacks what commits now", () => {
    const ledger = new Ledger(3, root);
    ledger.durable(2, write(1, 1, one, other));
    ledger.durable(0, write(0, 0, one, two));
    expect(() => ledger.durable(1, write(0, 0, one, two))).toThrow(/^Survives: disk 2/);
  });

  test("sees a disk that throws away what is committed", () => {
    const ledger = new Ledger(3, root);
    for (const index of [0, 1, 2]) ledger.durable(index, write(0, 0, one, two, three));
    expect(() => ledger.durable(1, { ...write(1, 0), truncate: 2 })).toThrow(
      /^Durability: replica 1 lost committed op 3/,
    );
  });
});

describe("the clients' history", () => {
  /** Two calls made at once; each ran. */
  function history() {
    const clients = new Linearizability();
    const states = [0, chainFrom(0, "a"), chainFrom(chainFrom(0, "a"), "b")] as const;
    for (const call of ["a", "b"]) clients.called(call);
    clients.ran("a", 1, states[1]);
    clients.ran("b", 2, states[2]);
    return { clients, states };
  }

  test("is fine when answers tell of the places that the calls have", () => {
    const { clients, states } = history();
    clients.answered("b", { call: "b", length: 2, state: states[2] });
    clients.answered("a", { call: "a", length: 1, state: states[1] });
    clients.queried(clients.floor, { length: 2, state: states[2] });
    expect([clients.acks, clients.reads]).toEqual([2, 1]);
  });

  test("may show a query an older state while no newer one has been shown", () => {
    const { clients, states } = history();
    const { floor } = clients;
    clients.answered("b", { call: "b", length: 2, state: states[2] });
    clients.queried(floor, { length: 1, state: states[1] });
    expect(() => clients.queried(clients.floor, { length: 1, state: states[1] })).toThrow(
      /^Linearizability: a stale read: 1 calls seen, 2 answered before it began/,
    );
  });

  test("goes on from what a query has shown", () => {
    const { clients, states } = history();
    clients.queried(0, { length: 2, state: states[2] });
    expect(() => clients.queried(clients.floor, { length: 0, state: 0 })).toThrow(/stale read/);
  });

  test("is wrong when an answer is another call's, or tells of another place or state", () => {
    const { clients, states } = history();
    const wrong = (call: string, length: number, state: number) => () =>
      clients.answered("a", { call, length, state });
    expect(wrong("b", 1, states[1])).toThrow(/a got the answer to b/);
    expect(wrong("a", 2, states[2])).toThrow(/a has place 1, and its answer says 2/);
    expect(wrong("a", 1, states[2])).toThrow(/a state that was never the group's/);
  });

  test("is wrong when a call runs twice, unasked, or after it was taken back", () => {
    const { clients } = history();
    expect(() => clients.ran("a", 2, 0)).toThrow(/a has place 2; 3 is next/);
    expect(() => clients.ran("c", 3, 0)).toThrow(/nobody made the call c/);
    clients.called("d");
    clients.neverSent("d");
    expect(() => clients.ran("d", 3, 0)).toThrow(/^NotRun: d was never sent, and ran/);
    expect(() => clients.neverSent("a")).toThrow(/^NotRun/);
  });
});

describe("the lives of a memory group", () => {
  const replica = (status: string, checksum = root) =>
    ({
      state: {
        status,
        isForgetful: status !== "normal",
        log: { base: { op: 0 }, checksumAt: () => checksum, isDamaged: () => false },
      },
    }) as unknown as Replica;

  function committedOne() {
    const ledger = new Ledger(3, root);
    for (const index of [0, 1]) ledger.durable(index, write(0, 0, one));
    return ledger;
  }

  test("count what a life held that has ended, and nothing as held in the next one", () => {
    const ledger = new Ledger(3, root);
    ledger.durable(0, write(0, 0, one));
    ledger.forgets(0);
    expect(ledger.disk(0).log).toEqual([]);
    ledger.durable(1, write(0, 0, one));
    expect(ledger.length).toBe(1);
  });

  test("may not take part again without what was committed before they began", () => {
    const lives = new Lives(committedOne(), { isFounded: true, mayBeLost: false });
    lives.begins(2);
    lives.stepped(2, replica("recovering"));
    expect(() => lives.stepped(2, replica("normal"))).toThrow(/^RecoveredWhole: replica 2/);
    lives.begins(2);
    expect(() => lives.stepped(2, replica("normal", one?.checksum))).not.toThrow();
  });

  test("may say lost only when more have forgotten than the group can spare", () => {
    const group = { isFounded: true, mayBeLost: false };
    const lives = new Lives(committedOne(), group);
    lives.begins(1);
    expect(() => lives.stepped(1, replica("lost"))).toThrow(/^LostForAReason: replica 1/);
    group.mayBeLost = true;
    expect(() => lives.stepped(1, replica("lost"))).not.toThrow();
  });
});

describe("the world outside", () => {
  const leader = { state: { leads: true } } as Replica;
  const request = { client: "c", session: 1, number: 1, acked: 1 };
  const call = { ...request, kind: "call" as const, body: bytesOf("c:1") };
  const pulse = { ...request, kind: "pulse" as const, body: bytesOf("0p1 1.0") };

  function ran(op: number, requests: Committed["requests"], checkpoint?: true) {
    return { op, view: 0, timestamp: 1, requests, ...(checkpoint && { checkpoint }) };
  }

  /** One replica, whose every call wants something done. */
  function world() {
    const outside = new OutsideWorld(4);
    const machine = new ChainMachine(1);
    const run = (committed: Committed) => {
      machine.apply(committed);
      outside.executed(0, committed, machine);
    };
    return { outside, machine, run };
  }

  test("takes what a committed op wants from who leads, and from nobody else", () => {
    const { outside, machine, run } = world();
    const begin = (errand: string, who = leader) => outside.begins(0, errand, who, machine);
    expect(() => begin("1.0")).toThrow(/^EffectsAfterCommit/);
    run(ran(1, [call]));
    const backup = { state: { leads: false } } as Replica;
    expect(() => begin("1.0", backup)).toThrow(/^EffectsOfThePrimary/);
    expect(() => outside.converged()).toThrow(/^EffectsAtLeastOnce: 1.0/);
    begin("1.0");
    expect(() => outside.converged()).not.toThrow();
    outside.tells("0p1");
    outside.done("1.0");
    run(ran(2, [pulse]));
    expect(() => begin("1.0")).toThrow(/^EffectsOfThePrimary: .* done in its state/);
  });

  test("hears of what is done when it is, once, and from somebody", () => {
    const { outside, run } = world();
    run(ran(1, [call]));
    expect(() => run(ran(2, [pulse]))).toThrow(/^PulseOnce: nobody told/);
    outside.tells("0p1");
    expect(() => run(ran(3, [{ ...pulse, body: bytesOf("0p1 1.0") }]))).toThrow(/^PulseOnce/);
    outside.tells("0p2");
    const early = { ...pulse, body: bytesOf("0p2 1.0") };
    expect(() => run(ran(5, [early]))).toThrow(/^EffectsAfterCommit: op 5 says that 1.0 is done/);
  });

  test("sees a checkpoint at an op that is not its time", () => {
    const { run } = world();
    run(ran(4, [], true));
    expect(() => run(ran(5, [], true))).toThrow(/^CheckpointsAgree: replica 0 takes a checkpoint/);
    expect(() => run(ran(8, []))).toThrow(/^CheckpointsAgree: replica 0 takes no checkpoint/);
  });
});
