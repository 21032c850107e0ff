/**
 * What a process has to do with others: its parent, its links, who watches it, exit signals.
 *
 * The part of a process that decides what a signal does to it, and tells everybody when it is
 * over. It handles no message; `Process` builds on it.
 */
import { ProcessExitedError } from "../errors.ts";
import type { ExitReason } from "../exit-reason.ts";
import type { Program } from "../program.ts";
import type { AnyRef } from "../ref.ts";
import { Attachments } from "./attachments.ts";
import { type Linked, type Links, TrappedExit } from "./links.ts";
import type { LocalRef } from "./local-ref.ts";
import type { Notice } from "./notice.ts";
import type { Peer } from "./peer.ts";
import type { ProcessHost } from "./process-host.ts";

/** What a process is to other processes. */
export abstract class ProcessRelations implements Peer {
  abstract readonly ref: LocalRef;
  /** Its supervisor, or the process that started and linked it. */
  readonly parent: ProcessRelations | undefined;
  protected readonly host: ProcessHost;
  protected readonly program: Program;
  /** Set at the end. */
  protected exitReason: ExitReason | undefined = undefined;
  #attachments: Attachments | undefined = undefined;
  #abort: AbortController | undefined = undefined;

  constructor(host: ProcessHost, program: Program, parent: ProcessRelations | undefined) {
    this.host = host;
    this.program = program;
    this.parent = parent;
  }

  abstract get isDead(): boolean;

  /** Names the process in messages: `counter <7>`. */
  abstract describe(): string;

  /** Asks it to end in an orderly way; `"killed"` ends it at once. */
  abstract exit(reason: ExitReason): void;

  /** Asks it to end in an orderly way, whatever the reason is. */
  protected abstract requestExit(reason: ExitReason): void;

  /** Queues a message of the runtime. */
  abstract notify(notice: Notice): void;

  /** Ends it at once, with any reason and without `terminate`. */
  protected abstract die(reason: ExitReason): void;

  /** Whether a signal that it traps still means something to it. */
  protected abstract get isListening(): boolean;

  /**
   * Delivers an exit signal. A process that does not trap exits ends with its reason at once,
   * without `terminate`, unless the reason is `"normal"`. OTP: reference manual, exit signals.
   */
  receiveExit(from: Linked | undefined, reason: ExitReason, links?: Links): void {
    if (!this.program.definition.trapExit) {
      if (reason !== "normal") this.die(reason);
    } else if (!this.isListening) return;
    else if (from !== undefined && from === this.parent) {
      this.requestExit(reason);
    } else {
      this.notify(new TrappedExit(this.program.info.get("exit"), from, reason, links));
    }
  }

  /** Receives an exit signal. From itself even `"normal"` is one. OTP: `exit/2`. */
  signal(from: Linked | undefined, reason: ExitReason | "kill"): void {
    if (reason === "kill") this.exit("killed");
    else if (from === this && !this.program.definition.trapExit) this.die(reason);
    else this.receiveExit(from, reason);
  }

  sendExit(target: AnyRef, reason: ExitReason | "kill"): void {
    this.host.peer(target)?.signal(this, reason);
  }

  /** The parent is over and could not stop this process in an orderly way. OTP: statement 76. */
  parentExited(reason: ExitReason): void {
    if (this.parent === undefined) this.exit("killed");
    else this.receiveExit(this.parent, reason);
  }

  /** Calls the listener once with the exit reason; at once when the process is dead. */
  onExit(listener: (reason: ExitReason) => void): void {
    if (this.exitReason !== undefined) listener(this.exitReason);
    else this.#attached().watch(listener);
  }

  watch(listener: (reason: ExitReason) => void): () => void {
    const attached = this.#attached();
    // The same function may watch twice, so the one to take back is its own wrapper.
    const own = (reason: ExitReason) => listener(reason);
    attached.watch(own);
    return () => attached.unwatch(own);
  }

  /** Calls the listener when the process ends, before anybody is told. Returns its removal. */
  onRelease(listener: () => void): () => void {
    const { releases } = this.#attached();
    releases.add(listener);
    return () => releases.delete(listener);
  }

  links(): Links {
    return this.#attached().links;
  }

  link(target: AnyRef): void {
    const peer = this.host.peer(target);
    if (peer !== undefined) this.links().link(peer);
    // Nobody has the name: the same as a process that is over.
    else this.receiveExit(undefined, "noproc");
  }

  unlink(target: AnyRef): void {
    const peer = this.host.peer(target);
    if (peer !== undefined) this.links().unlink(peer);
  }

  /** The processes that it is linked to. */
  get linkedRefs(): readonly AnyRef[] {
    if (this.#attachments === undefined) return [];
    return [...this.#attachments.links.peers].map(({ ref }) => ref);
  }

  /** The numbers of the replies that it has deferred and not given. */
  get deferred(): Iterable<number> & { readonly size: number } {
    return this.#attachments?.deferred ?? none;
  }

  /** Where to note a reply that is deferred. */
  protected deferrals(): Set<number> {
    return this.#attached().deferred;
  }

  /** Aborted when the process is over. */
  get endSignal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.exitReason !== undefined) this.#abort.abort(this.exitError(this.exitReason));
    }
    return this.#abort.signal;
  }

  /** What a caller is told when the process ended before it answered. */
  protected exitError(reason: ExitReason): ProcessExitedError {
    return new ProcessExitedError(this.describe(), reason, "unknown");
  }

  /** Frees what belongs to the process, before anybody is told of its end. */
  protected releaseOwned(): void {
    this.#attachments?.release();
  }

  /** Tells everybody who watches, or is linked, that the process is over. */
  protected tellOthers(reason: ExitReason): void {
    const attachments = this.#attachments;
    if (attachments !== undefined) this.host.cascade.run(() => attachments.tell(reason));
    this.#abort?.abort(this.exitError(reason));
  }

  #attached(): Attachments {
    this.#attachments ??= new Attachments(this);
    return this.#attachments;
  }
}

const none: ReadonlySet<never> = new Set<never>();
