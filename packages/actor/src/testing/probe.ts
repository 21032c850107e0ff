/**
 * `probe`: a process that stands in for any other, writes down what it is sent, and answers as a
 * test wants.
 *
 * It is a real process under a program that has every operation, so it is called, linked, killed
 * and monitored like any other. It waits in virtual time only.
 */
import { type AnyActorDefinition, defineActor, type RefOf } from "../actor.ts";
import type { Ctx, MonitorId } from "../ctx.ts";
import { functionOption, objectOption } from "../option.ts";
import { type Operation, type OperationTable, setProgram } from "../program.ts";
import type { AnyRef } from "../ref.ts";
import { type Answer, type Expected, ProbeInbox, type ProbeMessage, show } from "./probe-inbox.ts";
import { ExpectationError } from "./test-errors.ts";
import type { TestSystem } from "./test-system.ts";

/** What {@link probe} takes. */
export interface ProbeOptions<D extends AnyActorDefinition = AnyActorDefinition> {
  /** The definition that it stands in for: the type of its ref. @default one named "probe" */
  readonly as?: D;
  /** Registers it under a name. @default none */
  readonly name?: string;
  /** Whether exit signals reach it as the message `exit`, or end it. @default true */
  readonly trapExit?: boolean;
}

/** How long a probe waits. */
export interface WithinOptions {
  /** Milliseconds of virtual time, which pass while it waits. @default 0 */
  readonly within?: number;
}

/** The call by which a test runs a function in the process. */
const runOperation = "troupe:probe:run";

/** A function to run in the process, and what became of it. */
interface Job {
  readonly run: (ctx: Ctx) => unknown;
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;
}

/** A process in the hands of a test; made by {@link probe}. */
export class Probe<D extends AnyActorDefinition = AnyActorDefinition> {
  /** The ref of its process. */
  readonly ref: RefOf<D>;
  readonly #system: TestSystem;
  readonly #inbox: ProbeInbox;
  readonly #jobs: Map<number, Job>;
  #lastJob = 0;

  constructor(system: TestSystem, ref: RefOf<D>, inbox: ProbeInbox, jobs: Map<number, Job>) {
    this.#system = system;
    this.ref = ref;
    this.#inbox = inbox;
    this.#jobs = jobs;
  }

  /** Every message it was sent, in order; also those that {@link expect} has found. */
  get messages(): readonly ProbeMessage[] {
    return this.#inbox.messages;
  }

  /**
   * Waits for a message of that name and takes it: the oldest that no `expect` has taken yet.
   *
   * `matcher` is what its argument must be, a function that says so, or a matcher of the test
   * runner (`expect.objectContaining`). Rejects with `ExpectationError`, which lists what came
   * instead, when there is none after `within` milliseconds of virtual time.
   *
   * @example
   * ```ts
   * const { arg } = await mailer.expect("mail", { to: "ann" }, { within: 60_000 });
   * ```
   */
  async expect<A = unknown>(
    operation: string,
    matcher?: Expected<A>,
    options: WithinOptions = {},
  ): Promise<ProbeMessage<A>> {
    const { within = 0 } = objectOption("options", options) as WithinOptions;
    const latest = this.#system.clock.monotonic() + within;
    let found: ProbeMessage | undefined;
    await this.#system.until(() => {
      found ??= this.#inbox.take(operation, matcher, latest);
      return found !== undefined;
    }, within);
    if (found !== undefined) return found as ProbeMessage<A>;
    const wanted = `"${operation}"${matcher === undefined ? "" : ` with ${show(matcher)}`}`;
    throw this.#unexpected(`${wanted} within ${within} ms`);
  }

  /**
   * Waits and finds that no message has come that no `expect` has taken. Rejects with
   * `ExpectationError`, which lists those that have.
   */
  async expectNothing(options: WithinOptions = {}): Promise<void> {
    const { within = 0 } = objectOption("options", options) as WithinOptions;
    await this.#system.until(() => this.#inbox.untaken.length > 0, within);
    if (this.#inbox.untaken.length > 0) throw this.#unexpected(`nothing within ${within} ms`);
  }

  /**
   * Answers every call and query of that name from now on. One without an answer waits, until
   * `reply` or `refuse` of its message, the caller's timeout, or the end of the probe.
   *
   * @example
   * ```ts
   * bank.answer("charge", (cents: number, ctx) => (cents > 500 ? ctx.fail("declined") : "ok"));
   * ```
   */
  answer(operation: string, answer: Answer): void {
    functionOption("answer", answer);
    this.#inbox.answers.set(operation, answer);
  }

  /**
   * Runs a function in the process, between two messages, with its `ctx`: all that a handler can
   * do. Resolves to what it returns; rejects with what it throws, and then it has had no effects.
   *
   * @example
   * ```ts
   * await probe.run((ctx) => ctx.exit(worker, "shutdown"));
   * ```
   */
  async run<T>(run: (ctx: Ctx) => T | PromiseLike<T>): Promise<T> {
    functionOption("run", run);
    this.#lastJob += 1;
    const id = this.#lastJob;
    const job: Job = { run, outcome: undefined };
    this.#jobs.set(id, job);
    try {
      await (this.ref as AnyRef).call(runOperation, id, { timeout: Number.POSITIVE_INFINITY });
    } catch (error) {
      if (job.outcome === undefined) throw error;
    } finally {
      this.#jobs.delete(id);
    }
    const { outcome } = job;
    if (outcome !== undefined && "error" in outcome) throw outcome.error;
    return outcome?.value as T;
  }

  /** Monitors a process: when it ends, the message `down` comes. */
  monitor(target: AnyRef | string): Promise<MonitorId> {
    return this.run((ctx) => ctx.monitor(target));
  }

  /** Links itself to a process: when that ends, the message `exit` comes, if it traps exits. */
  link(target: AnyRef): Promise<void> {
    return this.run((ctx) => ctx.link(target));
  }

  /** Takes a link back. */
  unlink(target: AnyRef): Promise<void> {
    return this.run((ctx) => ctx.unlink(target));
  }

  /** Forgets every message so far; calls that wait go on waiting. */
  clear(): void {
    this.#inbox.clear();
  }

  #unexpected(expected: string): ExpectationError {
    return new ExpectationError(String(this.ref), expected, this.#inbox.untaken.map(String));
  }
}

