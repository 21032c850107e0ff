/**
 * A definition compiled for dispatch: one record per operation, found by name without allocating.
 *
 * It is compiled once per definition. It runs nothing.
 */
import type { AnyActorDefinition } from "./actor.ts";
import type { AnyHandler } from "./ref.ts";

/** The table that an operation stands in. */
export type OperationKind = "call" | "query" | "cast" | "info";

/** One operation of a definition; its identity is what a mailbox holds. */
export interface Operation {
  readonly kind: OperationKind;
  readonly name: string;
  readonly handler: AnyHandler;
}

/** The operations of one kind, by name. */
export type OperationTable = ReadonlyMap<string, Operation>;

/** A definition, ready to run. */
export interface Program {
  readonly definition: AnyActorDefinition;
  readonly call: OperationTable;
  readonly query: OperationTable;
  readonly cast: OperationTable;
  readonly info: OperationTable;
}

const programs = new WeakMap<AnyActorDefinition, Program>();

/** The program of a definition. */
export function programOf(definition: AnyActorDefinition): Program {
  let program = programs.get(definition);
  if (program === undefined) {
    program = {
      definition,
      call: tableOf("call", definition.calls),
      query: tableOf("query", definition.queries),
      cast: tableOf("cast", definition.casts),
      info: tableOf("info", definition.info),
    };
    programs.set(definition, program);
  }
  return program;
}

function tableOf(kind: OperationKind, handlers: Record<string, AnyHandler>): OperationTable {
  const table = new Map<string, Operation>();
  for (const [name, handler] of Object.entries(handlers)) table.set(name, { kind, name, handler });
  return table;
}
