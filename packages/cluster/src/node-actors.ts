/**
 * What a node can do with actors of other nodes: the part of its public face that is about them.
 *
 * `Node` builds on it. Nothing is decided here; `remote-actors` does what is asked for.
 */
import {
  type ActorDefinition,
  ActorSystem,
  type AnyActorDefinition,
  type AnyRef,
  type CallOptions,
  OptionError,
  type Ref,
  type RefOf,
} from "@troupe/actor";
import { callTimeout, type ForeignPort } from "@troupe/actor/runtime";
import type { NodeEvents } from "./node-events.ts";
import { type MultiReplies, multiCall } from "./remote/multi-call.ts";
import type { RemoteActors } from "./remote/remote-actors.ts";
import type { StartOnOptions, StartOnRest } from "./remote/start-on.ts";

// biome-ignore lint/suspicious/noExplicitAny: a state that the compiler must not look at
type AnyState = any;

/** A system that reaches actors of other nodes. */
export abstract class NodeActors extends ActorSystem<NodeEvents> {
  /** What carries it all out. */
  protected abstract readonly remote: RemoteActors;

  /**
   * Starts an actor on a node, which must allow it in its `actors`; on this node it is `start`.
   *
   * Rejects with NodeUnknownError, ConnectionLostError, OverloadedError, MessageTooLargeError,
   * NotSerializableError, ActorUnknownError, AlreadyStartedError (did not run), StartError,
   * CallTimeoutError, CallAbortedError, and ConnectionLostError while waiting (may have run: then
   * look for the actor by its name).
   *
   * @example
   * ```ts
   * const counter = await node.startOn("b", Counter, { start: 0 }, { name: "c1" });
   * ```
   */
  startOn<A, Q, C, K, I>(
    node: string,
    definition: ActorDefinition<string, A, AnyState, Q, C, K, I>,
    ...rest: StartOnRest<A>
  ): Promise<Ref<Q, C, K, I>>;
  async startOn(
    node: string,
    definition: AnyActorDefinition,
    arg?: unknown,
    options?: StartOnOptions,
  ): Promise<unknown> {
    return this.remote.start({ node, definition, arg, name: options?.name, options });
  }

  /**
   * Finds the process that is registered under a name on a node.
   *
   * Rejects with NoProcessError if there is none, with OptionError if it is of another definition
   * than the one given, and otherwise like a call (did not run: nothing was to).
   *
   * @example
   * ```ts
   * const counter = await node.refOn("b", "c1", Counter);
   * ```
   */
  refOn(node: string, name: string): Promise<AnyRef>;
  refOn<D extends AnyActorDefinition>(
    node: string,
    name: string,
    definition: D,
    options?: CallOptions,
  ): Promise<RefOf<D>>;
  async refOn(
    node: string,
    name: string,
    definition?: AnyActorDefinition,
    options?: CallOptions,
  ): Promise<unknown> {
    const ref = await this.remote.lookup(node, name, options);
    if (definition === undefined || ref.address.actor === definition.name) return ref;
    throw new OptionError("definition", `"${ref.address.actor}"`, definition.name);
  }

  /**
   * A ref to whoever has a name on a node, looked up there at each use, in any life of the node:
   * it reaches the new process after a restart. While nobody has the name a call rejects with
   * NoProcessError, a cast is a dead letter there, and a monitor is told `noproc` at once. With a
   * definition, a process of another one is refused, and is nobody to a monitor. It cannot be
   * linked to: that takes the ref of a process, from {@link refOn}. Throws OptionError.
   * OTP: `{Name, Node}`.
   *
   * @example
   * ```ts
   * const counter = node.namedRef("b", "c1", Counter);
   * ```
   */
  namedRef(node: string, name: string): AnyRef;
  namedRef<D extends AnyActorDefinition>(node: string, name: string, definition: D): RefOf<D>;
  namedRef(node: string, name: string, definition?: AnyActorDefinition): unknown {
    return this.remote.namedRef(node, name, definition?.name);
  }

  /**
   * Calls the process with a name on many nodes at once and waits for all of them, up to one
   * timeout. Without a list: on this node and on all that are connected now. A node whose call
   * fails is among the `failures`; rejects with OptionError only. OTP: `gen_server:multi_call/4`.
   *
   * @example
   * ```ts
   * const { replies, failures } = await node.multiCall(["a", "b"], "cache", "size");
   * ```
   */
  async multiCall(
    nodes: readonly string[] | undefined,
    name: string,
    operation: string,
    arg?: unknown,
    options?: CallOptions,
  ): Promise<MultiReplies> {
    callTimeout(options);
    return multiCall(this.remote.namedRefs(nodes, name), operation, arg, options);
  }

  /**
   * Casts to the process with a name on many nodes, by default this one and all that are
   * connected. What cannot be delivered is a dead letter. OTP: `gen_server:abcast/3`.
   */
  multiCast(
    nodes: readonly string[] | undefined,
    name: string,
    operation: string,
    arg?: unknown,
  ): void {
    for (const ref of this.remote.namedRefs(nodes, name).values()) ref.cast(operation, arg);
  }

  /** What links and monitors know of processes of other nodes. */
  protected override get foreign(): ForeignPort {
    return this.remote.foreign;
  }
}
