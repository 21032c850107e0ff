/**
 * The part of a system that looks into its processes, for operators, tools and tests.
 *
 * Every method hands on to `Introspection`; what they promise is written here.
 */
import type { ProcessInfo, Tracer } from "../process/process-info.ts";
import type { AnyRef, CallOptions, Inferred } from "../ref.ts";
import type { Introspection, ProcessNode } from "./introspection.ts";

/** What can be looked into. */
export abstract class SystemInside {
  protected abstract readonly inside: Introspection;

  /** How many processes there are, those that supervisors have started among them. */
  get processCount(): number {
    return this.inside.processCount;
  }

  /** Messages in the mailboxes of all processes. It walks over them, so ask every few seconds. */
  get queuedCount(): number {
    return this.inside.queuedCount;
  }

  /**
   * The figures of a process as they are now, its state included; synchronous, so it also works on
   * one that is busy. Throws `NoProcessError`. OTP: `process_info/1`.
   */
  inspect(ref: AnyRef): ProcessInfo {
    return this.inside.inspect(ref);
  }

  /** The figures of every process, each below its supervisor or the one that started it. */
  inspectTree(): readonly ProcessNode[] {
    return this.inside.inspectTree();
  }

  /** The tree as text for people, a line per process. */
  tree(): string {
    return this.inside.tree();
  }

  /**
   * The state of a process, between two messages: what was sent before has been handled. It is not
   * a copy. Rejects as a call does. OTP: `sys:get_state/1`.
   */
  getState(ref: AnyRef, options?: CallOptions): Promise<unknown> {
    return this.inside.getState(ref, options);
  }

  /**
   * Puts what the function returns in place of the state, between two messages; resolves with it.
   * Rejects with what the function throws, and then nothing has changed. OTP:
   * `sys:replace_state/2`.
   */
  replaceState(
    ref: AnyRef,
    replace: (state: Inferred) => unknown,
    options?: CallOptions,
  ): Promise<unknown> {
    return this.inside.replaceState(ref, replace, options);
  }

  /**
   * Holds a process: it keeps its messages, answers `getState` and the like, and still ends when it
   * is asked to. Resolves when it holds. OTP: `sys:suspend/1`.
   */
  suspend(ref: AnyRef, options?: CallOptions): Promise<void> {
    return this.inside.suspend(ref, options);
  }

  /** Lets a suspended process go on. OTP: `sys:resume/1`. */
  resume(ref: AnyRef, options?: CallOptions): Promise<void> {
    return this.inside.resume(ref, options);
  }

  /**
   * Tells a function what a process does, message by message. Returns a function that ends it. A
   * process has one tracer. Throws `NoProcessError`. OTP: `sys:trace/2`.
   */
  trace(ref: AnyRef, tracer: Tracer): () => void {
    return this.inside.trace(ref, tracer);
  }
}
