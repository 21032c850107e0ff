/** What the tests of this package share: a system on a manual clock, and promises held by hand. */
import type { ExitReason } from "../../src/index.ts";
import {
  type ActorError,
  type ActorSystem,
  createSystem,
  defineActor,
  isActorError,
  type SystemOptions,
} from "../../src/index.ts";
import { ManualClock, seededRandom, settle } from "../../src/testing.ts";

export { settle };

/** A system whose time and chance the test decides, and everything it reported. */
export function testSystem(options: SystemOptions = {}) {
  const clock = new ManualClock({ now: 1_000_000 });
  const system = createSystem({ clock, random: seededRandom(1), logger: false, ...options });
  return { clock, system, reports: record(system) };
}

/** Everything a system reports, as short lines in order. */
export function record(system: ActorSystem): string[] {
  const lines: string[] = [];
  const name = (ref: { address: { actor: string } } | undefined) => ref?.address.actor ?? "nobody";
  system.events.on("exit", (e) => lines.push(`exit ${name(e.ref)} ${word(e.reason)}`));
  system.events.on("crash", (e) => lines.push(`crash ${name(e.ref)} in ${e.operation}`));
  system.events.on("deadLetter", (e) => lines.push(`dead ${e.kind} ${e.operation} ${e.reason}`));
  system.events.on("restart", (e) => lines.push(`restart ${e.id}`));
  system.events.on("restartFailed", (e) => lines.push(`restartFailed ${e.id}`));
  system.events.on("restartLimit", (e) => lines.push(`restartLimit ${e.id}`));
  return lines;
}

/** An exit reason in one word. */
export function word(reason: ExitReason): string {
  if (typeof reason === "string") return reason;
  return "error" in reason ? `error:${reason.error.message}` : "{shutdown}";
}

/** A promise that the test settles. */
export function gate<T = void>() {
  let open!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** What became of a promise, looked at without waiting. */
export function watch<T>(promise: Promise<T>) {
  const seen: { state: "pending" | "resolved" | "rejected"; value?: T; error?: ActorError } = {
    state: "pending",
  };
  promise.then(
    (value) => Object.assign(seen, { state: "resolved", value }),
    (error: unknown) => Object.assign(seen, { state: "rejected", error }),
  );
  return seen;
}

/** The error with which a promise rejects; fails when it resolves or rejects with anything else. */
export async function failure(promise: Promise<unknown>): Promise<ActorError> {
  try {
    await promise;
  } catch (error) {
    if (isActorError(error)) return error;
    throw error;
  }
  throw new Error("it did not reject");
}

/** The actor that most tests use. */
export const Counter = defineActor("counter", {
  init: (arg: { start: number; log?: string[] }) => ({ count: arg.start, log: arg.log ?? [] }),
  queries: { get: (s) => s.count },
  calls: {
    add: (s, n: number) => {
      s.count += n;
      s.log.push(`add ${n}`);
      return s.count;
    },
    take: (s, n: number, ctx) =>
      s.count < n ? ctx.fail("insufficient", { have: s.count }) : s.count - n,
    crash: (): number => {
      throw new Error("boom");
    },
    wait: async (s, until: Promise<unknown>) => {
      await until;
      s.log.push("waited");
      return s.count;
    },
  },
  casts: {
    bump: (s, n: number) => {
      s.count += n;
    },
    crash: () => {
      throw new Error("boom");
    },
  },
  terminate: (s, reason) => {
    s.log.push(`terminate ${word(reason)}`);
  },
});
