/** Which handler of a definition an operation is for. */
import {
  type AnyActorDefinition,
  type Handler,
  PayloadError,
  UnknownOperationError,
} from "@troupe/actor";

/** The handler of an operation; or why there is none for it, which is the caller's mistake. */
export function handlerOf(
  definition: AnyActorDefinition,
  kind: string,
  name: string,
  arg: unknown,
): Handler<unknown> | Error {
  const { calls, casts, queries, info, continue: then, name: actor, payloads } = definition;
  const tables = { call: calls, cast: casts, query: queries, info, continue: then };
  // The kind comes from outside: "constructor" must not name what every object inherits.
  const table = Object.hasOwn(tables, kind) ? tables[kind as keyof typeof tables] : undefined;
  const handler: Handler<unknown> | undefined = table?.[name];
  if (handler === undefined) {
    return new UnknownOperationError(actor, kind, name, Object.keys(table ?? {}));
  }
  const expected = payloads[name]?.(arg) ?? true;
  return expected === true ? handler : new PayloadError(actor, name, expected, arg);
}
