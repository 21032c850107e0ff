/**
 * Looking into running processes: figures, states, suspension, the tree.
 *
 * What concerns one process happens between two of its messages, in order with what its caller has
 * sent before, so nobody ever sees a state in the middle of a handler. This file changes nothing
 * by itself.
 */
import type { Clock } from "../clock.ts";
import {
  CallingSelfError,
  CallTimeoutError,
  NoProcessError,
  NoStateError,
  OptionError,
  ProcessExitedError,
} from "../errors.ts";
import { functionOption } from "../option.ts";
import type { Process } from "../process/process.ts";
import type { ProcessInfo, ProcessStatus, Tracer } from "../process/process-info.ts";
import type { ProcessRelations } from "../process/process-relations.ts";
import { type AnyRef, type CallOptions, callTimeout } from "../ref.ts";
import { isThenable } from "../run-once.ts";
import type { ProcessTable } from "./process-table.ts";

/** A process with those that it has started and linked, or supervises; oldest first. */
export interface ProcessNode extends ProcessInfo {
  readonly children: readonly ProcessNode[];
}

/** A node to which children are still added. */
interface OpenNode extends ProcessNode {
  readonly children: OpenNode[];
}

/** What introspection needs of its system. */
export interface IntrospectionOptions {
  readonly table: ProcessTable;
  readonly clock: Clock;
}

/** Looks into the processes of one system. */
export class Introspection {
  readonly #table: ProcessTable;
  readonly #clock: Clock;
  readonly #tracers = new WeakMap<Process, Tracer>();

  constructor(options: IntrospectionOptions) {
    this.#table = options.table;
    this.#clock = options.clock;
  }

  get processCount(): number {
    return this.#table.size;
  }

  get queuedCount(): number {
    let queued = 0;
    for (const process of this.#table.all()) queued += process.inbox.mailbox.size;
    return queued;
  }

  /** The figures of a process as they are now, also in the middle of an async handler. */
  inspect(ref: AnyRef): ProcessInfo {
    return this.#info(this.#alive(ref));
  }

  /** Every process below the one that started it, as it is now. */
  inspectTree(): readonly ProcessNode[] {
    const roots: OpenNode[] = [];
    const nodes = new Map<ProcessRelations, OpenNode>();
    // A parent is older than its children, so its node is there already.
    for (const process of this.#table.all()) {
      const node: OpenNode = { ...this.#info(process), children: [] };
      nodes.set(process, node);
      const above = process.parent === undefined ? undefined : nodes.get(process.parent);
      (above?.children ?? roots).push(node);
    }
    return roots;
  }

  /** The tree as text, a line per process. */
  tree(): string {
    const lines: string[] = [];
    // What is still to be printed, the next one last; each with what stands before its children.
    const roots = this.inspectTree().map((node) => ({ node, mark: "", indent: "" }));
    const waiting = roots.reverse();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { node, mark, indent } = next;
      lines.push(`${mark}${describeNode(node)}`);
      for (const [at, child] of [...node.children].reverse().entries()) {
        const [branch, below] = at === 0 ? ["└─ ", "   "] : ["├─ ", "│  "];
        waiting.push({ node: child, mark: indent + branch, indent: indent + below });
      }
    }
    return lines.join("\n");
  }

  getState(ref: AnyRef, options?: CallOptions): Promise<unknown> {
    return this.#between(ref, "getState", options, (process) => process.state);
  }

  async replaceState(
    ref: AnyRef,
    replace: (state: unknown) => unknown,
    options?: CallOptions,
  ): Promise<unknown> {
    functionOption("replace", replace);
    return this.#between(ref, "replaceState", options, (process) => {
      const state = replace(process.state);
      if (state === undefined) throw new NoStateError(process.describe(), "replace");
      if (isThenable(state)) throw new OptionError("replace", "a synchronous function", "async");
      process.state = state;
      return process.state;
    });
  }

  async suspend(ref: AnyRef, options?: CallOptions): Promise<void> {
    await this.#between(ref, "suspend", options, (process) => process.suspend());
  }

  async resume(ref: AnyRef, options?: CallOptions): Promise<void> {
    await this.#between(ref, "resume", options, (process) => process.resume());
  }

  /** Tells the tracer what a process does; returns what ends that. One tracer per process. */
  trace(ref: AnyRef, tracer: Tracer): () => void {
    functionOption("tracer", tracer);
    const process = this.#alive(ref);
    // The same function may trace twice, and what ends an older trace must not end this one.
    const own: Tracer = (event) => tracer(event);
    this.#tracers.set(process, own);
    process.trace(own);
    return () => {
      if (this.#tracers.get(process) === own) process.trace(undefined);
    };
  }

  #alive(ref: AnyRef): Process {
    const process = this.#table.byRef(ref);
    if (process === undefined || process.isDead) throw new NoProcessError(String(ref));
    return process;
  }

  #info(process: Process): ProcessInfo {
    const { mailbox } = process.inbox;
    const { context } = process;
    return {
      ref: process.ref,
      actor: process.ref.address.actor,
      name: this.#table.nameOf(process),
      status: statusOf(process),
      operation: process.operation,
      parent: process.parent?.ref,
      mailbox: mailbox.size,
      openCalls: process.openCalls,
      handled: mailbox.taken,
      timers: context.timers,
      monitors: context.monitors,
      effects: context.openEffects,
      links: process.linkedRefs,
      deferred: process.deferred.size,
      state: process.state,
    };
  }

  /** Runs a function between two messages of a process. Async, so that a bad ref rejects. */
  async #between(
    ref: AnyRef,
    what: string,
    options: CallOptions | undefined,
    run: (process: Process) => unknown,
  ): Promise<unknown> {
    const timeoutMs = callTimeout(options);
    const process = this.#alive(ref);
    if (process.inbox.isOnStack) throw new CallingSelfError(process.describe());
    return await new Promise((resolve, reject) => {
      const timedOut = () => {
        given.up = true;
        reject(new CallTimeoutError(process.describe(), what, timeoutMs));
      };
      const given = { up: false };
      const timer =
        timeoutMs === Number.POSITIVE_INFINITY
          ? undefined
          : this.#clock.setTimer(timeoutMs, timedOut);
      const settle = (outcome: () => void) => {
        if (timer !== undefined) this.#clock.clearTimer(timer);
        if (!given.up) outcome();
      };
      process.between(
        () => settle(() => settleWith(() => run(process), resolve, reject)),
        (reason) =>
          settle(() => reject(new ProcessExitedError(process.describe(), reason, "not_run"))),
      );
    });
  }
}

/** What a function returns or throws, through one of the two. */
function settleWith(
  run: () => unknown,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void {
  let value: unknown;
  try {
    value = run();
  } catch (error) {
    reject(error);
    return;
  }
  resolve(value);
}

function statusOf(process: Process): ProcessStatus {
  const { phase } = process;
  if (phase === "busy" || phase === "terminating") return phase;
  if (phase !== "ready") return "starting";
  if (process.isSuspended) return "suspended";
  return process.inbox.isQueued || process.inbox.isOnStack ? "ready" : "waiting";
}

function describeNode({ ref, name, status, mailbox, handled }: ProcessNode): string {
  const called = name === undefined ? String(ref) : `${String(ref)} "${name}"`;
  return `${called} ${status}, ${mailbox} queued, ${handled} handled`;
}
