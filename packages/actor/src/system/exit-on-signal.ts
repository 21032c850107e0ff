/**
 * What happens when the operating system asks the program to end: every system shuts down, in
 * order and within its deadline, and then the program ends by that same signal.
 *
 * One listener per signal serves every system. When the application listens to the signal as well,
 * ending the program is left to it.
 */

/** Something that shuts down. */
export interface Stoppable {
  shutdown(): Promise<void>;
}

interface Watch {
  /** Weak, so that a system which was never shut down can be forgotten like any other object. */
  readonly systems: Set<WeakRef<Stoppable>>;
  readonly listener: () => void;
  /** True while the signal is being served: a second one must not kill the program. */
  serving: boolean;
}

const watches = new Map<string, Watch>();

/** Shuts a system down on a signal. Returns a function that takes that back. */
export function shutDownOn(signal: string, system: Stoppable): () => void {
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = { systems: new Set(), listener: () => void shutDownAll(signal), serving: false };
    watches.set(signal, watch);
    process.on(signal, watch.listener);
  }
  const { systems } = watch;
  const held = new WeakRef(system);
  systems.add(held);
  return () => {
    const isLast = systems.delete(held) && systems.size === 0;
    if (isLast && watches.get(signal)?.serving === false) forget(signal);
  };
}

async function shutDownAll(signal: string): Promise<void> {
  const watch = watches.get(signal);
  if (watch === undefined || watch.serving) return;
  watch.serving = true;
  await Promise.allSettled([...watch.systems].map((held) => held.deref()?.shutdown()));
  forget(signal);
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function forget(signal: string): void {
  const watch = watches.get(signal);
  if (watch === undefined) return;
  watches.delete(signal);
  process.off(signal, watch.listener);
}
