/** Bytes that were something once. */
import fc from "fast-check";

/** What `encode` makes of one of these values, with a few bytes changed, and perhaps cut off. */
export function damagedBytes<T>(
  values: readonly T[],
  encode: (value: T) => Uint8Array,
): fc.Arbitrary<Uint8Array> {
  const place = fc.double({ min: 0, max: 0.999, noNaN: true });
  return fc
    .record({
      value: fc.constantFrom(...values),
      flips: fc.array(fc.tuple(place, fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
      length: fc.double({ min: 0.5, max: 1, noNaN: true }),
    })
    .map(({ value, flips, length }) => {
      const bytes = Uint8Array.from(encode(value));
      for (const [share, flip] of flips) {
        const at = Math.floor(share * bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
      }
      return bytes.subarray(0, Math.ceil(length * bytes.length));
    });
}
