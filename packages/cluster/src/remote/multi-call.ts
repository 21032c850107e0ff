/**
 * One operation on the process of the same name on many nodes. OTP: `gen_server:multi_call/4`.
 *
 * Every node is asked at the same moment and has the same time, so the whole takes as long as the
 * slowest of them, and no longer than one timeout. A node that fails costs only its own answer.
 */
import { type ActorError, type AnyRef, type CallOptions, OptionError } from "@troupe/actor";

/** What came back from many nodes: each of them is in exactly one of the two. */
export interface MultiReplies<R = unknown> {
  readonly replies: ReadonlyMap<string, R>;
  /** Every error says whether its call may have run. OTP: `BadNodes`, without the why. */
  readonly failures: ReadonlyMap<string, ActorError>;
}

/** More nodes than any cluster has: each of them costs a frame and an open call. */
export const MAX_MULTI_NODES = 1024;

/** Each node once. Throws OptionError for what is no list of names, or too long a one. */
export function distinctNodes(nodes: readonly string[]): readonly string[] {
  const isList = Array.isArray(nodes) && nodes.every((node) => typeof node === "string");
  if (!isList) throw new OptionError("nodes", "a list of names of nodes", nodes);
  const distinct = [...new Set<string>(nodes)];
  if (distinct.length > MAX_MULTI_NODES) {
    throw new OptionError("nodes", `at most ${MAX_MULTI_NODES} nodes`, distinct.length);
  }
  return distinct;
}

/** Calls each ref and waits for all. Rejects only for a bad option, which no node would take. */
export async function multiCall(
  refs: ReadonlyMap<string, AnyRef>,
  operation: string,
  arg: unknown,
  options: CallOptions | undefined,
): Promise<MultiReplies> {
  const replies = new Map<string, unknown>();
  const failures = new Map<string, ActorError>();
  const calls = [...refs].map(([node, ref]) =>
    ref.call(operation, arg, options).then(
      (reply) => replies.set(node, reply),
      (error: ActorError) => failures.set(node, error),
    ),
  );
  await Promise.all(calls);
  return { replies, failures };
}
