// Which ID and which item belong to a number. Like real ones, they come in no order.

/** Odd, so that no two numbers below 2³² give the same. The stores seed by the same rule, in SQL. */
export const SCATTER = 2_654_435_761;

export function idAt(number: number): string {
  return `user-${scattered(number)}`;
}

export function itemAt(number: number): string {
  return `VOUCHER-${scattered(number)}`;
}

function scattered(number: number): string {
  return (Math.imul(number, SCATTER) >>> 0).toString(16).padStart(8, '0');
}
