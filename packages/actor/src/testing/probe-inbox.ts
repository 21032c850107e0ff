/**
 * What a probe was sent, which of it a test has found already, and how it answers.
 *
 * It never waits: whoever wants to looks again.
 */
import { inspect, isDeepStrictEqual } from "node:util";
import type { Clock } from "../clock.ts";
import type { Ctx } from "../ctx.ts";
import { NoCallerError } from "../errors.ts";
import { clonePlainData, formsOfCopy, keepRef, plainDataDefaults } from "../plain-data.ts";
import type { AnyRef, ReplyTo } from "../ref.ts";
import { noWireClasses } from "../wire-class.ts";

/** A message that a probe was sent. */
export interface ProbeMessage<A = unknown> {
  /** How it was sent; `info` is a plain message, or one of the runtime: `down`, `exit`. */
  readonly kind: "call" | "query" | "cast" | "info";
  readonly operation: string;
  readonly arg: A;
  /** When it was handled, in virtual milliseconds since the start. */
  readonly at: number;
  /** Answers it. Rejects with `NoCallerError` when nobody waits for an answer. */
  reply(reply?: unknown): Promise<void>;
  /** Refuses it, as `ctx.fail` does. Rejects with `NoCallerError` likewise. */
  refuse(code: string, data?: unknown): Promise<void>;
}

/** What the argument of a message must be: equal to a value, or as a function or matcher says. */
export type Expected<A> = A | ((arg: A) => boolean) | { asymmetricMatch(arg: unknown): boolean };

/** Answers a call or a query; `ctx.fail` refuses it. */
export type Answer = (arg: never, ctx: Ctx) => unknown;

/** The messages of one probe. */
export class ProbeInbox {
  readonly answers = new Map<string, Answer>();
  /** Runs a function as a handler of the process. */
  runInProcess: (run: (ctx: Ctx) => void) => Promise<void> = () => Promise.resolve();
  readonly #clock: Clock;
  #messages: Received[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Every message, in order. */
  get messages(): readonly ProbeMessage[] {
    return [...this.#messages];
  }

  /** The messages that `take` has not given out. */
  get untaken(): readonly ProbeMessage[] {
    return this.#messages.filter((message) => !message.isTaken);
  }

  /** Handles a message: writes it down, and answers it if there is an answer. */
  receive(kind: ProbeMessage["kind"], operation: string, arg: unknown, ctx: Ctx): unknown {
    const message = new Received(this, kind, operation, arg, this.#clock.monotonic());
    this.#messages.push(message);
    if (kind === "cast" || kind === "info") return undefined;
    const answer = this.answers.get(operation);
    if (answer !== undefined) return answer(arg as never, ctx);
    return ctx.defer((to) => {
      message.replyTo = to;
    });
  }

  /** The oldest message that fits and came in time; it is not given out again. */
  take(operation: string, expected: unknown, latest: number): ProbeMessage | undefined {
    const found = this.#messages.find(
      (message) =>
        !message.isTaken &&
        message.operation === operation &&
        message.at <= latest &&
        isMatch(expected, message.arg),
    );
    if (found !== undefined) found.isTaken = true;
    return found;
  }

  clear(): void {
    this.#messages = [];
  }
}

class Received implements ProbeMessage {
  readonly kind: ProbeMessage["kind"];
  readonly operation: string;
  readonly arg: unknown;
  readonly at: number;
  isTaken = false;
  replyTo: ReplyTo<unknown> | undefined = undefined;
  readonly #inbox: ProbeInbox;

  constructor(
    inbox: ProbeInbox,
    kind: ProbeMessage["kind"],
    operation: string,
    arg: unknown,
    at: number,
  ) {
    this.#inbox = inbox;
    this.kind = kind;
    this.operation = operation;
    this.arg = arg;
    this.at = at;
  }

  async reply(reply?: unknown): Promise<void> {
    const to = this.#takeReplyTo();
    await this.#inbox.runInProcess((ctx) => ctx.reply(to, reply));
  }

  async refuse(code: string, data?: unknown): Promise<void> {
    const to = this.#takeReplyTo();
    await this.#inbox.runInProcess((ctx) => ctx.refuse(to, code, data));
  }

  toString(): string {
    const arg = this.arg === undefined ? "" : show(this.arg);
    return `${this.kind} ${this.operation}(${arg}) at ${this.at} ms`;
  }

  #takeReplyTo(): ReplyTo<unknown> {
    const to = this.replyTo;
    if (to === undefined) throw new NoCallerError(this.operation);
    this.replyTo = undefined;
    return to;
  }
}

/** A value in one line. */
export function show(value: unknown): string {
  const text = inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 4 });
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function isMatch(expected: unknown, arg: unknown): boolean {
  if (expected === undefined) return true;
  if (typeof expected === "function") return expected(arg) === true;
  const { asymmetricMatch } = Object(expected) as { asymmetricMatch?: unknown };
  if (typeof asymmetricMatch === "function") return asymmetricMatch.call(expected, arg) === true;
  return isDeepStrictEqual(comparable(expected), comparable(arg));
}

/** Refs are equal when their addresses are, which a deep comparison cannot see. */
function comparable(value: unknown): unknown {
  const addressOf = (object: object) =>
    keepRef(object) === undefined ? undefined : { ref: { ...(object as AnyRef).address } };
  const forms = { ...formsOfCopy(noWireClasses), ref: addressOf };
  try {
    return clonePlainData(value, "arg", plainDataDefaults, forms);
  } catch {
    return value; // no plain data: compared as it is
  }
}
