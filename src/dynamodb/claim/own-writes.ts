// The caller's own writes, which are committed together with those of the package.
import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { AlongsideRefusedError } from '../../contracts/errors.js';
import { assertOption } from '../../contracts/validation.js';
import { MAX_ACTIONS_PER_TRANSACTION } from '../put-if-absent.js';
import type { Table } from '../table.js';
import { canBeSameTable } from '../tables.js';
import { hasConditionFailed, tableNameOf } from '../transaction.js';

const ACTIONS = ['Put', 'Update', 'Delete', 'ConditionCheck'] as const;

/**
 * A copy of them, so that nothing that the caller changes later is sent under the same token.
 *
 * @param actionsBesides how many actions the transaction has besides
 * @param tables of the package, whose rows the caller may not write
 * @throws InvalidOptionError
 */
export function ownActions(
  written: unknown,
  actionsBesides: number,
  tables: readonly (Table | null)[],
): TransactWriteItem[] {
  if (written === undefined) return [];
  const room = MAX_ACTIONS_PER_TRANSACTION - actionsBesides;
  const expect = (condition: boolean, expectation: string, remedy: string) =>
    assertOption(condition, 'alongside', expectation, written, remedy);
  expect(
    Array.isArray(written) && written.every(isAction),
    'a function that returns an array of TransactWriteItem',
    'Return [{ Put: … }] or the like at once, with attribute values such as { S: "…" }; see marshall() of ' +
      '@aws-sdk/util-dynamodb.',
  );
  const actions = written as TransactWriteItem[];
  expect(
    actions.length <= room,
    `a function that returns ${room} actions at most`,
    'A transaction of DynamoDB has 100 actions, those of the call included.',
  );
  const isOurs = (tableName: string) =>
    tables.some((table) => table !== null && canBeSameTable(table.tableName, tableName));
  expect(
    !actions.some((action) => isOurs(tableNameOf(action) as string)),
    'a function whose actions leave the item bank, the deduplication table and the ledger alone',
    'Write to tables of your own.',
  );
  return structuredClone(actions);
}

function isAction(action: unknown): boolean {
  if (typeof action !== 'object' || action === null) return false;
  const names = ACTIONS.filter((name) => (action as TransactWriteItem)[name] !== undefined);
  return names.length === 1 && typeof tableNameOf(action as TransactWriteItem) === 'string';
}

/** Whether a condition of the caller's own writes, which come last, has failed. */
export function hasOwnConditionFailed(
  reasons: readonly CancellationReason[],
  actionsBesides: number,
): boolean {
  return reasons.slice(actionsBesides).some(hasConditionFailed);
}

export function ownWritesRefused(
  cause: unknown,
  reasons: readonly CancellationReason[],
  actionsBesides: number,
): AlongsideRefusedError {
  return new AlongsideRefusedError(reasons.slice(actionsBesides), { cause });
}
