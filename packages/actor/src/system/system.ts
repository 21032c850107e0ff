/**
 * A system: the processes of one program, their names, their events and their end.
 *
 * This is where the parts are put together. It runs no handler itself and supervises nobody: a
 * supervisor is to it only something that can be started.
 */
import type { ActorDefinition, AnyActorDefinition, RefOf } from "../actor.ts";
import type { Clock, Random } from "../clock.ts";
import type { Down } from "../ctx.ts";
import { Deadlines } from "../deadlines.ts";
import { NoProcessError, OptionError, SystemStoppedError } from "../errors.ts";
import { type ExitReason, isExitReason } from "../exit-reason.ts";
import { onAbort } from "../on-abort.ts";
import { functionOption, nameOption, objectOption } from "../option.ts";
import type { Startee } from "../process/context-ports.ts";
import type { Launch, StartListener } from "../process/launch.ts";
import { LocalRef } from "../process/local-ref.ts";
import type { ForeignPort, Peer } from "../process/peer.ts";
import type { Process } from "../process/process.ts";
import type { Replies } from "../process/replies.ts";
import type { AnyRef, Inferred, Ref, ReplyPort } from "../ref.ts";
import type { Events, Logger, SystemEvents } from "./events.ts";
import { shutDownOn } from "./exit-on-signal.ts";
import { makeHost } from "./host.ts";
import { Introspection } from "./introspection.ts";
import { NamedRef } from "./named-ref.ts";
import { watchFromOutside } from "./outside-monitor.ts";
import { ProcessTable, type SystemIdentity, tagOf } from "./process-table.ts";
import { Reports } from "./reports.ts";
import type { StartRest } from "./start-options.ts";
import { resolveStartOptions, type StartOptions } from "./start-options.ts";
import type { Startable } from "./startable.ts";
import { runHooks, type StopHook, type StopOptions, stopAll, stopProcess } from "./stop.ts";
import { SystemInside } from "./system-inside.ts";
import {
  type ResolvedSystemOptions,
  resolveSystemOptions,
  type SystemOptions,
} from "./system-options.ts";

const noOptions: StartOptions = Object.freeze({});

const plainRef = (process: Process) => new LocalRef(process.inbox);

let launchProcess: (system: ActorSystem, launch: Launch) => Promise<Process>;
let tableOf: (system: ActorSystem) => ProcessTable;
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
export class ActorSystem<E extends SystemEvents = SystemEvents> extends SystemInside {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What happens to the processes, as typed events. */
  readonly events: Events<E>;
  readonly #options: ResolvedSystemOptions;
  readonly #reports: Reports;
  readonly #table: ProcessTable;
  readonly #replies: Replies;
  protected override readonly inside: Introspection;
  readonly #deadlines: Deadlines;
  readonly #hooks: StopHook[] = [];
  #ignoreSignals: (() => void)[] | undefined = undefined;
  #isStopped = false;
  #stopped: Promise<void> | undefined = undefined;

  static {
    launchProcess = (system, launch) => system.#launch(launch);
    tableOf = (system) => system.#table;
    reportEvent = (system, event, payload) => system.#reports.emit(event, payload);
  }

