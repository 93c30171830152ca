import type { Command } from 'commander';
import { action } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { note, printItem, printJson } from '../output.js';
import type { Choice } from '../stores/choose-store.js';

export function addFetch(program: Command, choice: Choice): void {
  program
    .command('fetch')
    .description('Print the item of an ID: the one that it has, else one from the bank.')
    .argument('<id>', 'the deduplication ID')
    .action(
      action(choice, async ({ open, signal, isJson }, deduplicationId = '') => {
        const { deduplicator } = await open();
        const result = await deduplicator.claim(deduplicationId, { signal });
        if (isJson) await printJson({ deduplicationId, ...result });
        else if (result.item !== null) await printItem(result.item);
        else note('Sold out: the ID has no item, and the bank is empty.');
        return result.item === null ? EXIT_CODES.noItem : EXIT_CODES.success;
      }),
    );
}
