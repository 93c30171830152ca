// What a call that threw wrote: each error says it, and the two-step claim goes by it.
import * as core from 'storagebox/core';
import { expect, test, vi } from 'vitest';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';
import { useVirtualTime } from '../support/virtual-time.js';

const progress = (added: number, unconfirmed: readonly string[], alreadyKnown = 0) =>
  new core.BatchNotFullyAddedError(
    { read: 3, added, repeats: 0, alreadyKnown, notAdded: [], unconfirmed },
    { cause: new Error('injected') },
  );
const cause = new Error('injected');

test.each<[core.AnyStorageBoxError, core.Written]>([
  [new core.InvalidDeduplicationIdError('text'), 'nothing'],
  [new core.InvalidItemError('text'), 'nothing'],
  [new core.InvalidOptionError('option', 'text'), 'nothing'],
  [new core.TableNotFoundError(['codes'], 'the attic', { cause }), 'nothing'],
  [new core.TableSchemaError('codes', 'legs', 'none'), 'nothing'],
  [new core.AccountMismatchError('codes', 'ids'), 'nothing'],
  [new core.DeduplicationIdAlreadyAssignedError('voucher'), 'nothing'],
  [new core.DeduplicationIdAlreadyAssignedError('voucher', { written: 'unknown' }), 'unknown'],
  [new core.ContentionError(10_000), 'nothing'],
  [new core.ServiceUnreachableError({ cause }), 'nothing'],
  [new core.OutcomeUnknownError(10_000, { cause }), 'unknown'],
  [new core.MalformedReplyError('Scan', 'Items'), 'unknown'],
  [progress(0, []), 'nothing'],
  [progress(0, ['voucher']), 'unknown'],
  [progress(1, ['voucher']), 'part'],
  // A ledger may have learnt of an item that the bank had.
  [progress(0, [], 1), 'unknown'],
  [new core.ItemStrandedError('voucher', { cause }), 'unknown'],
  [new core.ReleaseNotSupportedError(), 'nothing'],
  [new core.UnknownItemBankError(0), 'nothing'],
])('%o', (error, written) => {
  expect(error.written).toBe(written);
  expect(core.writtenBy(error)).toBe(written);
});

test('of an error of somebody else nothing is known, unless a store has marked it', () => {
  const refusal = Object.freeze(new Error('frozen'));
  core.noteNothingWritten(refusal);
  for (const error of [cause, refusal, 'a thrown text', null, undefined]) {
    core.noteNothingWritten(error === cause ? null : error);
    expect(core.writtenBy(error)).toBe('unknown');
  }
  const marked = new Error('refused');
  core.noteNothingWritten(marked);
  expect(core.writtenBy(marked)).toBe('nothing');
  expect(Object.keys(marked)).toEqual([]);
});

test.each([
  ['STORAGEBOX_CONTENTION', 'nothing'],
  ['STORAGEBOX_TABLE_NOT_FOUND', 'nothing'],
  ['STORAGEBOX_OUTCOME_UNKNOWN', 'unknown'],
  ['STORAGEBOX_MALFORMED_REPLY', 'unknown'],
])('of an error of an earlier copy of the package its code tells: %s', (code, written) => {
  const error = Object.assign(new Error('without the member'), {
    code,
    [Symbol.for('storagebox.error')]: true,
  });
  expect(core.writtenBy(error)).toBe(written);
});

test('what a store adds to a message is its remedy', () => {
  const remedy = 'Look in the attic.';
  expect(new core.TableNotFoundError(['a', 'b'], 'the attic', { remedy }).message).toBe(
    'The table "a" or "b" does not exist in the attic. Look in the attic.',
  );
  expect(new core.TableSchemaError('a', 'legs', 'none').message).toBe(
    'Expected the table "a" to have legs, got none.',
  );
});

test.each([
  ['an error of the store that is marked', () => marked(new Error('refused'))],
  ['an error of the package', () => new core.InvalidOptionError('option', 'text')],
])('a two-step claim gives its item back after %s', async (_name, makeError) => {
  useVirtualTime();
  const { deduplicator, itemRepo, put } = twoSteps();
  const error = makeError();
  put.mockRejectedValue(error);
  await expect(deduplicator.claim('user')).rejects.toBe(error);
  expect([...itemRepo.items]).toEqual(['voucher']);
  expect(put).toHaveBeenCalledTimes(1);
});

test('a mark on the second attempt says nothing of the first', async () => {
  useVirtualTime();
  const { deduplicator, itemRepo, put } = twoSteps();
  put.mockRejectedValueOnce(new Error('no answer')).mockRejectedValue(marked(new Error('refused')));
  await expect(deduplicator.claim('user')).rejects.toMatchObject({
    code: 'STORAGEBOX_ITEM_STRANDED',
  });
  expect([...itemRepo.items]).toEqual([]);
});

function marked(error: Error): Error {
  core.noteNothingWritten(error);
  return error;
}

function twoSteps() {
  const itemRepo = new SetItemBank();
  itemRepo.items.add('voucher');
  const deduplicationRepo = new MapDeduplication();
  const put = vi.spyOn(deduplicationRepo, 'putDeduplicationId');
  return { deduplicator: new core.Deduplicator({ itemRepo, deduplicationRepo }), itemRepo, put };
}
