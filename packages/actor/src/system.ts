/**
 * A system: the processes of one program, their names, their events and their end.
 *
 * This is where the parts are put together. It runs no handler itself and supervises nobody: a
 * supervisor is to it only something that can be started.
 */
import { EventEmitter } from "eventemitter3";
import type { ActorDefinition, AnyActorDefinition, RefOf } from "./actor.ts";
import type { Clock, Random } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";
import {
  AlreadyStartedError,
  NoProcessError,
  OptionError,
  type StartError,
  SystemStoppedError,
} from "./errors.ts";
import type { DeadLetterReason, Events, Logger, SystemEvents } from "./events.ts";
import { describeExit, type ExitReason, isOrderlyExit } from "./exit-reason.ts";
import { Inbox } from "./inbox.ts";
import { LocalRef } from "./local-ref.ts";
import { onAbort } from "./on-abort.ts";
import { functionOption, objectOption } from "./option.ts";
import { Process } from "./process.ts";
import type { Failure, ProcessHost } from "./process-host.ts";
import { type OperationKind, programOf } from "./program.ts";
import type { AnyRef, Inferred, Ref, ReplyPort } from "./ref.ts";
import { Registry } from "./registry.ts";
import { Scheduler } from "./scheduler.ts";
import type { Launch, Startable, StartRest } from "./startable.ts";
import { endProcess, type StopOptions, stopProcess } from "./stop.ts";
import {
  type ResolvedStartOptions,
  type ResolvedSystemOptions,
  resolveStartOptions,
  resolveSystemOptions,
  type StartOptions,
  type SystemOptions,
} from "./system-options.ts";

/** How a system is called by others: the address of each of its processes carries it. */
export interface SystemIdentity {
  readonly node: string | undefined;
  readonly incarnation: number;
}

const plainRef = (process: Process) => new LocalRef(process.inbox);

let launchProcess: (system: ActorSystem, launch: Launch) => Promise<Process>;
let reportEvent: <K extends keyof SystemEvents>(
  system: ActorSystem,
  event: K,
  payload: SystemEvents[K],
) => void;

/**
 * The processes of one program.
 *
 * @example
 * ```ts
 * await using system = createSystem();
 * const counter = await system.start(Counter, { start: 0 }, { name: "c1" });
 * await counter.call("add", 5); // => 5
 * ```
 */
export class ActorSystem<E extends SystemEvents = SystemEvents> {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What happens to the processes, as typed events. */
  readonly events: Events<E>;
  readonly #options: ResolvedSystemOptions;
  readonly #identity: SystemIdentity;
  readonly #emitter = new EventEmitter();
  readonly #host: ProcessHost;
  readonly #processes = new Map<number, Process>();
  readonly #registry = new Registry<Process>();
  /** The processes without a supervisor, in the order of their starts. */
  readonly #roots = new Set<Process>();
  readonly #hooks: (() => Promise<void> | void)[] = [];
  #lastId = 0;
  #stopped: Promise<void> | undefined = undefined;

  static {
    launchProcess = (system, launch) => system.#launch(launch);
    reportEvent = (system, event, payload) => system.#report(event, payload);
  }

