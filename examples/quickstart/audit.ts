// Compares what the users were told with what the tables say.
import type { Click } from './messages.js';

export interface Tables {
  readonly seeded: readonly string[];
  /** The codes that are in the item bank after the rush. */
  readonly left: readonly string[];
  /** The code of each user, from the deduplication table. */
  readonly owners: ReadonlyMap<string, string>;
}

export interface Check {
  readonly promise: string;
  readonly holds: boolean;
}

export function audit(clicks: readonly Click[], { seeded, left, owners }: Tables): Check[] {
  const assigned = [...owners.values()];
  const isOwnersCode = ({ userId, voucherCode }: Click) =>
    voucherCode === (owners.get(userId) ?? null);
  const soldOutAnswers = clicks.filter(({ voucherCode }) => voucherCode === null);
  return [
    {
      promise: 'P1  each user got the same answer from every server',
      holds: clicks.every(isOwnersCode),
    },
    {
      promise: 'P2  no code went to two users',
      holds: new Set(assigned).size === assigned.length,
    },
    {
      promise: 'P3  no code was lost: given + left = added',
      holds: isSame([...assigned, ...left], seeded),
    },
    {
      promise: 'P4  only users without a code were told "sold out", and no code was left',
      holds:
        soldOutAnswers.every(({ userId }) => !owners.has(userId)) &&
        (soldOutAnswers.length === 0 || left.length === 0),
    },
  ];
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return [...some].sort().join('\n') === [...others].sort().join('\n');
}
