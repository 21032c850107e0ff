/**
 * `defineStateMachine`: an actor whose handlers depend on the state that it is in.
 *
 * It compiles the tables of the states to an ordinary actor definition, so a system, a supervisor
 * and a ref know nothing of machines. It runs no handler: `state-machine-step.ts` does.
 */
import { defineActor, type Handlers, type NoHandlers } from "../actor.ts";
import type { Ctx } from "../ctx.ts";
import { OptionError } from "../errors.ts";
import type { ExitReason } from "../exit-reason.ts";
import { functionOption, nameOption, objectOption } from "../option.ts";
import { MachineContext } from "./state-machine-context.ts";
import { compileMachine, type Machine, payloadChecks } from "./state-machine-program.ts";
import {
  after,
  asker,
  begin,
  receiver,
  ticketName,
  tickets,
  timeoutName,
  timeouts,
} from "./state-machine-step.ts";
import type {
  EventKind,
  MachineInitCtx,
  MachineState,
  OnlyKnownTables,
  StateMachineDefinition,
  StateMachineSpec,
} from "./state-machine-types.ts";

type State = MachineState<string, unknown>;

/** A spec whose types have been used up. */
interface UntypedSpec extends StateMachineSpec<unknown, string, unknown, object, object> {
  readonly init: (arg: unknown, ctx: MachineInitCtx) => never;
}

/**
 * Defines a state machine: an actor with a table of handlers for each of its states. OTP:
 * `gen_statem`.
 *
 * A handler gets the data, one argument and a `ctx` with which it changes the state, postpones the
 * event, inserts others and sets timeouts; what it returns is the reply. A call that has no handler
 * in the current state, nor in `any`, rejects with `UnhandledEventError` (did not run); a cast or
 * an info becomes a dead letter. Throws `OptionError` for a table or a handler that is none.
 *
 * @example
 * ```ts
 * const Door = defineStateMachine("door", {
 *   init: (arg: { code: string }) => ({ state: "locked", data: { code: arg.code } }),
 *   states: {
 *     locked: {
 *       calls: {
 *         unlock: (data, code: string, ctx) =>
 *           code === data.code ? ctx.next("open") : ctx.fail("wrong_code"),
 *       },
 *     },
 *     open: {
 *       enter: (_data, _previous, ctx) => ctx.stateTimeout(10_000),
 *       stateTimeout: (_data, _, ctx) => ctx.next("locked"),
 *     },
 *   },
 * });
 * ```
 */
export function defineStateMachine<
  const Name extends string,
  A,
  D,
  N extends string,
  T extends object,
  F extends object = NoHandlers,
>(
  name: Name,
  spec: StateMachineSpec<A, N, D, T, F> & OnlyKnownTables<T, F>,
): StateMachineDefinition<Name, A, D, T, F> {
  nameOption("name", name);
  objectOption("definition", spec);
  const untyped = spec as unknown as UntypedSpec;
  functionOption("init", untyped.init);
  if (untyped.terminate !== undefined) functionOption("terminate", untyped.terminate);
  const machine = compileMachine(name, untyped);
  if (machine.events.info.has(timeoutName)) {
    throw new OptionError("info", "another name: this one is taken", timeoutName);
  }
  const definition = compile(name, machine, untyped);
  const states = Object.freeze([...machine.states.keys()]);
  return Object.freeze({ ...definition, states }) as unknown as StateMachineDefinition<
    Name,
    A,
    D,
    T,
    F
  >;
}

function compile(name: string, machine: Machine, spec: UntypedSpec) {
  const { init, version, terminate, trapExit, mailbox, payloads, effects } = spec;
  const operations = (kind: EventKind): Handlers<State> =>
    tableOf(machine.events[kind], (operation) => receiver(machine, kind, operation));
  const start = (arg: unknown, kernel: Ctx): unknown => {
    const ctx = new MachineContext("init", machine, kernel, undefined, undefined);
    return after(kernel, init(arg, ctx), (from) => begin(machine, from, ctx, kernel));
  };
  return defineActor(name, {
    init: start as (arg: unknown, kernel: Ctx) => State | Promise<State>,
    queries: tableOf(machine.queries, (operation) => asker(machine, operation)),
    calls: operations("call"),
    casts: operations("cast"),
    info: { ...operations("info"), [timeoutName]: timeouts(machine) },
    continue: { [ticketName]: tickets(machine) },
    ...(version === undefined ? {} : { version }),
    ...(trapExit === undefined ? {} : { trapExit }),
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(effects === undefined ? {} : { effects }),
    payloads: payloadChecks(machine, payloads),
    ...(terminate === undefined
      ? {}
      : { terminate: (s: State, reason: ExitReason) => terminate(s.data, reason, s.state) }),
  });
}

function tableOf<H>(names: ReadonlySet<string>, handler: (name: string) => H): Record<string, H> {
  const table: Record<string, H> = Object.create(null);
  for (const name of names) table[name] = handler(name);
  return table;
}
