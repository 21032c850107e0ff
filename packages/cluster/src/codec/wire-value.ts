/**
 * Decides whether a value can cross the wire unharmed, before a byte of it is written.
 *
 * cbor-x would silently turn a URL or a promise into `{}`, lose the class of an instance and the
 * code of an error, make -0 into 0, and close the holes of an array. What a message may carry is
 * one rule for local and remote messages, so it lives in `@troupe/actor`; these are its names
 * here. What is no plain data by itself is replaced by its wire form. Nothing is encoded here.
 *
 * Two things change on the way without being refused: an object without a prototype arrives as an
 * ordinary one, and a value reachable twice arrives as two.
 */
export {
  checkPlainData as checkValue,
  type PlainDataForms as WireForms,
  type PlainDataLimits as ValueLimits,
} from "@troupe/actor/runtime";
