/** Whatever happens to a supervisor's children, in any order, some things always hold. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ActorSystem,
  type AnyRef,
  child,
  defineActor,
  dynamicSupervisor,
  type Restart,
  type SupervisorRef,
  supervisor,
} from "../../src/index.ts";
import type { ManualClock } from "../../src/testing.ts";
import { settle, testSystem, watch } from "../support/harness.ts";

const strategies = ["one_for_one", "one_for_all", "rest_for_one"] as const;
const restarts = ["permanent", "transient", "temporary"] as const;
const ids = ["a", "b", "c", "d", "e"] as const;
type Id = (typeof ids)[number];

/** Who lives, by id, in the order of starts. Fails at once when a child runs twice. */
class Census {
  readonly living = new Map<string, AnyRef>();
  readonly violations: string[] = [];
  readonly #idOf = new Map<string, string>();
  readonly #starts = new Map<string, number>();

  constructor(system: ActorSystem) {
    system.events.on("exit", ({ ref }) => {
      const id = this.#idOf.get(String(ref));
      if (id !== undefined && this.living.get(id) === ref) this.living.delete(id);
    });
  }

  /** Answers how often a child with that id was started. */
  born(id: string, ref: AnyRef): number {
    if (this.living.has(id)) this.violations.push(`${id} runs twice`);
    this.#idOf.set(String(ref), id);
    this.living.set(id, ref);
    const starts = (this.#starts.get(id) ?? 0) + 1;
    this.#starts.set(id, starts);
    return starts;
  }

  /** The processes of some ids. */
  of(wanted: readonly string[]): (string | undefined)[] {
    return wanted.map((id) => {
      const ref = this.living.get(id);
      return ref === undefined ? undefined : String(ref);
    });
  }
}

/** How long a child takes, in milliseconds, and which of its starts fails. */
interface Temper {
  readonly init: number;
  readonly terminate: number;
  readonly failing: number;
}

interface CitizenPlan extends Temper {
  readonly id: string;
  readonly census: Census;
  readonly clock: ManualClock;
}

const after = (clock: ManualClock, ms: number) =>
  new Promise<void>((resolve) => {
    clock.setTimer(ms, resolve);
  });

const Citizen = defineActor("citizen", {
  init: async (plan: CitizenPlan, ctx) => {
    const { id, census, clock } = plan;
    const starts = census.born(id, ctx.self);
    if (plan.init > 0) await after(clock, plan.init);
    if (starts === plan.failing) throw new Error("cannot");
    return plan;
  },
  casts: {
    crash: () => {
      throw new Error("boom");
    },
    leave: (_s, _: undefined, ctx) => ctx.stop(),
  },
  terminate: ({ clock, terminate }) => (terminate > 0 ? after(clock, terminate) : undefined),
});

const calm: Temper = { init: 0, terminate: 0, failing: 0 };

const citizen = (
  id: string,
  world: { readonly census: Census; readonly clock: ManualClock },
  restart: Restart = "permanent",
  temper = calm,
) => child(Citizen, { id, ...world, ...temper }, { id, restart, shutdown: 15 });

const temper: fc.Arbitrary<Temper> = fc.record({
  init: fc.constantFrom(0, 0, 10, 20),
  // The longest is beyond the shutdown time.
  terminate: fc.constantFrom(0, 0, 10, 30),
  failing: fc.constantFrom(0, 2, 3),
});

const batch = fc.uniqueArray(fc.constantFrom(...ids), { minLength: 1, maxLength: 3 });
const how = fc.constantFrom("kill", "crash");

/** Makes a child crash; one that is gone is left alone. */
function crash(system: ActorSystem, ref: AnyRef | undefined, way: string): void {
  if (ref === undefined) return;
  if (way === "kill") system.exit(ref, "kill");
  else ref.cast("crash");
}

/** A system, and who lives in it. */
function makeWorld() {
  const { system, clock } = testSystem();
  const census = new Census(system);
  /** Lets so much time pass that every start and every end is over. */
  const later = () => clock.advanceAsync(1000);
  /** Ends a supervisor, which leaves nobody behind. */
  const end = async (ref: AnyRef) => {
    const stopping = watch(system.stop(ref, { timeout: Number.POSITIVE_INFINITY }));
    await later();
    expect([stopping.state, census.living.size]).toEqual(["resolved", 0]);
    expect(census.violations).toEqual([]);
  };
  return { system, clock, census, later, end };
}

describe("random crashes", () => {
  it("restart exactly those that the strategy names, in order, and no child runs twice", async () => {
    const batches = fc.array(fc.tuple(batch, how), { minLength: 1, maxLength: 5 });
    const property = fc.asyncProperty(fc.constantFrom(...strategies), batches, async (s, all) => {
      const world = makeWorld();
      const { system, census } = world;
      const children = ids.map((id) => citizen(id, world));
      const options = { strategy: s, maxRestarts: 1000, children };
      const ref = await system.start(supervisor(options));
      for (const [crashed, way] of all) {
        const before = census.of(ids);
        for (const id of crashed) crash(system, census.living.get(id), way);
        await settle();
        const now = census.of(ids);
        const first = Math.min(...crashed.map((id) => ids.indexOf(id)));
        const concerned = ids.map((id, at) => {
          if (s === "one_for_one") return crashed.includes(id);
          return s === "one_for_all" || at >= first;
        });
        expect(now).not.toContain(undefined);
        expect(now.map((one, at) => one !== before[at])).toEqual(concerned);
        if (s !== "one_for_one") expect([...census.living.keys()]).toEqual([...ids]);
        await expectConsistent(ref, census);
      }
      await world.end(ref);
    });
    await fc.assert(property, { numRuns: 40 });
  });
});

/** What the supervisor says is what there is. */
async function expectConsistent(ref: SupervisorRef, census: Census): Promise<void> {
  const [infos, counts] = await Promise.all([ref.whichChildren(), ref.countChildren()]);
  const running = infos.filter(({ status }) => status === "running");
  expect(counts).toEqual({
    specs: infos.length,
    active: running.length,
    supervisors: 0,
    workers: infos.length,
  });
  expect(running.map(({ id }) => id).sort()).toEqual([...census.living.keys()].sort());
  for (const info of running) expect(String(info.ref)).toBe(String(census.living.get(info.id)));
  for (const { status, ref: none } of infos) if (status !== "running") expect(none).toBeUndefined();
}

type Deed =
  | { readonly do: "kill" | "crash" | "leave"; readonly id: Id }
  | { readonly do: "terminate" | "restart" | "delete"; readonly id: Id }
  | { readonly do: "start"; readonly id: Id; readonly restart: Restart; readonly temper: Temper }
  | { readonly do: "wait" };

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 4, arbitrary: deedOf("kill", "crash", "leave") },
  { weight: 4, arbitrary: deedOf("terminate", "restart", "delete") },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("start" as const),
      id: fc.constantFrom(...ids),
      restart: fc.constantFrom(...restarts),
      temper,
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "wait" } as const) },
);

