/**
 * The links of one node: at most one per other node, alive or gone, never in between.
 *
 * Here greetings become links and links become events, in an order that others rely on: `up`
 * comes before the first frame of a life, `down` after the last one, and the `down` of an old
 * life before the `up` of the next. Links do not dial by themselves and do not read frames.
 */
import { type Clock, type EventLoop, isActorError, type TimerHandle } from "@troupe/actor";
import { ConnectionLostError, type HandshakeError, type RefusalReason } from "../errors.ts";
import type { Socket, Transport } from "../transport/transport.ts";
import {
  type CloseReason,
  type Connection,
  type ConnectionLimits,
  noTraffic,
} from "./connection.ts";
import type { Frame } from "./frame.ts";
import { type GreetingDesk, type GreetingOutcome, greetCallee, greetCaller } from "./greeting.ts";
import type { HandshakeConfig, Peer } from "./handshake.ts";
import { Pace } from "./heartbeat.ts";
import { Link } from "./link.ts";
import { LinkTable } from "./link-table.ts";

export interface LinksListener {
  up(link: Link): void;
  frame(link: Link, frame: Frame): void;
  down(link: Link, reason: CloseReason, error: Error | undefined): void;
  congested(link: Link, queuedBytes: number): void;
  relieved(link: Link, queuedBytes: number): void;
  /** Anything came in over the link in the round that ends. */
  heard(link: Link): void;
  /** A round is over, for all links; `late` if this process was paused. */
  round(late: boolean): void;
  /** Somebody who dialled us was turned away, after it had said who it claims to be or before. */
  refused(reason: RefusalReason, peer: Peer | undefined): void;
}

export interface LinksOptions {
  readonly handshake: HandshakeConfig;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly loop: EventLoop;
  readonly limits: ConnectionLimits;
  readonly maxPendingCalls: number;
  readonly maxUnauthenticated: number;
  readonly handshakeTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly probeTimeoutMs: number;
  /** Whether that life of a name may come although a later one was seen. */
  readonly mayReturn: (name: string, incarnation: number) => boolean;
  /** Whether others have told of a node of that name. */
  readonly isKnown: (name: string) => boolean;
}

export class Links {
  /** What has passed through all connections, those included that are over. */
  readonly traffic = noTraffic();
  readonly #options: LinksOptions;
  readonly #listener: LinksListener;
  readonly #table: LinkTable<Link>;
  readonly #desk: GreetingDesk<Link>;
  /** Every connection that is not finished, greeting or linked, so that stopping finds it. */
  readonly #connections = new Set<Connection>();
  /** Those who dialled us and have not proven themselves, oldest first. */
  readonly #strangers = new Set<Connection>();
  #round: TimerHandle | undefined;
  #turnsAway = false;
  #stopping = false;
  #closed = false;

