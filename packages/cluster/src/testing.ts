/**
 * What tests of clusters use: `import { memoryNetwork } from "@troupe/cluster/testing"`.
 *
 * A list of names; no code lives here, and no other source file imports it.
 */
export {
  MemoryNetwork,
  type MemoryNetworkOptions,
  memoryNetwork,
  memoryUrl,
} from "./transport/memory.ts";
