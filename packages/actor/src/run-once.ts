/**
 * Running code of a definition that may be async, and hearing of its outcome.
 */

/** Knows whether code of a definition is on the stack. */
export interface OnStack {
  isOnStack: boolean;
}

/** Runs a function; calls one of the other two, at once if it is synchronous. */
export function runOnce(
  stack: OnStack,
  run: () => unknown,
  done: (value: unknown) => void,
  failed: (error: unknown) => void,
): void {
  let result: unknown;
  let pending = false;
  stack.isOnStack = true;
  try {
    result = run();
    pending = isThenable(result);
  } catch (error) {
    stack.isOnStack = false;
    failed(error);
    return;
  }
  stack.isOnStack = false;
  if (pending) Promise.resolve(result).then(done, failed);
  else done(result);
}

/** Whether a handler has returned a promise. Reading `then` may run code that throws. */
export function isThenable(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return typeof (value as { then?: unknown }).then === "function";
}
