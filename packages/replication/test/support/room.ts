/** The room at the end of a segment: the zeros that records to come are written into. */

/** Where it begins in a segment whose last record does not end with a zero. */
export function roomAt(segment: Buffer): number {
  let at = segment.length;
  while (at > 0 && segment[at - 1] === 0) at--;
  return at;
}

/** The files of a journal without any. */
export function withoutRoom(files: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  const tight = (name: string, bytes: Buffer) =>
    name.endsWith(".log") ? bytes.subarray(0, roomAt(bytes)) : bytes;
  return new Map([...files].map(([name, bytes]) => [name, tight(name, bytes)]));
}
