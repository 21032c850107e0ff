/**
 * A program that is sent a signal, as `signals.test.ts` starts it: it prints what happens to it, a
 * line each, and its first argument says what kind of program it is.
 */
import { createSystem, defineActor, type SystemOptions } from "../../src/index.ts";

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** Resolves when the test writes the next line. */
const told = () => new Promise<void>((resolve) => process.stdin.once("data", () => resolve()));

const Worker = defineActor("worker", {
  init: (name: string) => name,
  terminate: (name, reason) => print(`${name} terminates: ${reason}`),
});

const Stuck = defineActor("stuck", {
  init: () => ({}),
  terminate: () => new Promise(() => print("stuck terminates")),
});

async function start(options: SystemOptions = {}) {
  const system = createSystem({ logger: false, ...options });
  system.events.on("exit", ({ ref, reason }) => print(`exit ${ref.address.actor}: ${reason}`));
  await system.start(Worker, "first");
  await system.start(Worker, "second");
  return system;
}

/** Keeps the program running, as an open socket would. */
const keep = setInterval(() => {}, 60_000);

const programs: Record<string, () => Promise<unknown>> = {
  orderly: async () => {
    const system = await start();
    system.onStop(() => print("first hook"));
    system.onStop(() => print("second hook"));
  },
  deadline: async () => {
    const system = await start({ shutdownTimeout: 50 });
    await system.start(Stuck);
  },
  hook: async () => {
    const system = await start({ shutdownTimeout: 50 });
    system.onStop(() => new Promise(() => print("the hook waits")));
  },
  twice: async () => {
    const system = await start();
    system.onStop(async () => {
      print("the hook waits");
      await told();
      print("the hook ends");
    });
  },
  own: async () => {
    const system = await start();
    process.on("SIGTERM", async () => {
      print("own listener");
      await system.shutdown();
      print("shut down");
      await told();
      process.exit(7);
    });
  },
  other: () => start({ signals: ["SIGINT", "SIGUSR2"] }),
  none: () => start({ signals: [] }),
  several: async () => {
    await start();
    await start();
  },
  done: async () => {
    const system = await start();
    await system.shutdown();
    print(`listeners: ${process.listenerCount("SIGTERM")}`);
  },
  idle: async () => {
    await start();
    clearInterval(keep);
  },
};

await programs[process.argv[2] ?? ""]?.();
print("ready");
