/** What a planted bug is, and the ways to put one into a replica that is otherwise the real one. */
import type { AnyActorDefinition } from "@troupe/actor";
import type {
  ActorMachine,
  EffectCourierPorts,
  EffectInbox,
  EffectRunner,
  EffectRunnerPorts,
  GroupConfig,
  Input,
  LocalReadsPorts,
  MemoryLife,
  Recovered,
  Replica,
  ReplicaMessage,
  Write,
} from "@troupe/replication/runtime";
import type { ProfileName } from "../profiles.ts";

export interface Plant {
  /** What a developer might have done wrong. */
  readonly mistake: string;
  /** The worlds in which it shows soonest. */
  readonly profile?: ProfileName;
  /** The disk reports a write before the write is durable. */
  readonly lyingDisk?: boolean;
  /** The disk reports a checkpoint before it is durable: an own one, or one that was fetched. */
  readonly checkpointAtOnce?: "own" | "fetched";
  /** What has rotted in a checkpoint is taken for what was written. */
  readonly rotUnnoticed?: boolean;
  /** What was fetched is kept under the name that it was to have, whatever it is. */
  readonly unverified?: boolean;
  readonly inReplica?: (replica: Replica, recovered: Recovered | undefined) => void;
  /** What a replica that comes back takes its journal to say. */
  readonly inRecovered?: (recovered: Recovered) => Recovered;
  /** What the disk keeps instead of what it was given. */
  readonly onDisk?: (write: Write) => Write;
  /** The life that a replica of a memory group believes to be in. */
  readonly inLife?: (life: MemoryLife, index: number) => MemoryLife;
  /** The configuration that one replica believes in. */
  readonly inConfig?: (config: GroupConfig, index: number) => GroupConfig;
  /** Changes what an actor is made of; its handlers get what a machine of its own would give. */
  readonly inDefinition?: (definition: AnyActorDefinition, own: OwnMachine) => AnyActorDefinition;
  readonly inMachine?: (machine: ActorMachine, own: Pick<OwnMachine, "now">) => void;
  readonly inRunner?: (ports: EffectRunnerPorts) => EffectRunnerPorts;
  readonly inChores?: (runner: EffectRunner) => void;
  readonly inCourier?: (ports: EffectCourierPorts) => EffectCourierPorts;
  readonly inReads?: (ports: LocalReadsPorts) => LocalReadsPorts;
  /** The inbox that takes a message of a replica in, instead of the one that there is. */
  readonly inInbox?: (inbox: EffectInbox, fresh: () => EffectInbox, from: number) => EffectInbox;
  /** The name that the client at an address takes for each of its sessions. */
  readonly clientId?: (address: number) => string;
}

/** What differs from one machine to another, and must not reach a handler. */
export interface OwnMachine {
  readonly now: () => number;
  readonly random: () => number;
}

export type State = Replica["state"];
export type Received = Extract<Input, { readonly type: "message" }>;
export type Of<T extends ReplicaMessage["type"]> = Extract<ReplicaMessage, { readonly type: T }>;

/** Changes what a replica receives; undefined lets nothing through. */
export function receiving(
  replica: Replica,
  change: (input: Received, state: State) => Received | undefined,
): void {
  const step = replica.step.bind(replica);
  replica.step = (input, now) => {
    const changed = input.type === "message" ? change(input, replica.state) : input;
    if (changed !== undefined) step(changed, now);
  };
}

/** Changes what a replica sends to others, and what it promises them once it is durable. */
export function sending(
  { outbox, index }: State,
  change: (message: ReplicaMessage, to: number) => ReplicaMessage | undefined,
): void {
  for (const way of ["send", "sendWhenDurable"] as const) {
    const original = outbox[way].bind(outbox);
    outbox[way] = (to, message) => {
      const changed = to === index ? message : change(message, to);
      if (changed !== undefined) original(to, changed);
    };
  }
}

/** Replaces a property of an object by a computed one. */
export function computed<T extends object, K extends keyof T>(
  object: T,
  name: K,
  get: () => T[K],
  set: (value: T[K]) => void = () => undefined,
): void {
  Object.defineProperty(object, name, { configurable: true, get, set });
}
