/**
 * The numbers under which a node defers replies: drawn, so that no other node can guess one.
 *
 * Whoever is handed the address of a deferred reply may answer it, from any node, and that is all
 * there is to it: the number is what it takes. Numbers in order would let every node answer calls
 * that it has never heard of.
 */

/** Numbers that are drawn at a time: a draw costs more than its bytes. */
const AT_ONCE = 64;

/** Seven bytes of chance, of which the upper three bits are not used: 53 bits. */
const NUMBER_BYTES = 7;

/** Draws numbers from 1 to 2^53 - 1 out of a source of bytes that nobody can foresee. */
export function replyNumbers(randomBytes: (size: number) => Uint8Array): () => number {
  let bytes = Buffer.alloc(0);
  let at = 0;
  return () => {
    if (at === bytes.length) {
      bytes = Buffer.from(randomBytes(AT_ONCE * NUMBER_BYTES));
      at = 0;
    }
    const high = bytes.readUIntBE(at, 3) & 0x1f_ffff;
    const low = bytes.readUInt32BE(at + 3);
    at += NUMBER_BYTES;
    return high * 0x1_0000_0000 + low || 1;
  };
}
