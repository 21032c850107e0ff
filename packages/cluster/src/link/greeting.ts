/**
 * Runs the handshake over a fresh socket, on either side, and asks the table whether the peer may
 * come in. Every greeting ends: with a link, with a refusal, or at its deadline.
 *
 * Nothing outside the greeting changes before the peer is proven; the one thing that an unproven
 * claim can cause is that we ask an incumbent for a sign of life.
 */
import type { Clock } from "@troupe/actor";
import { HandshakeError, type RefusalReason } from "../errors.ts";
import type { Socket } from "../transport/transport.ts";
import { Connection, type ConnectionPorts } from "./connection.ts";
import type { Frame } from "./frame.ts";
import {
  AcceptorHandshake,
  DialerHandshake,
  type HandshakeConfig,
  MAX_HANDSHAKE_BYTES,
  type Peer,
  rejectFrame,
} from "./handshake.ts";
import type { Admission, LinkEntry, LinkTable, PendingDial } from "./link-table.ts";
import { isNamedBy } from "./peer-name.ts";

/** What greetings need from the links. */
export interface GreetingDesk<L extends LinkEntry> {
  readonly handshake: HandshakeConfig;
  readonly table: LinkTable<L>;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly ports: ConnectionPorts;
  /** Asks an incumbent for a sign of life: false if it gave one in time. */
  isSilent(link: L): Promise<boolean>;
  /** The peer is in. `replaces` is the link that it takes the place of. */
  establish(connection: Connection, peer: Peer, replaces: L | undefined): void;
  isStopping(): boolean;
  /** Who dialled us knows the key, though it may have to wait for our decision. */
  proven(connection: Connection): void;
}

export type GreetingOutcome =
  | { readonly kind: "connected"; readonly peer: Peer }
  /** `peer` is who it claimed to be, if it got that far. */
  | {
      readonly kind: "refused";
      readonly reason: RefusalReason;
      readonly peer: Peer | undefined;
      /** What is behind the reason, for people. */
      readonly detail?: string;
    }
  | { readonly kind: "lost" };

type Judge<L extends LinkEntry> = (silent: L | undefined) => Admission<L>;
type Go<L extends LinkEntry> = (replaces: L | undefined) => void;
type TurnAway = (reason: RefusalReason) => void;
type Finish = (outcome: GreetingOutcome) => void;

/** Greets somebody who dialled us. */
export function greetCaller<L extends LinkEntry>(
  socket: Socket,
  desk: GreetingDesk<L>,
  finish: Finish,
): Connection {
  const handshake = new AcceptorHandshake(desk.handshake, socket.binding);
  return greet(socket, desk, finish, (greeting, frame) => {
    const step = handshake.receive(frame);
    if (step.kind === "send") greeting.connection.sendControl(step.frame);
    else if (step.kind === "refused") greeting.refuse(step.reason, step.frame);
    else if (step.kind === "proven") {
      const { peer } = step;
      greeting.peer = peer;
      if (!isCertified(socket, peer, desk)) {
        greeting.refuse("certificate", rejectFrame("certificate"));
        return;
      }
      // Strangers that crowd in must not push out one who waits for our decision.
      greeting.connection.proven();
      desk.proven(greeting.connection);
      const judge = (silent: L | undefined) => desk.table.judgeAccepted(peer, silent);
      greeting.decide(judge, (replaces) => {
        greeting.connection.sendControl(handshake.admit());
        greeting.admit(peer, replaces);
      });
    }
  });
}

/** Greets somebody whom we dialled. */
export function greetCallee<L extends LinkEntry>(
  socket: Socket,
  desk: GreetingDesk<L>,
  finish: Finish,
): Connection {
  const handshake = new DialerHandshake(desk.handshake, socket.binding);
  let dial: PendingDial | undefined;
  let silent: L | undefined;
  const end: Finish = (outcome) => {
    if (dial !== undefined) desk.table.dialEnded(dial);
    finish(outcome);
  };
  const connection = greet(socket, desk, end, (greeting, frame) => {
    const step = handshake.receive(frame);
    if (step.kind === "refused") greeting.refuse(step.reason, step.frame);
    else if (step.kind === "claimed") {
      const { peer } = step;
      greeting.peer = peer;
      if (!isCertified(socket, peer, desk)) {
        greeting.refuse("certificate", rejectFrame("certificate"));
        return;
      }
      const judge = (probed: L | undefined) => desk.table.judgeDialled(peer, probed);
      greeting.decideSilently(judge, (incumbent) => {
        silent = incumbent;
        dial = { peer, abandon: () => greeting.refuse("simultaneous") };
        desk.table.dialChallenged(dial);
        greeting.connection.sendControl(handshake.prove());
      });
    } else if (step.kind === "established") {
      const admission = desk.table.judgeWelcomed(step.peer, silent);
      if (admission.kind === "admit") greeting.admit(step.peer, admission.replaces);
      else greeting.refuse(admission.kind === "refuse" ? admission.reason : "duplicate");
    }
  });
  connection.sendControl(handshake.start());
  return connection;
}

