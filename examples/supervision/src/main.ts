/**
 * A tree whose workers crash at random, and supervisors that put things right. Read it from top to
 * bottom: what a worker does, the tree, and the program that starts it and watches.
 */
import { type AnyRef, child, createSystem, defineActor, supervisor } from "@troupe/actor";
import { ManualClock, seededRandom } from "@troupe/actor/testing";
import { Display } from "./display.ts";
import { type Options, parseOptions, UsageError } from "./options.ts";
import { play } from "./play.ts";

const display = new Display(process.stdout);

/** Works for `life` milliseconds, more or less, and then crashes. */
const Worker = defineActor("worker", {
  init: ({ name, life }: { name: string; life: number }, ctx) => {
    ctx.sendAfter(Math.round(life * (0.5 + ctx.random())), "wearOut");
    return { name };
  },
  info: {
    wearOut: ({ name }) => {
      throw new Error(`${name} is worn out`);
    },
  },
  terminate: ({ name }, reason) => display.terminated(name, reason),
});

const worker = (name: string, life = 1500) => child(Worker, { name, life }, { name });

/** For workers that have nothing to do with each other: only the one that crashed is restarted. */
const Independent = supervisor({
  strategy: "one_for_one",
  maxRestarts: 50,
  children: [worker("a1"), worker("a2"), worker("a3")],
});

/** For workers that are of no use without each other: all of them are restarted. */
const Together = supervisor({
  strategy: "one_for_all",
  maxRestarts: 50,
  children: [worker("b1"), worker("b2"), worker("b3")],
});

/** For workers that build on those before them: the crashed one and those after it are. */
const Chain = supervisor({
  strategy: "rest_for_one",
  maxRestarts: 50,
  children: [worker("c1"), worker("c2"), worker("c3")],
});

/** Something is wrong with d1, and restarting it does not help: this supervisor will give up. */
const Flaky = supervisor({
  strategy: "one_for_one",
  maxRestarts: 2,
  maxSeconds: 10,
  children: [worker("d1", 350), worker("d2")],
});

/** When a supervisor has given up, the one above it restarts it, until it gives up as well. */
const App = supervisor({
  strategy: "one_for_one",
  maxRestarts: 2,
  maxSeconds: 10,
  children: [
    child(Independent, { name: "one_for_one" }),
    child(Together, { name: "one_for_all" }),
    child(Chain, { name: "rest_for_one" }),
    child(Flaky, { name: "flaky" }),
  ],
});

async function main({ seed, fast }: Options): Promise<void> {
  display.print(`seed ${seed}\n`);
  // Time and chance come from outside, so that a seed gives the same run again.
  const clock = new ManualClock();
  const random = seededRandom(seed);
  // Crashes are what this is about, so they are not logged as errors.
  await using system = createSystem({ clock, random, logger: false });

  const nameOf = (ref: AnyRef) => system.inspect(ref).name;
  system.events.on("restartLimit", ({ supervisor, maxRestarts, maxSeconds }) => {
    const limit = `${maxRestarts} restarts in ${maxSeconds} s`;
    display.note(`${nameOf(supervisor)} gives up: more than ${limit}`);
  });
  system.events.on("restart", ({ supervisor, id }) => {
    if (nameOf(supervisor) === "app") display.note(`app restarts ${id} and all below it`);
  });

  const app = await system.start(App, { name: "app" });
  system.monitor(app, ({ reason }) => display.note(`app has ended: ${String(reason)}`));
  await play(system, {
    clock,
    fast,
    onChange: () => {
      const at = clock.monotonic();
      display.show({ at, nodes: system.inspectTree(), text: system.tree() });
    },
    isOver: () => system.whereis("app") === undefined,
  });
}

try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`supervision example: ${error.message}`);
  process.exitCode = 2;
}