  constructor(
    options?: SystemOptions,
    identity: SystemIdentity = { node: undefined, incarnation: 0 },
  ) {
    const resolved = resolveSystemOptions(options);
    const { clock, loop, random, mailboxCapacity, logger } = resolved;
    this.clock = clock;
    this.random = random;
    this.logger = logger;
    this.events = this.#emitter as unknown as Events<E>;
    this.#options = resolved;
    this.#identity = identity;
    this.#host = {
      clock,
      random,
      mailboxCapacity,
      scheduler: new Scheduler(clock, loop),
      deadlines: new Deadlines({ clock, loop }),
      deadLetter: (ref, kind, operation, arg, reason) =>
        this.#deadLetter(ref, kind, operation, arg, reason),
      release: (process) => this.#release(process),
      ended: (process, reason, failure) => this.#ended(process, reason, failure),
    };
  }

  /**
   * Starts an actor, or a supervisor with all its children, and resolves when `init` is done.
   *
   * Rejects with `OptionError`, `AlreadyStartedError`, `SystemStoppedError` (did not run) or
   * `StartError` (`init` may have run). The name is free again before a failure is reported.
   * OTP: `gen_server:start`, `supervisor:start_link`.
   *
   * @example
   * ```ts
   * const counter = await system.start(Counter, { start: 0 }, { name: "c1" });
   * const tree = await system.start(supervisor({ strategy: "one_for_one", children: [] }));
   * ```
   */
  start<A, Q, C, K>(
    definition: ActorDefinition<string, A, Inferred, Q, C, K>,
    ...rest: StartRest<A, StartOptions>
  ): Promise<Ref<Q, C, K>>;
  start<R extends AnyRef>(definition: Startable<R>, options?: StartOptions): Promise<R>;
  async start(
    definition: AnyActorDefinition | Startable<AnyRef>,
    first?: unknown,
    second?: StartOptions,
  ): Promise<unknown> {
    if (this.#stopped !== undefined) throw new SystemStoppedError();
    objectOption("definition", definition);
    if ("launchIn" in definition) {
      const started = await definition.launchIn(this as ActorSystem, (first ?? {}) as StartOptions);
      return started.ref;
    }
    functionOption("definition.init", definition.init);
    const options = second ?? {};
    const process = await this.#launch({ definition, arg: first, options, makeRef: plainRef });
    return process.ref;
  }

  /**
   * Asks a process to stop and waits until it has: it handles what is queued, then terminates.
   *
   * Resolves when it ended with the reason asked for (`"normal"` unless given); `"killed"` ends it
   * at once without `terminate`. Rejects with `NoProcessError`, `OptionError`, `CallingSelfError`
   * (nothing was asked), `ProcessExitedError` when it ended for another reason, and
   * `CallTimeoutError` after `timeout` ms; then it goes on stopping. The default timeout is the
   * process's own `shutdown` time. OTP: `gen_server:stop/3`.
   */
  async stop(ref: AnyRef, options?: StopOptions): Promise<void> {
    const process = this.#processOf(ref);
    if (process === undefined) throw new NoProcessError(String(ref));
    await stopProcess(process, this.clock, options);
  }

  /** The process with a name. Give its definition to have the ref typed. */
  whereis(name: string): AnyRef | undefined;
  whereis<D extends AnyActorDefinition>(name: string, definition: D): RefOf<D> | undefined;
  whereis(name: string, definition?: AnyActorDefinition): AnyRef | undefined {
    const ref = this.#registry.find(name)?.ref;
    if (ref === undefined || definition === undefined) return ref;
    if (ref.address.actor === definition.name) return ref;
    throw new OptionError("definition", `"${ref.address.actor}"`, definition.name);
  }

  /**
   * Adds a hook that runs when the system shuts down, before any process is stopped; the hook
   * added last runs first. Returns a function that removes it.
   */
  onStop(hook: () => Promise<void> | void): () => void {
    functionOption("hook", hook);
    // A hook may be added twice, so the one to remove is found by its own wrapper.
    const own = () => hook();
    this.#hooks.push(own);
    return () => {
      const at = this.#hooks.indexOf(own);
      if (at >= 0) this.#hooks.splice(at, 1);
    };
  }

  /**
   * Runs the hooks, then stops every process, newest first, each within its shutdown time; starts
   * nothing more. Resolves when all have ended. What a hook throws is thrown at the end.
   */
  shutdown(): Promise<void> {
    this.#stopped ??= this.#shutDown();
    return this.#stopped;
  }

  /** Whether it is shutting down, or has: it starts nothing more, and runs no more hooks. */
  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** The same as {@link shutdown}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** Delivers a message that came from outside. For the other packages of Troupe. */
  deliver(
    id: number,
    kind: "call" | "query" | "cast",
    operation: string,
    arg: unknown,
    reply: ReplyPort | undefined,
  ): void {
    const process = this.#processes.get(id);
    if (process === undefined) {
      if (reply !== undefined) reply.reject(new NoProcessError(`process <${id}>`));
      else this.#deadLetter(undefined, kind, operation, arg, "no_process");
    } else if (kind === "cast") process.inbox.send(operation, arg);
    else process.inbox.accept(kind, operation, arg, reply ?? ignoredReply);
  }

  /** The ref of a running process by its number. For the other packages of Troupe. */
  localRef(id: number): LocalRef | undefined {
    return this.#processes.get(id)?.ref;
  }

  /** Whether a ref is one of a process that runs, or ran, in this very system. */
  isLocalRef(ref: unknown): ref is LocalRef {
    const receiver = LocalRef.receiverOf(ref);
    return receiver instanceof Inbox && receiver.isIn(this.#host);
  }

  /** Emits an event of the system, or of a subclass. A listener that throws is reported. */
  protected emit<K extends keyof E & string>(event: K, payload: E[K]): void {
    try {
      this.#emitter.emit(event, payload);
    } catch (error) {
      this.logger.error(`a listener of "${event}" threw`, error);
    }
  }

  #processOf(ref: unknown): Process | undefined {
    if (!this.isLocalRef(ref)) return undefined;
    return this.#processes.get(ref.address.id);
  }

  /** Async, so that a bad option rejects. */
  async #launch(launch: Launch): Promise<Process> {
    const options = resolveStartOptions(launch.options);
    const { signal } = launch.options;
    if (signal?.aborted === true) throw new SystemStoppedError();
    const { name } = options;
    const taken = name === undefined ? undefined : this.#registry.find(name);
    if (name !== undefined && taken !== undefined) throw new AlreadyStartedError(name, taken.ref);
    let ignoreSignal: (() => void) | undefined;
    try {
      return await new Promise<Process>((resolve, reject) => {
        const process = this.#create(launch, options, resolve, reject);
        if (signal !== undefined) ignoreSignal = onAbort(signal, () => process.exit("killed"));
      });
    } finally {
      ignoreSignal?.();
    }
  }

  #create(
    launch: Launch,
    options: ResolvedStartOptions,
    onStarted: (process: Process) => void,
    onStartFailed: (error: StartError) => void,
  ): Process {
    const { definition, arg, makeRef } = launch;
    this.#lastId += 1;
    const id = this.#lastId;
    const { node, incarnation } = this.#identity;
    const process = new Process({
      host: this.#host,
      program: programOf(definition),
      address: { kind: "process", node, incarnation, id, actor: definition.name },
      arg,
      startTimeoutMs: options.startTimeoutMs,
      shutdownMs: options.shutdownMs,
      makeRef,
      onExitAsked: launch.onExitAsked,
      onStarted,
      onStartFailed,
    });
    this.#processes.set(id, process);
    if (options.name !== undefined) this.#registry.register(options.name, process);
    if (launch.options.supervised !== true) this.#roots.add(process);
    process.wake();
    return process;
  }

  #release(process: Process): void {
    this.#processes.delete(process.ref.address.id);
    this.#registry.release(process);
    this.#roots.delete(process);
  }

  #ended(process: Process, reason: ExitReason, failure: Failure | undefined): void {
    const { ref } = process;
    if (!isOrderlyExit(reason) && reason !== "killed") {
      const { operation, arg, error } = failure ?? {
        operation: undefined,
        arg: undefined,
        error: undefined,
      };
      const where = operation === undefined ? "" : ` in ${operation}`;
      this.logger.error(`${process.describe()} crashed${where}: ${describeExit(reason)}`, error);
      this.#report("crash", { ref, reason, operation, arg, error });
    }
    this.#report("exit", { ref, reason });
  }

  #deadLetter(
    ref: AnyRef | undefined,
    kind: OperationKind,
    operation: string,
    arg: unknown,
    reason: DeadLetterReason,
  ): void {
    if (this.#emitter.listenerCount("deadLetter") === 0) return;
    this.#report("deadLetter", { ref, kind, operation, arg, reason });
  }

  #report<K extends keyof SystemEvents>(event: K, payload: SystemEvents[K]): void {
    (this as unknown as ActorSystem).emit(event, payload);
  }

  async #shutDown(): Promise<void> {
    const failures: unknown[] = [];
    for (let hook = this.#hooks.pop(); hook !== undefined; hook = this.#hooks.pop()) {
      try {
        await hook();
      } catch (error) {
        this.logger.error("a stop hook threw", error);
        failures.push(error);
      }
    }
    while (this.#roots.size > 0) {
      const newest = [...this.#roots].pop() as Process;
      await endProcess(newest, this.clock);
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, "several stop hooks threw");
  }
}

/** The reply port of a call whose sender does not want to know. */
const ignoredReply: ReplyPort = { resolve() {}, reject() {} };

/**
 * Makes a system. It lives in this program and has no name; `createNode` of `@troupe/cluster`
 * makes one that others can reach. Throws `OptionError` for a bad option.
 *
 * @example
 * ```ts
 * await using system = createSystem({ mailboxCapacity: 10_000 });
 * ```
 */
export function createSystem(options?: SystemOptions): ActorSystem {
  return new ActorSystem(options);
}

/** Starts a process on behalf of a supervisor or a child spec. Not public. */
export function launch(system: ActorSystem, request: Launch): Promise<Process> {
  return launchProcess(system, request);
}

/** Emits an event on behalf of a supervisor, or of a ref of another package. Not public. */
export function report<K extends keyof SystemEvents>(
  system: ActorSystem,
  event: K,
  payload: SystemEvents[K],
): void {
  reportEvent(system, event, payload);
}
