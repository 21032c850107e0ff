/**
 * How the replicas of a group are, as each says itself.
 */
import { CallTimeoutError, type Clock } from "@troupe/actor";
import { PendingCalls } from "@troupe/actor/runtime";
import { GroupClosedError } from "./errors.ts";
import type { GroupChannel } from "./group-channel.ts";
import type { ReplicaNeed } from "./vsr/index.ts";
import type { StatusMessage } from "./wire.ts";

/** How a replica is, as it says itself. */
export interface ReachableReplica {
  /** The node that holds it. */
  readonly replica: string;
  readonly reachable: true;
  /**
   * `"view_change"` while it waits for the log of a new view; `"recovering_head"` while it waits
   * for the end of its log, which its disk has lost; `"recovering"` while it rejoins, and in a
   * memory group after each start, and asks the others for what it knew; `"lost"` in a memory group
   * when too many have forgotten it.
   */
  readonly status: "normal" | "view_change" | "recovering_head" | "recovering" | "lost";
  readonly view: number;
  /** The node that leads that view. */
  readonly primary: string;
  /** The last operation in its log. */
  readonly op: number;
  /** The last operation that it has run. */
  readonly commit: number;
  /** A hash of state and client table at `commit`, if asked for: equal on equal replicas. */
  readonly digest?: string;
  /** How much it has to do, if asked for. */
  readonly details?: ReplicaDetails;
}

/** What a replica has to do, and how far it is. */
export interface ReplicaDetails {
  /** How many operations it is behind the furthest of those that answered. */
  readonly lag: number;
  /** The operation after which its newest durable state was; 0 before the first. */
  readonly checkpoint: number;
  /** Callers that it remembers, and requests that wait for room in its pipeline. */
  readonly sessions: number;
  readonly queued: number;
  /**
   * What its state has open; `effects` are messages to others and named effects, `deferred` are
   * replies for later.
   */
  readonly timers: number;
  readonly effects: number;
  readonly deferred: number;
  readonly monitors: number;
  /**
   * What it must get from others before it takes part, or runs anything, again. While it recovers:
   * `"answers"` of enough replicas that are normal, then that of the `"primary"`, then the `"log"`.
   * `"checkpoint"`: the state that its log begins after is lost, and nobody has given it another.
   */
  readonly needs: ReplicaNeed;
}

/** A replica that did not answer in time. */
export interface UnreachableReplica {
  readonly replica: string;
  readonly reachable: false;
}

export type ReplicaStatus = ReachableReplica | UnreachableReplica;

export interface StatusOptions {
  /** Whether to hash the state, which takes as long as encoding it. @default false */
  readonly digest?: boolean;
  /** Whether to tell how much each has to do. @default false */
  readonly details?: boolean;
  /** How long to wait for each replica, in milliseconds. @default 1000 */
  readonly timeout?: number;
}

const statusTimeoutMs = 1000;
const statusCallsMax = 1024;

export class GroupStatus {
  readonly #channel: GroupChannel;
  readonly #calls: PendingCalls<StatusMessage>;

  constructor(channel: GroupChannel, clock: Clock) {
    this.#channel = channel;
    this.#calls = new PendingCalls({ clock, max: statusCallsMax });
  }

  /** Asks all of them; one that does not answer in time is `reachable: false`. */
  async ask(options: StatusOptions): Promise<readonly ReplicaStatus[]> {
    const { replicas } = this.#channel.options;
    const said = await Promise.all(replicas.map((replica) => this.#ask(replica, options)));
    const furthest = Math.max(...said.map((answer) => answer?.commit ?? 0));
    return said.map((answer, i) => this.#statusOf(replicas[i] ?? "", answer, furthest, options));
  }

  receive(message: StatusMessage): void {
    this.#calls.resolve(message.number, message);
  }

  close(error: GroupClosedError): void {
    this.#calls.rejectAll(error);
  }

  #statusOf(
    replica: string,
    answer: StatusMessage | undefined,
    furthest: number,
    options: StatusOptions,
  ): ReplicaStatus {
    if (answer === undefined) return { replica, reachable: false };
    const { status, view, op, commit, digest, type: _, number: _n, primary: at, ...more } = answer;
    const primary = this.#channel.options.replicas[at] ?? "";
    const details = { ...more, lag: furthest - commit };
    return {
      ...{ replica, reachable: true as const, status, view, primary, op, commit },
      ...(options.digest === true && { digest }),
      ...(options.details === true && { details }),
    };
  }

  async #ask(replica: string, options: StatusOptions): Promise<StatusMessage | undefined> {
    const { timeout = statusTimeoutMs, digest = false } = options;
    try {
      return await new Promise<StatusMessage>((resolve, reject) => {
        const late = () => new CallTimeoutError(replica, "status", timeout);
        const number = this.#calls.add(resolve, reject, timeout, undefined, late);
        const sent = this.#channel.send(replica, { type: "get_status", number, digest });
        if (!sent) this.#calls.reject(number, late());
      });
    } catch (error) {
      if (error instanceof CallTimeoutError || error instanceof GroupClosedError) return undefined;
      throw error;
    }
  }
}