/** Whether the peer is who its certificate says, where each side has to show one. */
function isCertified<L extends LinkEntry>(
  { peerNames }: Socket,
  { name }: Peer,
  { handshake }: GreetingDesk<L>,
): boolean {
  return peerNames === undefined || isNamedBy(peerNames, handshake.cluster, name);
}

/** One handshake in progress. */
class Greeting<L extends LinkEntry> {
  peer: Peer | undefined;
  connection!: Connection;
  readonly #desk: GreetingDesk<L>;
  readonly #finish: Finish;
  #over = false;

  constructor(desk: GreetingDesk<L>, finish: Finish) {
    this.#desk = desk;
    this.#finish = finish;
  }

  get over(): boolean {
    return this.#over;
  }

  end(outcome: GreetingOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#finish(outcome);
  }

  refuse(reason: RefusalReason, frame?: Uint8Array): void {
    this.end({ kind: "refused", reason, peer: this.peer });
    this.connection.closeAfter("refused", frame);
  }

  admit(peer: Peer, replaces: L | undefined): void {
    this.end({ kind: "connected", peer });
    this.#desk.establish(this.connection, peer, replaces);
  }

  /**
   * Judges, and judges again after an incumbent was asked for a sign of life: much may have
   * happened in between. Runs to its end without waiting if nobody has to be asked.
   */
  decide(judge: Judge<L>, go: Go<L>): void {
    this.#decide(judge, go, (reason) => this.refuse(reason, rejectFrame(reason)));
  }

  /**
   * The same about a peer that is not proven: it is not told why we hang up, because the reason
   * may say whom we are connected to. That we have reached ourselves says nothing of the kind.
   */
  decideSilently(judge: Judge<L>, go: Go<L>): void {
    this.#decide(judge, go, (reason) => {
      if (reason === "self") this.refuse(reason, rejectFrame(reason));
      else this.refuse(reason);
    });
  }

  #decide(judge: Judge<L>, go: Go<L>, turnAway: TurnAway): void {
    this.#judge(judge, go, turnAway).catch((error: unknown) => {
      this.connection.terminate("protocol", error instanceof Error ? error : undefined);
    });
  }

  async #judge(judge: Judge<L>, go: Go<L>, turnAway: TurnAway): Promise<void> {
    let silent: L | undefined;
    while (!this.#over) {
      if (this.#desk.isStopping()) return turnAway("stopping");
      const admission = judge(silent);
      if (admission.kind === "refuse") return turnAway(admission.reason);
      if (admission.kind === "admit") return go(admission.replaces);
      const { incumbent, ifAlive } = admission;
      if (!(await this.#desk.isSilent(incumbent))) return turnAway(ifAlive);
      silent = incumbent;
    }
  }
}

function greet<L extends LinkEntry>(
  socket: Socket,
  desk: GreetingDesk<L>,
  finish: Finish,
  onFrame: (greeting: Greeting<L>, frame: Frame) => void,
): Connection {
  const greeting = new Greeting(desk, (outcome) => {
    desk.clock.clearTimer(deadline);
    finish(outcome);
  });
  const deadline = desk.clock.setTimer(desk.timeoutMs, () => {
    const error = new HandshakeError(greeting.peer?.name ?? "a peer", "timeout", "too slow");
    greeting.end({ kind: "refused", reason: "timeout", peer: greeting.peer });
    greeting.connection.terminate("refused", error);
  });
  const listener = {
    frame: (frame: Frame) => onFrame(greeting, frame),
    closed: () => greeting.end({ kind: "lost" }),
  };
  greeting.connection = new Connection(socket, desk.ports, listener, MAX_HANDSHAKE_BYTES);
  greeting.connection.open();
  return greeting.connection;
}
