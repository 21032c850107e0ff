/**
 * The tables of a state machine, checked and merged once per definition, so that one look-up finds
 * the handler of an event in a state. It runs none of them.
 */
import type { PayloadCheck } from "../actor.ts";
import { OptionError } from "../errors.ts";
import { functionOption, integerOption, nameOption, objectOption } from "../option.ts";
import { takesNoPayload } from "../program.ts";
import type { AnyHandler } from "../ref.ts";
import type { EventKind, StateSpec } from "./state-machine-types.ts";

/** Handlers by name, on no prototype. */
export type Table = Readonly<Record<string, AnyHandler>>;

/** One state, with what any state does filled in. */
export interface StateProgram {
  readonly enter: AnyHandler | undefined;
  readonly queries: Table;
  readonly events: Readonly<Record<EventKind, Table>>;
}

/** A machine, ready to run. */
export interface Machine {
  /** The name of its definition. */
  readonly name: string;
  readonly states: ReadonlyMap<string, StateProgram>;
  /** What it does in a state that it does not know, which only `replaceState` can bring about. */
  readonly any: StateProgram;
  /** The names of the queries, and of the events by kind, over all states. */
  readonly queries: ReadonlySet<string>;
  readonly events: Readonly<Record<EventKind, ReadonlySet<string>>>;
  readonly maxPostponed: number;
  readonly maxInternal: number;
}

/** The options that bound a machine. */
export const machineDefaults = { maxPostponed: 1000, maxInternal: 1000 } as const;

type AnyStateSpec = StateSpec<unknown, string>;

/** The table of a state's spec in which the handlers of a kind of event stand. */
const tableOfKind = {
  call: "calls",
  cast: "casts",
  info: "info",
  internal: "internal",
  timeout: "timeouts",
} as const;

const singles = ["stateTimeout", "eventTimeout"] as const;
const known = new Set<string>(["enter", "queries", ...Object.values(tableOfKind), ...singles]);

/** What a machine is compiled from. */
export interface MachineOptions {
  readonly states: Readonly<Record<string, AnyStateSpec>>;
  readonly any?: AnyStateSpec | undefined;
  readonly maxPostponed?: number | undefined;
  readonly maxInternal?: number | undefined;
}

/** Compiles a machine. Throws `OptionError` for what is not a table, or not a handler. */
export function compileMachine(name: string, options: MachineOptions): Machine {
  objectOption("states", options.states);
  const specs = Object.entries(options.states);
  if (specs.length === 0) throw new OptionError("states", "at least one state", options.states);
  const anySpec = checkedSpec("any", options.any ?? {});
  const any = stateProgram(anySpec, {});
  const states = new Map<string, StateProgram>();
  for (const [state, spec] of specs) {
    nameOption("states", state);
    states.set(state, stateProgram(checkedSpec(`states.${state}`, spec), anySpec));
  }
  const { maxPostponed = machineDefaults.maxPostponed, maxInternal = machineDefaults.maxInternal } =
    options;
  const namesOf = (table: (state: StateProgram) => Table) =>
    new Set([...states.values()].flatMap((state) => Object.keys(table(state))));
  return Object.freeze({
    name,
    states,
    any,
    queries: namesOf(({ queries }) => queries),
    events: perKind((kind) => namesOf(({ events }) => events[kind])),
    maxPostponed: integerOption("maxPostponed", maxPostponed, 0),
    maxInternal: integerOption("maxInternal", maxInternal, 1),
  });
}

const expectsNothing: PayloadCheck = (arg) => arg === undefined || "no payload";

/** Checks for the operations that take no payload in any state, and those that are given. */
export function payloadChecks(
  { states }: Machine,
  given: Readonly<Record<string, PayloadCheck>> = {},
): Readonly<Record<string, PayloadCheck>> {
  const checks: Record<string, PayloadCheck> = Object.create(null);
  const taking = new Set<string>();
  for (const { queries, events } of states.values()) {
    for (const table of [queries, events.call, events.cast, events.info]) {
      for (const [name, handler] of Object.entries(table)) {
        if (takesNoPayload(handler)) checks[name] = expectsNothing;
        else taking.add(name);
      }
    }
  }
  for (const name of taking) delete checks[name];
  return Object.assign(checks, given);
}

function perKind<V>(value: (kind: EventKind) => V): Record<EventKind, V> {
  return {
    call: value("call"),
    cast: value("cast"),
    info: value("info"),
    internal: value("internal"),
    timeout: value("timeout"),
    stateTimeout: value("stateTimeout"),
    eventTimeout: value("eventTimeout"),
  };
}

function checkedSpec(place: string, spec: AnyStateSpec): AnyStateSpec {
  objectOption(place, spec);
  for (const key of Object.keys(spec)) {
    if (known.has(key)) continue;
    throw new OptionError(`${place}.${key}`, `one of ${[...known].join(", ")}`, key);
  }
  for (const single of ["enter", ...singles] as const) {
    if (spec[single] !== undefined) functionOption(`${place}.${single}`, spec[single]);
  }
  for (const table of ["queries", ...Object.values(tableOfKind)] as const) {
    checkTable(`${place}.${table}`, spec[table]);
  }
  return spec;
}

function checkTable(place: string, table: Table | undefined): void {
  if (table === undefined) return;
  objectOption(place, table);
  for (const [name, handler] of Object.entries(table)) {
    nameOption(`${place} operation`, name);
    functionOption(`${place}.${name}`, handler);
  }
}

function stateProgram(own: AnyStateSpec, any: AnyStateSpec): StateProgram {
  return Object.freeze({
    enter: own.enter ?? any.enter,
    queries: merged(any.queries, own.queries),
    events: perKind((kind) => {
      if (kind !== "stateTimeout" && kind !== "eventTimeout") {
        return merged(any[tableOfKind[kind]], own[tableOfKind[kind]]);
      }
      const handler = own[kind] ?? any[kind];
      return merged(handler === undefined ? undefined : { [kind]: handler });
    }),
  });
}

function merged(...tables: readonly (Table | undefined)[]): Table {
  return Object.freeze(Object.assign(Object.create(null), ...tables));
}
