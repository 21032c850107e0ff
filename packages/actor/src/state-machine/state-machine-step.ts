/**
 * One step of a state machine: the handler of an event, the enter handler, then the transition.
 *
 * A step is one message of the process, so that its effects and its reply are out before the next
 * one begins. What waits inside of the machine (internal events, postponed ones that are tried
 * again, timeouts of zero) stands in its state; as long as anything does, there is a ticket, a
 * continuation of the process, which takes what is next. Nothing here lives longer than a step.
 * The order is that of OTP's `gen_statem`: see `loop_state_transition`, `loop_timeouts` and
 * `loop_done` in its source.
 */
import type { Handler } from "../actor.ts";
import type { ActorError } from "../actor-error.ts";
import type { Ctx } from "../ctx.ts";
import type { Context } from "../process/context.ts";
import { beforeHandling } from "../process/refusal.ts";
import type { ReplyTo } from "../ref.ts";
import { isThenable } from "../run-once.ts";
import { MachineContext, type TimeoutAction } from "./state-machine-context.ts";
import { UnhandledEventError, UnknownStateError } from "./state-machine-errors.ts";
import type { Machine, StateProgram } from "./state-machine-program.ts";
import type { EventKind, MachineEvent, MachineState, MachineTimer } from "./state-machine-types.ts";

type State = MachineState<string, unknown>;

/** The continuation of the process that is a ticket. */
export const ticketName = "event";

/** The info message of the process that is a timeout; no message of a machine has its name. */
export const timeoutName = "$timeout";

/** Which timer a message is from. */
interface TimeoutMessage {
  readonly key: string;
  readonly id: string;
}

/** What the `ctx` of a local process has beyond `Ctx`. */
type KernelCtx = Ctx & Partial<Pick<Context, "handling" | "rollback">>;

/** Makes the state of the process from what the `init` of a machine has returned. */
export function begin(machine: Machine, start: unknown, ctx: MachineContext, kernel: Ctx): unknown {
  const { state, data } = (start ?? {}) as { state?: unknown; data?: unknown };
  if (typeof state !== "string" || !machine.states.has(state)) {
    throw new UnknownStateError(machine.name, state, machine.states.keys());
  }
  const s: State = {
    state,
    data,
    postponed: [],
    queue: [],
    timers: new Map(),
    due: [],
  };
  ctx.state = state;
  ctx.enters = true;
  return after(kernel, enter(machine, s, ctx, kernel), () => {
    transition(s, ctx, kernel);
    return s;
  });
}

/** The handler of an operation: it passes the event on to the state. */
export function receiver(machine: Machine, kind: EventKind, name: string): Handler<State> {
  return (s, arg: unknown, kernel) => step(machine, s, { kind, name, arg }, kernel);
}

/** The handler of a query, which is no event. */
export function asker(machine: Machine, name: string): Handler<State> {
  return (s, arg: unknown, kernel) => {
    const ctx = new MachineContext("query", machine, kernel, s, undefined);
    const handler = stateOf(machine, s).queries[name];
    return handler === undefined
      ? ctx.fail(beforeHandling(new UnhandledEventError(machine.name, s.state, "query", name)))
      : handler(s.data, arg, ctx);
  };
}

/** The handler of a timeout whose time has passed. */
export function timeouts(machine: Machine): Handler<State> {
  return (s, message: TimeoutMessage | undefined, kernel) => {
    const key = message?.key ?? "";
    const timer = s.timers.get(key);
    // A state that was put in the place of another knows nothing of the other's timers.
    if (timer === undefined || timer.id !== message?.id) return undefined;
    const event = takeTimer(s, key, timer);
    (kernel as KernelCtx).handling?.("info", event.name, event.arg);
    return step(machine, s, event, kernel);
  };
}

/** The handler of a ticket: takes what is next inside of the machine. */
export function tickets(machine: Machine): Handler<State> {
  return (s, _: unknown, kernel) => {
    const event = s.queue.pop() ?? takeDue(s);
    if (event === undefined) return undefined;
    const { kind, name, arg } = event;
    const asWhat = kind === "call" || kind === "cast" ? kind : "info";
    (kernel as KernelCtx).handling?.(asWhat, name, arg);
    if (event.refused === true) return kernel.fail("refused");
    const ctx = new MachineContext("event", machine, kernel, s, event);
    const threw = (error: unknown) => {
      if (error === undefined || error !== ctx.refusal) throw error;
      refused(s, event, ctx.refusal, kernel);
    };
    try {
      const done = handle(machine, s, event, ctx, kernel);
      return isThenable(done) ? Promise.resolve(done).catch(threw) : done;
    } catch (error) {
      return threw(error);
    }
  };
}

/**
 * An event of a ticket was refused: it has had no effects, and what waits behind it goes on. If
 * nobody waits for an answer, the process drops it like any message, at the next ticket.
 */
function refused(s: State, event: MachineEvent, refusal: ActorError, kernel: Ctx): void {
  (kernel as KernelCtx).rollback?.();
  goOn(s, kernel);
  if (event.to !== undefined) {
    kernel.refuse(event.to, refusal);
    return;
  }
  s.queue.push({ ...event, refused: true });
  kernel.continue(ticketName);
}

