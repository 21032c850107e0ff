/** An actor for supervisor tests: it writes down what happens to it, and obeys the test. */
import {
  type ActorSystem,
  type AnyRef,
  type ChildOptions,
  type ChildSpec,
  child,
  defineActor,
  type RefOf,
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

/** What workers are told, all the same or each its own. */
export type WorkerPlans = Partial<WorkerPlan> | ((id: string) => Partial<WorkerPlan>);

/** A worker as a child, known by its name. */
export function worker(
  one: string | ChildOptions,
  log: string[] = [],
  plan: WorkerPlans = {},
): ChildSpec<RefOf<typeof Worker>> {
  const childOptions = typeof one === "string" ? { name: one } : one;
  const id = String(childOptions.name ?? childOptions.id);
  const own = typeof plan === "function" ? plan(id) : plan;
  return child(Worker, { id, log, ...own }, childOptions);
}

/** A system with one supervisor over workers, each known by its id. */
export async function supervised(
  ids: readonly (string | ChildOptions)[],
  options: Partial<SupervisorOptions> = {},
  plan: WorkerPlans = {},
) {
  const all = testSystem();
  const log: string[] = [];
  const children = ids.map((one) => worker(one, log, plan));
  const tree = supervisor({ strategy: "one_for_one", children, ...options });
  const ref = await all.system.start(tree, { name: "sup" });
  const crash = async (name: string) => {
    await failure(named(all.system, name).call("crash"));
    await settle();
  };
  const kill = async (name: string) => {
    all.system.exit(named(all.system, name), "kill");
    await settle();
  };
  const exits = async (name: string, reason: unknown) => {
    await named(all.system, name).call("stop", reason);
    await settle();
  };
  /** The names that a process has, of those that are asked for. */
  const alive = (...names: string[]) =>
    names.filter((name) => all.system.whereis(name) !== undefined);
  /** Which processes have the names: two processes are never called the same. */
  const refs = (...names: string[]) => names.map((name) => String(named(all.system, name)));
  const statuses = async () =>
    Object.fromEntries((await ref.whichChildren()).map(({ id, status }) => [id, status]));
  return { ...all, log, ref, crash, kill, exits, alive, refs, statuses };
}
