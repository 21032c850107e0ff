/** What the compiler knows of supervisors, their children and tasks. */
import { describe, expectTypeOf, it } from "vitest";
import {
  type ActorSystem,
  type AnyRef,
  type ChildSpec,
  child,
  type DynamicSupervisorRef,
  defineActor,
  dynamicSupervisor,
  type PartitionSupervisorRef,
  partitionSupervisor,
  type RefOf,
  type SupervisorRef,
  supervisor,
  type Task,
  type TaskEnd,
  type TaskSupervisorRef,
  taskSupervisor,
} from "../../src/index.ts";

const Counter = defineActor("counter", {
  init: (a: { start: number }) => ({ count: a.start }),
  calls: { add: (s, n: number) => (s.count += n) },
});
type CounterRef = RefOf<typeof Counter>;

declare const system: ActorSystem;
declare const app: SupervisorRef;
declare const pool: DynamicSupervisorRef;
declare const parts: PartitionSupervisorRef<CounterRef>;
declare const tasks: TaskSupervisorRef;
/** Checked by the compiler only: what stands inside is never run. */
const check = (_: () => unknown) => {};

describe("the types of supervisors", () => {
  it("carry the ref of a child through its spec", () => {
    check(async () => {
      const spec = child(Counter, { start: 0 });
      expectTypeOf(spec).toEqualTypeOf<ChildSpec<CounterRef>>();
      expectTypeOf(await app.startChild(spec)).toEqualTypeOf<CounterRef | undefined>();
      expectTypeOf(await pool.startChild(spec)).toEqualTypeOf<CounterRef | undefined>();
      expectTypeOf(await app.restartChild("x")).toEqualTypeOf<AnyRef | undefined>();
      const sub = child(supervisor({ strategy: "one_for_one", children: [spec] }));
      expectTypeOf(await app.startChild(sub)).toEqualTypeOf<SupervisorRef | undefined>();
      expectTypeOf(parts.partition("k").call("add", 1)).toEqualTypeOf<Promise<number>>();
      // @ts-expect-error a key is no object
      parts.partition({});
      // @ts-expect-error there is no such operation
      parts.partition("k").call("sub", 1);
    });
  });

  it("make each definition startable, as a root and as a child", () => {
    check(async () => {
      const Parts = partitionSupervisor({
        child: (n) => child(Counter, { start: n }),
        partitions: 2,
      });
      expectTypeOf(await system.start(Parts)).toEqualTypeOf<PartitionSupervisorRef<CounterRef>>();
      expectTypeOf(await system.start(dynamicSupervisor())).toEqualTypeOf<DynamicSupervisorRef>();
      expectTypeOf(await system.start(taskSupervisor())).toEqualTypeOf<TaskSupervisorRef>();
      const children = [child(Parts), child(dynamicSupervisor()), child(taskSupervisor())];
      supervisor({ strategy: "one_for_all", autoShutdown: "any_significant", children });
      // @ts-expect-error there is no such word
      supervisor({ strategy: "one_for_all", autoShutdown: "some", children });
      // @ts-expect-error partitions are missing
      partitionSupervisor({ child: () => child(Counter, { start: 0 }) });
    });
  });

  it("know what a task gives", () => {
    check(async () => {
      const task = tasks.run(async ({ signal }) => signal.aborted);
      expectTypeOf(task).toEqualTypeOf<Task<boolean>>();
      expectTypeOf(tasks.run(() => 1)).toEqualTypeOf<Task<number>>();
      expectTypeOf(await task.result).toEqualTypeOf<boolean>();
      expectTypeOf(await task.yield(1)).toEqualTypeOf<TaskEnd<boolean> | undefined>();
      // @ts-expect-error a duration is a number
      task.yield("soon");
    });
  });
});
