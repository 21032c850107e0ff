/**
 * Whether a value is so small that it is best encoded as a whole. To look is cheap, for the look
 * ends where the value is found to be larger.
 */

/** Values in a small tree, keys not counted. */
export const smallTreeValues = 64;
export const smallTreeBytes = 8192;
export const smallTreeLevels = 6;

/** How much a value is; nothing in it is anything but plain objects, arrays, texts, numbers. */
export interface TreeWeight {
  values: number;
  bytes: number;
}

/** What a value without a length counts as. */
export const scalarBytes = 9;

/** False for what is larger, or holds other things; otherwise `weight` says how much it is. */
export function weighSmallTree(value: object, weight: TreeWeight): boolean {
  weight.values = 0;
  weight.bytes = 0;
  return addObject(value, weight, smallTreeLevels);
}

function addObject(value: object, weight: TreeWeight, levels: number): boolean {
  if (levels === 0) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return addArray(value as unknown[], weight, levels);
  // One without a prototype is read as an ordinary one, and must then weigh the same.
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    weight.bytes += key.length;
    if (!add((value as Record<string, unknown>)[key], weight, levels)) return false;
  }
  return true;
}

function addArray(value: readonly unknown[], weight: TreeWeight, levels: number): boolean {
  const { length } = value;
  if (length > smallTreeValues) return false;
  for (let index = 0; index < length; index++) {
    if (!add(value[index], weight, levels)) return false;
  }
  return true;
}

function add(value: unknown, weight: TreeWeight, levels: number): boolean {
  weight.values++;
  weight.bytes += typeof value === "string" ? value.length : scalarBytes;
  if (weight.values > smallTreeValues || weight.bytes > smallTreeBytes) return false;
  return typeof value !== "object" || value === null || addObject(value, weight, levels - 1);
}
