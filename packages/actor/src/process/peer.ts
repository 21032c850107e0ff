/**
 * What a process can be linked to, can watch and can signal: a process, here or elsewhere. Types
 * only; nothing here runs.
 *
 * A system knows its own processes. What stands for a process of another system comes from a port,
 * which a system that others can reach provides; without one, a foreign ref is refused.
 */
import type { ExitReason } from "../exit-reason.ts";
import type { AnyRef, ReplyPort, ReplyTo } from "../ref.ts";
import type { Linked } from "./links.ts";
import type { Watched } from "./monitors.ts";

/** A process, as others see it. */
export interface Peer extends Linked, Watched {
  /** Sends it an exit signal; `from` is undefined when the sender is no process. */
  signal(from: Linked | undefined, reason: ExitReason | "kill"): void;
}

/** What a system knows of other systems. Every method answers undefined for what it cannot know. */
export interface ForeignPort {
  /** What a monitor of a ref watches. */
  watched(ref: AnyRef): Watched | undefined;
  /** What a link to a ref, or an exit signal, concerns. */
  peer(ref: AnyRef): Peer | undefined;
  /** Where the reply goes that another system has deferred. */
  reply(to: ReplyTo<never>): ReplyPort | undefined;
}
