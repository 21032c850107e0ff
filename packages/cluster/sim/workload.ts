/**
 * What one life of a node says to the others: bursts of numbered casts, calls, queries and infos
 * to their processes, and messages over a channel, small and large.
 */
import type { AnyRef, CallOptions, ExitReason, RefOf, TimerHandle } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { type Binder, binderName, binderOf, type Numbered, type Sink, sinkName } from "./actors.ts";
import type { Commons } from "./commons.ts";
import type { Stream } from "./ledger.ts";
import type { Chance } from "./random.ts";
import type { SimProcess } from "./sim-process.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

type SinkRef = RefOf<Sink>;

interface Partner {
  readonly ref: SinkRef;
  readonly stream: Stream;
}

export interface TalkOptions {
  readonly world: World;
  readonly process: SimProcess;
  readonly node: Node;
  readonly witness: Witness;
  readonly commons: Commons;
  readonly sink: Sink;
  readonly chance: Chance;
  readonly talks: boolean;
}

const callKinds = ["op", "op", "op", "refuse", "slow", "large", "look"] as const;

export class Talk {
  readonly #options: TalkOptions;
  readonly #partners = new Map<string, Partner>();
  /** Casts that the node itself has called undeliverable, so far. */
  #refused = 0;
  /** The watches that are links, by what they are on. */
  readonly #ties = new Map<string, number>();
  #binder: RefOf<Binder> | undefined;
  #talking: boolean;
  #timer: TimerHandle | undefined;

  constructor(options: TalkOptions) {
    this.#options = options;
    this.#talking = options.talks;
    options.witness.onUp = ({ name }) => this.#lookUp(name);
    options.node.events.on("exit", ({ ref }) => options.world.watches.ended(ref));
    options.node.events.on("deadLetter", ({ error }) => {
      if (error !== undefined) this.#refused += 1;
    });
  }

  async begin(): Promise<void> {
    const { node, sink } = this.#options;
    this.#binder = await node.start(this.#makeBinder(), undefined, { name: binderName });
    await node.start(sink, undefined, { name: sinkName });
    // One that dies is replaced, and has another number.
    node.events.on("exit", ({ name }) => {
      if (name !== sinkName || this.#options.process.stopping) return;
      void node.start(sink, undefined, { name: sinkName }).catch(() => {});
    });
    if (this.#talking) this.#schedule();
  }

  /** Says nothing more of its own accord. */
  finish(): void {
    this.#talking = false;
    if (this.#timer !== undefined) this.#options.process.clock.clearTimer(this.#timer);
  }

  /** Calls a node, which must answer. */
  examine(name: string): void {
    const { node, world, process, witness } = this.#options;
    world.ledger.call(
      { from: process, to: name, epoch: witness.epoch(name), what: "exam", timeoutMs: 5000 },
      async () => {
        const ref = await node.refOn(name, sinkName, this.#options.sink);
        const stream = this.#streamTo(ref);
        await this.#call(name, { ref, stream }, "exam", 5000).catch((error: unknown) => {
          world.violate(`${process.label}: after everything has healed, ${name} answers ${error}`);
        });
      },
    );
  }

  #schedule(): void {
    const { process, chance, world } = this.#options;
    const ms = chance.exponential(world.options.thinkMs);
    this.#timer = process.clock.setTimer(ms, () => {
      if (!this.#talking || process.stopping) return;
      this.#talk();
      this.#schedule();
    });
  }

  #talk(): void {
    const { chance, world, node, witness, commons } = this.#options;
    const others = world.names.filter((name) => name !== node.name);
    const name = others[chance.between(0, others.length - 1)];
    if (name === undefined) return;
    const partner = this.#partners.get(name);
    const messages = chance.between(1, world.options.burst);
    for (let i = 0; i < messages; i++) {
      const dice = chance.next();
      if (dice < 0.05) commons.act(node.whereis(sinkName));
      else if (dice < 0.3) witness.speak(name, this.#paddingBytes());
      else if (partner === undefined) this.#lookUp(name);
      else if (dice < 0.35) this.#watch(partner.ref);
      else if (dice < 0.38) this.#tie(name);
      else if (dice < 0.6) this.#post(name, partner);
      else if (dice < 0.605) this.#expect(this.#call(name, partner, "crash", 1000));
      else this.#expect(this.#call(name, partner, chance.pick(callKinds), this.#timeoutMs()));
    }
  }

