import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientTable } from "../../src/vsr/client-table.ts";
import type { Request } from "../../src/vsr/types.ts";
import { bytes, call, clientId, register, text } from "../support/entries.ts";

const [ann, bob, cid] = [clientId("a"), clientId("b"), clientId("c")];

/** A table in which Ann has registered at op 1. */
function tableOfAnn(sessionsMax = 8): ClientTable {
  const table = new ClientTable(sessionsMax);
  table.commit(register(ann), 1);
  return table;
}

/** Commits a call at `op` and keeps its reply. */
function runs(table: ClientTable, request: Request, op: number, reply: string): void {
  expect(table.commit(request, op)).toBe("run");
  table.keepReply(request, bytes(reply));
}

describe("a session", () => {
  test("is the op that registered it (I47)", () => {
    const table = new ClientTable(8);
    expect(table.sessionOf(ann)).toBeUndefined();
    expect(table.commit(register(ann), 17)).toBe("run");
    expect(table.sessionOf(ann)).toBe(17);
    expect(table.lastOf(ann)).toBe(0);
  });

  test("is registered once: a repeated registration changes nothing", () => {
    const table = tableOfAnn();
    expect(table.commit(register(ann), 5)).toBe("duplicate");
    expect(table.sessionOf(ann)).toBe(1);
  });

  test("runs each call once, in the order of the numbers", () => {
    const table = tableOfAnn();
    expect(table.commit(call(ann, 2), 2)).toBe("too_early");
    expect(table.commit(call(ann, 1), 3)).toBe("run");
    expect(table.commit(call(ann, 1), 4)).toBe("duplicate");
    expect(table.commit(call(ann, 2), 5)).toBe("run");
    expect(table.commit(call(ann, 1), 6)).toBe("duplicate");
    expect(table.lastOf(ann)).toBe(2);
  });

  test("does not run calls of a client that never registered, or of another session", () => {
    const table = tableOfAnn();
    expect(table.commit(call(bob, 1), 2)).toBe("no_session");
    expect(table.commit(call(ann, 1, { session: 9 }), 3)).toBe("no_session");
    expect(table.lastOf(ann)).toBe(0);
  });

  test("is judged without being changed", () => {
    const table = tableOfAnn();
    expect(table.judge(call(ann, 1))).toBe("run");
    expect(table.judge(call(ann, 1))).toBe("run");
    expect(table.judge(register(bob))).toBe("run");
    expect(table.size).toBe(1);
  });
});

describe("a reply", () => {
  test("is kept until the client says that it has it", () => {
    const table = tableOfAnn();
    runs(table, call(ann, 1), 2, "one");
    runs(table, call(ann, 2), 3, "two");
    expect(text(table.replyTo(ann, 1) ?? bytes(""))).toBe("one");
    runs(table, call(ann, 3, { acked: 2 }), 4, "three");
    expect(table.replyTo(ann, 1)).toBeUndefined();
    expect(text(table.replyTo(ann, 2) ?? bytes(""))).toBe("two");
    expect(text(table.replyTo(ann, 3) ?? bytes(""))).toBe("three");
  });

  test("is not kept if a later request acknowledged it before it had been run", () => {
    // Two ops are committed at once, and only then run: the second one says `acked: 2`.
    const table = tableOfAnn();
    const [first, second] = [call(ann, 1), call(ann, 2, { acked: 2 })];
    table.commit(first, 2);
    table.commit(second, 3);
    table.keepReply(first, bytes("one"));
    table.keepReply(second, bytes("two"));
    expect(table.replyTo(ann, 1)).toBeUndefined();
    expect(text(table.replyTo(ann, 2) ?? bytes(""))).toBe("two");
  });

  test("is not kept for a session that was evicted before it had been run (I51)", () => {
    const table = tableOfAnn(1);
    const request = call(ann, 1);
    table.commit(request, 2);
    table.commit(register(bob), 3);
    table.keepReply(request, bytes("one"));
    expect(table.replyTo(ann, 1)).toBeUndefined();
  });

  test("is not kept for the session that came after the one that asked", () => {
    const table = tableOfAnn(1);
    const request = call(ann, 1);
    table.commit(request, 2);
    table.commit(register(bob), 3);
    table.commit(register(ann), 4);
    table.keepReply(request, bytes("one"));
    expect(table.sessionOf(ann)).toBe(4);
    expect(table.replyTo(ann, 1)).toBeUndefined();
  });
});

describe("eviction", () => {
  test("takes the session that has been idle for longest", () => {
    const table = tableOfAnn(2);
    table.commit(register(bob), 2);
    table.commit(call(ann, 1), 3);
    table.commit(register(cid), 4);
    expect([ann, bob, cid].map((client) => table.sessionOf(client))).toEqual([1, undefined, 4]);
    expect(table.commit(call(bob, 1, { session: 2 }), 5)).toBe("no_session");
  });

  test("takes the lower name of two that were idle since the same op", () => {
    const table = new ClientTable(2);
    table.commit(register(cid), 1);
    table.commit(register(bob), 1);
    table.commit(register(ann), 2);
    expect([ann, bob, cid].map((client) => table.sessionOf(client))).toEqual([2, undefined, 1]);
  });

  test("never leaves more sessions than the table may have", () => {
    const table = new ClientTable(3);
    for (let op = 1; op <= 20; op++) {
      table.commit(register(clientId(op.toString(16))), op);
      expect(table.size).toBe(Math.min(op, 3));
    }
  });
});

