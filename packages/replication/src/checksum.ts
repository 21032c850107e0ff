/**
 * The one hash of the package: the first 128 bits of SHA-256, as hexadecimal digits.
 *
 * It chains the log, guards the journal's records and digests states. A cryptographic hash costs
 * more than a CRC, but is paid per batch, not per call, and leaves collisions out of every
 * argument.
 */
import { createHash } from "node:crypto";
import type { Hash } from "./vsr/index.ts";

export const checksumHexDigits = 32;

/** @example checksum(new Uint8Array()) // => "e3b0c44298fc1c149afbf4c8996fb924" */
export const checksum: Hash = (bytes, more) => {
  const hash = createHash("sha256").update(bytes);
  if (more !== undefined) hash.update(more);
  return hash.digest("hex").slice(0, checksumHexDigits);
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
