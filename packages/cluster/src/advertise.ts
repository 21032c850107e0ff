/**
 * The address that a node tells the others: where it can be dialled, which is not always where it
 * listens, as behind a translated address or on all addresses of a machine.
 */
import { OptionError } from "@troupe/actor";
import { MAX_URL_BYTES } from "./membership/member.ts";

/** What an address to tell has to fit. */
export interface AdvertiseContext {
  readonly isListening: boolean;
  /** The schemes that other nodes dial; undefined if the transport is not ours. */
  readonly schemes: readonly string[] | undefined;
}

/** Checks the address that is told to others; undefined if none is given. Throws OptionError. */
export function resolveAdvertise(
  advertise: unknown,
  { isListening, schemes }: AdvertiseContext,
): string | undefined {
  if (advertise === undefined) return undefined;
  const refuse = (expected: string) => new OptionError("advertise", expected, advertise);
  if (typeof advertise !== "string" || /\s/.test(advertise) || !URL.canParse(advertise)) {
    throw refuse('a URL such as "ws://10.0.0.2:7400"');
  }
  if (!isListening) throw refuse("to be left out, because the node listens nowhere");
  const { protocol, username, password, hash } = new URL(advertise);
  if (schemes !== undefined && !schemes.includes(protocol)) {
    throw refuse(`a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`);
  }
  // It is told to everybody, and a WebSocket has no use for a fragment (RFC 6455, section 3).
  if (username + password + hash !== "")
    throw refuse("a URL without a user and without a fragment");
  if (isWildcard(advertise)) throw refuse("an address of one machine, which others can dial");
  // A longer one is told to nobody.
  if (Buffer.byteLength(advertise) > MAX_URL_BYTES) throw refuse(`at most ${MAX_URL_BYTES} bytes`);
  return advertise;
}

/** Whether an address stands for all of a machine's own, so that it leads others to themselves. */
export function isWildcard(url: string): boolean {
  return URL.canParse(url) && wildcards.includes(new URL(url).hostname);
}

/** As a URL spells them; the last one is 0.0.0.0 mapped into IPv6. */
const wildcards: readonly string[] = ["0.0.0.0", "[::]", "[::ffff:0:0]"];
