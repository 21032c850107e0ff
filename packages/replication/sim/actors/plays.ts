/** The actors of the workload, by name. */
import { cache } from "./cache.ts";
import { herald } from "./herald.ts";
import { ledger } from "./ledger.ts";
import type { Play } from "./play.ts";
import { queue } from "./queue.ts";

export const plays: Readonly<Record<string, Play>> = { ledger, cache, queue, herald };

export function playOf(name: string): Play {
  const play = Object.hasOwn(plays, name) ? plays[name] : undefined;
  if (play !== undefined) return play;
  const names = Object.keys(plays).join(", ");
  throw new RangeError(`actor: expected one of ${names}, got "${name}"`);
}
