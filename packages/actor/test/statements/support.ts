/** What the statement tests share: processes that do what the test tells them, and note it. */
import {
  type Ctx,
  type Down,
  defineActor,
  type ExitSignal,
  type RefOf,
  type ReplyTo,
} from "../../src/index.ts";
import { word } from "../support/harness.ts";

export {
  Counter,
  failure,
  gate,
  record,
  settle,
  testSystem,
  watch,
  word,
} from "../support/harness.ts";

/** What a puppet is told to do within a handler. */
export type Step = (ctx: Ctx) => unknown;

/** What an error of a call or a start carries: why the process ended. */
export const reasonOf = (error: unknown) =>
  word((error as { data: { reason: Parameters<typeof word>[0] } }).data.reason);

/** What a `down` says, in a line. */
const downLine = ({ ref, name, reason }: Down) =>
  `down ${name === undefined ? ref : `"${name}" ${ref}`} ${word(reason)}`;

const puppet = (name: string, trapExit: boolean) =>
  defineActor(name, {
    init: (log: string[]) => ({ log }),
    calls: { run: (_s, step: Step, ctx) => step(ctx) },
    casts: {
      run: (_s, step: Step, ctx) => step(ctx),
      note: (s, text: string) => s.log.push(text),
    },
    info: {
      run: (_s, step: Step, ctx) => step(ctx),
      note: (s, text: string) => s.log.push(text),
      down: (s, down: Down) => s.log.push(downLine(down)),
      exit: (s, { ref, reason }: ExitSignal) => s.log.push(`exit ${ref} ${word(reason)}`),
      timeout: (s) => s.log.push("timeout"),
    },
    continue: {
      run: (_s, step: Step, ctx) => step(ctx),
      note: (s, text: string) => s.log.push(text),
    },
    terminate: (s, reason) => s.log.push(`terminate ${word(reason)}`),
    trapExit,
  });

/** A process that runs what it is given and writes down what it is told. */
export const Puppet = puppet("puppet", false);

/** The ref of either kind of puppet. */
export type PuppetRef = RefOf<typeof Puppet>;

/** The same, but it traps exits. */
export const Trapper = puppet("trapper", true);

/** A gate that keeps its callers waiting: it defers, and answers when it is told. */
export const Gate = defineActor("gate", {
  init: () => ({ waiting: [] as ReplyTo<string>[] }),
  calls: {
    pass: (s, _: void, ctx) => ctx.defer<string>((to) => s.waiting.push(to)),
    keys: (s) => s.waiting,
  },
  casts: {
    open: (s, answer: string, ctx) => {
      for (const to of s.waiting) ctx.reply(to, answer);
    },
    stop: (_s, _: void, ctx) => ctx.stop("shutdown"),
  },
});

/** A step that throws. */
export const crash: Step = () => {
  throw new Error("boom");
};
