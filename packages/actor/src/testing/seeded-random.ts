/**
 * A small seeded generator of pseudo-random numbers, for tests and simulations.
 *
 * It is deterministic across machines and good enough to scatter test cases; it keeps no secrets.
 */
import type { Random } from "../clock.ts";
import { integerOption } from "../option.ts";

/**
 * Makes a generator that yields the same numbers for the same seed.
 *
 * @example
 * ```ts
 * const random = seededRandom(7);
 * random() === seededRandom(7)(); // => true
 * ```
 */
export function seededRandom(seed: number): Random {
  // A Weyl sequence whose words are scrambled by multiply and xor-shift: every 32-bit state is
  // visited once, so the period does not depend on the seed.
  let weyl = integerOption("seed", seed, 0) >>> 0;
  return () => {
    weyl = (weyl + 0x9e37_79b9) >>> 0;
    let word = weyl;
    word = Math.imul(word ^ (word >>> 16), 0x21f0_aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a_2d97);
    word ^= word >>> 15;
    return (word >>> 0) / 0x1_0000_0000;
  };
}
