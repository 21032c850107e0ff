import { describe, expect, it } from "vitest";
import { Deadlines } from "../../src/deadlines.ts";
import { CallTimeoutError, ReplyError } from "../../src/errors.ts";
import { messageCopier } from "../../src/plain-data.ts";
import { CopiedCall } from "../../src/process/copied-call.ts";
import { ManualClock } from "../../src/testing.ts";
import { noWireClasses } from "../../src/wire-class.ts";

/** A call that nobody has answered yet, and what its caller has seen. */
function openCall() {
  const clock = new ManualClock();
  const seen: { reply?: unknown; error?: unknown } = {};
  const deadlines = new Deadlines({ clock, loop: { soon: () => {}, later: () => {} } });
  const call = new CopiedCall(
    messageCopier(noWireClasses),
    (reply) => Object.assign(seen, { reply }),
    (error) => Object.assign(seen, { error }),
    { deadlines, describe: () => "counter <1>" },
    "get",
  );
  call.begin(100, undefined);
  return { call, seen, clock };
}

describe("a call whose answer is copied", () => {
  it("gives its caller a copy of the reply", () => {
    const { call, seen } = openCall();
    const rows = [{ n: 1 }];
    call.resolve(rows);
    rows.push({ n: 2 });
    expect(seen).toEqual({ reply: [{ n: 1 }] });
  });

  it("rejects for a reply that no wire could carry, and says that the handler ran", () => {
    const { call, seen } = openCall();
    call.resolve({ rows: [{ close: () => {} }] });
    expect(seen.error).toMatchObject({
      code: "ERR_NOT_SERIALIZABLE",
      name: "NotSerializableError",
      outcome: "ran",
      path: "reply.rows[0].close",
    });
    call.resolve(1);
    expect(seen).not.toHaveProperty("reply");
  });

  it("copies what a refusal carries", () => {
    const { call, seen } = openCall();
    const data = { have: [1] };
    call.reject(new ReplyError("insufficient", data));
    data.have.push(2);
    expect(seen.error).toMatchObject({ name: "ReplyError", code: "insufficient" });
    expect(seen.error).toMatchObject({ data: { have: [1] } });
  });

  it("rejects for a refusal that carries what no wire could", () => {
    const { call, seen } = openCall();
    call.reject(new ReplyError("insufficient", { why: Symbol("why") }));
    expect(seen.error).toMatchObject({ outcome: "ran", path: "data.why" });
  });

  it("passes every other error on, and misses its deadline like any call", () => {
    const first = openCall();
    const error = new Error("anything");
    first.call.reject(error);
    expect(first.seen.error).toBe(error);
    const second = openCall();
    second.clock.advance(100);
    expect(second.seen.error).toBeInstanceOf(CallTimeoutError);
  });
});
