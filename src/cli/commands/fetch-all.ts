import type { Command } from 'commander';
import { assertDeduplicationId, type GroupMember, MAX_GROUP_IDS } from 'storagebox/core';
import { action } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { holdDuration, wrongOptions } from '../options.js';
import { note, printJson, writeRows } from '../output.js';
import { isoTextOf, type Row } from '../rows.js';
import type { Choice } from '../stores/choose-store.js';

interface FetchAllOptions {
  /** In milliseconds. */
  readonly hold?: number;
}

export function addFetchAll(program: Command, choice: Choice): void {
  program
    .command('fetch-all')
    .description(
      'Give each of the IDs its item, or none of them anything if there are too few. Prints IDs and items ' +
        'as CSV.',
    )
    .argument('<ids...>', `different deduplication IDs, up to ${MAX_GROUP_IDS}`)
    .option(
      '--hold <duration>',
      'hold the items for so long, such as 15m, until they are confirmed',
      holdDuration,
    )
    .action(
      action<FetchAllOptions>(choice, async (invocation, ...deduplicationIds) => {
        const { options, signal, isJson, openForIds } = invocation;
        assertGroup(deduplicationIds);
        const { deduplicator } = await openForIds();
        const result = await deduplicator.claimAll(deduplicationIds, {
          holdForMs: options.hold,
          signal,
        });
        const isExhausted = result.status === 'exhausted';
        if (isJson) await printJson(result);
        else if (isExhausted) note(textOf(result));
        else await writeRows(rowsOf(result.members), { columns: COLUMNS, format: 'csv' });
        return isExhausted ? EXIT_CODES.noItem : EXIT_CODES.success;
      }),
    );
}

const COLUMNS = ['deduplication_id', 'item', 'status', 'held_until'];

/** Told before the store is opened, and in the words of the command line. */
function assertGroup(deduplicationIds: readonly string[]): void {
  for (const deduplicationId of deduplicationIds) assertDeduplicationId(deduplicationId);
  if (deduplicationIds.length > MAX_GROUP_IDS) {
    throw wrongOptions(
      `${deduplicationIds.length} IDs were given, and a group has ${MAX_GROUP_IDS} at most.`,
      'Divide it, or use "storagebox assign" if it need not be all or nothing.',
    );
  }
  if (new Set(deduplicationIds).size < deduplicationIds.length) {
    throw wrongOptions(
      'An ID was given twice.',
      'Give each item of a group an ID of its own, such as order-17/1 and order-17/2.',
    );
  }
}

async function* rowsOf(members: readonly GroupMember[]): AsyncGenerator<Row, void, void> {
  for (const { deduplicationId, item, status, heldUntil } of members) {
    yield { deduplication_id: deduplicationId, item, status, held_until: isoTextOf(heldUntil) };
  }
}

function textOf(counts: { readonly itemsNeeded: number; readonly itemsSeen: number }): string {
  const { itemsNeeded, itemsSeen } = counts;
  return `Too few items, so nobody got one: needed ${itemsNeeded}, seen ${itemsSeen}.`;
}
