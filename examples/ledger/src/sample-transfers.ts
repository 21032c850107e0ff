/**
 * Makes the transfers of `transfers.csv`, the same ones every time: 24,000 rows over 100 accounts
 * from a fixed seed. It writes nothing; `generate.ts` prints what this yields.
 *
 * Among them are rows that any bank sees: a transfer sent twice, an id used again for something
 * else, and accounts that try to spend more than they have.
 */

/** How many data rows the file holds. */
export const sampleRows = 24_000;

/** How many accounts they move money between. */
export const sampleAccounts = 100;

const seed = 20_261_122;

/** Yields the header and then each row, without line ends. */
export function* sampleTransfers(): Generator<string> {
  const random = mulberry32(seed);
  const upTo = (limit: number) => Math.floor(random() * limit);
  const recent: string[] = [];

  yield "id,debit,credit,amount";
  for (let number = 1; number <= sampleRows; number++) {
    const chance = upTo(2_000);
    const earlier = recent[upTo(recent.length)];
    const id = `t-${String(number).padStart(5, "0")}`;
    if (chance < 3 && earlier !== undefined) {
      yield earlier;
      continue;
    }
    const reused = chance < 6 && earlier !== undefined;
    const row = [
      reused ? earlier.slice(0, id.length) : id,
      ...twoAccounts(upTo),
      amountOf(upTo),
    ].join(",");
    yield row;
    if (reused) continue;
    recent.push(row);
    if (recent.length > 500) recent.shift();
  }
}

function twoAccounts(upTo: (limit: number) => number): [string, string] {
  const debit = upTo(sampleAccounts);
  // Skipping over the debit account keeps the draw uniform without ever drawing again.
  const credit = (debit + 1 + upTo(sampleAccounts - 1)) % sampleAccounts;
  return [accountName(debit), accountName(credit)];
}

function accountName(index: number): string {
  return `acc-${String(index + 1).padStart(3, "0")}`;
}

/** Mostly small purchases, now and then rent; in cents. */
function amountOf(upTo: (limit: number) => number): number {
  return upTo(10) === 0 ? 20_000 + upTo(60_000) : 100 + upTo(5_900);
}

/** A small seeded generator (Mulberry32), here so that the file depends on no other package. */
function mulberry32(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
