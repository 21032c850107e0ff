/**
 * The processes of one system, by number, by name and by ref.
 *
 * It makes processes and forgets them when they are over. It decides nothing about their lives.
 */
import { AlreadyStartedError, OptionError } from "../errors.ts";
import { Inbox } from "../process/inbox.ts";
import type { Launch, StartListener } from "../process/launch.ts";
import { LocalRef } from "../process/local-ref.ts";
import type { MonitorTarget } from "../process/monitors.ts";
import type { ForeignPort, Peer } from "../process/peer.ts";
import { Process } from "../process/process.ts";
import type { ProcessHost } from "../process/process-host.ts";
import type { ProcessRelations } from "../process/process-relations.ts";
import { programOf } from "../program.ts";
import type { AnyRef, RefAddress } from "../ref.ts";
import { NamedRef } from "./named-ref.ts";
import { Names } from "./names.ts";
import type { NameHost, ProcessName } from "./process-name.ts";
import type { ResolvedStartOptions } from "./start-options.ts";

/** How a system is called by others: the address of each of its processes carries it. */
export interface SystemIdentity {
  readonly node: string | undefined;
  readonly incarnation: number;
  /**
   * Draws a number above 0 for each reply that is deferred, in a system whose replies others can
   * give who were not handed the address: they must not guess it. @default they are counted
   */
  readonly drawReply?: () => number;
}

let unnamed = 0;

/**
 * Tells systems apart. One without a name is known in this program only, so a number will do; a
 * test system brings its own, because a number would differ from one replay to the next.
 */
export function tagOf({
  node,
  incarnation,
  tag,
}: SystemIdentity & { readonly tag?: string }): string {
  if (tag !== undefined) return tag;
  if (node !== undefined) return `${node}/${incarnation}`;
  unnamed += 1;
  return `#${unnamed}`;
}

/** The processes of one system. */
export class ProcessTable {
  readonly #host: ProcessHost;
  readonly #identity: SystemIdentity;
  readonly #foreign: () => ForeignPort | undefined;
  readonly #processes = new Map<number, Process>();
  readonly #names = new Names<Process>();
  #lastId = 0;

  constructor(host: ProcessHost, identity: SystemIdentity, foreign: () => ForeignPort | undefined) {
    this.#host = host;
    this.#identity = identity;
    this.#foreign = foreign;
  }

  get size(): number {
    return this.#processes.size;
  }

  /** Every process, oldest first. */
  all(): Iterable<Process> {
    return this.#processes.values();
  }

  byId(id: number): Process | undefined {
    return this.#processes.get(id);
  }

  byName(name: string): Process | undefined {
    return this.#names.find(name);
  }

  nameOf(process: Process): string | undefined {
    return this.#names.nameOf(process);
  }

  /** Whether a ref is one of a process that runs, or ran, in this very system. */
  isLocal(ref: unknown): ref is LocalRef {
    const receiver = LocalRef.receiverOf(ref);
    return receiver instanceof Inbox && receiver.isIn(this.#host);
  }

  /** The process behind a ref of this system, also one that is over. */
  byRef(ref: unknown): Process | undefined {
    const receiver = LocalRef.receiverOf(NamedRef.resolve(ref));
    if (!(receiver instanceof Inbox) || !receiver.isIn(this.#host)) return undefined;
    return receiver.owner as Process;
  }

  /** What a monitor of a target watches. Throws `OptionError` for a ref of an unknown system. */
  monitorTarget(target: AnyRef | string): MonitorTarget {
    if (typeof target === "string") {
      return { process: this.byName(target), ref: undefined, name: target };
    }
    const process = this.#known(target, (port, ref) => port.watched(ref));
    return { process, ref: target, name: undefined };
  }

  /** What a link to a target, or a signal, concerns. Throws `OptionError` as above. */
  peer(target: AnyRef): Peer | undefined {
    return this.#known(target, (port, ref) => port.peer(ref));
  }

  #known<T>(
    target: AnyRef,
    find: (port: ForeignPort, ref: AnyRef) => T | undefined,
  ): Process | T | undefined {
    const ref = NamedRef.resolve(target);
    // Nobody has the name.
    if (ref === undefined) return undefined;
    const port = this.#foreign();
    const known = this.byRef(ref) ?? (port && find(port, ref));
    if (known !== undefined) return known;
    throw new OptionError("target", "a ref of this system", String(target));
  }

  /** Makes a process, with its name, and gives it its first turn. */
  create(
    launch: Launch,
    options: ResolvedStartOptions,
    system: NameHost,
    listener: StartListener,
  ): Process {
    const { name } = options;
    const taken = typeof name === "string" ? this.byName(name) : undefined;
    if (taken !== undefined) throw new AlreadyStartedError(String(name), taken.ref);
    const process = this.#make(launch, options, listener);
    if (name !== undefined) this.#claim(name, system, process);
    this.#processes.set(process.ref.address.id, process);
    const { parent, supervised } = launch.options;
    // A supervisor watches its children by itself. A parent that is dead ends the start at once.
    if (parent !== undefined && supervised !== true) process.link(parent);
    process.wake();
    return process;
  }

  #make(launch: Launch, options: ResolvedStartOptions, listener: StartListener): Process {
    const { definition, arg, makeRef } = launch;
    const { parent } = launch.options;
    this.#lastId += 1;
    const { node, incarnation } = this.#identity;
    const address: RefAddress = {
      kind: "process",
      node,
      incarnation,
      id: this.#lastId,
      actor: definition.name,
    };
    const process = new Process({
      host: this.#host,
      program: programOf(definition),
      address,
      arg,
      parent: parent === undefined ? undefined : this.byRef(parent),
      startTimeoutMs: options.startTimeoutMs,
      shutdownMs: options.shutdownMs,
      makeRef,
      onExitAsked: launch.onExitAsked,
      listener,
    });
    return process;
  }

  #claim(name: string | ProcessName, system: NameHost, process: Process): void {
    if (typeof name === "string") this.#names.register(name, process);
    else name.claim(system, process);
  }

  /** The process is over: its number and its name are free. */
  release({ ref }: ProcessRelations): string | undefined {
    const process = this.#processes.get(ref.address.id);
    if (process === undefined) return undefined;
    const name = this.#names.nameOf(process);
    this.#processes.delete(ref.address.id);
    this.#names.release(process);
    return name;
  }
}
