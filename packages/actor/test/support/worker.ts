/** An actor for supervisor tests: it writes down what happens to it, and obeys the test. */
import {
  type ActorSystem,
  type AnyRef,
  type ChildOptions,
  child,
  defineActor,
  type SupervisorOptions,
  supervisor,
} from "../../src/index.ts";
import { failure, settle, testSystem, word } from "./harness.ts";

/** What a worker is told. `init` and `terminate` are called at each start and end. */
export interface WorkerPlan {
  readonly id: string;
  readonly log: string[];
  readonly init?: () => unknown;
  readonly terminate?: () => unknown;
}

export const Worker = defineActor("worker", {
  init: (plan: WorkerPlan) => {
    plan.log.push(`start ${plan.id}`);
    const result = plan.init?.();
    return result instanceof Promise ? result.then(() => plan) : plan;
  },
  calls: {
    crash: (): void => {
      throw new Error("boom");
    },
    stop: (_s, reason: "normal" | "shutdown" | { shutdown: unknown }, ctx) => ctx.stop(reason),
    wait: async (_s, until: Promise<unknown>) => {
      await until;
    },
  },
  terminate: (plan, reason) => {
    plan.log.push(`end ${plan.id} ${word(reason)}`);
    return plan.terminate?.();
  },
});

/** The ref behind a name; fails when there is none. */
export function named(system: ActorSystem, name: string): AnyRef {
  const ref = system.whereis(name);
  if (ref === undefined) throw new Error(`nobody is called ${name}`);
  return ref;
}

/** A system with one supervisor over workers, each known by its id. */
export async function supervised(
  ids: readonly (string | ChildOptions)[],
  options: Partial<SupervisorOptions> = {},
  plan: Partial<WorkerPlan> = {},
) {
  const all = testSystem();
  const log: string[] = [];
  const children = ids.map((one) => {
    const name = typeof one === "string" ? one : (one.name as string);
    const childOptions = typeof one === "string" ? { name } : one;
    return child(Worker, { id: name, log, ...plan }, childOptions);
  });
  const tree = supervisor({ strategy: "one_for_one", children, ...options });
  const ref = await all.system.start(tree, { name: "sup" });
  const crash = async (name: string) => {
    await failure(named(all.system, name).call("crash"));
    await settle();
  };
  const exits = async (name: string, reason: unknown) => {
    await named(all.system, name).call("stop", reason);
    await settle();
  };
  return { ...all, log, ref, crash, exits };
}