  constructor(
    options?: SystemOptions,
    identity: SystemIdentity = { node: undefined, incarnation: 0 },
  ) {
    super();
    const resolved = resolveSystemOptions(options);
    const { clock, random, logger } = resolved;
    this.clock = clock;
    this.random = random;
    this.logger = logger;
    this.#reports = new Reports(logger);
    this.events = this.#reports.events as Events<E>;
    this.#options = resolved;
    this.#deadlines = new Deadlines({ clock, loop: resolved.loop });
    const host = makeHost({
      options: resolved,
      reports: this.#reports,
      deadlines: this.#deadlines,
      systemTag: tagOf(identity),
      drawReply: identity.drawReply,
      table: () => this.#table,
      foreign: () => this.foreign,
      start: (parent, startee, first, second) => this.#start(startee, first, second, parent),
    });
    this.#replies = host.replies;
    this.#table = new ProcessTable(host, identity, () => this.foreign);
    this.inside = new Introspection({ table: this.#table, clock });
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
  start<A, Q, C, K, I>(
    definition: ActorDefinition<string, A, Inferred, Q, C, K, I>,
    ...rest: StartRest<A, StartOptions>
  ): Promise<Ref<Q, C, K, I>>;
  start<R extends AnyRef>(definition: Startable<R>, options?: StartOptions): Promise<R>;
  start(definition: Startee, first?: unknown, second?: StartOptions): Promise<unknown> {
    return this.#start(definition, first, second, undefined);
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
  stop(ref: AnyRef, options?: StopOptions): Promise<void> {
    const process = this.#table.byRef(ref);
    if (process !== undefined && !process.isDead) {
      return stopProcess(process, this.#deadlines, options);
    }
    return Promise.reject(new NoProcessError(String(ref)));
  }

  /**
   * Sends an exit signal, as a process would: it ends a process that does not trap exits at once,
   * without `terminate`; `"normal"` is ignored and `"kill"` cannot be trapped. A process that is
   * over is left alone. Throws `OptionError`. To stop a process in an orderly way use
   * {@link stop}. OTP: `exit/2`.
   */
  exit(ref: AnyRef, reason: ExitReason | "kill"): void {
    const peer = this.#table.peer(ref);
    if (reason !== "kill" && !isExitReason(reason)) {
      throw new OptionError("reason", 'an exit reason or "kill"', reason);
    }
    peer?.signal(undefined, reason);
  }

  /**
   * Calls the listener once when a process is over, or on the next turn with `"noproc"` when there
   * is no such process, and with `"noconnection"` when its node is not connected, or no longer.
   * Returns a function that takes it back. For code outside of actors; a handler uses
   * `ctx.monitor`. OTP: `monitor/2`.
   */
  monitor(target: AnyRef | string, listener: (down: Omit<Down, "monitor">) => void): () => void {
    functionOption("listener", listener);
    const { process, ref, name } = this.#table.monitorTarget(target);
    return watchFromOutside(process, this.#options.loop, (reason) => {
      this.#reports.guard("a monitor", () => listener({ ref: process?.ref ?? ref, name, reason }));
    });
  }

  /** The process with a name. Give its definition to have the ref typed. */
  whereis(name: string): AnyRef | undefined;
  whereis<D extends AnyActorDefinition>(name: string, definition: D): RefOf<D> | undefined;
  whereis(name: string, definition?: AnyActorDefinition): AnyRef | undefined {
    const ref = this.#table.byName(nameOption("name", name))?.ref;
    if (ref === undefined || definition === undefined) return ref;
    if (ref.address.actor === definition.name) return ref;
    throw new OptionError("definition", `"${ref.address.actor}"`, definition.name);
  }

  /**
   * A ref to whoever has the name, looked up at each use: it reaches the new process after a
   * restart. While nobody has it, a call rejects with `NoProcessError` and a cast is a dead letter.
   *
   * @example
   * ```ts
   * const counter = system.ref("c1", Counter);
   * ```
   */
  ref(name: string): AnyRef;
  ref<D extends AnyActorDefinition>(name: string, definition: D): RefOf<D>;
  ref(name: string, definition?: AnyActorDefinition): AnyRef {
    nameOption("name", name);
    return new NamedRef(
      {
        find: () => this.#table.byName(name)?.ref,
        describe: () => JSON.stringify(name),
        deadLetter: (ref, kind, operation, arg, reason) =>
          this.#reports.deadLetter(ref, kind, operation, arg, reason),
      },
      definition,
    );
  }

  /**
   * Adds a hook that runs when the system shuts down, before any process is stopped; the hook
   * added last runs first. Returns a function that removes it.
   */
  onStop(hook: StopHook): () => void {
    functionOption("hook", hook);
    // A hook may be added twice, so the one to remove is found by its own wrapper.
    const own = () => hook();
    this.#hooks.push(own);
    this.#heedSignals();
    return () => {
      const at = this.#hooks.indexOf(own);
      if (at >= 0) this.#hooks.splice(at, 1);
    };
  }

  /**
   * Runs the hooks, then stops every process that nobody supervises, newest first, each within its
   * shutdown time and all within `shutdownTimeout`, after which what is left is killed; starts
   * nothing more. Resolves when all have ended. What a hook throws is thrown at the end.
   */
  shutdown(): Promise<void> {
    // Set first: a hook may ask whether the system stops.
    this.#isStopped = true;
    this.#stopped ??= this.#shutDown();
    return this.#stopped;
  }

  /** Whether it is shutting down, or has: it starts nothing more, and runs no more hooks. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The same as {@link shutdown}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** Delivers a message that came from outside. For the other packages of Troupe. */
  deliver(
    id: number,
    kind: "call" | "query" | "cast" | "info",
    operation: string,
    arg: unknown,
    reply: ReplyPort | undefined,
  ): void {
    const process = this.#table.byId(id);
    if (process === undefined) {
      if (reply !== undefined) reply.reject(new NoProcessError(`process <${id}>`));
      else this.#reports.deadLetter(undefined, kind, operation, arg, "no_process");
    } else if (kind === "cast" || kind === "info") process.inbox.post(kind, operation, arg);
    else process.inbox.accept(kind, operation, arg, reply ?? ignoredReply);
  }

  /** A running process as others see it, by its number. For the other packages of Troupe. */
  peerAt(id: number): Peer | undefined {
    return this.#table.byId(id);
  }

  /** Takes a reply that a process here has deferred, by its number. For the other packages. */
  takeReply(replyTo: number): ReplyPort | undefined {
    return this.#replies.take(replyTo);
  }

  /** The ref of a running process by its number. For the other packages of Troupe. */
  localRef(id: number): LocalRef | undefined {
    return this.#table.byId(id)?.ref;
  }

  /** Whether a ref is one of a process that runs, or ran, in this very system. */
  isLocalRef(ref: unknown): ref is LocalRef {
    return this.#table.isLocal(ref);
  }

  /** What is known of other systems: nothing, unless a subclass knows some. */
  protected get foreign(): ForeignPort | undefined {
    return undefined;
  }

  /** Emits an event of the system, or of a subclass. A listener that throws is reported. */
  protected emit<K extends keyof E & string>(event: K, payload: E[K]): void {
    this.#reports.emit(event, payload);
  }

  #start(
    startee: Startee,
    first: unknown,
    second: unknown,
    parent: AnyRef | undefined,
  ): Promise<unknown> {
    if (this.#isStopped) return Promise.reject(new SystemStoppedError());
    // What is thrown in here rejects.
    return new Promise((resolve, reject) => {
      objectOption("definition", startee);
      const isActor = !("launchIn" in startee);
      const given = ((isActor ? second : first) ?? noOptions) as StartOptions;
      objectOption("options", given);
      const options = parent === undefined ? given : { ...given, parent };
      if (isActor) {
        functionOption("definition.init", startee.init);
        const launch = { definition: startee, arg: first, options, makeRef: plainRef };
        this.#create(launch, { onStarted: ({ ref }) => resolve(ref), onStartFailed: reject });
      } else {
        startee.launchIn(this as ActorSystem, options).then(({ ref }) => resolve(ref), reject);
      }
    });
  }

  /** Starts a process; async, so that a bad option rejects. */
  async #launch(launch: Launch): Promise<Process> {
    const { signal } = launch.options;
    if (signal?.aborted === true) throw new SystemStoppedError();
    let ignoreSignal: (() => void) | undefined;
    try {
      return await new Promise<Process>((resolve, reject) => {
        const process = this.#create(launch, { onStarted: resolve, onStartFailed: reject });
        if (signal !== undefined) ignoreSignal = onAbort(signal, () => process.exit("killed"));
      });
    } finally {
      ignoreSignal?.();
    }
  }

  #create(launch: Launch, listener: StartListener): Process {
    const options = resolveStartOptions(launch.options);
    this.#heedSignals();
    return this.#table.create(launch, options, this, listener);
  }

  /** Listens to the signals of the operating system once there is something to shut down. */
  #heedSignals(): void {
    this.#ignoreSignals ??= this.#options.signals.map((signal) => shutDownOn(signal, this));
  }

  async #shutDown(): Promise<void> {
    const { clock } = this;
    const limit = { clock, end: clock.monotonic() + this.#options.shutdownTimeoutMs };
    const failures = await runHooks(this.#hooks, limit);
    for (const failure of failures) this.logger.error("a stop hook failed", failure);
    await stopAll(() => this.#table.all(), limit);
    for (const ignore of this.#ignoreSignals ?? []) ignore();
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

/** The process behind a ref of a system, also one that is over. Not public. */
export function processOf(system: ActorSystem, ref: AnyRef): Process | undefined {
  return tableOf(system).byRef(ref);
}

/** Every process of a system that is not over, oldest first. Not public. */
export function processesOf(system: ActorSystem): Iterable<Process> {
  return tableOf(system).all();
}

/** Emits an event on behalf of a supervisor, or of a ref of another package. Not public. */
export function report<K extends keyof SystemEvents>(
  system: ActorSystem,
  event: K,
  payload: SystemEvents[K],
): void {
  reportEvent(system, event, payload);
}