/**
 * Starts a probe.
 *
 * @example
 * ```ts
 * const mailer = await probe(system, { as: Mailer });
 * const shop = await system.start(Shop, { mailer: mailer.ref });
 * await shop.call("order", "tea");
 * await mailer.expect("mail", "one order of tea");
 * ```
 */
export async function probe<D extends AnyActorDefinition = AnyActorDefinition>(
  system: TestSystem,
  options: ProbeOptions<D> = {},
): Promise<Probe<D>> {
  objectOption("options", options);
  const { as, name, trapExit = true } = options;
  const inbox = new ProbeInbox(system.clock);
  const jobs = new Map<number, Job>();
  const definition = defineActor(as?.name ?? "probe", { init: () => ({}), trapExit });
  setProgram(definition, {
    definition,
    call: everyOperation("call", inbox, jobs),
    query: everyOperation("query", inbox, jobs),
    cast: everyOperation("cast", inbox, jobs),
    info: everyOperation("info", inbox, jobs),
    continue: new Map<string, Operation>(),
  });
  const ref = await system.start(definition, undefined, name === undefined ? {} : { name });
  const own = new Probe<D>(system, ref as unknown as RefOf<D>, inbox, jobs);
  inbox.runInProcess = (run) => own.run(run);
  return own;
}

/** A table in which there is every name. */
function everyOperation(
  kind: ProbeMessage["kind"],
  inbox: ProbeInbox,
  jobs: ReadonlyMap<number, Job>,
): OperationTable {
  const operations = new Map<string, Operation>();
  return {
    keys: () => operations.keys(),
    get(name) {
      let operation = operations.get(name);
      if (operation === undefined) {
        const handler =
          name === runOperation
            ? (_state: unknown, id: number, ctx: Ctx) => runJob(jobs.get(id), ctx)
            : (_state: unknown, arg: unknown, ctx: Ctx) => inbox.receive(kind, name, arg, ctx);
        operation = { kind, name, handler, expects: undefined };
        operations.set(name, operation);
      }
      return operation;
    },
  };
}

/** Runs a test's function as a handler. Its outcome is not sent, so that it may be anything. */
async function runJob(job: Job | undefined, ctx: Ctx): Promise<void> {
  if (job === undefined) return;
  try {
    job.outcome = { value: await job.run(ctx) };
  } catch (error) {
    job.outcome = { error };
    // A refusal takes back what the function had asked for.
    ctx.fail("probe");
  }
}
