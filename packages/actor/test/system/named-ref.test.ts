import { describe, expect, it } from "vitest";
import { type AnyRef, defineActor } from "../../src/index.ts";
import { NamedRef, type NameLookup } from "../../src/system/named-ref.ts";
import { Counter, failure, settle, testSystem } from "../support/harness.ts";

const Other = defineActor("other", { init: () => ({}) });

/** A name that the test gives to one process after another. */
function pointer() {
  const dead: string[] = [];
  const pointed: { target: AnyRef | undefined } = { target: undefined };
  const lookup: NameLookup = {
    find: () => pointed.target,
    describe: () => '"c1"',
    deadLetter: (ref, kind, operation, _arg, reason) =>
      dead.push(`${ref} ${kind} ${operation} ${reason}`),
  };
  return { pointed, lookup, dead };
}

describe("a named ref", () => {
  it("is the process that has the name at the moment of use", async () => {
    const { system } = testSystem();
    const { pointed, lookup } = pointer();
    const ref = new NamedRef(lookup, Counter);
    pointed.target = (await system.start(Counter, { start: 1 })) as unknown as AnyRef;
    expect(await ref.call("add", 1)).toBe(2);
    pointed.target = (await system.start(Counter, { start: 10 })) as unknown as AnyRef;
    ref.cast("bump", 5);
    expect(await ref.query("get")).toBe(15);
    expect(ref.address).toEqual(pointed.target.address);
  });

  it("rejects calls and drops the rest while nobody has the name", async () => {
    const { lookup, dead } = pointer();
    const ref = new NamedRef(lookup, Counter);
    for (const asking of [ref.call("add", 1), ref.query("get")]) {
      const { code, outcome, message } = await failure(asking);
      expect([code, outcome, message]).toEqual([
        "ERR_NO_PROCESS",
        "not_run",
        'counter "c1" is not running',
      ]);
    }
    ref.cast("bump", 1);
    ref.send("tick");
    expect(dead).toEqual([
      'counter "c1" cast bump no_process',
      'counter "c1" info tick no_process',
    ]);
  });

  it("has an address that no process has while nobody has the name", () => {
    const { lookup } = pointer();
    expect(new NamedRef(lookup, Counter).address).toMatchObject({
      kind: "process",
      id: 0,
      actor: "counter",
    });
    expect(new NamedRef(lookup).address).toMatchObject({ id: 0, actor: '"c1"' });
  });

  it("refuses a process of another definition", async () => {
    const { system } = testSystem();
    const { pointed, lookup, dead } = pointer();
    pointed.target = (await system.start(Other)) as unknown as AnyRef;
    const ref = new NamedRef(lookup, Counter);
    for (const asking of [ref.call("add", 1), ref.query("get")]) {
      const { code, outcome, message } = await failure(asking);
      expect([code, outcome]).toEqual(["ERR_INVALID_OPTION", "not_run"]);
      expect(message).toContain("the definition of other <1>, which has the name");
    }
    ref.cast("bump", 1);
    ref.send("tick");
    expect(dead).toEqual([
      "other <1> cast bump unknown_operation",
      "other <1> info tick unknown_operation",
    ]);
  });

  it("passes the options of a call on", async () => {
    const { system, clock } = testSystem();
    const { pointed, lookup } = pointer();
    pointed.target = (await system.start(Counter, { start: 1 })) as unknown as AnyRef;
    const ref = new NamedRef(lookup);
    const waiting = failure(ref.call("wait", new Promise(() => {}), { timeout: 50 }));
    await settle();
    await clock.advanceAsync(50);
    expect((await waiting).code).toBe("ERR_CALL_TIMEOUT");
  });

  it("is resolved to the ref of a process, and anything else to itself", async () => {
    const { system } = testSystem();
    const { pointed, lookup } = pointer();
    const ref = new NamedRef(lookup);
    expect(NamedRef.resolve(ref)).toBeUndefined();
    pointed.target = (await system.start(Other)) as unknown as AnyRef;
    expect(NamedRef.resolve(ref)).toBe(pointed.target);
    expect(NamedRef.resolve(pointed.target)).toBe(pointed.target);
    for (const value of [undefined, null, 7, "c1", {}]) expect(NamedRef.resolve(value)).toBe(value);
  });

  it("shows its name", () => {
    const { lookup } = pointer();
    expect(`${new NamedRef(lookup, Counter)} ${new NamedRef(lookup)}`).toBe('counter "c1" "c1"');
  });
});
