/**
 * How a node stands to the others: its links, who is a member, where to dial, and how it leaves.
 *
 * Here the parts that know nothing of each other are put together: links become members, members
 * are addresses for the dialer, and a discovery proposes more. What frames between actors mean is
 * not decided here.
 */
import type { Clock, Logger, Random } from "@troupe/actor";
import { watchSources } from "./discovery/watch-sources.ts";
import type { RefusalReason } from "./errors.ts";
import type { CloseReason } from "./link/connection.ts";
import { Dialer } from "./link/dialer.ts";
import type { Frame } from "./link/frame.ts";
import { BOOT_BYTES, type Identity, type Peer } from "./link/handshake.ts";
import type { Link } from "./link/link.ts";
import { Links } from "./link/links.ts";
import { RefusalLog } from "./link/refusal-log.ts";
import { Departure } from "./membership/departure.ts";
import type { Member } from "./membership/member.ts";
import { isMemberFrame } from "./membership/member-frames.ts";
import { Members } from "./membership/members.ts";
import { infoOf, type NodeEvents } from "./node-events.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import type { Socket } from "./transport/transport.ts";

/** The events that come from here. */
type LinkEvent = "nodeup" | "nodedown" | "member" | "refused" | "congested" | "uncongested";

export interface NodeLinksPorts {
  readonly options: ResolvedNodeOptions;
  readonly name: string;
  readonly incarnation: number;
  readonly url: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The keys of this moment. */
  readonly keys: () => readonly Uint8Array[];
  readonly emit: <K extends LinkEvent>(event: K, payload: NodeEvents[K]) => void;
  /** A frame between actors. Throws ProtocolError for one that has no place on a proven link. */
  readonly frame: (link: Link, frame: Frame) => void;
  /** A link is gone, and nobody was told yet. */
  readonly lost: (link: Link) => void;
  /** Whether a call of another node is being handled here. */
  readonly isServing: () => boolean;
}

export class NodeLinks {
  readonly links: Links;
  readonly departure: Departure;
  readonly #ports: NodeLinksPorts;
  readonly #members: Members;
  readonly #dialer: Dialer;
  readonly #refusals: RefusalLog;
  readonly #discovering = new AbortController();

  constructor(ports: NodeLinksPorts) {
    this.#ports = ports;
    const { clock, logger } = ports;
    const boot = Buffer.from(ports.options.randomBytes(BOOT_BYTES)).toString("hex");
    const { name, incarnation, url } = ports;
    const { heartbeatMs, limits } = ports.options;
    const { maxMessageBytes } = limits;
    const self = { name, incarnation, boot, url, heartbeatMs, maxMessageBytes };
    this.#refusals = new RefusalLog(clock, (message) => logger.warn(message));
    this.#members = this.#makeMembers(self);
    this.links = this.#makeLinks(self);
    this.#dialer = this.#makeDialer();
    this.departure = this.#makeDeparture();
  }

  members(): readonly Member[] {
    return this.#members.list();
  }

  /** Begins to look for others. */
  begin(): void {
    const { options, clock, random, name, url, logger } = this.#ports;
    void watchSources({
      sources: options.discovery,
      context: {
        signal: this.#discovering.signal,
        clock,
        random,
        self: { name, cluster: options.cluster, url },
        warn: (...report) => logger.warn(...report),
      },
      found: (source, urls) => this.#dialer.propose(source, urls),
    });
  }

  accept(socket: Socket): void {
    this.links.accept(socket);
  }

