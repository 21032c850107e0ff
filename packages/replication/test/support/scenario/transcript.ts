/**
 * A scenario as it is told: one line for each message that arrives or is lost, each write that
 * becomes durable, each op that is run.
 */
import { decodeBatch, type Prepare, type Request, type Write } from "../../../src/vsr/index.ts";
import { text } from "../entries.ts";
import type { Address, Message, Packet } from "./packets.ts";

export class Transcript {
  readonly #lines: string[] = [];
  /** Whether it tells of what is lost; of one who talks to nobody there is much. */
  tellsLosses = true;

  /** Begins here: what was before is only how it came to this. */
  begin(what: string): void {
    this.#lines.length = 0;
    this.heading(what);
  }

  /** A heading: what the test does to the group. */
  heading(what: string): void {
    if (this.#lines.length > 0) this.#lines.push("");
    this.#lines.push(`# ${what}`);
  }

  arrived({ from, to, message }: Packet): void {
    this.#line(`${nameOf(from)} → ${nameOf(to)}`, sayMessage(message));
  }

  lost({ from, to, message }: Packet): void {
    if (this.tellsLosses) this.#line(`${nameOf(from)} ✗ ${nameOf(to)}`, sayMessage(message));
  }

  held({ from, to, message }: Packet): void {
    this.#line(`${nameOf(from)} … ${nameOf(to)}`, sayMessage(message));
  }

  wrote(index: number, write: Write): void {
    const { view, log_view, truncate, entries } = write;
    const parts = [`view=${view} log_view=${log_view}`];
    if (truncate !== undefined) parts.push(`truncate=${truncate}`);
    if (entries.length > 0) parts.push(sayOps(entries));
    this.#line(`r${index} writes`, parts.join(" "));
  }

  ran(index: number, op: number, requests: readonly Request[]): void {
    this.#line(`r${index} runs`, `op=${op} ${requests.map(sayRequest).join(", ")}`.trimEnd());
  }

  get text(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  #line(who: string, what: string): void {
    this.#lines.push(`${who.padEnd(9)} ${what}`);
  }
}

function nameOf(address: Address): string {
  return typeof address === "number" ? `r${address}` : address;
}

function sayRequest({ kind, body }: Request): string {
  return kind === "register" ? "register" : `"${text(body)}"`;
}

function sayOps(entries: readonly Prepare[]): string {
  const ops = entries.map(({ op }) => op);
  const [first, last] = [ops[0], ops.at(-1)];
  return first === undefined ? "no ops" : first === last ? `op=${first}` : `ops=${first}..${last}`;
}

/** A message as a line, without what only a machine reads. */
export function sayMessage(message: Message): string {
  const { type } = message;
  switch (message.type) {
    case "prepare": {
      const { view, commit, entry } = message;
      const of = entry.view === view ? "" : ` of view ${entry.view}`;
      const calls = decodeBatch(entry.body).map(sayRequest).join(", ");
      return `${type} view=${view} op=${entry.op}${of} commit=${commit}: ${calls}`;
    }
    case "prepare_ok":
      return `${type} view=${message.view} op=${message.op}`;
    case "commit":
      return `${type} view=${message.view} commit=${message.commit}`;
    case "start_view_change":
      return `${type} view=${message.view}${message.left ? ", and I have left" : ""}`;
    case "do_view_change": {
      const { view, log_view, op, commit, entries } = message;
      const tail = `op=${op} commit=${commit}, with ${sayOps(entries)}`;
      return `${type} view=${view} log_view=${log_view} ${tail}`;
    }
    case "start_view": {
      const { view, op, commit, entries } = message;
      return `${type} view=${view} op=${op} commit=${commit}, with ${sayOps(entries)}`;
    }
    case "get_state":
      return `${type} view=${message.view} after op=${message.op}`;
    case "new_state": {
      const { view, commit, entries } = message;
      return `${type} view=${view} commit=${commit}, with ${sayOps(entries)}`;
    }
    case "read_round":
    case "read_round_ok":
      return `${type} view=${message.view} round=${message.round}`;
    case "request":
      return message.kind === "register"
        ? "request to register"
        : `request ${message.number} ${sayRequest(message)}`;
    case "reply":
      return message.number === 0
        ? `reply: session ${message.session}`
        : `reply ${message.number} "${text(message.body)}"`;
    case "query":
      return `query ${message.number}`;
    case "query_reply":
      return `query_reply ${message.number} "${text(message.body)}"`;
    case "eviction":
      return `eviction of session ${message.session}`;
    default:
      return "view" in message ? `${type} view=${message.view}` : type;
  }
}
