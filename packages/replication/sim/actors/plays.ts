/** The actors of the workload, by name. */
import { cache } from "./cache.ts";
import { herald } from "./herald.ts";
import { ledger } from "./ledger.ts";
import type { Play } from "./play.ts";
import { queue } from "./queue.ts";

export const plays: Readonly<Record<string, Play>> = { ledger, cache, queue, herald };
