// Holds what the users were told against what the tables say.
import type { Press } from './messages.js';

export interface Tables {
  readonly seeded: readonly string[];
  /** What is in the item bank after the rush. */
  readonly left: readonly string[];
  /** Who has what, after the deduplication table. */
  readonly owners: ReadonlyMap<string, string>;
}

export interface Check {
  readonly promise: string;
  readonly holds: boolean;
}

export function audit(presses: readonly Press[], { seeded, left, owners }: Tables): Check[] {
  const assigned = [...owners.values()];
  const isOwnersCode = ({ userId, voucherCode }: Press) =>
    voucherCode === (owners.get(userId) ?? null);
  const soldOutAnswers = presses.filter(({ voucherCode }) => voucherCode === null);
  return [
    {
      promise: 'P1  each user got one and the same answer, from whichever server',
      holds: presses.every(isOwnersCode),
    },
    {
      promise: 'P2  no code went to two users',
      holds: new Set(assigned).size === assigned.length,
    },
    {
      promise: 'P3  no code was lost: given + left = seeded',
      holds: isSame([...assigned, ...left], seeded),
    },
    {
      promise: 'P4  "sold out" was said only to users without a code, with none left',
      holds:
        soldOutAnswers.every(({ userId }) => !owners.has(userId)) &&
        (soldOutAnswers.length === 0 || left.length === 0),
    },
  ];
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return [...some].sort().join('\n') === [...others].sort().join('\n');
}
