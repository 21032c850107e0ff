/** A look at one place of a state, so that a large one need not travel. */
import { OptionError } from "@troupe/actor";

/** The steps from a state to a place in it: keys of objects and maps, indexes of arrays. */
export type StatePath = readonly (string | number)[];

/** More steps than this are no path: states are not so deep. */
const stepsMax = 64;

/** Throws OptionError for what is no path. */
export function checkPath(path: unknown): StatePath {
  const isStep = (step: unknown) => typeof step === "string" || Number.isSafeInteger(step);
  if (Array.isArray(path) && path.length <= stepsMax && path.every(isStep)) return path;
  throw new OptionError("path", `at most ${stepsMax} keys and indexes`, path);
}

/** What stands there; undefined if nothing does. Throws OptionError for what is no path. */
export function readPath(state: unknown, path: unknown): unknown {
  let here = state;
  for (const step of checkPath(path)) {
    if (here instanceof Map) here = here.get(step);
    else if (typeof here === "object" && here !== null && Object.hasOwn(here, step)) {
      here = (here as Record<string | number, unknown>)[step];
    } else return undefined;
  }
  return here;
}
