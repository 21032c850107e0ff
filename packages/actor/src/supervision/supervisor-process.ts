/**
 * The process of a supervisor: an actor like any other, whose state is its tree.
 *
 * It passes on what comes in, and knows neither strategies nor children. It traps exits, so that
 * a signal of anybody but its parent is nothing to it.
 */
import {
  type AnyActorDefinition,
  defineActor,
  type Handlers,
  type PayloadCheck,
} from "../actor.ts";
import type { Ctx, ExitSignal } from "../ctx.ts";
import { assert } from "../errors.ts";
import type { ExitReason } from "../exit-reason.ts";
import { onAbort } from "../on-abort.ts";
import type { LocalRef } from "../process/local-ref.ts";
import type { Process } from "../process/process.ts";
import type { AnyRef } from "../ref.ts";
import type { LaunchOptions } from "../system/start-options.ts";
import type { StartedChild } from "../system/startable.ts";
import { type ActorSystem, launch } from "../system/system.ts";
import { SupervisorStep, type Tree } from "./supervisor-tree.ts";

/** The trees of the supervisors, by their refs: a process makes its ref before it initialises. */
const trees = new WeakMap<AnyRef, Tree>();

/** What a kind of supervisor can be asked besides its children. */
export interface SupervisorCalls<T extends Tree> {
  readonly calls: Handlers<T>;
  readonly payloads: Readonly<Record<string, PayloadCheck>>;
}

/** Defines the actor of a kind of supervisor. */
export function defineSupervisor<T extends Tree>(
  name: string,
  { calls, payloads }: SupervisorCalls<T>,
): AnyActorDefinition {
  return defineActor(name, {
    init: async (_: undefined, ctx): Promise<T> => {
      const tree = trees.get(ctx.self);
      assert(tree !== undefined, "a supervisor has its tree before it initialises");
      const failure = await tree.startAll();
      if (failure !== undefined) ctx.stop(failure);
      return tree as T;
    },
    queries: { whichChildren: (tree) => tree.which(), countChildren: (tree) => tree.count() },
    calls,
    info: {
      step: (_tree, step: SupervisorStep, ctx: Ctx) => step.run(ctx),
      exit: (_tree, _signal: ExitSignal) => undefined,
    },
    payloads: {
      ...payloads,
      // Anybody may send an info message, and this one is the supervisor's own.
      step: (arg) => arg instanceof SupervisorStep || "a step of the supervisor itself",
    },
    terminate: (tree) => tree.stopAll(),
    trapExit: true,
  });
}

/** Starts a supervisor as a process. */
export async function launchSupervisor<R extends LocalRef>(
  system: ActorSystem,
  definition: AnyActorDefinition,
  make: (process: Process) => { readonly tree: Tree; readonly ref: R },
  options: LaunchOptions,
): Promise<StartedChild<R>> {
  let made: { readonly tree: Tree; readonly ref: R } | undefined;
  const makeRef = (process: Process) => {
    const { tree, ref } = make(process);
    trees.set(ref, tree);
    // After an orderly end there is nobody left who could be orphaned.
    process.onExit((reason) => tree.orphanAll(reason));
    made = { tree, ref };
    return ref;
  };
  const { signal, ...rest } = options;
  // Each child has its own limits, so the supervisor itself needs none. OTP: `infinity`.
  const ownLimits = { startTimeout: Number.POSITIVE_INFINITY, shutdown: "infinity" } as const;
  const cancel = () => made?.tree.cancelStart();
  const ignoreSignal = signal === undefined ? undefined : onAbort(signal, cancel);
  try {
    const process = await launch(system, {
      definition,
      arg: undefined,
      options: { ...rest, ...ownLimits },
      makeRef,
      onExitAsked: cancel,
    });
    assert(made !== undefined, "a started supervisor has a ref");
    return {
      ref: made.ref,
      onExit: (listener: (reason: ExitReason) => void) => process.onExit(listener),
      exit: (reason) => process.exit(reason),
      parentExited: (reason) => process.parentExited(reason),
    };
  } finally {
    ignoreSignal?.();
  }
}
