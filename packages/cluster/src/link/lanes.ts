/**
 * Which frames keep their order among themselves: a link has 24 lanes, each of them first in,
 * first out, and a large message holds up only the lane that it is on.
 *
 *     0        what the link itself needs; it goes ahead of all others
 *     1 to 7   channels, by the hash of the channel's name
 *     8 to 23  between actors: by the receiving process, or by the number of the request
 *
 * Everything to one process is on one lane, so that a receiver hears each sender in order, and
 * the notice that a process is down comes behind its last words. Pure functions; nothing is sent.
 *
 * Source: Pekko Artery, lanes by the hash of the recipient; Partisan, channels.
 */

/** The lane of control frames. */
export const CONTROL_LANE = 0;

const FIRST_CHANNEL_LANE = 1;
const CHANNEL_LANES = 7;
const FIRST_ACTOR_LANE = 8;
const ACTOR_LANES = 16;

/** How many lanes a link has; a frame of a higher one breaks the protocol. */
export const LANES = FIRST_ACTOR_LANE + ACTOR_LANES;

/** The lane of a channel. Both ends need not agree on it: the sender's choice counts. */
export function channelLane(name: string): number {
  // FNV-1a over the code units: short, and spreads names that differ in one character.
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  }
  return FIRST_CHANNEL_LANE + ((hash >>> 0) % CHANNEL_LANES);
}

/** The lane of everything that is meant for a process of the other node. */
export function processLane(id: number): number {
  return FIRST_ACTOR_LANE + (id % ACTOR_LANES);
}

/** The lane of a reply, and of a request that is not meant for a process. */
export function correlationLane(correlation: number): number {
  return FIRST_ACTOR_LANE + (correlation % ACTOR_LANES);
}

/** What a lane is for; numbers, because every frame that comes in is judged by them. */
export const LaneUse = { none: 0, control: 1, channel: 2, actors: 3 } as const;

export type LaneUse = (typeof LaneUse)[keyof typeof LaneUse];

/** Whether a lane carries control frames, channels, what is between actors, or is none. */
export function laneUse(lane: number): LaneUse {
  if (lane === CONTROL_LANE) return LaneUse.control;
  if (lane < FIRST_ACTOR_LANE) return LaneUse.channel;
  return lane < LANES ? LaneUse.actors : LaneUse.none;
}
