/**
 * A definition compiled for dispatch: one record per operation, found by name without allocating.
 *
 * It is compiled once per definition. It runs nothing.
 */
import type { AnyActorDefinition, PayloadCheck } from "./actor.ts";
import { toErrorValue } from "./exit-reason.ts";
import { objectOption } from "./option.ts";
import type { AnyHandler } from "./ref.ts";

/** The tables that operations stand in; a notice is a message of the runtime itself. */
export type OperationKind = "call" | "query" | "cast" | "info" | "continue" | "notice";

/** One operation of a definition; its identity is what a mailbox holds. */
export interface Operation {
  readonly kind: OperationKind;
  readonly name: string;
  readonly handler: AnyHandler;
  /** Looks at a payload before it is queued; undefined when anything goes. */
  readonly expects: PayloadCheck | undefined;
}

/** The operations of one kind, by name. */
export interface OperationTable {
  get(name: string): Operation | undefined;
  keys(): Iterable<string>;
}

/** A definition, ready to run. */
export interface Program {
  readonly definition: AnyActorDefinition;
  readonly call: OperationTable;
  readonly query: OperationTable;
  readonly cast: OperationTable;
  readonly info: OperationTable;
  readonly continue: OperationTable;
}

const programs = new WeakMap<AnyActorDefinition, Program>();

/** Gives a definition a program of its own: for one that answers to every name. */
export function setProgram(definition: AnyActorDefinition, program: Program): void {
  programs.set(definition, program);
}

/** What a definition has at least, if `defineActor` made it. */
const tables = ["queries", "calls", "casts", "info", "continue", "effects", "payloads"] as const;

/** The program of a definition. Throws `OptionError` for what `defineActor` did not make. */
export function programOf(definition: AnyActorDefinition): Program {
  let program = programs.get(definition);
  if (program === undefined) {
    for (const table of tables) objectOption(`definition.${table}`, definition[table]);
    const { calls, queries, casts, info, payloads } = definition;
    program = {
      definition,
      call: tableOf("call", calls, payloads),
      query: tableOf("query", queries, payloads),
      cast: tableOf("cast", casts, payloads),
      info: tableOf("info", info, payloads),
      continue: tableOf("continue", definition.continue, {}),
    };
    programs.set(definition, program);
  }
  return program;
}

function tableOf(
  kind: OperationKind,
  handlers: Record<string, AnyHandler>,
  payloads: Readonly<Record<string, PayloadCheck>>,
): OperationTable {
  const table = new Map<string, Operation>();
  for (const [name, handler] of Object.entries(handlers)) {
    const check = payloads[name];
    const given = check === undefined ? undefined : guarded(check);
    // What an info carries is decided by the runtime or by others, and may be of no interest.
    const isSurplus = kind !== "info" && takesNoPayload(handler);
    const expects = given ?? (isSurplus ? expectsNothing : undefined);
    table.set(name, { kind, name, handler, expects });
  }
  return table;
}

/** A check that throws, or answers in no words, must refuse: a cast never throws at its sender. */
function guarded(check: PayloadCheck): PayloadCheck {
  return (arg) => {
    try {
      const expected: unknown = check(arg);
      return expected === true || typeof expected === "string" ? expected : "another payload";
    } catch (error) {
      return `what its check takes (which threw ${describeThrown(error)})`;
    }
  };
}

function describeThrown(error: unknown): string {
  const { name, message } = toErrorValue(error);
  return `${name}: ${message}`;
}

const expectsNothing: PayloadCheck = (arg) => arg === undefined || "no payload";

/** An arrow with at most one plain name: `s =>`, `(s) =>`, `async () =>`. */
const shortArrow = /^(?:async\s+)?(?:[\w$]+|\(\s*[\w$]*\s*\))\s*=>/;

/** A function or a method with at most one plain name: `function (s) {`, `async get(s) {`. */
const shortFunction = /^(?:async\s+)?(?:function\b\s*)?[\w$]*\s*\(\s*[\w$]*\s*\)\s*\{/;

/**
 * Whether a handler declares nothing but the state. `length` alone cannot tell: it does not count
 * a parameter with a default value, nor the rest of a wrapper. Whatever is not certain may have a
 * payload.
 */
export function takesNoPayload(handler: AnyHandler): boolean {
  if (handler.length > 1) return false;
  const source = Function.prototype.toString.call(handler);
  const isShort = shortArrow.test(source) || shortFunction.test(source);
  return isShort && !/\barguments\b|\[native code\]/.test(source);
}
