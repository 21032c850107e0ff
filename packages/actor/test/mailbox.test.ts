import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Mailbox } from "../src/mailbox.ts";
import type { Operation } from "../src/program.ts";

const operation = (name: string): Operation => ({ kind: "cast", name, handler: () => undefined });
const a = operation("a");
const b = operation("b");
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

  it("takes a message of the process's own beyond its capacity", () => {
    const mailbox = new Mailbox(1);
    mailbox.push(a, 1, undefined);
    mailbox.pushOwn(b, 2);
    expect(mailbox.size).toBe(2);
    expect([mailbox.shift(), mailbox.shift()]).toEqual([a, b]);
  });

  it("takes the system lane first, and does not count it as taken", () => {
    const mailbox = new Mailbox(1);
    mailbox.push(a, 1, undefined);
    mailbox.pushSystem(b, 2);
    expect([mailbox.shift(), mailbox.arg, mailbox.taken]).toEqual([b, 2, 0]);
    expect([mailbox.shift(), mailbox.arg, mailbox.taken]).toEqual([a, 1, 1]);
    expect(mailbox.isEmpty).toBe(true);
  });

  it("lets go of the last message when asked", () => {
    const mailbox = new Mailbox(1);
    mailbox.push(a, { large: true }, port);
    mailbox.shift();
    mailbox.release();
    expect([mailbox.arg, mailbox.from]).toEqual([undefined, undefined]);
  });

  it("behaves like an array under any mix of pushes and shifts", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 400 }), (pushes) => {
        const mailbox = new Mailbox(1000);
        const model: number[] = [];
        for (const [at, isPush] of pushes.entries()) {
          if (isPush) {
            mailbox.push(a, at, undefined);
            model.push(at);
          } else {
            const taken = mailbox.shift() === undefined ? undefined : mailbox.arg;
            expect(taken).toBe(model.shift());
          }
          expect(mailbox.size).toBe(model.length);
        }
      }),
    );
  });
});