/** There is one ticket while anything waits inside of the machine. */
function goOn(s: State, kernel: Ctx): void {
  if (s.queue.length > 0 || s.due.length > 0) kernel.continue(ticketName);
}

function step(machine: Machine, s: State, event: MachineEvent, kernel: Ctx): unknown {
  const ctx = new MachineContext("event", machine, kernel, s, event);
  return handle(machine, s, event, ctx, kernel);
}

function handle(
  machine: Machine,
  s: State,
  event: MachineEvent,
  ctx: MachineContext,
  kernel: Ctx,
): unknown {
  const { kind, name, arg } = event;
  const handler = stateOf(machine, s).events[kind][name];
  if (handler === undefined) {
    return ctx.fail(beforeHandling(new UnhandledEventError(machine.name, s.state, kind, name)));
  }
  return after(kernel, handler(s.data, arg, ctx), (value) =>
    after(kernel, enter(machine, s, ctx, kernel), () => {
      const answer = settle(s, event, ctx, kernel, value);
      transition(s, ctx, kernel);
      return answer;
    }),
  );
}

/** Runs the enter handler of the state that the step leads to, as often as it is asked for. */
function enter(machine: Machine, s: State, ctx: MachineContext, kernel: Ctx): unknown {
  if (!ctx.enters || ctx.stopped) return undefined;
  ctx.enters = false;
  ctx.place = "enter";
  const { enter: handler } = machine.states.get(ctx.state) ?? machine.any;
  if (handler === undefined) return undefined;
  const entered = handler(s.data, s.state, ctx);
  return after(kernel, entered, () => enter(machine, s, ctx, kernel));
}

/** Keeps the event when it was postponed; otherwise sees to it that its caller gets the reply. */
function settle(
  s: State,
  event: MachineEvent,
  ctx: MachineContext,
  kernel: Ctx,
  value: unknown,
): unknown {
  const { kind, to } = event;
  if (ctx.postponed) {
    if (kind === "call" && to === undefined) {
      return kernel.defer<never>((caller) => s.postponed.push({ ...event, to: caller }));
    }
    s.postponed.push(event);
    return undefined;
  }
  if (to === undefined) return value;
  if (!ctx.deferred) kernel.reply(to as ReplyTo<unknown>, value);
  return undefined;
}

/** The transition itself, once the handlers of the step have returned. */
function transition(s: State, ctx: MachineContext, kernel: Ctx): void {
  const entered = ctx.place === "enter";
  ctx.place = "nothing";
  if (ctx.stopped) {
    // A machine that stops goes nowhere; one that stops in an enter handler has gone there.
    if (entered) s.state = ctx.state;
    return;
  }
  let next = ctx.events ?? [];
  if (ctx.state !== s.state) {
    s.state = ctx.state;
    cancelTimeout(s, "stateTimeout", kernel);
    next = next.concat(s.postponed);
    s.postponed = [];
  }
  cancelTimeout(s, "eventTimeout", kernel);
  for (const [key, action] of ctx.timeouts ?? []) setTimeoutOf(s, key, action, kernel);
  for (const event of next.reverse()) s.queue.push(event);
  goOn(s, kernel);
}

function setTimeoutOf(s: State, key: string, action: TimeoutAction, kernel: Ctx): void {
  const { kind, name, time, arg } = action;
  const running = s.timers.get(key);
  if (time === "update" && running !== undefined) {
    s.timers.set(key, { ...running, arg });
    return;
  }
  cancelTimeout(s, key, kernel);
  if (time === "cancel" || time === Number.POSITIVE_INFINITY) return;
  const id = kernel.id();
  if (time === "update" || time === 0) {
    s.timers.set(key, { kind, name, arg, id, timer: undefined });
    s.due.push(key);
    return;
  }
  const message: TimeoutMessage = { key, id };
  const timer = kernel.sendAfter(time, timeoutName, message);
  s.timers.set(key, { kind, name, arg, id, timer });
}

function cancelTimeout(s: State, key: string, kernel: Ctx): void {
  const running = s.timers.get(key);
  if (running === undefined) return;
  s.timers.delete(key);
  if (running.timer === undefined) s.due.splice(s.due.indexOf(key), 1);
  else kernel.cancel(running.timer);
}

/** Takes the timeout of zero that was set first. */
function takeDue(s: State): MachineEvent | undefined {
  const key = s.due.shift() ?? "";
  const timer = s.timers.get(key);
  return timer === undefined ? undefined : takeTimer(s, key, timer);
}

function takeTimer(s: State, key: string, timer: MachineTimer): MachineEvent {
  s.timers.delete(key);
  return { kind: timer.kind, name: timer.name, arg: timer.arg };
}

function stateOf(machine: Machine, s: State): StateProgram {
  return machine.states.get(s.state) ?? machine.any;
}

/**
 * Goes on with a value, or with what a promise of it settles to. Never again once the process is
 * over: a handler that was killed while it waited leads nowhere.
 */
export function after(kernel: Ctx, value: unknown, next: (value: unknown) => unknown): unknown {
  if (!isThenable(value)) return next(value);
  return Promise.resolve(value).then((settled) =>
    kernel.signal.aborted ? undefined : next(settled),
  );
}
