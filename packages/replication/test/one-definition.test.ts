/**
 * An actor is defined once: one random script of calls, casts, messages, queries, timers, throws,
 * refusals and deferred replies, told to it in a system, on another node and behind a group, gives
 * the same answers and leaves the same state.
 */
import { type AnyRef, isActorError } from "@troupe/actor";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClerkStart, Deed } from "./support/clerk.ts";
import {
  type Came,
  follow,
  type Hosted,
  ThreeHosts,
  told,
  turns,
  turnsToRest,
} from "./support/three-hosts.ts";

/** What the script says to the actor. */
type Said = readonly [how: "call" | "cast" | "send" | "query", operation: string, arg?: unknown];

/** One step of the script; time passes after each. */
type Step =
  | { readonly say: readonly Said[] }
  | { readonly giveUp: true }
  | { readonly throws: Deed[]; readonly how: "call" | "cast" | "send" }
  | { readonly friendEnds: true }
  | { readonly trouble: "cut off" | "restart"; readonly of: string; readonly say: readonly Said[] };

/** So much time passes with a step; timers are due in the middle of it. */
const beatMs = 200;
/** So many beats are enough for another primary, or for a replica that has forgotten everything. */
const troubleBeats = 10;
/** No timer is set for longer than so many. */
const timersBeats = 5;
/** Hosts are late by less than half of this. */
const coarseMs = 100;
/** So coarse that no host is ever late. */
const timeless = 2 ** 50;
/** To look further: `SCRIPTS=2000 PROPERTY_SEED=7 npx vitest run one-definition`. */
const scripts = Number(process.env.SCRIPTS ?? 120);

/** Said to all three; what came of it, by host. */
interface Exchange {
  readonly what: unknown;
  readonly came: readonly Came[];
}

/** One script, played to the actor on its three hosts. */
class Play {
  readonly #hosts: ThreeHosts;
  readonly #coarseMs: number;
  #hosted: readonly [Hosted, Hosted, Awaited<ReturnType<ThreeHosts["group"]>>] | undefined;
  /** Of which not every host has answered. */
  #open: Exchange[] = [];
  #friendsEnded = false;

  constructor(hosts: ThreeHosts, coarse: number) {
    this.#hosts = hosts;
    this.#coarseMs = coarse;
  }

