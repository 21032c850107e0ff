/**
 * The errors of state machines, one class per code. Nothing here depends on a machine.
 */
import { ActorError } from "../actor-error.ts";

/** The machine has no handler for the event in its state. The call did not run. */
export class UnhandledEventError extends ActorError {
  declare readonly data: { machine: string; state: string; kind: string; event: string };

  constructor(machine: string, state: string, kind: string, event: string) {
    super(`${machine} has no ${kind} "${event}" in state "${state}"`, {
      name: "UnhandledEventError",
      code: "ERR_UNHANDLED_EVENT",
      outcome: "not_run",
      data: { machine, state, kind, event },
    });
  }

  /** The state that the machine was in. */
  get state(): string {
    return this.data.state;
  }
}

/** As many events are postponed, or inserted, as may be. A call that was postponed did not run. */
export class TooManyEventsError extends ActorError {
  constructor(machine: string, kept: "postponed" | "internal", max: number) {
    super(`${machine} keeps ${max} ${kept} events already`, {
      name: "TooManyEventsError",
      code: "ERR_TOO_MANY_EVENTS",
      outcome: "not_run",
      data: { machine, kept, max },
    });
  }
}

/** The machine has no such state. */
export class UnknownStateError extends ActorError {
  constructor(machine: string, state: unknown, known: Iterable<string>) {
    const names = [...known];
    super(`${machine} has no state "${String(state)}"; it has ${names.join(", ")}`, {
      name: "UnknownStateError",
      code: "ERR_UNKNOWN_STATE",
      outcome: "not_run",
      data: { machine, state: String(state), known: names },
    });
  }
}

/** A handler asked for what it may not do: an enter handler for another state, for instance. */
export class IllegalActionError extends ActorError {
  constructor(method: string, place: string) {
    super(`ctx.${method} is not allowed in ${place}`, {
      name: "IllegalActionError",
      code: "ERR_ILLEGAL_ACTION",
      outcome: "not_run",
      data: { method, place },
    });
  }
}