function deedOf<D extends string>(...deeds: D[]) {
  return fc.record({ do: fc.constantFrom(...deeds), id: fc.constantFrom(...ids) });
}

type World = ReturnType<typeof makeWorld>;

/** Does it, or begins to: nobody waits for the answer. */
async function perform(act: Deed, world: World, ref: SupervisorRef): Promise<void> {
  if (act.do === "wait") return world.clock.advanceAsync(5);
  const target = world.census.living.get(act.id);
  if (act.do === "leave") target?.cast("leave");
  else if (act.do === "kill" || act.do === "crash") crash(world.system, target, act.do);
  else if (act.do === "start") {
    ref.startChild(citizen(act.id, world, act.restart, act.temper)).catch(() => {});
  } else
    requests(act.id, ref)
      [act.do]()
      .catch(() => {});
}

const requests = (id: string, ref: SupervisorRef) => ({
  terminate: () => ref.terminateChild(id),
  restart: () => ref.restartChild(id),
  delete: () => ref.deleteChild(id),
});

/** Children as they come at first: none fails the first time. */
const initial = fc.tuple(...ids.map(() => fc.tuple(fc.constantFrom(...restarts), temper)));

/** What was drawn for the child at a place. */
const drawn = <T>(all: readonly T[], at: number) => all[at] as T;

