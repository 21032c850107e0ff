import { describe, expect, it } from "vitest";
import type { ExitReason } from "../../src/index.ts";
import type { Watched } from "../../src/process/monitors.ts";
import { watchFromOutside } from "../../src/system/outside-monitor.ts";

function setUp() {
  const tasks: (() => void)[] = [];
  const told: ExitReason[] = [];
  const loop = { soon: (task: () => void) => void tasks.push(task) };
  const watch = (process: Watched | undefined) =>
    watchFromOutside(process, loop as never, (reason) => told.push(reason));
  const turn = () => {
    for (const task of tasks.splice(0)) task();
  };
  return { told, watch, turn };
}

/** What can be watched, and fires as often as it is told. */
function source(reasonAtOnce?: ExitReason) {
  const listeners: ((reason: ExitReason) => void)[] = [];
  const watched: Watched = {
    ref: undefined as never,
    isDead: false,
    watch: (listener) => {
      listeners.push(listener);
      if (reasonAtOnce !== undefined) listener(reasonAtOnce);
      return () => void listeners.splice(0);
    },
  };
  return { watched, listeners };
}

describe("a monitor from outside", () => {
  it("tells once, on the stack of the end", () => {
    const { told, watch } = setUp();
    const { watched, listeners } = source();
    watch(watched);
    for (const reason of ["killed", "normal"] as const) listeners[0]?.(reason);
    expect(told).toEqual(["killed"]);
  });

  it("of nothing, of the dead, and of what fails while it begins, tells on the next turn", () => {
    const { told, watch, turn } = setUp();
    watch(undefined);
    watch({ ...source().watched, isDead: true });
    watch({ ...source().watched, isDead: true, absence: "noconnection" });
    watch(source("shutdown").watched);
    expect(told).toEqual([]);
    turn();
    expect(told).toEqual(["noproc", "noproc", "noconnection", "shutdown"]);
  });

  it("that is taken back tells nothing any more", () => {
    const { told, watch, turn } = setUp();
    const { watched, listeners } = source();
    watch(watched)();
    watch(undefined)();
    watch(source("killed").watched)();
    turn();
    expect([told, listeners]).toEqual([[], []]);
  });
});
