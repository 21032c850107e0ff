/**
 * The loop around a replica: persist → send → apply → answer, over and over.
 *
 * All that the protocol decides is in `vsr/`; all that the world does is behind the four ports. The
 * driver carries data from one to the other and keeps one promise: whatever breaks (an invariant, a
 * write, the state machine) stops this replica for good rather than letting it guess (J6, J8).
 */
import type { Codec } from "@troupe/cluster/runtime";
import { Checkpointing } from "./checkpointing.ts";
import type { Journal } from "./journal/journal.ts";
import type { StateMachine } from "./machine-port.ts";
import type {
  Effect,
  Input,
  Ready,
  Replica,
  ReplicaIndex,
  ReplicaMessage,
  ReplyToClient,
} from "./vsr/index.ts";
import type { TransferMessage } from "./wire.ts";

/** Who carries out what the state wants done outside. */
export interface Outside {
  /** This replica leads from now on: what the state has open is its to do. */
  resume(): void;
  /** To be done, at least once. */
  begin(effects: readonly Effect[]): void;
}

export interface DriverPorts {
  readonly replica: Replica;
  readonly journal: Journal;
  readonly machine: StateMachine;
  /** Encodes the heads of checkpoints. */
  readonly codec: Codec;
  readonly send: (to: ReplicaIndex, message: ReplicaMessage | TransferMessage) => void;
  readonly reply: (message: ReplyToClient) => void;
  /** Carries out what the state wants done outside; where it is absent nothing is. */
  readonly outside?: Outside;
  /** Wall clock in milliseconds; it stamps prepares. */
  readonly now: () => number;
  /** Runs a function after whatever else has arrived by now has been taken in. */
  readonly defer: (turn: () => void) => void;
  /** Told once, when the replica has stopped because of an error. */
  readonly onFailure: (error: unknown) => void;
  /** Told of a state that could not be captured, and why. @default nobody */
  readonly onUncaptured?: (op: number, error: unknown) => void;
  /** Bytes of a piece of a state that is fetched. @default 61440 */
  readonly chunkBytes?: number;
}

export class Driver {
  readonly #ports: DriverPorts;
  readonly #checkpointing: Checkpointing;
  #turnDue = false;
  #stopped = false;

  constructor(ports: DriverPorts) {
    this.#ports = ports;
    const { replica, journal } = ports;
    const { index, options } = replica.state;
    this.#checkpointing = new Checkpointing({
      ...ports,
      index,
      replicaCount: options.config.replicaCount,
      hash: options.hash,
      checkpoints: journal.checkpoints,
      step: (input) => this.step(input),
      fail: (error) => this.fail(error),
      defer: (turn) => ports.defer(() => this.#guarded(turn)),
    });
    this.#scheduleTurn();
  }

  get checkpointing(): Checkpointing {
    return this.#checkpointing;
  }

  /** Takes in what another replica, or its host, has said. */
  receive(from: ReplicaIndex, message: ReplicaMessage | TransferMessage): void {
    if (message.type !== "get_checkpoint" && message.type !== "checkpoint_chunk") {
      this.step({ type: "message", from, message });
    } else this.#guarded(() => this.#checkpointing.receive(from, message));
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes one input in; what follows from it is carried out at the end of the turn. */
  step(input: Input): void {
    if (this.#stopped) return;
    try {
      this.#ports.replica.step(input, this.#ports.now());
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#scheduleTurn();
    if (input.type !== "tick") return;
    this.#ports.journal.tick?.();
    this.#guarded(() => this.#checkpointing.tick());
  }

  #guarded(run: () => void): void {
    if (this.#stopped) return;
    try {
      run();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Stops for good and says why. */
  fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#ports.onFailure(error);
  }

  /** Stops without a reason to tell: nothing comes out any more. */
  stop(): void {
    this.#stopped = true;
  }

  #scheduleTurn(): void {
    if (this.#turnDue) return;
    this.#turnDue = true;
    this.#ports.defer(() => {
      this.#turnDue = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { replica } = this.#ports;
    try {
      // Applying makes replies, and answering too: they leave in the same turn.
      do this.#carryOut(replica.take());
      while (!this.#stopped && replica.hasReady);
    } catch (error) {
      this.fail(error);
    }
  }

  #carryOut(ready: Ready): void {
    const { replica, journal, machine, send, reply, outside, now } = this.#ports;
    if (this.#stopped) return;
    const { write } = ready;
    if (write !== undefined) {
      journal.append(write, () => this.step({ type: "written", write: write.write }));
      // A journal that cannot take it says so at once, and then nothing of this turn comes out.
      if (this.#stopped) return;
    }
    for (const { to, message } of ready.messages) send(to, message);
    this.#checkpointing.restore(ready);
    for (const committed of ready.apply) {
      const applied = machine.apply(committed);
      replica.step({ type: "applied", op: committed.op, ...applied }, now());
    }
    if (ready.queries.length > 0) {
      const answers = ready.queries.map(({ client, number, body }) => ({
        client,
        number,
        body: machine.answer(body),
      }));
      replica.step({ type: "answered", answers }, now());
    }
    if (ready.resume) outside?.resume();
    if (ready.effects.length > 0) outside?.begin(ready.effects);
    for (const message of ready.replies) reply(message);
    this.#checkpointing.carryOut(ready);
  }
}
