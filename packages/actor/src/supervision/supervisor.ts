/**
 * Supervisors: trees of children that are started in order, restarted by rule and stopped in
 * reverse.
 *
 * This file says what a supervisor is made from. Its process, its tree and its children are others'
 * business.
 */
import { OptionError } from "../errors.ts";
import { oneOfOption } from "../option.ts";
import type { Process } from "../process/process.ts";
import type { AnyRef } from "../ref.ts";
import type { LaunchOptions } from "../system/start-options.ts";
import type { Startable } from "../system/startable.ts";
import type { ActorSystem } from "../system/system.ts";
import type { ChildSpec } from "./child-spec.ts";
import {
  type RestartOptions,
  resolveRestartOptions,
  supervisedSpecOption,
} from "./supervisor-options.ts";
import { defineSupervisor, launchSupervisor } from "./supervisor-process.ts";
import { idPayload, LocalStaticRef, offerPayload, type SupervisorRef } from "./supervisor-ref.ts";
import { StaticTree, type Strategy, strategies } from "./supervisor-static.ts";

/** What `supervisor` takes. */
export interface SupervisorOptions extends RestartOptions {
  readonly strategy: Strategy;
  /** Started in this order, stopped in reverse. */
  readonly children: readonly ChildSpec[];
}

/** What `supervisor` makes: give it to `system.start` or to `child`. */
export interface SupervisorDefinition
  extends Startable<SupervisorRef>,
    Required<SupervisorOptions> {}

/**
 * Defines a supervisor.
 *
 * Starting it starts the children in order; when one fails, those before it are stopped in reverse
 * and the start rejects with `StartError`. A child that ends is restarted as its spec says, and
 * with it those that the strategy names: they are stopped in reverse and all are started in order.
 * A restart that fails is tried again, and each try counts. With more than `maxRestarts` restarts
 * within `maxSeconds`, the children are stopped in reverse and the supervisor exits `shutdown`.
 * Throws `OptionError` for a bad option. OTP: `supervisor`.
 *
 * @example
 * ```ts
 * const App = supervisor({
 *   strategy: "rest_for_one",
 *   children: [child(Counter, { start: 0 }, { name: "c1" })],
 * });
 * const app = await system.start(App);
 * await app.whichChildren(); // => [{ id: "c1", status: "running", … }]
 * ```
 */
export function supervisor(options: SupervisorOptions): SupervisorDefinition {
  const restarts = resolveRestartOptions(options);
  const { strategy, children } = options;
  oneOfOption("strategy", strategy, strategies);
  checkChildren(children, restarts.autoShutdown);
  const made: SupervisorDefinition = Object.freeze({
    ...restarts,
    strategy,
    children: Object.freeze([...children]),
    launchIn: (system: ActorSystem, launchOptions: LaunchOptions) => {
      const make = (process: Process) => {
        const tree = new StaticTree(system, process, made);
        return { tree, ref: new LocalStaticRef(process.inbox, tree.offers) };
      };
      return launchSupervisor(system, supervisorActor, make, launchOptions);
    },
  });
  return made;
}

const supervisorActor = defineSupervisor<StaticTree>("supervisor", {
  calls: {
    startChild: (tree, offer: number, ctx) =>
      ctx.defer<AnyRef | undefined>((to) => tree.startOffered(offer, to)),
    terminateChild: (tree, id: string, ctx) => ctx.defer<void>((to) => tree.terminateChild(id, to)),
    restartChild: (tree, id: string, ctx) =>
      ctx.defer<AnyRef | undefined>((to) => tree.restartChild(id, to)),
    deleteChild: (tree, id: string, ctx) => ctx.defer<void>((to) => tree.deleteChild(id, to)),
  },
  payloads: {
    startChild: offerPayload,
    terminateChild: idPayload,
    restartChild: idPayload,
    deleteChild: idPayload,
  },
});

function checkChildren(
  children: readonly ChildSpec[],
  autoShutdown: SupervisorDefinition["autoShutdown"],
): void {
  if (!Array.isArray(children)) throw new OptionError("children", "an array", children);
  const ids = new Set<string>();
  for (const [at, spec] of children.entries()) {
    supervisedSpecOption(`children[${at}]`, spec, autoShutdown);
    if (ids.has(spec.id)) throw new OptionError(`children[${at}].id`, "a unique id", spec.id);
    ids.add(spec.id);
  }
}
