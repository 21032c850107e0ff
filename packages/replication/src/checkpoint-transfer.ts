/**
 * Brings a checkpoint from other replicas, piece by piece, and gives pieces to those that ask.
 *
 * A few pieces are under way at a time, and each is checked when it comes. The whole is checked by
 * its id, so it does not matter who sent what: when one replica falls silent or has the checkpoint
 * no more, the next one is asked for the rest. Time is counted in the replica's ticks.
 */
import type { CheckpointName, Checkpoints, CheckpointWriter } from "./journal/journal.ts";
import type { Hash, NamedCheckpoint, ReplicaIndex } from "./vsr/index.ts";
import type { CheckpointChunkMessage, GetCheckpointMessage, TransferMessage } from "./wire.ts";

export interface TransferPorts {
  readonly index: ReplicaIndex;
  readonly replicaCount: number;
  readonly checkpoints: Checkpoints;
  readonly hash: Hash;
  readonly send: (to: ReplicaIndex, message: TransferMessage) => void;
  /** The checkpoint is whole and durable here. */
  readonly onWhole: (checkpoint: NamedCheckpoint) => void;
  /** One that others were told of cannot be read here. */
  readonly onLost: (op: number) => void;
  /** Nobody gives the rest of it. */
  readonly onFailed: (checkpoint: NamedCheckpoint) => void;
  /** Bytes of a piece. @default 61440 */
  readonly chunkBytes?: number;
}

/** What every link takes, whatever its limit (docs/wire.md), with room for the envelope. */
export const chunkBytesDefault = 60 * 1024;
/** Pieces that are asked for, or have come and wait for one before them. */
const windowChunks = 8;
/** So many ticks after the last piece the next replica is asked. */
const patienceTicks = 10;
/** Everybody is asked so often, without one piece coming, before it is given up. */
const roundsMax = 2;
/** What is read at once for others; who asks for more asks again. */
const readsMax = 16;

/** One fetch that is under way. */
interface Fetch {
  readonly checkpoint: NamedCheckpoint;
  readonly writer: CheckpointWriter;
  from: ReplicaIndex;
  /** Up to here the bytes have been handed to the writer, one piece at a time. */
  written: number;
  isWriting: boolean;
  /** Pieces from `written` on: undefined once it has been asked for, its bytes when they came. */
  readonly window: Map<number, Uint8Array | undefined>;
  /** Replicas that were asked since the last piece came. */
  askedInVain: number;
  ticks: number;
}

export class CheckpointTransfer {
  readonly #ports: TransferPorts;
  readonly #chunkBytes: number;
  #fetch: Fetch | undefined;
  #reads = 0;

  constructor(ports: TransferPorts) {
    this.#ports = ports;
    this.#chunkBytes = ports.chunkBytes ?? chunkBytesDefault;
  }

  /** Begins to fetch; what was under way is given up. */
  begin(from: ReplicaIndex, checkpoint: NamedCheckpoint): void {
    const { checkpoints, onWhole } = this.#ports;
    this.stop();
    const { op, id } = checkpoint;
    if (checkpoints.names.some((name) => name.op === op && name.id === id)) {
      onWhole(checkpoint);
      return;
    }
    const writer = checkpoints.begin(op);
    const start = { written: 0, isWriting: false, askedInVain: 0, ticks: 0 };
    this.#fetch = { checkpoint, writer, from, ...start, window: new Map() };
    this.#ask(this.#fetch);
  }

  stop(): void {
    this.#fetch?.writer.abandon();
    this.#fetch = undefined;
  }

  tick(): void {
    const fetch = this.#fetch;
    if (fetch === undefined || fetch.isWriting || ++fetch.ticks < patienceTicks) return;
    this.#askNext(fetch);
  }

  receive(from: ReplicaIndex, message: TransferMessage): void {
    if (message.type === "get_checkpoint") this.#give(from, message);
    else this.#take(from, message);
  }

