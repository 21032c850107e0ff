/** What follows from the inputs of a membership: plain data, for whoever carries it out. */
import type { MemberChange } from "./member.ts";
import type { MemberMessage } from "./member-frames.ts";

/** One message to one linked node. */
export interface MemberSend {
  readonly to: string;
  readonly message: MemberMessage;
}

/** What is to be done. */
export interface MembershipReady {
  readonly sends: readonly MemberSend[];
  /** In the order in which they are to be told. */
  readonly events: readonly MemberChange[];
  /** Addresses at which members can be dialled for as long as they have no link. */
  readonly learnt: readonly { readonly name: string; readonly url: string }[];
  /** Members that need not be looked for any more. */
  readonly forgotten: readonly string[];
  /** Names whose links are silent and are to be closed. */
  readonly dead: readonly string[];
}

/** The same while it is being filled. */
export type Filling<R> = {
  -readonly [K in keyof R]: R[K] extends readonly (infer T)[] ? T[] : R[K];
};

/** Nothing to do. */
export function emptyReady(): Filling<MembershipReady> {
  return { sends: [], events: [], learnt: [], forgotten: [], dead: [] };
}
