/**
 * Carries out what the membership decides: sends its messages, tells its events, closes the links
 * it calls dead, and tells the dialer where members live.
 *
 * It decides nothing itself. Events are told in the order in which they were decided, one after
 * another: what a listener causes is told when the event it listens to was told to all.
 */
import type { Random } from "@troupe/actor";
import type { Frame } from "../link/frame.ts";
import type { Link } from "../link/link.ts";
import type { Member, MemberChange, MemberEvent, MemberIdentity } from "./member.ts";
import { memberFrames, readMemberFrame } from "./member-frames.ts";
import { Membership } from "./membership.ts";
import type { MemberSend } from "./membership-ready.ts";

export interface MembersPorts {
  readonly self: MemberIdentity;
  readonly heartbeatMisses: number;
  readonly suspectAfterMisses: number;
  readonly forgetAfterMs: number;
  readonly random: Random;
  readonly link: (name: string) => Link | undefined;
  readonly learn: (name: string, url: string) => void;
  readonly forget: (name: string) => void;
  readonly changed: (event: MemberEvent) => void;
}

export class Members {
  readonly #ports: MembersPorts;
  readonly #membership: Membership;
  readonly #events: MemberChange[] = [];
  #telling = false;

  constructor(ports: MembersPorts) {
    this.#ports = ports;
    const { self, forgetAfterMs } = ports;
    const forgetAfterRounds = Math.ceil(forgetAfterMs / self.heartbeatMs);
    this.#membership = new Membership({ ...ports, forgetAfterRounds });
  }

  list(): readonly Member[] {
    return this.#membership.records().map((record) => {
      const { name, incarnation, status, url } = record;
      const connected = this.#membership.isLinked(record);
      const member = { name, incarnation, status, connected };
      return url === undefined ? member : { ...member, url };
    });
  }

  /** Whether that life of a name may come although a later one was seen. */
  mayReturn(name: string, incarnation: number): boolean {
    return this.#membership.mayReturn(name, incarnation);
  }

  isKnown(name: string): boolean {
    return this.#membership.get(name) !== undefined;
  }

  /** A link is up. `announce` is called when it can be seen in the list, before any event. */
  linkUp(peer: MemberIdentity, announce: () => void): void {
    this.#membership.linkUp(peer);
    announce();
    this.#carryOut();
  }

  /** A link is down. */
  linkDown(name: string, left: boolean, announce: () => void): void {
    this.#membership.linkDown(name, left);
    announce();
    this.#carryOut();
  }

  heard(name: string): void {
    this.#membership.heard(name);
  }

  /** A frame of this room came in. Throws ProtocolError. */
  onFrame(from: string, frame: Frame): void {
    this.#membership.receive(from, readMemberFrame(frame));
    this.#carryOut();
  }

  round(late: boolean): void {
    this.#membership.round(late);
    this.#carryOut();
  }

  leave(status: "leaving" | "left"): void {
    this.#membership.leave(status);
    this.#carryOut(true);
  }

  #carryOut(urgent = false): void {
    const { sends, events, learnt, forgotten, dead } = this.#membership.take();
    for (const send of sends) this.#send(send, urgent);
    for (const name of forgotten) this.#ports.forget(name);
    for (const { name, url } of learnt) this.#ports.learn(name, url);
    this.#events.push(...events);
    for (const name of dead) this.#ports.link(name)?.connection.terminate("silent");
    this.#tell();
  }

  /** What does not fit is lost, like any gossip; a farewell has the room of control frames. */
  #send({ to, message }: MemberSend, urgent: boolean): void {
    const connection = this.#ports.link(to)?.connection;
    if (connection === undefined) return;
    for (const frame of memberFrames(message, connection.maxMessageBytes)) {
      if (urgent) connection.sendControl(frame);
      else connection.send(frame);
    }
  }

  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      this.#ports.changed({ ...event, connected: this.#membership.isLinked(event) });
    }
    this.#telling = false;
  }
}
