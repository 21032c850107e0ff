/**
 * Chance, from a seed: one independent stream per concern, so that taking one more number in the
 * workload does not change the network.
 */
import type { Random } from "@troupe/actor";
import { seededRandom } from "@troupe/actor/testing";

export class Chance {
  readonly #random: Random;

  constructor(seed: number, concern: string) {
    let hash = seed >>> 0;
    for (const char of concern) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0;
    this.#random = seededRandom(hash);
  }

  /** In [0, 1). */
  readonly next = (): number => this.#random();

  /** True with this probability. */
  hits(probability: number): boolean {
    return this.#random() < probability;
  }

  /** An integer from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.#random() * (max - min + 1));
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.between(0, choices.length - 1)] ?? choices[0];
  }

  /** Exponentially distributed with this mean: what waiting times are like. */
  exponential(mean: number): number {
    return -Math.log(1 - this.#random()) * mean;
  }

  /** 128 bits as 32 hexadecimal digits. */
  hex(): string {
    let digits = "";
    while (digits.length < 32) digits += this.between(0, 15).toString(16);
    return digits;
  }
}