  #askNext(fetch: Fetch): void {
    const { index, replicaCount, onFailed } = this.#ports;
    fetch.askedInVain++;
    if (fetch.askedInVain >= roundsMax * (replicaCount - 1)) {
      this.stop();
      onFailed(fetch.checkpoint);
      return;
    }
    do fetch.from = (fetch.from + 1) % replicaCount;
    while (fetch.from === index);
    for (const [offset, body] of fetch.window) {
      if (body === undefined) fetch.window.delete(offset);
    }
    this.#ask(fetch);
  }

  /** Asks for what the window has room for and has not been asked for. */
  #ask(fetch: Fetch): void {
    fetch.ticks = 0;
    const { checkpoint, window, written } = fetch;
    const { op, id, bytes } = checkpoint;
    for (let chunk = 0; chunk < windowChunks; chunk++) {
      const offset = written + chunk * this.#chunkBytes;
      if (offset >= bytes || window.has(offset)) continue;
      window.set(offset, undefined);
      const length = Math.min(this.#chunkBytes, bytes - offset);
      this.#ports.send(fetch.from, { type: "get_checkpoint", op, id, offset, length });
    }
  }

  #take(from: ReplicaIndex, message: CheckpointChunkMessage): void {
    const fetch = this.#fetch;
    const { op, id, offset, body } = message;
    if (fetch === undefined || fetch.checkpoint.op !== op || fetch.checkpoint.id !== id) return;
    const { checkpoint, window } = fetch;
    if (!window.has(offset) || window.get(offset) !== undefined) return;
    if (body.length === 0) {
      // It has the checkpoint no more; only what was asked of it last says so of itself.
      if (from === fetch.from) this.#askNext(fetch);
      return;
    }
    const length = Math.min(this.#chunkBytes, checkpoint.bytes - offset);
    if (body.length !== length || !this.isSound(message)) return;
    window.set(offset, body);
    fetch.askedInVain = 0;
    fetch.ticks = 0;
    this.#write(fetch);
  }

  /** Whether a piece is what its sender read. Open to the simulator, which plants a bug here. */
  isSound({ body, checksum }: CheckpointChunkMessage): boolean {
    return this.#ports.hash(body) === checksum;
  }

  /** Hands the next piece to the writer, if it has come and nothing else is being written. */
  #write(fetch: Fetch): void {
    if (fetch.isWriting) return;
    const { checkpoint, window, writer, written } = fetch;
    if (written >= checkpoint.bytes) {
      this.#finish(fetch);
      return;
    }
    const body = window.get(written);
    if (body === undefined) return;
    fetch.isWriting = true;
    writer.write(body, () => {
      if (this.#fetch !== fetch) return;
      fetch.isWriting = false;
      window.delete(written);
      fetch.written += body.length;
      this.#ask(fetch);
      this.#write(fetch);
    });
  }

  #finish(fetch: Fetch): void {
    const { checkpoint, writer } = fetch;
    fetch.isWriting = true;
    const done = (name: CheckpointName | undefined) => {
      if (this.#fetch !== fetch) return;
      this.#fetch = undefined;
      if (name === undefined) this.#ports.onFailed(checkpoint);
      else this.#ports.onWhole(checkpoint);
    };
    writer.commit(done, checkpoint.id);
  }

  #give(to: ReplicaIndex, { op, id, offset, length }: GetCheckpointMessage): void {
    const { checkpoints, hash, send, onLost } = this.#ports;
    if (this.#reads >= readsMax || length > chunkBytesDefault) return;
    const answer = (body: Uint8Array | undefined) => {
      // Else it would be offered again, and asked for in vain, until there is a newer one.
      if (body === undefined) onLost(op);
      const piece = body ?? new Uint8Array(0);
      send(to, { type: "checkpoint_chunk", op, id, offset, body: piece, checksum: hash(piece) });
    };
    const name = checkpoints.names.find((one) => one.op === op);
    if (name === undefined) {
      answer(undefined);
    } else if (name.id !== id || offset >= name.bytes) {
      answer(new Uint8Array(0));
    } else {
      this.#reads++;
      checkpoints.read(name, offset, length, (body) => {
        this.#reads--;
        answer(body);
      });
    }
  }
}
