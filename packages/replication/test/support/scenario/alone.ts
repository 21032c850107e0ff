/** A replica alone on a table, with nobody to talk to. */
import { checksum } from "../../../src/checksum.ts";
import { type Recovered, Replica, timeoutTicksDefaults } from "../../../src/vsr/index.ts";
import { groupConfig } from "../test-group.ts";

/** Its timeouts have no jitter, and its settings are those of the small groups of the tests. */
export function replicaAlone(index: number, recovered?: Recovered, replicaCount = 3): Replica {
  const config = { ...groupConfig, replicaCount };
  const ticks = { ...timeoutTicksDefaults, jitter: 0 };
  return new Replica({ index, config, ticks, hash: checksum, random: () => 0 }, recovered);
}
