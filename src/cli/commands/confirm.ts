import type { Command } from 'commander';
import { action } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { note, printItem, printJson } from '../output.js';
import type { Choice } from '../stores/choose-store.js';

interface ConfirmOptions {
  readonly item?: string;
}

export function addConfirm(program: Command, choice: Choice): void {
  program
    .command('confirm')
    .description('Let an ID have the item that it holds for good. Prints the item.')
    .argument('<id>', 'the deduplication ID')
    .option('--item <item>', 'only if it is this one')
    .action(
      action<ConfirmOptions>(choice, async (invocation, deduplicationId = '') => {
        const { options, signal, isJson, openForIds } = invocation;
        const { deduplicator } = await openForIds();
        const item = await deduplicator.confirm(deduplicationId, { item: options.item, signal });
        if (isJson) await printJson({ deduplicationId, item });
        else if (item !== null) await printItem(item);
        else note(`The ID does not have ${options.item === undefined ? 'an' : 'that'} item.`);
        return item === null ? EXIT_CODES.noItem : EXIT_CODES.success;
      }),
    );
}
