/**
 * Cheap hashes: for what only has to differ when it should. Nothing here is cryptographic, and
 * nothing in the simulation is an adversary.
 */

/** Folds a text into 32 bits. */
export function foldText(text: string, seed: number): number {
  let hash = seed | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

const hexDigits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function hexOf(word: number): string {
  const w = word >>> 0;
  return (
    (hexDigits[w >>> 24] as string) +
    (hexDigits[(w >>> 16) & 255] as string) +
    (hexDigits[(w >>> 8) & 255] as string) +
    (hexDigits[w & 255] as string)
  );
}

const noBytes = new Uint8Array(0);

/**
 * 128 bits of a hash of bytes, and of those behind them, as 32 hexadecimal digits: four lanes, each
 * mixed into the next.
 */
export function foldBytes(bytes: Uint8Array, more: Uint8Array = noBytes): string {
  let [a, b, c, d] = [0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f];
  const length = bytes.length + more.length;
  for (let i = 0; i < length; i++) {
    const byte = (i < bytes.length ? bytes[i] : more[i - bytes.length]) as number;
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul((b + byte) ^ (b >>> 15), 0x2c1b3c6d);
    c = Math.imul(c ^ a ^ (c >>> 13), 0x297a2d39);
    d = (d ^ b ^ (c << 7)) + (d << 3);
  }
  a = Math.imul(a ^ (d >>> 16) ^ length, 0x85ebca6b);
  b = Math.imul(b ^ (a >>> 13), 0xc2b2ae35);
  c = Math.imul(c ^ (b >>> 16), 0x27d4eb2f);
  d = Math.imul(d ^ (c >>> 15), 0x9e3779b1);
  return hexOf(a) + hexOf(b) + hexOf(c) + hexOf(d ^ a);
}
