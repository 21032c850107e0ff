/**
 * What a replica's node does for the state outside of it: carries its messages, watches whom it
 * monitors, and takes in, for the actors of this node, what groups send to them.
 */
import type { AnyActorDefinition, AnyRef, ExitReason, RefAddress } from "@troupe/actor";
import { report, sendableText } from "@troupe/actor/runtime";
import type { Node } from "@troupe/cluster";
import { type Codec, refAtNode } from "@troupe/cluster/runtime";
import type { OpenMessage, OpenPerformance } from "./actor-memory.ts";
import { EffectCourier } from "./effect-courier.ts";
import { EffectInbox } from "./effect-inbox.ts";
import { EffectPerformer } from "./effect-performer.ts";
import { EffectRunner, type OpenWork } from "./effect-runner.ts";
import type { GroupChannel } from "./group-channel.ts";
import { nodeCodec } from "./node-codec.ts";
import { retryTicks } from "./options.ts";
import { encodePulse, outcomeBytesMax } from "./pulse.ts";
import { stateCodec } from "./target-ref.ts";

/** The reason of an exit is told to the log in so many bytes at most. */
const reasonBytesMax = 512;

export interface OutsideWorldPorts {
  readonly node: Node;
  readonly channel: GroupChannel;
  /** The actor of the group: whose effects are performed. */
  readonly definition: AnyActorDefinition;
  readonly machine: OpenWork;
  readonly leads: () => boolean;
  readonly pulse: (body: Uint8Array) => void;
}

/** The primary's part, on a node that holds a replica. */
export class OutsideWorld {
  readonly runner: EffectRunner;
  readonly #courier: EffectCourier;
  readonly #performer: EffectPerformer;
  readonly #unlisten: () => void;

  constructor(ports: OutsideWorldPorts) {
    const { node, channel, definition, machine, leads, pulse } = ports;
    const codec = stateCodec();
    const { group, config } = channel.options;
    this.#performer = new EffectPerformer({
      actor: definition.name,
      effects: definition.effects,
      clock: node.clock,
      codec: nodeCodec(node),
      later: setImmediate,
      outcomeBytesMax: outcomeBytesMax(config.batchBytesMax),
      failed: (effect, error) => effectFailed(node, group, effect, error),
    });
    this.#courier = new EffectCourier({
      retryTicks,
      send: (to, message) => channel.send(to, message),
      sendPlainly: (effect) => handOn(node, effect),
      giveUp: (effect) => giveUp(node, effect),
    });
    this.runner = new EffectRunner({
      machine,
      leads,
      now: () => node.clock.now(),
      pulse: (said) => pulse(encodePulse(codec, said, config.batchBytesMax)),
      deliver: (effect, floor, done) => this.#courier.deliver(effect, floor, done),
      perform: (effect, settled) => this.#performer.perform(effect, settled),
      forget: () => {
        this.#courier.forget();
        this.#performer.forget();
      },
      watch: (target, down) => watch(node, codec, target, down),
    });
    this.#unlisten = channel.listen((_from, message) => {
      if (message.type === "effect_ok") this.#courier.taken(message);
    });
  }

  tick(): void {
    this.#courier.tick();
    this.runner.tick();
  }

  stop(): void {
    this.#unlisten();
    this.runner.stop();
  }
}

/** Takes in what the group's actor sends to those of this node; until the channel is closed. */
export function takeEffectsIn(node: Node, channel: GroupChannel): void {
  const inbox = new EffectInbox({
    deliver: (message) => handOn(node, message),
    send: (to, message) => channel.send(to, message),
  });
  channel.listen((from, message) => {
    if (message.type === "effect" && channel.indexOf(from) >= 0) inbox.receive(from, message);
  });
}

type Letter = Pick<OpenMessage, "to" | "kind" | "name" | "arg">;

function handOn(node: Node, { to, kind, name, arg }: Letter): void {
  const target = refAtNode(node, to);
  const given = argOf(node, arg);
  if (kind === "cast") target.cast(name, given);
  else target.send(name, given);
}

function giveUp(node: Node, { to, kind, name, arg }: Letter): void {
  report(node, "deadLetter", {
    ref: refAtNode(node, to) as AnyRef,
    kind,
    operation: name,
    arg: argOf(node, arg),
    reason: "no_process",
  });
}

function effectFailed(node: Node, group: string, { id, name }: OpenPerformance, error: unknown) {
  node.logger.warn(`the effect "${name}" of the group ${group} failed`, error);
  report(node, "effectFailed", { ref: undefined, group, id, effect: name, error });
}

function argOf(node: Node, arg: Uint8Array): unknown {
  return nodeCodec(node).decode(arg);
}

function watch(
  node: Node,
  codec: Codec,
  target: RefAddress,
  down: (reason: ExitReason) => void,
): () => void {
  return node.monitor(refAtNode(node, target), ({ reason }) => down(shortened(codec, reason)));
}

/** A reason that the log can hold: one that is too long, or no plain data, is told in part. */
function shortened(codec: Codec, reason: ExitReason): ExitReason {
  try {
    if (codec.encode(reason, "reason").length <= reasonBytesMax) return reason;
  } catch {
    // An instance of some class, say: the rest of the reason tells nothing without it.
  }
  if (typeof reason === "object" && "error" in reason) {
    const { name, message } = reason.error;
    // Three bytes a character at most, so that it has room.
    return { error: { name: sendableText(name, 32), message: sendableText(message, 128) } };
  }
  return { shutdown: undefined };
}
