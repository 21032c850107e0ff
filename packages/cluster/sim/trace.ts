/** Frames for a person to read: the names of their kinds. */
import { FrameKind, readFrames } from "@troupe/cluster/runtime";

const names = new Map<number, string>(
  Object.entries(FrameKind).map(([name, kind]) => [kind, name]),
);

export function framesOf(message: Uint8Array): string {
  const kinds: string[] = [];
  readFrames(
    message,
    () => Number.POSITIVE_INFINITY,
    ({ kind }) => kinds.push(names.get(kind) ?? `0x${kind.toString(16)}`) > 0,
  );
  return kinds.join("+");
}
