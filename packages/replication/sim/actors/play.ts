/** An actor of the workload, what is asked of it, and what must hold of its state at any time. */
import type { AnyActorDefinition, AnyRef } from "@troupe/actor";
import type { Chance } from "../random.ts";

/** The body of a call; its argument says which call it is. */
export type Asking = readonly [kind: "call" | "cast", name: string, arg: { readonly call: string }];

export interface Play {
  readonly definition: AnyActorDefinition;
  /** `listener` is somebody outside of the group, in the life that it is in. */
  readonly ask: (chance: Chance, call: string, listener: () => AnyRef) => Asking;
  /** What is wrong with a state; undefined if nothing is. */
  readonly broken: (state: unknown) => string | undefined;
}
