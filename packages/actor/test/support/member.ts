/** What the registry tests share: processes that do what the test tells them, and listeners. */
import {
  type AnyRef,
  type Ctx,
  defineActor,
  type ExitSignal,
  type Registered,
  type Unregistered,
} from "../../src/index.ts";
import { word } from "./harness.ts";

/** A process that runs what it is given, within its handler. */
export const Member = defineActor("member", {
  init: () => ({}),
  calls: {
    run: (_s, work: (ctx: Ctx) => unknown, ctx) => work(ctx),
    ping: () => "pong",
  },
  casts: {
    run: (_s, work: (ctx: Ctx) => unknown, ctx) => {
      work(ctx);
    },
  },
});

/** A process that writes down the exit signals that it traps. */
export const Trapping = defineActor("trapping", {
  init: (log: string[]) => log,
  calls: { ping: () => "pong" },
  info: {
    exit: (log, { ref, reason }: ExitSignal) => void log.push(`${ref} ${word(reason)}`),
  },
  trapExit: true,
});

/** A process that writes down what registries tell it. */
export const Listener = defineActor("listener", {
  init: (log: string[]) => log,
  info: {
    register: (log, { registry, key, ref, value }: Registered<unknown, unknown>) =>
      void log.push(`${registry}: ${ref} has ${String(key)}=${String(value)}`),
    unregister: (log, { registry, key, ref }: Unregistered<unknown>) =>
      void log.push(`${registry}: ${ref} leaves ${String(key)}`),
  },
});

/** Entries in short: `member <2>=1`. */
export function shown(entries: readonly { ref: AnyRef; value?: unknown }[]): string[] {
  return entries.map(({ ref, value }) => `${ref}=${String(value)}`);
}
