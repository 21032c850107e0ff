/**
 * What a host does about states: captures them, keeps two, fetches them from others and takes them
 * in. The core says when; nothing here decides anything about the log.
 *
 * A state is captured slice by slice, each in a turn of its own, so that the event loop stays free
 * however large it is; the core hands out nothing to be run meanwhile.
 */
import type { Codec } from "@troupe/cluster/runtime";
import { encodeHead, Framing, readCheckpoint } from "./checkpoint-bytes.ts";
import { CheckpointTransfer } from "./checkpoint-transfer.ts";
import { CheckpointError } from "./errors.ts";
import type { CheckpointName, Checkpoints, CheckpointWriter } from "./journal/journal.ts";
import type { StateMachine } from "./machine-port.ts";
import type {
  CheckpointHead,
  Hash,
  Input,
  NamedCheckpoint,
  Ready,
  ReplicaIndex,
} from "./vsr/index.ts";
import type { TransferMessage } from "./wire.ts";

export interface CheckpointingPorts {
  readonly index: ReplicaIndex;
  readonly replicaCount: number;
  /** Absent where no states are kept: each one that is due is reported as failed. */
  readonly checkpoints: Checkpoints | undefined;
  readonly machine: StateMachine;
  readonly codec: Codec;
  readonly hash: Hash;
  readonly send: (to: ReplicaIndex, message: TransferMessage) => void;
  readonly step: (input: Input) => void;
  readonly defer: (turn: () => void) => void;
  /** The replica cannot go on. */
  readonly fail: (error: unknown) => void;
  /** Told of a state that could not be captured. @default nobody */
  readonly onUncaptured?: (op: number, error: unknown) => void;
  /** Bytes of a piece of a transfer. @default 61440 */
  readonly chunkBytes?: number;
}

/** One state on its way to the disk. */
interface Capture {
  readonly op: number;
  readonly writer: CheckpointWriter;
  readonly slices: Iterator<Uint8Array>;
}

export class Checkpointing {
  readonly #ports: CheckpointingPorts;
  readonly #transfer: CheckpointTransfer | undefined;
  /** The state that is being encoded, and the one that is being made durable. */
  #capture: Capture | undefined;
  #committing: Capture | undefined;
  /** It is to be captured when the one before it is durable; the core holds what would follow. */
  #next: CheckpointHead | undefined;
  readonly #framing = new Framing();
  #stopReading: () => void = () => undefined;

  constructor(ports: CheckpointingPorts) {
    this.#ports = ports;
    const { checkpoints, step } = ports;
    if (checkpoints === undefined) return;
    const onWhole = (checkpoint: NamedCheckpoint) => this.#onFetched(checkpoint);
    const onLost = (op: number) => step({ type: "checkpoint_lost", op });
    const onFailed = ({ op }: NamedCheckpoint) => step({ type: "fetch_failed", op });
    this.#transfer = new CheckpointTransfer({ ...ports, checkpoints, onWhole, onLost, onFailed });
  }

  /** Open to the simulator, which plants bugs in it. */
  get transfer(): CheckpointTransfer | undefined {
    return this.#transfer;
  }

  /** Before anything is run. */
  restore({ restore }: Ready): void {
    if (restore === undefined) return;
    // What is being encoded is the state that there was.
    this.#capture?.writer.abandon();
    this.#capture?.slices.return?.();
    this.#capture = undefined;
    this.#next = undefined;
    this.#restore(restore);
  }

  /** After everything has been run. */
  carryOut({ checkpoint, fetch }: Ready): void {
    if (checkpoint !== undefined) this.#begin(checkpoint);
    if (fetch === undefined) return;
    if (this.#transfer === undefined) {
      this.#ports.step({ type: "fetch_failed", op: fetch.checkpoint.op });
    } else this.#transfer.begin(fetch.from, fetch.checkpoint);
  }

  tick(): void {
    this.#transfer?.tick();
  }

  receive(from: ReplicaIndex, message: TransferMessage): void {
    this.#transfer?.receive(from, message);
  }

  #begin(head: CheckpointHead): void {
    const { checkpoints, machine, codec, step } = this.#ports;
    const { op } = head;
    if (checkpoints === undefined) {
      step({ type: "captured", op, failed: true });
      return;
    }
    if (this.#committing !== undefined) {
      this.#next = head;
      return;
    }
    const slices = machine.snapshot()[Symbol.iterator]();
    const capture = { op, writer: checkpoints.begin(op), slices };
    this.#capture = capture;
    capture.writer.write(this.#framing.frame(encodeHead(codec, head)), () =>
      this.#pullLater(capture),
    );
  }

  #pullLater(capture: Capture): void {
    this.#ports.defer(() => {
      if (this.#capture === capture) this.#pull(capture);
    });
  }

  #pull(capture: Capture): void {
    const { step, onUncaptured } = this.#ports;
    const { op, writer, slices } = capture;
    let slice: IteratorResult<Uint8Array>;
    try {
      slice = slices.next();
    } catch (error) {
      // The same on every replica, so it must not stop them all: they go on, with a longer log.
      this.#capture = undefined;
      writer.abandon();
      onUncaptured?.(op, error);
      step({ type: "captured", op, failed: true });
      return;
    }
    if (slice.done !== true) {
      writer.write(this.#framing.frame(slice.value), () => this.#pullLater(capture));
      return;
    }
    this.#capture = undefined;
    this.#committing = capture;
    step({ type: "captured", op });
    writer.commit((name) => this.#onDurable(name));
  }

  #onDurable(name: CheckpointName | undefined): void {
    this.#committing = undefined;
    if (name !== undefined) this.#ports.step({ type: "checkpointed", ...name });
    this.#forgetOlder();
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) this.#begin(next);
  }

  /** Two are kept: if the newest rots there is one more. */
  #forgetOlder(): void {
    const { checkpoints } = this.#ports;
    const oldest = checkpoints?.names.at(-3);
    if (oldest !== undefined) checkpoints?.remove(oldest.op);
  }

  /** The head tells the core what the table was; the state itself is asked for by `restore`. */
  #onFetched(checkpoint: NamedCheckpoint): void {
    const { checkpoints, codec, step } = this.#ports;
    if (checkpoints === undefined) return;
    const { op, checksum, timestamp } = checkpoint;
    let isRead = false;
    let stop: () => void = () => undefined;
    stop = readCheckpoint(checkpoints, checkpoint, codec, {
      head: (head) => {
        isRead = true;
        if (head.checksum !== checksum || head.timestamp !== timestamp) {
          step({ type: "fetch_failed", op });
          return;
        }
        this.#forgetOlder();
        step({ type: "fetched", checkpoint, clients: head.clients });
      },
      slice: () => stop(),
      end: () => {
        if (!isRead) step({ type: "fetch_failed", op });
      },
    });
  }

  #restore(checkpoint: NamedCheckpoint): void {
    const { checkpoints, machine, codec, step, defer, fail } = this.#ports;
    const { op } = checkpoint;
    this.#stopReading();
    if (checkpoints === undefined) return;
    const intake = machine.restore(checkpoint);
    const sink = {
      head: () => undefined,
      slice: (slice: Uint8Array) => intake.take(slice),
      end: (whole: boolean) => {
        if (!whole) {
          fail(new CheckpointError(op));
          return;
        }
        intake.end();
        step({ type: "restored", op });
      },
    };
    this.#stopReading = readCheckpoint(checkpoints, checkpoint, codec, sink, defer);
  }
}
