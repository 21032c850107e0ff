/**
 * Decides whether a value can cross the wire unharmed, before a byte of it is written.
 *
 * cbor-x would silently turn a URL or a promise into `{}`, lose the class of an instance and the
 * name and code of an error, and close the holes of an array. What a message may carry is one rule
 * for local and remote messages, so it lives in `@troupe/actor`; these are its names here. Refs
 * are replaced by their wire form. Nothing is encoded here.
 *
 * Three things change on the way without being refused: -0 arrives as 0, an object without a
 * prototype arrives as an ordinary one, and a value reachable twice arrives as two.
 */
export {
  checkPlainData as checkValue,
  type PlainDataLimits as ValueLimits,
  type ReplaceRef as WrapRef,
} from "@troupe/actor/runtime";
