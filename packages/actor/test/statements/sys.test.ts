/** Looking into a running process. */
import { describe, expect, it } from "vitest";
import { Counter, failure, Puppet, settle, testSystem, watch } from "./support.ts";

describe("a suspended process", () => {
  it("96. While a process is suspended, messages queue and looks at it are answered; getState works; replaceState with a function that throws leaves the state unchanged", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Counter, { start: 1, log });
    await system.suspend(ref);
    const reply = watch(ref.call("add", 1));
    ref.cast("bump", 10);
    await settle();
    expect([reply.state, log, system.inspect(ref).mailbox]).toEqual(["pending", [], 2]);
    expect(system.inspect(ref).status).toBe("suspended");

    const state = { count: 1, log };
    expect(await system.getState(ref)).toEqual(state);
    const replace = () => {
      throw new TypeError("no");
    };
    await expect(system.replaceState(ref, replace)).rejects.toThrow(new TypeError("no"));
    expect(await system.getState(ref)).toEqual(state);
    const replaced = await system.replaceState(ref, (s) => ({ ...s, count: s.count + 100 }));
    expect(replaced).toEqual({ count: 101, log });

    await system.resume(ref);
    await settle();
    expect([reply.value, await ref.query("get")]).toEqual([102, 112]);
    expect(system.inspect(ref).status).toBe("waiting");
  });

  it("ends at once when it is asked to stop or gets an untrapped exit signal", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const endings = [
      (ref: Parameters<typeof system.stop>[0]) => system.stop(ref),
      (ref: Parameters<typeof system.stop>[0]) => system.exit(ref, "shutdown"),
      (ref: Parameters<typeof system.stop>[0]) => system.exit(ref, "kill"),
    ];
    for (const end of endings) {
      const ref = await system.start(Puppet, log);
      await system.suspend(ref);
      const call = failure(ref.call("run", () => log.push("handled")));
      await end(ref);
      expect((await call).outcome).toBe("not_run");
    }
    expect(log).toEqual(["terminate normal"]);
  });
});
