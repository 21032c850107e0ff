/**
 * Whether a replicated actor is as one that runs alone and never fails: its answers, its state and
 * what it has open, after every op; whether the clients' history could have happened one operation
 * at a time; and whether what it sends arrives, once, and comes from the primary.
 *
 * Answers name the op that they reflect, so the check of the history is exact: an op stands after
 * all that was answered before its calls were made, and a query shows the state of its op.
 */
import type { RefAddress } from "@troupe/actor";
import type { Codec } from "@troupe/cluster/runtime";
import type {
  Committed,
  EffectMessage,
  OpenEffect,
  OpenPerformance,
  Replica,
} from "@troupe/replication/runtime";
import type { ActorSubject } from "../actors/actor-subject.ts";
import type { Play } from "../actors/play.ts";
import type { Deed, Letter, Reference, Said } from "../actors/reference.ts";
import { textOfValue } from "../actors/value-text.ts";
import { holds, Violation } from "./violation.ts";

interface Made {
  /** The highest op that any answer had reflected when the call was made. */
  readonly floor: number;
  op: number | undefined;
  /** What it is to be answered; undefined until then. */
  said: string | undefined;
  never: boolean;
}

type Outcome = Said & { readonly op: number };

export class ActorHistory {
  readonly #play: Play;
  readonly #reference: Reference;
  readonly #codec: Codec;
  readonly #calls = new Map<string, Made>();
  /** By name of a request, the call that it is. */
  readonly #requests = new Map<string, string>();
  /** The state after each op. */
  readonly #states: string[];
  readonly #wanted = new Map<string, Letter>();
  /** Of those, how often each was handed to its actor. */
  readonly #taken = new Map<string, number>();
  readonly #excused = new Set<string>();
  /** Named effects by id, and what came of them each time that they were performed. */
  readonly #deeds = new Map<string, Deed>();
  readonly #performed = new Map<string, unknown[]>();
  readonly #lookAtState: Uint8Array;
  /** The highest op that an answer has reflected. */
  floor = 0;
  acks = 0;
  reads = 0;

  constructor(play: Play, reference: Reference, codec: Codec) {
    this.#play = play;
    this.#reference = reference;
    this.#codec = codec;
    this.#states = [textOfValue(reference.state)];
    this.#lookAtState = codec.encode(["read", "", []]);
  }

  called(call: string): void {
    this.#calls.set(call, { floor: this.floor, op: undefined, said: undefined, never: false });
  }

  neverSent(call: string): void {
    const made = this.#made(call);
    holds(made.op === undefined, "NotRun", () => `${call} was never sent, and ran`);
    made.never = true;
  }

  answered(call: string, body: Uint8Array): void {
    this.acks++;
    const made = this.#made(call);
    const outcome = this.#codec.decode(body) as Outcome;
    const said = textOfSaid(outcome);
    holds(said === made.said, "Linearizability", () => {
      return `${call} was answered ${said}, and its answer is ${made.said}`;
    });
    this.floor = Math.max(this.floor, outcome.op);
  }

  queried(floor: number, body: Uint8Array): void {
    const op = this.#opRead(body);
    holds(op >= floor, "Linearizability", () => {
      return `a stale read: op ${op} seen, ${floor} answered before it began`;
    });
    this.floor = Math.max(this.floor, op);
  }

  /** One replica answered from what it had run: it may be old, but not older than was asked for. */
  readLocally(atLeast: number, body: Uint8Array): void {
    const op = this.#opRead(body);
    holds(op >= atLeast, "LocalReads", () => `op ${op} seen, ${atLeast} was asked for`);
  }