  constructor(options: LinksOptions, listener: LinksListener) {
    this.#options = options;
    this.#listener = listener;
    this.#table = new LinkTable(options.handshake.self, options.mayReturn);
    const { transport, limits, clock, handshake } = options;
    this.#desk = {
      handshake,
      clock,
      table: this.#table,
      timeoutMs: options.handshakeTimeoutMs,
      ports: {
        limits,
        traffic: this.traffic,
        defer: (flush) => transport.defer(flush),
        later: (flush) => transport.later(flush),
      },
      isSilent: (link) => this.#isSilent(link),
      establish: (connection, peer, replaces) => this.#establish(connection, peer, replaces),
      isStopping: () => this.#turnsAway,
      proven: (connection) => this.#strangers.delete(connection),
    };
    this.#beat(new Pace(options.heartbeatMs, clock.monotonic()));
  }

  get(name: string): Link | undefined {
    return this.#table.get(name);
  }

  list(): Link[] {
    return [...this.#table.values()];
  }

  names(): string[] {
    return this.#table.names();
  }

  hasSeen(name: string): boolean {
    return this.#table.hasSeen(name) || this.#options.isKnown(name);
  }

  /** Greets a socket that somebody opened to us. Of too many strangers the oldest has to go. */
  accept(socket: Socket): void {
    if (this.#closed) {
      socket.terminate();
      return;
    }
    const [oldest] = this.#strangers;
    if (oldest !== undefined && this.#strangers.size >= this.#options.maxUnauthenticated) {
      oldest.terminate("refused");
    }
    let stranger: Connection | undefined;
    const connection = greetCaller(socket, this.#desk, (outcome) => {
      if (stranger !== undefined) this.#strangers.delete(stranger);
      if (outcome.kind === "refused") this.#listener.refused(outcome.reason, outcome.peer);
    });
    // What it had sent already may have been enough to refuse it.
    if (connection.isOpen) {
      stranger = connection;
      this.#strangers.add(connection);
    }
    this.#track(connection);
  }

  /** Dials an address and greets whoever answers. Never rejects. */
  async dial(url: string, signal: AbortSignal): Promise<GreetingOutcome> {
    let socket: Socket;
    try {
      socket = await this.#options.transport.dial(url, signal);
    } catch (error) {
      if (!isActorError(error, "ERR_HANDSHAKE")) return { kind: "lost" };
      const { reason, message } = error as HandshakeError;
      return { kind: "refused", reason, peer: undefined, detail: message };
    }
    // A dial that completes late must not bring a stopped node back.
    if (this.#turnsAway || signal.aborted) {
      socket.terminate();
      return { kind: "lost" };
    }
    return new Promise((resolve) => {
      this.#track(greetCallee(socket, this.#desk, resolve));
    });
  }

  /** From now on nobody new comes in, from either side. The links there are stay. */
  turnAway(): void {
    this.#turnsAway = true;
  }

  /** Says goodbye on every link and resolves when every socket is closed. */
  async stop(): Promise<void> {
    this.#turnsAway = true;
    this.#stopping = true;
    if (this.#round !== undefined) this.#options.clock.clearTimer(this.#round);
    const linked = new Set(this.list().map((link) => link.connection));
    for (const connection of [...this.#connections]) {
      if (linked.has(connection)) connection.leave();
      else connection.terminate("stopped");
    }
    await Promise.all([...this.#connections].map((connection) => connection.finished));
  }

  /** Cuts whatever is still open, and does not even answer any more who comes. */
  close(): void {
    this.#closed = true;
    this.terminate();
  }

  /** Cuts whatever is still open. */
  terminate(): void {
    this.#turnsAway = true;
    this.#stopping = true;
    if (this.#round !== undefined) this.#options.clock.clearTimer(this.#round);
    for (const connection of [...this.#connections]) connection.cut();
  }

  #track(connection: Connection): void {
    this.#connections.add(connection);
    void connection.finished.then(() => this.#connections.delete(connection));
  }

  #establish(connection: Connection, peer: Peer, replaces: Link | undefined): void {
    if (replaces !== undefined) replaces.connection.terminate("replaced");
    // Whoever heard of the old link's end may have stopped this node.
    if (this.#turnsAway || !connection.isOpen) {
      connection.terminate("stopped");
      return;
    }
    const { clock, loop, maxPendingCalls } = this.#options;
    const link = new Link(peer, connection, { clock, loop, maxPendingCalls });
    connection.onCongested = (queuedBytes) => this.#listener.congested(link, queuedBytes);
    connection.onRelieved = (queuedBytes) => this.#listener.relieved(link, queuedBytes);
    connection.establish(
      {
        frame: (frame) => this.#listener.frame(link, frame),
        closed: (reason, error) => this.#onClosed(link, reason, error),
      },
      peer.maxMessageBytes,
    );
    this.#table.set(link);
    this.#listener.up(link);
  }

  #onClosed(link: Link, reason: CloseReason, error: Error | undefined): void {
    if (!this.#table.remove(link)) return;
    link.calls.rejectAll(new ConnectionLostError(link.name, "unknown", describeClose(reason)));
    this.#listener.down(link, reason, error);
  }

  #beat(pace: Pace): void {
    const { clock, loop, heartbeatMs } = this.#options;
    this.#round = clock.setTimer(heartbeatMs, () => {
      const late = pace.isLate(clock.monotonic());
      // What has arrived is read before anybody is judged: after a pause, timers come first.
      loop.later(() => this.#endRound(late, pace));
    });
  }

  #endRound(late: boolean, pace: Pace): void {
    if (this.#stopping) return;
    for (const link of this.list()) if (link.connection.round()) this.#listener.heard(link);
    this.#listener.round(late);
    if (!this.#stopping) this.#beat(pace);
  }

  #isSilent(link: Link): Promise<boolean> {
    const { clock, probeTimeoutMs } = this.#options;
    return new Promise((resolve) => {
      const deadline = clock.setTimer(probeTimeoutMs, () => resolve(true));
      link.connection.probe((alive) => {
        clock.clearTimer(deadline);
        resolve(!alive);
      });
    });
  }
}

/** For messages to people. */
export function describeClose(reason: CloseReason): string {
  switch (reason) {
    case "lost":
      return "the connection was lost";
    case "silent":
      return "it was silent for too long";
    case "left":
      return "it has left";
    case "protocol":
      return "it broke the protocol";
    case "replaced":
      return "it has come back, or was restarted";
    case "overloaded":
      return "it does not read what it is sent";
    case "refused":
      return "it was refused";
    case "stopped":
      return "this node stops";
  }
}
