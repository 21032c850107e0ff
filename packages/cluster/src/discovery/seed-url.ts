/** Reads addresses as people write them: a URL, or `host:port`, which means a WebSocket. */

/** A longer one is no address of a node. */
const MAX_URL_LENGTH = 2048;

/** For errors. */
export const seedUrlForm = 'a URL such as "ws://10.0.0.2:7400", or host:port';

/** The URL that a text stands for; undefined if it is no address. */
export function seedUrl(text: unknown): string | undefined {
  if (typeof text !== "string" || text.length > MAX_URL_LENGTH || /\s/.test(text)) return undefined;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return URL.canParse(text) ? text : undefined;
  // What else there may be beside a host and a port is no bare address.
  if (!/^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+):\d+$/i.test(text)) return undefined;
  const url = `ws://${text}`;
  return URL.canParse(url) ? url : undefined;
}

/** Splits a list at its commas and spaces. */
export function splitSeeds(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== "");
}
