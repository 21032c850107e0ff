/** What a field of a message may hold that came from anyone. */

/** Ops, views, counters: all of them are safe integers (J7). */
export function isNatural(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A checksum, or the name of a client: 128 bits. */
export function isHex(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}

/** A name of a group or a node: names become directories and parts of file names. */
export function isSafeName(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/.test(value);
}
