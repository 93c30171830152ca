import type { Command } from 'commander';
import type { AnyClaimResult } from 'storagebox/core';
import { action } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { holdDuration } from '../options.js';
import { note, printItem, printJson } from '../output.js';
import type { Choice } from '../stores/choose-store.js';

interface FetchOptions {
  readonly item?: string;
  /** In milliseconds. */
  readonly hold?: number;
}

export function addFetch(program: Command, choice: Choice): void {
  program
    .command('fetch')
    .description('Print the item of an ID: the one that it has, else one from the bank.')
    .argument('<id>', 'the deduplication ID')
    .option('--item <item>', 'else this one, if it is free')
    .option(
      '--hold <duration>',
      'hold the item for so long, such as 15m, until it is confirmed',
      holdDuration,
    )
    .action(
      action<FetchOptions>(choice, async (invocation, deduplicationId = '') => {
        const { options, signal, isJson, openForIds } = invocation;
        const { item, hold: holdForMs } = options;
        const { deduplicator } = await openForIds();
        const result = await deduplicator.claim(deduplicationId, { item, holdForMs, signal });
        if (isJson) await printJson({ deduplicationId, ...result });
        else await printResult(result, item);
        return result.item === null ? EXIT_CODES.noItem : EXIT_CODES.success;
      }),
    );
}

async function printResult(result: AnyClaimResult, chosen: string | undefined): Promise<void> {
  if (result.status === 'taken') return note('The item is not free, and the ID has none.');
  if (result.item === null) return note('Sold out: the ID has no item, and the bank is empty.');
  await printItem(result.item);
  if (chosen !== undefined && result.item !== chosen) note('The ID has another item already.');
  if (result.heldUntil !== null) note(`Held until ${result.heldUntil.toISOString()}.`);
}
