/**
 * What a system still holds: processes, calls without an answer, deferred replies, timers,
 * monitors, effects and links, for a test that says that nothing may be left.
 *
 * It looks through `inspectTree` and at the clock, and changes nothing.
 */
import { objectOption, oneOfOption } from "../option.ts";
import type { AnyRef } from "../ref.ts";
import type { ProcessNode } from "../system/introspection.ts";
import { LeakError } from "./test-errors.ts";
import type { TestSystem } from "./test-system.ts";

const leakKinds = ["process", "call", "deferred", "timer", "monitor", "effect", "link"] as const;

/**
 * What can be left over. `call` is a message that is not handled to its end: one that waits, or an
 * async handler that has not settled.
 */
export type LeakKind = (typeof leakKinds)[number];

/** One thing that is left over. */
export interface Leak {
  readonly kind: LeakKind;
  /** The process that holds it; undefined for a timer of no process. */
  readonly ref: AnyRef | undefined;
  /** In one line, what it is. */
  readonly text: string;
}

/** What {@link checkLeaks} takes. */
export interface LeakOptions {
  /** What to look for. @default everything */
  readonly kinds?: readonly LeakKind[];
  /** Processes that may stay, with all below them and all that they hold. @default none */
  readonly keep?: readonly AnyRef[];
}

/**
 * Settles the system, and throws `LeakError` when something is left over, listing all of it. A
 * process that is meant to run on goes into `keep`; or shut the system down first.
 *
 * @example
 * ```ts
 * await system.stop(session);
 * await checkLeaks(system, { keep: [registry] });
 * ```
 */
export async function checkLeaks(system: TestSystem, options: LeakOptions = {}): Promise<void> {
  objectOption("options", options);
  for (const kind of options.kinds ?? []) oneOfOption("kinds", kind, leakKinds);
  await system.settle();
  const leaks = findLeaks(system, options);
  if (leaks.length > 0) throw new LeakError(leaks.map(({ text }) => text));
}

/** What is left over now. See {@link checkLeaks}. */
export function findLeaks(system: TestSystem, options: LeakOptions = {}): Leak[] {
  const { kinds = leakKinds, keep = [] } = options;
  const leaks: Leak[] = [];
  const look = (nodes: readonly ProcessNode[]) => {
    for (const node of nodes) {
      if (keep.some((ref) => isSame(ref, node.ref))) continue;
      leaks.push(...leaksOf(node));
      look(node.children);
    }
  };
  const tree = system.inspectTree();
  look(tree);
  const { pending } = system.clock;
  // As long as there are processes, an armed timer may be one of theirs.
  if (tree.length === 0 && pending > 0) {
    leaks.push({ kind: "timer", ref: undefined, text: `the clock: ${count(pending, "timer")}` });
  }
  return leaks.filter(({ kind }) => kinds.includes(kind));
}

function leaksOf(node: ProcessNode): Leak[] {
  const { ref, name, status, mailbox, deferred, timers, monitors, effects, links } = node;
  const who = name === undefined ? String(ref) : `${String(ref)} "${name}"`;
  const leak = (kind: LeakKind, what: string): Leak => ({ kind, ref, text: `${who}: ${what}` });
  const leaks = [leak("process", `runs (${status})`)];
  if (status === "busy") leaks.push(leak("call", "a handler that has not settled"));
  if (mailbox > 0) leaks.push(leak("call", `${count(mailbox, "message")} waiting`));
  if (deferred > 0) leaks.push(leak("deferred", count(deferred, "deferred reply", "ies")));
  if (timers > 0) leaks.push(leak("timer", count(timers, "timer")));
  if (monitors > 0) leaks.push(leak("monitor", count(monitors, "monitor")));
  if (effects > 0) leaks.push(leak("effect", count(effects, "effect")));
  for (const peer of links) leaks.push(leak("link", `a link to ${String(peer)}`));
  return leaks;
}

function isSame(left: AnyRef, right: AnyRef): boolean {
  const [a, b] = [left.address, right.address];
  return a.id === b.id && a.node === b.node && a.incarnation === b.incarnation;
}

function count(n: number, noun: string, plural?: string): string {
  if (n === 1) return `1 ${noun}`;
  return plural === undefined ? `${n} ${noun}s` : `${n} ${noun.slice(0, -1)}${plural}`;
}
