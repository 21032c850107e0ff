/**
 * The tokens of which the slices of a state are made; docs/wire.md has the layout. The numbers
 * stand in files, so none of them ever changes its meaning.
 */
export const Token = {
  value: 0,
  object: 1,
  array: 2,
  map: 3,
  set: 4,
  /** The value is the first piece. */
  text: 5,
  /** The value says of what type, and how many bytes it takes. */
  bytes: 6,
  piece: 7,
  close: 8,
} as const;

/** Whether a value stands in the slice for the token. */
export function takesValue(code: number): boolean {
  const { value, text, bytes, piece } = Token;
  return code === value || code === piece || code === text || code === bytes;
}

/** A number says which of these a typed array is, so their order is part of the format. */
export const byteTypes = [
  Uint8Array,
  Buffer,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Float32Array,
  Float64Array,
];