describe("the table", () => {
  /** A request of one of three clients; whether it makes sense is the table's to judge. */
  const request: fc.Arbitrary<Request> = fc
    .record({
      register: fc.nat({ max: 5 }).map((n) => n === 0),
      client: fc.constantFrom(ann, bob, cid),
      session: fc.nat({ max: 8 }),
      number: fc.integer({ min: 1, max: 6 }),
      back: fc.nat({ max: 4 }),
    })
    .map(({ register: registers, client, session, number, back }) =>
      registers
        ? register(client)
        : call(client, number, { session, acked: Math.max(1, number - back) }),
    );

  /** The table after these requests, run in groups of so many committed ops at a time. */
  function tableAfter(requests: readonly Request[], group: number): readonly unknown[] {
    const table = new ClientTable(2);
    let committed: Request[] = [];
    requests.forEach((one, i) => {
      if (table.commit(one, i + 1) === "run" && one.kind === "call") committed.push(one);
      if ((i + 1) % group !== 0) return;
      for (const ran of committed) table.keepReply(ran, bytes(`${ran.client}/${ran.number}`));
      committed = [];
    });
    for (const ran of committed) table.keepReply(ran, bytes(`${ran.client}/${ran.number}`));
    return table.snapshot();
  }

  /** Few sessions at likely ops, so that calls find theirs. */
  const requests = fc.array(request, { minLength: 1, maxLength: 40 }).map((list) => {
    const table = new ClientTable(2);
    return list.map((one, i) => {
      const session = table.sessionOf(one.client);
      const made = one.kind === "call" && session !== undefined ? { ...one, session } : one;
      const number = one.kind === "call" ? table.lastOf(one.client) + 1 : 0;
      const acked = Math.min(made.acked, Math.max(number, 0));
      const next = one.kind === "call" && i % 3 !== 0 ? { ...made, number, acked } : made;
      table.commit(next, i + 1);
      return next;
    });
  });

  test("does not depend on how many ops are committed before they are run", () => {
    fc.assert(
      fc.property(requests, fc.integer({ min: 2, max: 10 }), (list, group) => {
        expect(tableAfter(list, group)).toEqual(tableAfter(list, 1));
      }),
      { numRuns: 300 },
    );
  });

  /** The same rules with nothing but lists: what the table is to do, said once more. */
  class PlainTable {
    sessions: { client: string; session: number; ran: number[]; at: number; acked: number }[] = [];
    replies: { client: string; session: number; number: number }[] = [];

    commit(one: Request, op: number, sessionsMax: number): string {
      const held = this.sessions.find(({ client }) => client === one.client);
      if (one.kind === "register") {
        if (held !== undefined) return "duplicate";
        if (this.sessions.length === sessionsMax) {
          const order = [...this.sessions].sort((a, b) => a.at - b.at);
          this.sessions = this.sessions.filter((session) => session !== order[0]);
        }
        this.sessions.push({ client: one.client, session: op, ran: [], at: op, acked: 1 });
        return "run";
      }
      if (held?.session !== one.session) return "no_session";
      if (held.ran.includes(one.number)) return "duplicate";
      if (one.number !== held.ran.length + 1) return "too_early";
      held.ran.push(one.number);
      held.at = op;
      held.acked = Math.max(held.acked, one.acked);
      this.replies.push({ client: one.client, session: one.session, number: one.number });
      return "run";
    }

    keeps(client: string, number: number): boolean {
      const held = this.sessions.find((session) => session.client === client);
      return (
        held !== undefined &&
        number >= held.acked &&
        this.replies.some((one) => one.session === held.session && one.number === number)
      );
    }
  }

  test("does what a plain list of sessions would do, verdict by verdict and reply by reply", () => {
    fc.assert(
      fc.property(requests, fc.integer({ min: 1, max: 3 }), (list, sessionsMax) => {
        const table = new ClientTable(sessionsMax);
        const plain = new PlainTable();
        list.forEach((one, i) => {
          const verdict = table.commit(one, i + 1);
          expect(verdict).toBe(plain.commit(one, i + 1, sessionsMax));
          if (verdict === "run" && one.kind === "call") table.keepReply(one, bytes(`${i}`));
          expect(table.size).toBe(plain.sessions.length);
          for (const client of [ann, bob, cid]) {
            const held = plain.sessions.find((session) => session.client === client);
            expect(table.sessionOf(client)).toBe(held?.session);
            expect(table.lastOf(client)).toBe(held?.ran.length ?? 0);
            for (const number of [1, 2, 3, 4, 5, 6, 7]) {
              const kept = table.replyTo(client, number) !== undefined;
              expect([client, number, kept]).toEqual([client, number, plain.keeps(client, number)]);
            }
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  test("runs no request twice and skips none, whatever arrives", () => {
    fc.assert(
      fc.property(requests, (list) => {
        const table = new ClientTable(2);
        const last = new Map<string, number>();
        list.forEach((one, i) => {
          if (table.commit(one, i + 1) !== "run" || one.kind !== "call") return;
          const session = `${one.client}/${one.session}`;
          expect(one.number).toBe((last.get(session) ?? 0) + 1);
          last.set(session, one.number);
        });
      }),
    );
  });
});
