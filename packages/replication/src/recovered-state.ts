/** The state that a replica begins with: that of the newest checkpoint which can be read. */
import type { Codec } from "@troupe/cluster/runtime";
import { readCheckpoint } from "./checkpoint-bytes.ts";
import type { CheckpointName, Checkpoints } from "./journal/journal.ts";
import type { StateIntake, StateMachine } from "./machine-port.ts";
import type { CheckpointHead, Recovered } from "./vsr/index.ts";

type RecoveredState = NonNullable<Recovered["checkpoint"]>;

/**
 * Lets the machine take in the newest state that is whole, slice by slice, and tells which it is;
 * undefined if there is none, and then the machine is as it was. Between two pieces `defer` lets
 * others run.
 */
export async function recoverState(
  checkpoints: Checkpoints,
  machine: StateMachine,
  codec: Codec,
  defer: (turn: () => void) => void,
): Promise<RecoveredState | undefined> {
  for (const name of [...checkpoints.names].reverse()) {
    const head = await takeIn(checkpoints, name, machine, codec, defer);
    if (head === undefined) continue;
    const { checksum, timestamp, clients } = head;
    return { ...name, checksum, timestamp, clients };
  }
  return undefined;
}

/** The head of one that was taken in; undefined if it is not whole. */
function takeIn(
  checkpoints: Checkpoints,
  name: CheckpointName,
  machine: StateMachine,
  codec: Codec,
  defer: (turn: () => void) => void,
): Promise<CheckpointHead | undefined> {
  return new Promise((resolve) => {
    let head: CheckpointHead | undefined;
    let intake: StateIntake | undefined;
    const sink = {
      head: (read: CheckpointHead) => {
        head = read;
        intake = machine.restore(read);
      },
      slice: (slice: Uint8Array) => intake?.take(slice),
      end: (whole: boolean) => {
        if (whole) intake?.end();
        resolve(whole ? head : undefined);
      },
    };
    readCheckpoint(checkpoints, name, codec, sink, defer);
  });
}