  async run(steps: readonly Step[]): Promise<void> {
    const start = { coarseMs: this.#coarseMs };
    const hosts = this.#hosts;
    const [local, remote, group] = await hosts.finish(
      Promise.all([hosts.local(start), hosts.remote(start), hosts.group(start)]),
    );
    this.#hosted = [local, remote, group];
    for (const { ref, friend } of this.#all) await hosts.finish(ref.call("befriend", friend));
    try {
      for (const step of steps) await this.#play(step);
      await this.#compareAll("the end");
    } finally {
      await this.#endFriends();
      await hosts.finish(Promise.all(this.#all.map((host) => host.close())));
    }
  }

  get #all() {
    if (this.#hosted === undefined) throw new Error("nobody is hosted");
    return this.#hosted;
  }

  async #play(step: Step): Promise<void> {
    if ("giveUp" in step) this.#say(["call", "wait"], { timeout: 1.25 * beatMs });
    else if ("throws" in step) await this.#throw(step);
    else if ("friendEnds" in step) await this.#endFriends();
    else if ("trouble" in step) await this.#trouble(step);
    else for (const said of step.say) this.#say(said);
    await this.#answers(step);
    await this.#hosts.pass(beatMs);
    await this.#compareAll(step);
  }

  #say([how, operation, arg]: Said, options?: { timeout: number }): void {
    if (how === "cast") for (const { ref } of this.#all) ref.cast(operation, arg);
    else if (how === "send") for (const { ref } of this.#all) ref.send(operation, arg);
    else {
      const ask = ({ ref }: Hosted) =>
        how === "call" ? ref.call(operation, arg, options) : ref.query(operation, arg, options);
      const came = this.#all.map((host) => follow(ask(host)));
      this.#open.push({ what: [how, operation, arg], came });
    }
  }

  /** Whoever is answered in its own system is answered everywhere, and nobody else is. */
  async #answers(step: Step): Promise<void> {
    const isSame = () => this.#open.every(({ came }) => new Set(came.map((c) => c.waits)).size < 2);
    await turns(turnsToRest);
    await this.#hosts.until(isSame);
    this.#compareAnswers(step);
  }

  #compareAnswers(step: unknown): void {
    for (const { what, came } of this.#open) {
      const [local, remote, group] = came.map(told);
      expect({ step, what, remote }).toStrictEqual({ step, what, remote: local });
      expect({ step, what, group }).toStrictEqual({ step, what, group: local });
    }
    this.#open = this.#open.filter(({ came }) => came.some(({ waits }) => waits));
  }

  async #compareAll(step: unknown): Promise<void> {
    this.#compareAnswers(step);
    const hosts = this.#hosts;
    const see = async ({ ref, friend }: Hosted) => {
      const heard = await friend.query("heard").catch(() => "over");
      return { state: await ref.query("all"), heard };
    };
    const [local, remote, group] = await hosts.finish(Promise.all(this.#all.map(see)));
    expect({ step, remote }).toStrictEqual({ step, remote: local });
    expect({ step, group }).toStrictEqual({ step, group: local });
  }

  /**
   * What throws has not happened to an actor behind a group. Elsewhere it would be over, so there
   * somebody else of the same state throws, and it is as if it had not happened there either.
   */
  async #throw({ how, throws }: Extract<Step, { throws: unknown }>): Promise<void> {
    const hosts = this.#hosts;
    const [local, remote, group] = this.#all;
    const saved = (await hosts.finish(local.ref.query("all"))) as ClerkStart["saved"];
    for (const host of [local, remote]) {
      const start = { coarseMs: this.#coarseMs, ...(saved === undefined ? {} : { saved }) };
      const twin = await hosts.finish(host.twin(start));
      await this.#throwAt(twin, how, throws, { code: "ERR_PROCESS_EXITED", outcome: "unknown" });
      const later = await this.#rejection(twin.query("all"));
      expect(later).toMatchObject({ code: "ERR_NO_PROCESS", outcome: "not_run" });
    }
    await this.#throwAt(group.ref, how, throws, { code: "ERR_HANDLER", outcome: "ran" });
  }

  async #throwAt(ref: AnyRef, how: "call" | "cast" | "send", deeds: Deed[], expected: object) {
    if (how !== "call") ref[how]("throwAfter", deeds);
    else {
      const error = await this.#rejection(ref.call("throwAfter", deeds));
      expect(error).toMatchObject(expected);
      const misused = deeds.some(([what]) => what === "misuse");
      expect(JSON.stringify([error.message, error.data])).toContain(
        misused ? "no such message" : "dropped it",
      );
    }
    await turns(turnsToRest);
  }

  async #rejection(promise: Promise<unknown>): Promise<Error & { data?: unknown }> {
    const error = await this.#hosts.finish(promise.catch((reason: unknown) => reason));
    if (!isActorError(error)) throw new Error(`it came to ${String(error)}`);
    return error;
  }

  async #endFriends(): Promise<void> {
    if (this.#friendsEnded) return;
    this.#friendsEnded = true;
    await this.#hosts.finish(Promise.all(this.#all.map((host) => host.endFriend())));
  }

  async #trouble({ trouble, of, say }: Extract<Step, { trouble: unknown }>): Promise<void> {
    const hosts = this.#hosts;
    const [, , group] = this.#all;
    // What is called now comes late behind the group, and so behind any timer that is set already.
    if (say.length > 0) await hosts.pass(timersBeats * beatMs);
    if (trouble === "restart") {
      const back = group.restart(of);
      for (const said of say) this.#say(said);
      await hosts.finish(back);
    } else {
      const heal = group.cutOff(of);
      for (const said of say) this.#say(said);
      await hosts.pass(troubleBeats * beatMs);
      heal();
    }
    await hosts.pass(troubleBeats * beatMs);
  }
}

const label = fc.constantFrom("t", "u", "v");
const text = fc.string({ maxLength: 8 });
/** In the middle of a beat, so that no host takes it for another one. */
const delay = fc.nat({ max: timersBeats - 1 }).map((beats) => (beats + 0.5) * beatMs);

/** Any value that a message may carry. */
const { value } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.date({ min: new Date(-(2 ** 49)), max: new Date(2 ** 49) }),
    fc.uint8Array({ maxLength: 9 }),
  ),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 6 }), tie("value"), { maxKeys: 4 }),
    fc.array(fc.tuple(tie("leaf"), tie("value")), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.array(tie("leaf"), { maxLength: 4 }).map((values) => new Set(values)),
  ),
}));

