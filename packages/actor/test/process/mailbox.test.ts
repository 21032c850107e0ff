import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Mailbox } from "../../src/process/mailbox.ts";
import type { Operation } from "../../src/program.ts";

const operation = (name: string, kind: Operation["kind"] = "cast"): Operation => ({
  kind,
  name,
  handler: () => undefined,
  expects: undefined,
});
const a = operation("a");
const b = operation("b");
const notice = operation("notice", "notice");
const port = { resolve() {}, reject() {} };

describe("Mailbox", () => {
  it("keeps operation, argument and reply port together", () => {
    const mailbox = new Mailbox(10);
    mailbox.push(a, 1, undefined);
    mailbox.push(b, 2, port);
    expect([mailbox.shift(), mailbox.arg, mailbox.from]).toEqual([a, 1, undefined]);
    expect([mailbox.shift(), mailbox.arg, mailbox.from]).toEqual([b, 2, port]);
    expect(mailbox.shift()).toBeUndefined();
  });

  it("refuses a message at its capacity", () => {
    const mailbox = new Mailbox(1);
    expect([mailbox.push(a, 1, undefined), mailbox.push(a, 2, undefined)]).toEqual([true, false]);
    mailbox.shift();
    expect(mailbox.push(a, 3, undefined)).toBe(true);
  });

  it("takes a notice of the runtime in order and beyond its capacity, and counts none", () => {
    const mailbox = new Mailbox(1);
    mailbox.push(a, 1, undefined);
    mailbox.pushNotice(notice, 2);
    expect([mailbox.size, mailbox.push(a, 3, undefined)]).toEqual([1, false]);
    expect([mailbox.shift(), mailbox.arg, mailbox.taken]).toEqual([a, 1, 1]);
    expect([mailbox.size, mailbox.isEmpty, mailbox.push(b, 3, undefined)]).toEqual([
      0,
      false,
      true,
    ]);
    expect([mailbox.shift(), mailbox.arg, mailbox.taken]).toEqual([notice, 2, 1]);
    expect([mailbox.shift(), mailbox.taken, mailbox.isEmpty]).toEqual([b, 2, true]);
  });

  it("takes the system lane first", () => {
    const mailbox = new Mailbox(1);
    mailbox.push(a, 1, undefined);
    mailbox.pushSystem(b, 2);
    expect(mailbox.size).toBe(1);
    expect([mailbox.shift(), mailbox.arg, mailbox.isSystem, mailbox.taken]).toEqual([
      b,
      2,
      true,
      1,
    ]);
    expect([mailbox.shift(), mailbox.arg, mailbox.isSystem, mailbox.taken]).toEqual([
      a,
      1,
      false,
      2,
    ]);
    expect(mailbox.isEmpty).toBe(true);
  });

  it("gives up its oldest message, but no notice, and keeps the order of the rest", () => {
    const mailbox = new Mailbox(3);
    // The ring has turned, so that the messages stand on both sides of its end.
    for (let n = 0; n < 6; n += 1) {
      mailbox.push(a, n, undefined);
      mailbox.shift();
    }
    mailbox.pushNotice(notice, "n1");
    mailbox.pushNotice(notice, "n2");
    mailbox.push(a, 1, port);
    mailbox.pushNotice(notice, "n3");
    mailbox.push(b, 2, undefined);
    expect([mailbox.evict(), mailbox.arg, mailbox.from, mailbox.size]).toEqual([a, 1, port, 1]);
    const rest: unknown[] = [];
    while (mailbox.shift() !== undefined) rest.push(mailbox.arg);
    expect(rest).toEqual(["n1", "n2", "n3", 2]);
    mailbox.pushNotice(notice, "n4");
    expect(mailbox.evict()).toBeUndefined();
    expect([mailbox.size, mailbox.shift(), mailbox.arg]).toEqual([0, notice, "n4"]);
  });

  it("lets go of the last message when asked", () => {
    const mailbox = new Mailbox(1);
    mailbox.push(a, { large: true }, port);
    mailbox.shift();
    mailbox.release();
    expect([mailbox.arg, mailbox.from]).toEqual([undefined, undefined]);
  });

  it("behaves like an array under any mix of pushes, notices, shifts and evictions", () => {
    const steps = fc.constantFrom("push", "notice", "shift", "evict");
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 400 }), (sequence) => {
        const mailbox = new Mailbox(1000);
        const model: { at: number; isNotice: boolean }[] = [];
        for (const [at, step] of sequence.entries()) {
          if (step === "push") {
            mailbox.push(a, at, undefined);
            model.push({ at, isNotice: false });
          } else if (step === "notice") {
            mailbox.pushNotice(notice, at);
            model.push({ at, isNotice: true });
          } else if (step === "shift") {
            const taken = mailbox.shift() === undefined ? undefined : mailbox.arg;
            expect(taken).toBe(model.shift()?.at);
          } else {
            const taken = mailbox.evict() === undefined ? undefined : mailbox.arg;
            const oldest = model.findIndex(({ isNotice }) => !isNotice);
            expect(taken).toBe(oldest < 0 ? undefined : model.splice(oldest, 1)[0]?.at);
          }
          expect(mailbox.size).toBe(model.filter(({ isNotice }) => !isNotice).length);
          expect(mailbox.isEmpty).toBe(model.length === 0);
        }
      }),
    );
  });

  it("keeps the order of bursts that are longer than its ring, whatever stands between", () => {
    const bursts = fc.array(fc.integer({ min: -4000, max: 3000 }), { maxLength: 8 });
    fc.assert(
      fc.property(bursts, (sizes) => {
        const mailbox = new Mailbox(Number.POSITIVE_INFINITY);
        let [pushed, taken, wrong] = [0, 0, 0];
        for (const size of sizes) {
          for (let i = 0; i < size; i += 1) mailbox.push(a, pushed++, undefined);
          for (let i = 0; i > size && taken < pushed; i -= 1) {
            mailbox.shift();
            if (mailbox.arg !== taken++) wrong += 1;
          }
          expect([mailbox.size, wrong]).toEqual([pushed - taken, 0]);
        }
      }),
    );
  });

  it("gives up the oldest message behind notices that fill more than a ring", () => {
    const mailbox = new Mailbox(2);
    for (let i = 0; i < 1500; i += 1) mailbox.pushNotice(notice, i);
    mailbox.push(a, "first", undefined);
    mailbox.push(a, "second", undefined);
    expect([mailbox.evict(), mailbox.arg, mailbox.size]).toEqual([a, "first", 1]);
    const order = Array.from({ length: 1501 }, () => mailbox.shift() && mailbox.arg);
    expect(order).toEqual([...Array(1500).keys(), "second"]);
  });
});
