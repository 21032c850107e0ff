/** The names of topics, groups and keys: what they may be, and what listens to them. */
import { OptionError } from "@troupe/actor";
import { nameOption } from "@troupe/actor/runtime";
import { MAX_NAME_BYTES } from "./directory-messages.ts";

/** Half of a surrogate pair: it would arrive as another character. */
const loneSurrogate = /\p{Surrogate}/u;

/** A name that arrives elsewhere as it is here. Throws OptionError. */
export function topicOption(option: string, value: unknown): string {
  const name = nameOption(option, value);
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES && !loneSurrogate.test(name)) return name;
  throw new OptionError(option, `well-formed text of at most ${MAX_NAME_BYTES} bytes`, name);
}
