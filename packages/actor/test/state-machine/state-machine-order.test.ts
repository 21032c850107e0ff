/** The order of events, against a model that knows only the manual of `gen_statem`. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle, testSystem } from "../support/harness.ts";
import {
  Model,
  type Plan,
  Puppet,
  plans,
  puppetData,
  type Trace,
} from "../support/state-machine-model.ts";

/** Runs a plan on a machine; everything of a batch is in its mailbox before it handles any. */
async function traceOf(plan: Plan): Promise<Trace & { reports: string[] }> {
  const { system, clock, reports } = testSystem();
  const data = puppetData(plan);
  const ref = await system.start(Puppet, data);
  await settle();
  const answered: number[] = [];
  for (const { sends, ms } of plan.batches) {
    for (const { kind, event } of sends) {
      if (kind === "cast") ref.cast("run", event);
      else if (kind === "info") ref.send("run", event);
      else {
        const call = ref.call("run", event, { timeout: Number.POSITIVE_INFINITY });
        call.then(
          (id) => answered.push(id),
          () => answered.push(-event.id),
        );
      }
    }
    await settle();
    await clock.advanceAsync(ms);
  }
  return { handled: data.handled, answered, reports };
}

/** Fails with the plan when the machine and the model differ. */
async function compare(plan: Plan): Promise<void> {
  const { handled, answered, reports } = await traceOf(plan);
  const model = new Model(plan);
  expect(handled).toEqual(model.handled);
  expect(answered).toEqual(model.answered);
  expect(reports.filter((line) => !line.startsWith("dead"))).toEqual([]);
}

describe("the order of events", () => {
  it("is that of the model, for calls, casts, infos, internal and postponed events and timeouts", async () => {
    const some = plans([0, 5, 10, "cancel", "update"], false);
    await fc.assert(fc.asyncProperty(some, compare), { numRuns: 300 });
  });

  it("is that of the model when events are refused", async () => {
    await fc.assert(fc.asyncProperty(plans([0, 5, "update"], true), compare), { numRuns: 300 });
  });
});