  #makeMembers(self: Identity): Members {
    const { options, random, emit } = this.#ports;
    const { heartbeatMisses, suspectAfterMisses, forgetAfterMs } = options;
    return new Members({
      self,
      heartbeatMisses,
      suspectAfterMisses,
      forgetAfterMs,
      random,
      link: (name) => this.links.get(name),
      learn: (name, url) => this.#dialer.learn(name, url),
      forget: (name) => this.#dialer.forget(name),
      changed: (event) => emit("member", event),
    });
  }

  #makeLinks(self: Identity): Links {
    const { options, clock, emit, keys } = this.#ports;
    const { cluster, randomBytes, limits } = options;
    return new Links(
      {
        ...options,
        clock,
        maxPendingCalls: limits.maxPendingCalls,
        maxUnauthenticated: limits.maxUnauthenticated,
        handshake: {
          cluster,
          self,
          randomBytes,
          get keys() {
            return keys();
          },
        },
        mayReturn: (name, incarnation) => this.#members.mayReturn(name, incarnation),
        isKnown: (name) => this.#members.isKnown(name),
      },
      {
        up: (link) => this.#onUp(link),
        down: (link, reason, error) => this.#onDown(link, reason, error),
        frame: (link, frame) => this.#onFrame(link, frame),
        heard: (link) => this.#members.heard(link.name),
        round: (late) => this.#members.round(late),
        congested: ({ name: node }, queuedBytes) => emit("congested", { node, queuedBytes }),
        relieved: ({ name: node }, queuedBytes) => emit("uncongested", { node, queuedBytes }),
        refused: (reason, peer) => this.#onRefused(reason, peer, undefined),
      },
    );
  }

  #makeDialer(): Dialer {
    const { options, clock, random } = this.#ports;
    const { reconnectMinMs: minMs, reconnectMaxMs: maxMs, handshakeTimeoutMs } = options;
    return new Dialer({
      clock,
      random,
      backoff: { minMs, maxMs },
      dialTimeoutMs: handshakeTimeoutMs,
      dial: (url, signal) => this.links.dial(url, signal),
      isConnected: (name) => this.links.get(name) !== undefined,
      refused: (url, reason, peer, detail) => this.#onRefused(reason, peer, url, detail),
      warn: (message) => this.#ports.logger.warn(message),
    });
  }

  #makeDeparture(): Departure {
    return new Departure({
      clock: this.#ports.clock,
      closeTimeoutMs: this.#ports.options.closeTimeoutMs,
      announce: () => {
        this.#discovering.abort();
        this.#dialer.stop();
        this.links.turnAway();
        this.#members.leave("leaving");
      },
      isLinked: () => this.links.names().length > 0,
      isBusy: () => this.#isBusy(),
      farewell: () => {
        this.#members.leave("left");
        return this.links.stop();
      },
      cut: () => this.links.terminate(),
    });
  }

  #isBusy(): boolean {
    return this.#ports.isServing() || this.links.list().some((link) => link.calls.size > 0);
  }

  #onUp(link: Link): void {
    this.#dialer.nodeUp(link.name, link.peer.url);
    this.#members.linkUp(link.peer, () => this.#ports.emit("nodeup", infoOf(link.peer)));
  }

  #onDown(link: Link, reason: CloseReason, error: Error | undefined): void {
    const { logger, emit } = this.#ports;
    if (reason === "protocol") logger.warn(`node ${link.name} broke the protocol`, error);
    this.#ports.lost(link);
    const left = reason === "left";
    this.#members.linkDown(link.name, left, () => {
      emit("nodedown", { ...infoOf(link.peer), reason });
    });
    this.#dialer.nodeDown(link.name, left);
  }

  #onFrame(link: Link, frame: Frame): void {
    if (isMemberFrame(frame.kind)) this.#members.onFrame(link.name, frame);
    else this.#ports.frame(link, frame);
  }

  #onRefused(
    reason: RefusalReason,
    peer: Peer | undefined,
    url: string | undefined,
    detail: string = reason,
  ): void {
    const name = peer?.name;
    if (reportedReasons.has(reason)) {
      const where = url === undefined ? "a connection to us" : `our connection to ${url}`;
      this.#refusals.say(`${where} was refused: ${detail}${name ? ` (node ${name})` : ""}`);
    }
    this.#ports.emit("refused", { reason, name, url });
  }
}

/** Refusals that somebody has to do something about; the others pass by themselves. */
const reportedReasons: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  "auth",
  "version",
  "cluster",
  "protocol",
  "duplicate",
  "stale_incarnation",
  "certificate",
]);
