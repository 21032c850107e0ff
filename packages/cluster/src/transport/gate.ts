/**
 * Who stands at the door of a listening node: TCP connections that have not proven themselves.
 *
 * Each has a deadline, counted from its first packet, and there are only so many of them, in all
 * and from one address. When there are too many, the oldest of the address that has most of them
 * goes: a flood pushes out itself, and never somebody from another address, who needs only a few
 * milliseconds; were newcomers refused instead, those who came first would keep everybody out.
 */
import type { Socket } from "node:net";
import type { Clock } from "@troupe/actor";

export interface GateOptions {
  readonly clock: Clock;
  /** How many may stand there at a time. */
  readonly maxUnauthenticated: number;
  /** How many of them from one address. */
  readonly maxUnauthenticatedPerAddress: number;
  /** How long one may stand there, in milliseconds. */
  readonly deadlineMs: number;
}

/** One that has not proven itself. */
interface Stranger {
  /** It has proven itself, or is gone. */
  readonly forget: () => void;
  /** It has to go. */
  readonly showOut: () => void;
}

export class Gate {
  readonly #options: GateOptions;
  /** By both ends of the connection, which is how its TLS or HTTP part is found again. */
  readonly #strangers = new Map<string, Stranger>();
  /** The same, by address, oldest first. */
  readonly #byAddress = new Map<string, Set<string>>();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#strangers.size;
  }

  /** Lets a connection in, on probation. */
  enter(socket: Socket): void {
    const key = keyOf(socket);
    // It was closed before we were told of it.
    if (key === undefined) {
      socket.destroy();
      return;
    }
    // The system gives a pair of ends to one connection at a time: an older one with the same pair
    // is over, and only its end has not been told yet. It must not take the newer one along.
    this.#strangers.get(key)?.showOut();
    const { clock, deadlineMs } = this.#options;
    const address = addressGroup(socket.remoteAddress as string);
    this.#makeRoom(address);
    const deadline = clock.setTimer(deadlineMs, () => socket.destroy());
    const forget = () => {
      clock.clearTimer(deadline);
      socket.off("close", forget);
      this.#forget(key, address);
    };
    const showOut = () => {
      forget();
      socket.destroy();
    };
    this.#strangers.set(key, { forget, showOut });
    const neighbours = this.#byAddress.get(address);
    if (neighbours === undefined) this.#byAddress.set(address, new Set([key]));
    else neighbours.add(key);
    socket.once("close", forget);
  }

  /** It has proven itself. */
  admit(socket: Socket): void {
    const key = keyOf(socket);
    if (key !== undefined) this.#strangers.get(key)?.forget();
  }

  /** Shows everybody out. */
  close(): void {
    for (const stranger of [...this.#strangers.values()]) stranger.showOut();
  }

  #forget(key: string, address: string): void {
    this.#strangers.delete(key);
    const neighbours = this.#byAddress.get(address);
    neighbours?.delete(key);
    if (neighbours?.size === 0) this.#byAddress.delete(address);
  }

  #makeRoom(address: string): void {
    const { maxUnauthenticated, maxUnauthenticatedPerAddress } = this.#options;
    const neighbours = this.#byAddress.get(address);
    if (neighbours !== undefined && neighbours.size >= maxUnauthenticatedPerAddress) {
      this.#showOut(neighbours);
    }
    if (this.#strangers.size < maxUnauthenticated) return;
    let most: Set<string> | undefined;
    for (const group of this.#byAddress.values()) {
      if (most === undefined || group.size > most.size) most = group;
    }
    if (most !== undefined) this.#showOut(most);
  }

  /** The oldest of them goes. */
  #showOut(group: ReadonlySet<string>): void {
    const [oldest] = group;
    if (oldest !== undefined) this.#strangers.get(oldest)?.showOut();
  }
}

function keyOf(socket: Socket): string | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined) return undefined;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/**
 * What counts as one address: an IPv4 address, mapped into IPv6 or not, and a whole /64 of IPv6,
 * of which one machine has as many addresses as it likes.
 */
export function addressGroup(address: string): string {
  const [plain = ""] = address.toLowerCase().split("%");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  if (!plain.includes(":")) return plain;
  const [left = "", right] = plain.split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const groups = [...head, ...new Array<string>(zeros).fill("0"), ...tail];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