const runs = { numRuns: 60 };

describe("random crashes and requests, without waiting in between", () => {
  it("leave the supervisor consistent, its children in order, and no child running twice", async () => {
    const all = fc.array(deed, { minLength: 1, maxLength: 30 });
    const strategy = fc.constantFrom(...strategies);
    const property = fc.asyncProperty(strategy, initial, all, async (name, tempers, deeds) => {
      const world = makeWorld();
      const { system, census, later } = world;
      const children = ids.map((id, at) => citizen(id, world, ...drawn(tempers, at)));
      const options = { strategy: name, maxRestarts: 1000, children };
      const starting = system.start(supervisor(options));
      await later();
      const ref = await starting;
      for (const act of deeds) await perform(act, world, ref);
      await later();
      await expectConsistent(ref, census);
      // A permanent child is down only when somebody has asked for that.
      const asked = new Set(deeds.map((act) => (act.do === "terminate" ? act.id : undefined)));
      asked.delete(undefined);
      for (const { id, status, restart } of await ref.whichChildren()) {
        const isAsked = name === "one_for_one" ? asked.has(id as Id) : asked.size > 0;
        if (restart === "permanent" && !isAsked) expect(status).toBe("running");
      }
      await world.end(ref);
    });
    await fc.assert(property, runs);
  });

  it("leave nobody behind when the supervisor is stopped or killed in the middle", async () => {
    const all = fc.array(deed, { minLength: 1, maxLength: 15 });
    const strategy = fc.constantFrom(...strategies);
    const ending = fc.constantFrom("stop", "kill");
    const property = fc.asyncProperty(
      strategy,
      initial,
      all,
      ending,
      async (name, tempers, deeds, how) => {
        const world = makeWorld();
        const { system, census, later } = world;
        const children = ids.map((id, at) => citizen(id, world, ...drawn(tempers, at)));
        const options = { strategy: name, maxRestarts: 1000, children };
        const starting = system.start(supervisor(options));
        await later();
        const ref = await starting;
        for (const act of deeds) await perform(act, world, ref);
        if (how === "stop") return world.end(ref);
        system.exit(ref, "kill");
        await later();
        expect([census.living.size, census.violations]).toEqual([0, []]);
      },
    );
    await fc.assert(property, runs);
  });

  it("leave a dynamic supervisor consistent, too", async () => {
    const act = fc.constantFrom("kill", "leave", "terminate", "wait");
    const acts = fc.array(fc.tuple(fc.nat(9), act), { maxLength: 30 });
    const tempers = fc.array(temper, { minLength: 10, maxLength: 10 });
    const property = fc.asyncProperty(acts, tempers, async (all, given) => {
      const world = makeWorld();
      const { system, census, clock, later } = world;
      const pool = await system.start(dynamicSupervisor({ maxRestarts: 1000 }));
      const names = given.map((_, at) => `n${at}`);
      const specs = names.map((id, at) => citizen(id, world, restarts[at % 3], given[at]));
      const starting = Promise.all(specs.map((spec) => pool.startChild(spec)));
      await later();
      await starting;
      for (const [at, what] of all) {
        const ref = census.living.get(names[at] as string);
        if (what === "wait") await clock.advanceAsync(5);
        else if (what === "leave") ref?.cast("leave");
        else if (what === "kill") crash(system, ref, what);
        else if (ref !== undefined) pool.terminateChild(ref).catch(() => {});
      }
      await later();
      const infos = await pool.whichChildren();
      const living = [...census.living.values()];
      expect(infos.map(({ ref }) => String(ref)).sort()).toEqual(living.map(String).sort());
      const { length } = infos;
      expect(await pool.countChildren()).toMatchObject({ specs: length, active: length });
      await world.end(pool);
    });
    await fc.assert(property, runs);
  });
});
