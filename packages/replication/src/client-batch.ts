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
  // The batch is of a few clients, and each name in it is one text: most need no second look.
  let sound: string | undefined;
  try {
    for (const { kind, client, session, number, acked, body } of decodeBatch(batch)) {
      // A pulse is what a group asks of itself: nobody can send one.
      if (kind === "pulse" || (client !== sound && !isHex(client))) return undefined;
      if (!isNatural(session) || !isNatural(number) || !isNatural(acked)) return undefined;
      sound = client;
      requests.push({ type: "request", kind, client, session, number, acked, body });
    }
  } catch {
    return undefined;
  }
  return requests;
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
  let sound: string | undefined;
  try {
    let at = 4;
    for (let left = bytes.readUInt32BE(0); left > 0; left--) {
      const bodyAt = at + replyHeaderBytes + bytes.readUInt8(at);
      const end = bodyAt + bytes.readUInt32BE(at + 25);
      if (end > bytes.length) return undefined;
      const view = bytes.readDoubleBE(at + 1);
      const session = bytes.readDoubleBE(at + 9);
      const number = bytes.readDoubleBE(at + 17);
      const name = bytes.toString("latin1", at + replyHeaderBytes, bodyAt);
      // One text for all replies to a client, and one look at it.
      const client = name === sound ? sound : name;
      if (client !== sound && !isHex(client)) return undefined;
      if (!isNatural(view) || !isNatural(session) || !isNatural(number)) return undefined;
      sound = client;
      replies.push({
        type: "reply",
        view,
        client,
        session,
        number,
        body: batch.subarray(bodyAt, end),
      });
      at = end;
    }
    return at === bytes.length ? replies : undefined;
  } catch (error) {
    // Read past the end; anything else would be a bug of ours.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