  /** The op that the answer to a query reflects; it shows the state after that op. */
  #opRead(body: Uint8Array): number {
    this.reads++;
    const { op, ...said } = this.#codec.decode(body) as Outcome;
    const state = "value" in said ? textOfValue(said.value) : textOfSaid(said);
    holds(state === this.#states[op], "Linearizability", () => {
      return `a query was answered ${state}; after op ${op} it is ${this.#states[op]}`;
    });
    return op;
  }

  /** A replica ran an op; the first to do so is held against the reference. */
  executed(index: number, committed: Committed, subject: ActorSubject): void {
    const { op } = committed;
    if (op < this.#states.length) return;
    const expected = this.#reference.run(committed);
    const who = () => `replica ${index}, which runs op ${op},`;
    committed.requests.forEach((request, i) => {
      if (request.kind === "call") this.#ran(op, nameOf(request), request.body, expected[i]);
    });
    for (const late of this.#reference.late) this.#answeredLate(late);
    const { replies, late = [] } = subject.appliedLast;
    committed.requests.forEach(({ kind }, i) => {
      if (kind === "call") same(this.#textOf(replies[i]), textOfSaid(expected[i]), who, "answers");
    });
    const lateSaid = late.map((one) => `${nameOf(one)} ${this.#textOf(one.body)}`);
    const lateDue = this.#reference.late.map((one) => `${nameOf(one)} ${textOfSaid(one.said)}`);
    same(lateSaid.join("; "), lateDue.join("; "), who, "answers later calls");
    const state = textOfValue(this.#reference.state);
    this.#states.push(state);
    same(this.#stateOf(subject), state, who, "comes to");
    same(openOf(subject.machine.memory), openOf(this.#reference), who, "has open");
    for (const [name, wanted] of this.#reference.begun) {
      if ("id" in wanted) this.#deeds.set(wanted.id, wanted);
      else this.#wanted.set(name, wanted);
    }
    for (const [id, outcome] of this.#reference.settled) this.#settled(op, id, outcome);
    const broken = this.#play.broken(this.#reference.state);
    holds(broken === undefined, "AsIfAlone", () => `after op ${op} ${broken}`);
  }

  /** A replica begins to carry a message. */
  begins(index: number, effect: OpenEffect, { state }: Replica): void {
    const name = nameOfEffect(effect);
    const who = () => `replica ${index} begins ${name}`;
    holds(this.#wanted.has(name), "EffectsAfterCommit", () => `${who()}, which nobody ran`);
    holds(state.leads, "EffectsOfThePrimary", () => `${who()}, and does not lead`);
  }

  /** The receiver's node hands a message to its actor. */
  taken(receiver: number, message: EffectMessage): void {
    const name = nameOfEffect(message);
    const letter = this.#wanted.get(name);
    const text = textOfLetter({ ...message, arg: this.#codec.decode(message.arg) });
    holds(letter !== undefined && textOfLetter(letter) === text, "EffectsAfterCommit", () => {
      return `receiver ${receiver} is told ${text}, by ${name}, which nobody wants`;
    });
    const before = this.#taken.get(name) ?? 0;
    this.#taken.set(name, before + 1);
    holds(before === 0, "EffectsTakenOnce", () => `receiver ${receiver} took ${name} twice`);
  }

  /** A replica takes a named effect on. */
  takesOn(index: number, effect: OpenPerformance, { state }: Replica): void {
    const who = () => `replica ${index} takes on ${nameOfEffect(effect)}`;
    const isWanted = this.#deeds.has(effect.id);
    holds(isWanted, "EffectsAfterCommit", () => `${who()}, ${effect.id}, which nobody wants`);
    holds(state.leads, "EffectsOfThePrimary", () => `${who()}, and does not lead`);
  }

  /** The world outside is asked to do something, under an id, and it came to this. */
  performed(id: string, name: string, arg: unknown, outcome: unknown): void {
    const deed = this.#deeds.get(id);
    const isSame = deed?.name === name && textOfValue(deed.arg) === textOfValue(arg);
    holds(isSame, "EffectsAfterCommit", () => `${name} is done as ${id}, which nobody wants so`);
    const before = this.#performed.get(id);
    if (before === undefined) this.#performed.set(id, [outcome]);
    else before.push(outcome);
  }

  /** A message that nobody confirmed was sent the plain way, or given up: both are as promised. */
  excuses(effect: OpenEffect): void {
    this.#excused.add(nameOfEffect(effect));
  }

  /** At the end: all that was wanted has come to whom it was for, if that one lives. */
  converged(lives: (to: RefAddress) => boolean): void {
    for (const [name, { to }] of this.#wanted) {
      const isThere = this.#taken.has(name) || this.#excused.has(name) || !lives(to);
      holds(isThere, "EffectsAtLeastOnce", () => `${name} never came to ${to.node}`);
    }
    for (const [id, { name }] of this.#deeds) {
      const isDone = this.#performed.has(id);
      holds(isDone, "EffectsAtLeastOnce", () => `${name} ${id} was never performed`);
    }
  }

  /** What the log says of an effect is what came of it, one of the times, if it is to be told. */
  #settled(op: number, id: string, outcome: object): void {
    const isTold = this.#deeds.get(id)?.info === undefined || Object.keys(outcome).length > 0;
    holds(isTold, "EffectsAtLeastOnce", () => `op ${op} ends ${id}, whose actor is told nothing`);
    const came = this.#performed.get(id) ?? [];
    const isTrue = "value" in outcome ? came.includes(outcome.value) : came.length > 0;
    holds(isTrue, "EffectsAfterCommit", () => {
      return `op ${op} says that ${id} came to ${textOfValue(outcome)}; it is not so`;
    });
  }

  #ran(op: number, name: string, body: Uint8Array, said: Said | undefined): void {
    const [, , arg] = this.#codec.decode(body) as [string, string, { readonly call?: string }];
    if (arg.call === undefined) return;
    const made = this.#made(arg.call);
    holds(!made.never, "NotRun", () => `${arg.call} was never sent, and ran`);
    holds(op > made.floor, "Linearizability", () => `${arg.call} ran before it was made`);
    made.op = op;
    made.said = said && textOfSaid(said);
    this.#requests.set(name, arg.call);
  }

  #answeredLate({ said, ...request }: Reference["late"][number]): void {
    const call = this.#requests.get(nameOf(request));
    if (call !== undefined) this.#made(call).said = textOfSaid(said);
  }

  #made(call: string): Made {
    const made = this.#calls.get(call);
    if (made === undefined) throw new Violation("Linearizability", `nobody made the call ${call}`);
    return made;
  }

  #stateOf(subject: ActorSubject): string {
    const outcome = this.#codec.decode(subject.answer(this.#lookAtState)) as Outcome;
    return "value" in outcome ? textOfValue(outcome.value) : textOfSaid(outcome);
  }

  #textOf(body: Uint8Array | undefined): string {
    return body === undefined ? "later" : textOfSaid(this.#codec.decode(body) as Outcome);
  }
}

function same(is: string, should: string, who: () => string, does: string): void {
  holds(is === should, "AsIfAlone", () => `${who()} ${does} ${is}; alone it would be ${should}`);
}

function nameOf(request: { client: string; session: number; number: number }): string {
  const { client, session, number } = request;
  return `${client}/${session}/${number}`;
}

function nameOfEffect({ op, index }: Pick<OpenEffect, "op" | "index">): string {
  return `${op}.${index}`;
}

function textOfLetter({ to, kind, name, arg }: Letter): string {
  return `${kind} ${name} ${textOfValue(arg)} to ${to.node}/${to.incarnation}/${to.id}`;
}

function textOfSaid(said: Said | undefined): string {
  if (said === undefined) return "later";
  if ("value" in said) return textOfValue(said.value);
  const { name, code, message, data } = said.error;
  return `${name} ${code} ${message} ${textOfValue(data)}`;
}

/** What an actor has open, by name, with what can be told of it on both sides. */
interface Open {
  readonly timers: ReadonlyMap<string, { readonly due: number; readonly order: number }>;
  readonly effects: ReadonlyMap<string, unknown>;
  readonly deferred: ReadonlyMap<number, unknown>;
  readonly monitors: ReadonlyMap<string, unknown>;
}

function openOf({ timers, effects, deferred, monitors }: Open): string {
  const due = [...timers].map(([id, timer]) => `${id}@${timer.due}#${timer.order}`);
  const names = [effects, deferred, monitors].map((open) => [...open.keys()].join());
  return `timers ${due.join()} effects ${names.join(" ")}`;
}
