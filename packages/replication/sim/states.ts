/** What a simulated host does with checkpoints that the published one does in its own way. */
import type { Codec } from "@troupe/cluster/runtime";
import {
  type CheckpointChunkMessage,
  type CheckpointHead,
  type Checkpoints,
  type Recovered,
  readCheckpoint,
} from "@troupe/replication/runtime";
import type { CheckpointStore } from "./checkpoint-store.ts";
import { foldBytes } from "./fold.ts";
import type { Chance } from "./random.ts";
import type { Subject } from "./subject.ts";

/** A paused process learns of what its disk has done when it wakes. */
export function whileAwake(store: CheckpointStore, run: (done: () => void) => void): Checkpoints {
  const awake =
    <T extends unknown[]>(done: (...values: T) => void) =>
    (...values: T) =>
      run(() => done(...values));
  return {
    get names() {
      return store.names;
    },
    begin: (op) => {
      const { write, commit, abandon } = store.begin(op);
      return {
        write: (slice, done) => write(slice, awake(done)),
        commit: (done, expected) => commit(awake(done), expected),
        abandon,
      };
    },
    read: (name, offset, length, done) => store.read(name, offset, length, awake(done)),
    remove: (op) => store.remove(op),
  };
}

/** A piece of a checkpoint may be another than its sender keeps, with or without its checksum. */
export function spoiled<M extends { readonly type: string }>(
  message: M,
  share: number,
  chance: Chance,
): M {
  const { body } = message as Partial<CheckpointChunkMessage>;
  if (message.type !== "checkpoint_chunk" || body === undefined || body.length === 0)
    return message;
  if (share === 0 || !chance.hits(share)) return message;
  const other = body.slice();
  const at = chance.between(0, other.length - 1);
  other[at] = (other[at] ?? 0) ^ 1;
  return { ...message, body: other, ...(chance.hits(0.5) && { checksum: foldBytes(other) }) };
}

/** Lets a machine take in the newest state that can be read, and tells what its head says. */
export function newestState(
  checkpoints: CheckpointStore,
  codec: Codec,
  machine: Subject,
): Recovered["checkpoint"] {
  for (const name of [...checkpoints.names].reverse()) {
    let head: CheckpointHead | undefined;
    let isWhole = false;
    const slices: Uint8Array[] = [];
    const source: Checkpoints = {
      names: [name],
      begin: (op) => checkpoints.begin(op),
      read: (one, offset, length, done) => done(checkpoints.readNow(one, offset, length)),
      remove: () => undefined,
    };
    readCheckpoint(source, name, codec, {
      head: (read) => {
        head = read;
      },
      slice: (slice) => slices.push(slice),
      end: (whole) => {
        isWhole = whole;
      },
    });
    if (!isWhole || head === undefined) continue;
    const { checksum, timestamp, clients } = head;
    const intake = machine.restore({ op: name.op, timestamp });
    for (const slice of slices) intake.take(slice);
    intake.end();
    return { ...name, checksum, timestamp, clients };
  }
  return undefined;
}
