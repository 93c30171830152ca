// Which ID and which item belong to a number. IDs come in the order of their text, as those that a database counts
// up; items come in none, as codes that cannot be guessed.

/** Odd, so that no two numbers below 2³² give the same. The stores seed by the same rule, in SQL. */
export const SCATTER = 2_654_435_761;

export function idAt(number: number): string {
  return `user-${String(number).padStart(10, '0')}`;
}

export function itemAt(number: number): string {
  return `VOUCHER-${scattered(number).toString(16).padStart(8, '0')}`;
}

export function scattered(number: number): number {
  return Math.imul(number, SCATTER) >>> 0;
}
