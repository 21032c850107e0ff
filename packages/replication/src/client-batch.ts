/**
 * The bytes in which the requests, or the replies, that one turn has for one node travel together.
 *
 * Requests have the layout that they have in an entry of the log; replies have one like it. Bytes
 * that are no batch, or hold a field that is not of its type, make no message: they may come from
 * anyone. docs/wire.md has both layouts.
 */
import { isHex, isNatural } from "./fields.ts";
import {
  decodeBatch,
  encodeBatch,
  type ReplyMessage,
  type Request,
  type RequestMessage,
  requestBytes,
} from "./vsr/index.ts";

/** Length of the client's name, view, session, number, length of the body. */
const replyHeaderBytes = 1 + 8 + 8 + 8 + 4;

/** What a message adds to its batch, in bytes. */
export function batchedBytes(message: RequestMessage | ReplyMessage): number {
  if (message.type === "request") return requestBytes(message);
  return replyHeaderBytes + message.client.length + message.body.length;
}

export function encodeRequests(requests: readonly RequestMessage[]): Uint8Array {
  return encodeBatch(requests);
}

/** The requests in a batch; undefined if it is none. Their bodies lie in its memory. */
export function decodeRequests(batch: Uint8Array): RequestMessage[] | undefined {
  const requests: RequestMessage[] = [];
  try {
    for (const { kind, ...fields } of decodeBatch(batch)) {
      // A pulse is what a group asks of itself: nobody can send one.
      if (kind === "pulse" || !isSoundRequest(fields)) return undefined;
      requests.push({ type: "request", kind, ...fields });
    }
  } catch {
    return undefined;
  }
  return requests;
}

function isSoundRequest({ client, session, number, acked }: Omit<Request, "kind">): boolean {
  return isHex(client) && isNatural(session) && isNatural(number) && isNatural(acked);
}

export function encodeReplies(replies: readonly ReplyMessage[]): Uint8Array {
  let size = 4;
  for (const reply of replies) size += batchedBytes(reply);
  const batch = new Uint8Array(size);
  const bytes = Buffer.from(batch.buffer);
  bytes.writeUInt32BE(replies.length, 0);
  let at = 4;
  for (const { client, view, session, number, body } of replies) {
    bytes[at] = client.length;
    bytes.writeDoubleBE(view, at + 1);
    bytes.writeDoubleBE(session, at + 9);
    bytes.writeDoubleBE(number, at + 17);
    bytes.writeUInt32BE(body.length, at + 25);
    at += replyHeaderBytes;
    at += bytes.write(client, at, "latin1");
    batch.set(body, at);
    at += body.length;
  }
  return batch;
}

/** The replies in a batch; undefined if it is none. Their bodies lie in its memory. */
export function decodeReplies(batch: Uint8Array): ReplyMessage[] | undefined {
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
  const replies: ReplyMessage[] = [];
  try {
    let at = 4;
    for (let left = bytes.readUInt32BE(0); left > 0; left--) {
      const bodyAt = at + replyHeaderBytes + bytes.readUInt8(at);
      const end = bodyAt + bytes.readUInt32BE(at + 25);
      if (end > bytes.length) return undefined;
      const reply: ReplyMessage = {
        type: "reply",
        view: bytes.readDoubleBE(at + 1),
        client: bytes.toString("latin1", at + replyHeaderBytes, bodyAt),
        session: bytes.readDoubleBE(at + 9),
        number: bytes.readDoubleBE(at + 17),
        body: batch.subarray(bodyAt, end),
      };
      if (!isSoundReply(reply)) return undefined;
      replies.push(reply);
      at = end;
    }
    return at === bytes.length ? replies : undefined;
  } catch (error) {
    // Read past the end; anything else would be a bug of ours.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function isSoundReply({ view, client, session, number }: ReplyMessage): boolean {
  return isHex(client) && isNatural(view) && isNatural(session) && isNatural(number);
}