const deed = (timed: boolean): fc.Arbitrary<Deed> =>
  fc.oneof(
    fc.tuple(fc.constantFrom("timer" as const, ...(timed ? ["chain" as const] : [])), label, delay),
    fc.tuple(fc.constant("cancel" as const), label),
    fc.tuple(fc.constantFrom("tell", "tell self", "cast self"), text) as fc.Arbitrary<Deed>,
    fc.tuple(fc.constant("continue" as const), fc.nat({ max: 3 })),
    fc.constant(["unwatch"] as const),
    fc.tuple(fc.constant("release" as const), value),
    fc.tuple(fc.constant("refuse" as const), fc.constantFrom("no", "never")),
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constant("effect" as const),
        fc.constantFrom("echo", "refuses", "breaks", "is bad"),
        value,
      ) as fc.Arbitrary<Deed>,
    },
    // Begun anew by the next primary, it takes longer.
    ...(timed ? [delay.map((ms) => ["hang", ms] as const)] : []),
  );

const call = (timed: boolean): fc.Arbitrary<Said> =>
  fc
    .oneof(
      fc.tuple(fc.constant("add"), fc.integer({ min: -9, max: 9 })),
      fc.tuple(fc.constant("put"), fc.tuple(label, value)),
      fc.tuple(fc.constantFrom("take", "checked"), fc.nat({ max: 9 })),
      fc.tuple(fc.constantFrom("failLate", "waitNot"), value),
      fc.tuple(fc.constantFrom("wait", "chance", "no such call"), fc.constant(undefined)),
      fc.tuple(fc.constant("checked"), fc.constant("no number")),
      { weight: 5, arbitrary: fc.tuple(fc.constant("perform"), deed(timed)) },
    )
    .map(([operation, arg]) => ["call", operation, arg] as const);

const message = (timed: boolean): fc.Arbitrary<Said> =>
  fc.oneof(
    text.map((arg) => ["cast", "hear", arg] as const),
    text.map((arg) => ["send", "hear", arg] as const),
    { weight: 3, arbitrary: deed(timed).map((arg) => ["cast", "perform", arg] as const) },
    fc.constant(["cast", "failLate", 1] as const),
    fc.constantFrom(["cast", "no such cast"] as const, ["send", "no such message"] as const),
  );

const query: fc.Arbitrary<Said> = fc.oneof(
  label.map((place) => ["query", "look", place] as const),
  value.map((why) => ["query", "refuseToLook", why] as const),
);

const said = (timed: boolean) => fc.oneof(call(timed), message(timed));

const step = (timed: boolean): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 6, arbitrary: said(timed).map((one) => ({ say: [one] })) },
    { weight: 2, arbitrary: query.map((one) => ({ say: [one] })) },
    { weight: 2, arbitrary: fc.array(said(timed), { maxLength: 6 }).map((say) => ({ say })) },
    { weight: 1, arbitrary: fc.constant({ giveUp: true as const }) },
    {
      weight: 1,
      arbitrary: fc.record({
        throws: fc.array(fc.oneof(deed(timed), fc.constant(["misuse"] as const)), { maxLength: 3 }),
        how: fc.constantFrom("call", "cast", "send"),
      }) as fc.Arbitrary<Step>,
    },
  );

const trouble = fc.record({
  trouble: fc.constantFrom("cut off", "restart"),
  of: fc.constantFrom("a", "b", "c"),
  say: fc.array(said(false), { maxLength: 3 }),
}) as fc.Arbitrary<Step>;

describe("one definition", () => {
  let hosts: ThreeHosts;
  beforeAll(async () => {
    hosts = await ThreeHosts.make();
  });
  afterAll(() => hosts.end());

  const plays = (steps: fc.Arbitrary<Step>, coarse: number, numRuns: number) =>
    fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 8, maxLength: 25, size: "max" }), (script) =>
        new Play(hosts, coarse).run(script),
      ),
      { numRuns },
    );

  test("answers and becomes the same in a system, on another node and behind a group", async () => {
    // Alone: when it is over already, nothing says what comes first, that or what follows.
    const watch = { say: [["call", "perform", ["watch"]] as const] };
    const steps = fc.oneof(
      { weight: 30, arbitrary: step(true) },
      { weight: 2, arbitrary: fc.constant(watch) },
      { weight: 1, arbitrary: fc.constant({ friendEnds: true as const }) },
    );
    await plays(steps, coarseMs, scripts);
  });

  test("does so also while replicas are cut off, and forget everything", async () => {
    const steps = fc.oneof(
      { weight: 7, arbitrary: step(false) },
      { weight: 1, arbitrary: trouble },
    );
    await plays(steps, timeless, scripts / 5);
  });
});
