/** The timeouts of a replica, all in ticks; what each is for is said where it is started. */
import type { ReplicaOptions } from "./config.ts";
import { FailureDetector } from "./failure-detector.ts";
import { Timeout } from "./timeout.ts";

export function timeoutsOf({ ticks, random }: ReplicaOptions) {
  return {
    heartbeat: new Timeout(ticks.heartbeat),
    primarySilence: new FailureDetector({
      floor: ticks.primarySilence,
      ceiling: ticks.primarySilenceMax,
      jitter: ticks.jitter,
      random,
    }),
    viewChange: new Timeout(ticks.primarySilence, ticks.jitter, random),
    resend: new Timeout(ticks.resend),
    catchUp: new Timeout(ticks.resend),
    repair: new Timeout(ticks.resend),
    voteWindow: new Timeout(ticks.voteWindow),
    abdicate: new Timeout(ticks.abdicate),
    askIfHeard: new Timeout(Math.ceil(ticks.abdicate / 4)),
  };
}
