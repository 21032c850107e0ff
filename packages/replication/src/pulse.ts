/**
 * What a group tells its own log: effects that have arrived, monitored actors that are over. That
 * timers are due, the time of the pulse says by itself.
 */
import type { ExitReason, MonitorId } from "@troupe/actor";
import type { Codec } from "@troupe/cluster/runtime";

export interface Pulse {
  /** Effects that need not be begun any more, by name. */
  readonly done: readonly string[];
  readonly downs: readonly (readonly [monitor: MonitorId, reason: ExitReason])[];
}

/** Says as much as fits into so many bytes; the rest is for the next pulse. */
export function encodePulse(codec: Codec, pulse: Pulse, bytesMax: number): Uint8Array {
  let { done, downs } = pulse;
  for (;;) {
    const bytes = codec.encode([done, downs], "pulse");
    if (bytes.length <= bytesMax || done.length + downs.length === 0) return bytes;
    done = done.slice(0, Math.floor(done.length / 2));
    downs = downs.slice(0, Math.floor(downs.length / 2));
  }
}

export function decodePulse(codec: Codec, body: Uint8Array): Pulse {
  const [done, downs] = codec.decode(body) as [Pulse["done"], Pulse["downs"]];
  return { done, downs };
}
