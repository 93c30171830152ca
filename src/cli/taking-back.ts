// What `release` and `retire` have in common: everything except what happens to the item.
import { type Command, Option } from 'commander';
import type { ClaimOptions, Deduplicator } from 'storagebox/core';
import { action } from './action.js';
import { confirm } from './confirmation.js';
import { EXIT_CODES } from './exit-codes.js';
import { note, printItem, printJson } from './output.js';
import type { Choice } from './stores/choose-store.js';

interface TakingBack {
  readonly name: string;
  readonly description: string;
  question(deduplicationId: string): string;
  take(
    deduplicator: Deduplicator,
    deduplicationId: string,
    options: ClaimOptions,
  ): Promise<string | null>;
}

export function addTakingBack(
  program: Command,
  choice: Choice,
  { name, description, question, take }: TakingBack,
): void {
  program
    .command(name)
    .description(description)
    .argument('<id>', 'the deduplication ID')
    .option('-y, --yes', 'do not ask')
    .addOption(releaseBankOption(choice))
    .action(
      action<{ readonly yes?: true }>(choice, async (invocation, deduplicationId = '') => {
        const { options, signal, isJson, openForIds } = invocation;
        // Opened before the question is asked: whatever is wrong with the set-up is told first.
        const { deduplicator } = await openForIds();
        await confirm(question(deduplicationId), options.yes ?? false, signal);
        const item = await take(deduplicator, deduplicationId, { signal });
        if (isJson) await printJson({ deduplicationId, item });
        else if (item !== null) await printItem(item);
        else note('The ID had no item.');
        return item === null ? EXIT_CODES.noItem : EXIT_CODES.success;
      }),
    );
}

export function releaseBankOption({ store }: Choice): Option {
  return new Option(
    '--release-bank <table>',
    'another bank that the item can have come from, named as in --item-bank-table; can be repeated',
  )
    .default([])
    .argParser((bank: string, earlier: readonly string[]) => [
      ...earlier,
      store.parseItemBankName(bank),
    ]);
}