  #lookUp(name: string): void {
    const { node, world, process, witness, sink } = this.#options;
    const epoch = witness.epoch(name);
    world.ledger.call({ from: process, to: name, epoch, what: "lookup", timeoutMs: 5000 }, () =>
      node.refOn(name, sinkName, sink, { timeout: 5000 }).then((ref) => {
        this.#partners.set(name, { ref, stream: this.#streamTo(ref) });
      }),
    );
  }

  /** Watches a process of another node; sometimes it changes its mind. */
  #watch(ref: AnyRef): void {
    const { node, process, world, witness, chance } = this.#options;
    const epoch = witness.epoch(ref.address.node ?? "");
    const id = world.watches.begin({ from: process, ref, epoch, kind: "monitor" });
    const stop = node.monitor(ref, ({ reason }) => this.#fired(id, ref, reason));
    if (!chance.hits(0.3)) return;
    process.clock.setTimer(chance.between(1, 200), () => {
      stop();
      world.watches.takeBack(id);
    });
  }

  #fired(id: number, ref: AnyRef, reason: ExitReason): void {
    const { world, witness } = this.#options;
    const { node = "", incarnation = 0 } = ref.address;
    world.watches.fired(id, reason, world.life(node, incarnation)?.alive !== true);
    if (reason !== "noconnection") return;
    // Monitors are told before the end of the connection is.
    world.atEndOfEvent(() => {
      if (witness.isUp(node, incarnation)) world.watches.deceived(id, witness.epoch(node));
    });
  }

  /** Links our binder to the one of another node. Twice is once. */
  #tie(name: string): void {
    const { node } = this.#options;
    node.refOn(name, binderName).then(
      (ref) => this.#binder?.cast("tie", ref),
      () => {},
    );
  }

  #makeBinder(): Binder {
    const { process, world, witness } = this.#options;
    return binderOf(
      (ref) => {
        if (this.#ties.has(String(ref))) return;
        const epoch = witness.epoch(ref.address.node ?? "");
        this.#ties.set(
          String(ref),
          world.watches.begin({ from: process, ref, epoch, kind: "link" }),
        );
      },
      ({ ref, reason }) => {
        const id = this.#ties.get(String(ref));
        if (ref === undefined || id === undefined) return;
        this.#ties.delete(String(ref));
        this.#fired(id, ref, reason);
      },
    );
  }

  #streamTo(ref: SinkRef): Stream {
    const { process, world } = this.#options;
    const { node, incarnation, id } = ref.address;
    return world.ledger.stream(`${process.label}>${node}/${incarnation}/${id}`);
  }

  #post(name: string, { ref, stream }: Partner): void {
    const { chance } = this.#options;
    const before = this.#refused;
    const message = this.#message(name, stream, 0);
    if (chance.hits(0.5)) ref.cast("put", message);
    else ref.send("tell", message);
    // What was refused on the spot leaves its number to the next one.
    if (this.#refused > before) stream.next -= 1;
  }

  async #call(
    name: string,
    { ref, stream }: Partner,
    kind: (typeof callKinds)[number] | "crash" | "exam",
    timeoutMs: number,
  ): Promise<void> {
    const { world, process, witness } = this.#options;
    const options: CallOptions = { timeout: timeoutMs };
    await new Promise<void>((resolve, reject) => {
      const begun = {
        from: process,
        to: name,
        epoch: witness.epoch(name),
        what: kind,
        timeoutMs,
        stream,
        number: stream.next,
      };
      world.ledger.call(begun, (id) => {
        const message = this.#message(name, stream, id, kind);
        const answered =
          kind === "look" ? ref.query(kind, message, options) : ref.call(kind, message, options);
        answered.then(() => resolve(), reject);
        return answered;
      });
    });
  }

  /** It may fail in any way that the ledger finds consistent. */
  #expect(call: Promise<void>): void {
    call.catch(() => {});
  }

  #message(name: string, stream: Stream, call: number, kind = ""): Numbered {
    const { witness } = this.#options;
    const epoch = witness.epoch(name);
    const number = stream.next++;
    if (!stream.firstOf.has(epoch)) stream.firstOf.set(epoch, number);
    const paddingBytes = kind === "exam" ? 0 : this.#paddingBytes();
    const message = { stream: stream.key, epoch, number, call };
    return paddingBytes === 0 ? message : { ...message, padding: new Uint8Array(paddingBytes) };
  }

  #paddingBytes(): number {
    const { chance, world } = this.#options;
    return chance.hits(0.1) ? chance.between(0, world.options.largeBytes) : 0;
  }

  #timeoutMs(): number {
    const { chance } = this.#options;
    return chance.pick([50, 1000, 5000, Number.POSITIVE_INFINITY]);
  }
}
