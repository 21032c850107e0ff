import { expect, test } from "vitest";
import { Suspicion } from "../../src/membership/suspicion.ts";

function roundsUntilDown(suspicion: Suspicion): number {
  for (let round = 1; round < 100; round++) if (suspicion.round()) return round;
  return Number.POSITIVE_INFINITY;
}

test("one accuser waits for twelve rounds, and each further one makes it shorter, down to four", () => {
  const rounds = [1, 2, 3, 4, 5].map((count) => {
    const suspicion = new Suspicion(10);
    for (let n = 0; n < count; n++) suspicion.accuse(`accuser ${n}`);
    return roundsUntilDown(suspicion);
  });
  expect(rounds).toEqual([12, 8, 6, 4, 4]);
});

test("an accuser counts once, and no more are kept than are waited for", () => {
  const suspicion = new Suspicion(10);
  expect(suspicion.accuse("a")).toBe(true);
  expect(suspicion.accuse("a")).toBe(false);
  expect(["b", "c", "d", "e"].map((name) => suspicion.accuse(name))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(suspicion.accusers).toEqual(["a", "b", "c", "d"]);
});

test("where nobody could confirm it, nobody is waited for", () => {
  const alone = new Suspicion(0);
  alone.accuse("a");
  expect(alone.timeoutRounds()).toBe(4);
  const oneWitness = new Suspicion(1);
  oneWitness.accuse("a");
  expect(oneWitness.timeoutRounds()).toBe(12);
  oneWitness.accuse("b");
  expect(oneWitness.timeoutRounds()).toBe(4);
});

test("an accuser who comes late shortens what is left", () => {
  const suspicion = new Suspicion(3);
  suspicion.accuse("a");
  for (let round = 0; round < 5; round++) expect(suspicion.round()).toBe(false);
  for (const name of ["b", "c", "d"]) suspicion.accuse(name);
  expect(suspicion.round()).toBe(true);
});
