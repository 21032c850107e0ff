/**
 * The one hash of the package: the first 128 bits of SHA-256, as hexadecimal digits.
 *
 * It chains the log, guards the journal's records and digests states. A cryptographic hash costs
 * more than a CRC, but is paid per batch, not per call, and leaves collisions out of every
 * argument.
 */
import { createHash, hash } from "node:crypto";
import type { Hash } from "./vsr/index.ts";

export const checksumHexDigits = 32;

/** Where two short pieces are put together: to hash them at once costs less than an object. */
const joined = Buffer.alloc(4096);

/** @example checksum(new Uint8Array()) // => "e3b0c44298fc1c149afbf4c8996fb924" */
export const checksum: Hash = (bytes, more) => {
  if (more === undefined) return hash("sha256", bytes, "hex").slice(0, checksumHexDigits);
  const length = bytes.length + more.length;
  if (length > joined.length) {
    const whole = createHash("sha256").update(bytes).update(more).digest("hex");
    return whole.slice(0, checksumHexDigits);
  }
  joined.set(bytes);
  joined.set(more, bytes.length);
  return hash("sha256", joined.subarray(0, length), "hex").slice(0, checksumHexDigits);
};

/** The same hash of bytes that come piece by piece. `end` may be called once. */
export class RunningChecksum {
  readonly #hash = createHash("sha256");

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  end(): string {
    return this.#hash.digest("hex").slice(0, checksumHexDigits);
  }
}
