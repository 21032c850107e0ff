/**
 * What a group tells its own log: effects that are done, what came of those whose actor is to be
 * told, monitored actors that are over. That timers are due, the time of the pulse says by itself.
 */
import type { ExitReason, MonitorId } from "@troupe/actor";
import type { Codec } from "@troupe/cluster/runtime";

export interface Pulse {
  /** Effects that need not be begun any more, by name. */
  readonly done: readonly string[];
  readonly downs: readonly (readonly [monitor: MonitorId, reason: ExitReason])[];
  /** Effects that are over, with the encoded value or error. */
  readonly outcomes: readonly Outcome[];
}

type Outcome = readonly [effect: string, outcome: Uint8Array];

/** The names of an outcome, and what goes around it, have less than so many bytes. */
const outcomeEnvelopeBytes = 64;

/** What an outcome may have, so that one of them fits into every pulse of so many bytes. */
export function outcomeBytesMax(pulseBytesMax: number): number {
  return Math.floor(pulseBytesMax / 2) - outcomeEnvelopeBytes;
}

/** Says as much as fits into so many bytes; the rest is for the next pulse. */
export function encodePulse(codec: Codec, pulse: Pulse, bytesMax: number): Uint8Array {
  const outcomes = fitting(pulse.outcomes, bytesMax / 2);
  let { done, downs } = pulse;
  for (;;) {
    const said = outcomes.length === 0 ? [done, downs] : [done, downs, outcomes];
    const bytes = codec.encode(said, "pulse");
    if (bytes.length <= bytesMax || done.length + downs.length === 0) return bytes;
    done = done.slice(0, Math.floor(done.length / 2));
    downs = downs.slice(0, Math.floor(downs.length / 2));
  }
}

export function decodePulse(codec: Codec, body: Uint8Array): Pulse {
  const [done, downs, outcomes = []] = codec.decode(body) as [
    Pulse["done"],
    Pulse["downs"],
    Pulse["outcomes"]?,
  ];
  return { done, downs, outcomes };
}

/** Those from the beginning that have at most so many bytes together. */
function fitting(outcomes: readonly Outcome[], bytesMax: number): readonly Outcome[] {
  let bytes = 0;
  const end = outcomes.findIndex(([, outcome]) => {
    bytes += outcome.length + outcomeEnvelopeBytes;
    return bytes > bytesMax;
  });
  return end < 0 ? outcomes : outcomes.slice(0, end);
}
