/**
 * The canonical bytes of a log entry.
 *
 * A batch of requests is encoded once, by the primary that prepares it, and the same bytes travel
 * the wire, lie in the journal and are hashed. Numbers are big-endian; a layout that never varies
 * is what makes one op have one checksum on every replica (J4). docs/wire.md has the layout.
 */
import { assert } from "./assert.ts";
import type { Checksum, ClientId, Hash, Prepare, Request } from "./types.ts";

const kinds = ["register", "call", "pulse"] as const;
/** kind, length of the client's name, session, number, acked, length of the body. */
const requestHeaderBytes = 1 + 1 + 8 + 8 + 8 + 4;

/** What a request adds to a batch, in bytes. */
export function requestBytes(request: Request): number {
  return requestHeaderBytes + request.client.length + request.body.length;
}

export function encodeBatch(requests: readonly Request[]): Uint8Array {
  let size = 4;
  for (const request of requests) size += requestBytes(request);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, requests.length);
  let at = 4;
  for (const { kind, client, session, number, acked, body } of requests) {
    view.setUint8(at, kinds.indexOf(kind));
    view.setUint8(at + 1, client.length);
    view.setFloat64(at + 2, session);
    view.setFloat64(at + 10, number);
    view.setFloat64(at + 18, acked);
    view.setUint32(at + 26, body.length);
    at += requestHeaderBytes;
    writeAscii(bytes, at, client);
    at += client.length;
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}

/** The requests of a batch. The bytes have been checked by their checksum; bad ones are a bug. */
export function decodeBatch(bytes: Uint8Array): Request[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const requests: Request[] = [];
  const names = new ClientNames(bytes, view);
  const count = view.getUint32(0);
  let at = 4;
  for (let i = 0; i < count; i++) {
    const kind = kinds[view.getUint8(at)];
    assert(kind !== undefined, "a batch holds a request of an unknown kind");
    const clientLength = view.getUint8(at + 1);
    const session = view.getFloat64(at + 2);
    const number = view.getFloat64(at + 10);
    const acked = view.getFloat64(at + 18);
    const bodyLength = view.getUint32(at + 26);
    at += requestHeaderBytes;
    const client = names.at(at, clientLength);
    at += clientLength;
    const body = bytes.subarray(at, at + bodyLength);
    at += bodyLength;
    requests.push({ kind, client, session, number, acked, body });
  }
  assert(at === bytes.length, "a batch has bytes behind its last request");
  return requests;
}

/**
 * The clients' names in a batch: most of its requests are of a few clients, whose names are made
 * into text once.
 */
class ClientNames {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where a name that begins with these four bytes was found, and what it is. */
  readonly #found = new Map<number, { readonly at: number; readonly name: ClientId }>();

  constructor(bytes: Uint8Array, view: DataView) {
    this.#bytes = bytes;
    this.#view = view;
  }

  at(start: number, length: number): ClientId {
    if (length < 4) return this.#read(start, length);
    const key = this.#view.getUint32(start);
    const found = this.#found.get(key);
    if (
      found !== undefined &&
      found.name.length === length &&
      this.#isSame(found.at, start, length)
    ) {
      return found.name;
    }
    const name = this.#read(start, length);
    this.#found.set(key, { at: start, name });
    return name;
  }

  #isSame(a: number, b: number, length: number): boolean {
    const bytes = this.#bytes;
    for (let i = 4; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
    return true;
  }

  #read(start: number, length: number): ClientId {
    if (this.#isLastRead(start, length)) return lastRead;
    lastRead = String.fromCharCode(...this.#bytes.subarray(start, start + length));
    return lastRead;
  }

  #isLastRead(start: number, length: number): boolean {
    if (lastRead.length !== length) return false;
    for (let i = 0; i < length; i++) {
      if (lastRead.charCodeAt(i) !== this.#bytes[start + i]) return false;
    }
    return true;
  }
}

/**
 * The name that was read last, from whichever batch: that of a client which makes one call after
 * the other stays one text, whose hash is known to every table.
 */
let lastRead: ClientId = "";

/** Makes the entry that follows the one with checksum `parent`. */
export function sealPrepare(fields: Omit<Prepare, "checksum">, hash: Hash): Prepare {
  const { view, op, timestamp, parent, body } = fields;
  return { view, op, timestamp, parent, checksum: checksumOf(fields, hash), body };
}

/** Whether an entry that came from a peer or from disk is what its author sealed. */
export function isIntact(entry: Prepare, hash: Hash): boolean {
  return checksumOf(entry, hash) === entry.checksum;
}

/** What is hashed of an entry before its body: three numbers, and the text of its parent. */
const head = new Uint8Array(3 * 8 + 1 + 0xff);
const headView = new DataView(head.buffer);

function checksumOf(entry: Omit<Prepare, "checksum">, hash: Hash): Checksum {
  const { parent } = entry;
  headView.setFloat64(0, entry.view);
  headView.setFloat64(8, entry.op);
  headView.setFloat64(16, entry.timestamp);
  headView.setUint8(24, parent.length);
  writeAscii(head, 25, parent);
  return hash(head.subarray(0, 25 + parent.length), entry.body);
}

function writeAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}
