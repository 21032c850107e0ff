/**
 * Requests and chained entries, made by hand: what a log, a journal and a message are filled with.
 */
import { checksum } from "../../src/checksum.ts";
import {
  type ClientId,
  encodeBatch,
  type Op,
  type Prepare,
  type Request,
  sealPrepare,
  type View,
} from "../../src/vsr/index.ts";

export const root = checksum(new TextEncoder().encode("the root of the tests"));

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

/** The name of a client: 32 hexadecimal digits that end in these. */
export function clientId(digits: string): ClientId {
  return digits.padStart(32, "0");
}

export function call(client: ClientId, number: number, more: Partial<Request> = {}): Request {
  return { kind: "call", client, session: 1, number, acked: 1, body: bytes(`${number}`), ...more };
}

export function register(client: ClientId): Request {
  return { kind: "register", client, session: 0, number: 0, acked: 0, body: bytes("") };
}

/** An entry with one call in it. */
export function entryAfter(
  parent: { readonly op: Op; readonly checksum: string; readonly timestamp?: number },
  content: string,
  view: View = 0,
): Prepare {
  const op = parent.op + 1;
  const body = encodeBatch([call(clientId("c"), op, { body: bytes(content) })]);
  const timestamp = (parent.timestamp ?? 0) + 1;
  return sealPrepare({ view, op, timestamp, parent: parent.checksum, body }, checksum);
}

/** Entries 1, 2, … with these contents, from the root on. */
export function chain(contents: readonly string[], view: View = 0): Prepare[] {
  const entries: Prepare[] = [];
  let parent: Parameters<typeof entryAfter>[0] = { op: 0, checksum: root };
  for (const content of contents) {
    const entry = entryAfter(parent, content, view);
    entries.push(entry);
    parent = entry;
  }
  return entries;
}
