/** Values as text, so that two of them can be compared and shown. */
import { TargetRef } from "@troupe/replication/runtime";

/** Equal for equal plain data, whatever became of refs on the way: they count by their address. */
export function textOfValue(value: unknown): string {
  return String(JSON.stringify(value, plain));
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return { map: [...value] };
  if (value instanceof TargetRef) return { address: value.address };
  return value;
}
