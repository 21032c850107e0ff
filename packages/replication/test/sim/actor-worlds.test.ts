/** Real actors in worlds that lean to one kind of trouble, and what a world says of them. */
import { describe, expect, test } from "vitest";
import { plays } from "../../sim/actors/plays.ts";
import { optionsOf } from "../../sim/options.ts";
import { run } from "../../sim/run.ts";

describe("a group of a real actor", () => {
  test.each(["network", "crashes", "storage", "transfer", "memory", "clients"] as const)(
    "is as one that runs alone, in worlds of the kind %s",
    { timeout: 60_000 },
    (profile) => {
      let acks = 0;
      for (const [seed, actor] of Object.keys(plays).entries()) {
        const overrides = { actor, receivers: 2, receiverCrashEveryMs: 2000 };
        const result = run(seed + 1, { profile, overrides });
        expect(result.violation, `seed ${seed + 1}, ${actor}`).toBeUndefined();
        acks += result.acks;
      }
      expect(acks).toBeGreaterThan(20);
    },
  );

  test("has room for what actors are asked, whatever the seed says", () => {
    const options = optionsOf(1, "network", { actor: "queue", config: { batchBytesMax: 64 } });
    expect(options.config.batchBytesMax).toBe(1024);
    const { config } = optionsOf(1, "network");
    expect(options.config.sessionWindow).toBe(config.sessionWindow + 1);
  });

  test("is one of those that there are", () => {
    expect(() => run(1, { overrides: { actor: "nobody" } })).toThrow(
      'actor: expected one of ledger, cache, queue, herald, got "nobody"',
    );
  });
});
