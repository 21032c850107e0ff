/** What the tests of links and monitors share: processes of two nodes that do as they are told. */
import {
  type AnyRef,
  type Ctx,
  type Down,
  defineActor,
  type ExitReason,
  type ExitSignal,
  type RefOf,
} from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { type Node, tiesOf } from "../../src/node.ts";
import type { NodeOptions } from "../../src/options.ts";
import type { Ties } from "../../src/remote/link-relations.ts";
import { Bench } from "../support.ts";

/** What a puppet on the test's side is told to do within a handler. */
export type Step = (ctx: Ctx) => unknown;

/** A reason in a word. */
export function word(reason: ExitReason): string {
  if (typeof reason === "string") return reason;
  if ("error" in reason) return `error ${reason.error.code ?? reason.error.message}`;
  return `shutdown ${JSON.stringify(reason.shutdown)}`;
}

const puppet = (name: string, trapExit: boolean) =>
  defineActor(name, {
    init: (log?: string[]) => ({ log: log ?? [] }),
    calls: {
      run: (_s, step: Step, ctx) => step(ctx),
      link: (_s, other: AnyRef, ctx) => ctx.link(other),
      unlink: (_s, other: AnyRef, ctx) => ctx.unlink(other),
      log: (s) => s.log,
    },
    casts: {
      note: (s, text: string) => s.log.push(text),
      bytes: (s, bytes: Uint8Array) => s.log.push(`${bytes.length} bytes`),
      end: (_s, reason: ExitReason, ctx) => ctx.stop(reason),
      crash: () => {
        throw new RangeError("boom");
      },
      /** Says its last words, of a size, and ends. */
      lastWords: (_s, { to, bytes }: { to: AnyRef; bytes: number }, ctx) => {
        ctx.cast(to, "bytes", new Uint8Array(bytes));
        ctx.stop({ shutdown: "said" });
      },
    },
    info: {
      down: (s, { ref, name: asked, reason }: Down) =>
        s.log.push(`down ${asked === undefined ? ref : `"${asked}"`} ${word(reason)}`),
      exit: (s, { ref, reason }: ExitSignal) => s.log.push(`exit ${ref} ${word(reason)}`),
    },
    terminate: (s, reason) => s.log.push(`terminate ${word(reason)}`),
    trapExit,
  });

/** A process that does what it is given and writes down what it is told. */
export const Puppet = puppet("puppet", false);

/** The same, but it traps exits. */
export const Trapper = puppet("trapper", true);

export type PuppetRef = RefOf<typeof Puppet>;

/** A process on one node, and the ref that the other node has to it. */
export interface Seen {
  readonly here: PuppetRef;
  readonly there: PuppetRef;
  readonly log: string[];
}

/** Two connected nodes, whose names are a and b, with what makes processes on them. */
export class Pair {
  readonly bench: Bench;
  readonly a: Node;
  readonly b: Node;
  #names = 0;

  constructor(bench: Bench, a: Node, b: Node) {
    this.bench = bench;
    this.a = a;
    this.b = b;
  }

  static async of(options: Partial<NodeOptions> = {}): Promise<Pair> {
    const bench = new Bench();
    const [a, b] = await bench.pair({ actors: [Puppet, Trapper], heartbeatMs: 200, ...options });
    return new Pair(bench, a, b);
  }

  /** A process on one node, as it is seen from the other. */
  async on(node: Node, definition: typeof Puppet = Puppet): Promise<Seen> {
    this.#names += 1;
    const name = `p${this.#names}`;
    const log: string[] = [];
    const here = (await node.start(definition, log, { name })) as unknown as PuppetRef;
    const other = node === this.a ? this.b : this.a;
    const there = (await other.refOn(node.name, name)) as unknown as PuppetRef;
    return { here, there, log };
  }

  trapperOn(node: Node): Promise<Seen> {
    return this.on(node, Trapper as unknown as typeof Puppet);
  }

  /** Lets everything that is on its way arrive, without any time passing. */
  async calm(): Promise<void> {
    for (let turn = 0; turn < 6; turn++) await settle();
  }

  /** What ties the processes of the two nodes, by node. */
  ties(): readonly [a: Ties, b: Ties] {
    const none = { watching: 0, watched: 0, links: 0 };
    const of = (node: Node, peer: string) => tiesOf(node).get(peer) ?? none;
    return [of(this.a, "b"), of(this.b, "a")];
  }
}
