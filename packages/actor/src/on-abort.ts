/**
 * Any number of listeners on one abort signal, through one listener of the signal.
 *
 * Node warns of a leak at the eleventh listener of a signal, but twenty calls that share the signal
 * of one request are no leak. Nothing stays on the signal once nobody listens.
 */

const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls the listener once when the signal is aborted. Returns a function that takes it back. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  let group = listeners.get(signal);
  if (group === undefined) {
    group = new Set();
    listeners.set(signal, group);
    signal.addEventListener("abort", aborted);
  }
  const members = group;
  members.add(listener);
  return () => {
    if (!members.delete(listener) || members.size > 0) return;
    signal.removeEventListener("abort", aborted);
    listeners.delete(signal);
  };
}

function aborted(this: AbortSignal): void {
  const group = listeners.get(this);
  listeners.delete(this);
  this.removeEventListener("abort", aborted);
  // A listener may take another one back, and a set leaves out what is deleted meanwhile.
  for (const listener of group ?? []) listener();
}
