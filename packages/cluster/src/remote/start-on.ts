/** What `startOn` takes. Types only; nothing is started here. */
import type { CallOptions } from "@troupe/actor";

/** How `startOn` starts: the name to register there, and how long to wait. */
export interface StartOnOptions extends CallOptions {
  /** Registers the process on its node, where `refOn` finds it. */
  readonly name?: string;
}

/** The parameters of `startOn` after the definition; the argument may be absent if it may be. */
export type StartOnRest<A> = undefined extends A
  ? [arg?: A, options?: StartOnOptions]
  : [arg: A, options?: StartOnOptions];
