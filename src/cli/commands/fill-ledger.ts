import type { Command } from 'commander';
import type { BatchAddItemsReport } from 'storagebox/core';
import { action } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { CommandFailure } from '../failures.js';
import { wholeNumber } from '../options.js';
import { print, printJson } from '../output.js';
import { ProgressLine, withThousands } from '../progress.js';
import type { Choice } from '../stores/choose-store.js';

interface FillLedgerOptions {
  readonly concurrency?: number;
}

export function addFillLedger(program: Command, choice: Choice): void {
  program
    .command('fill-ledger')
    .description(
      'Enter into the ledger what is in the bank and what was handed out from it, for a bank that ' +
        'was filled without a ledger. Claims may continue; releases and retirements must wait. ' +
        'If it is stopped half-way, run it again.',
    )
    .option('--concurrency <count>', 'transactions under way at once (default: 4)', wholeNumber)
    .action(
      action<FillLedgerOptions>(choice, async ({ options, signal, isJson, open }) => {
        const { itemRepo, deduplicationRepo, ledgerName } = await open();
        if (ledgerName === undefined) throw noLedger();
        const line = new ProgressLine('items');
        try {
          const report = await itemRepo.fillLedger(deduplicationRepo, {
            signal,
            concurrency: options.concurrency,
            onProgress: ({ read }) => line.show({ done: read, fraction: null }),
          });
          line.clear();
          await (isJson ? printJson(report) : print(textOf(report)));
          return EXIT_CODES.success;
        } finally {
          line.clear();
        }
      }),
    );
}

function textOf({ read, added, alreadyKnown, repeats }: BatchAddItemsReport): string {
  return (
    `${withThousands(read)} read: ${withThousands(added)} entered into the ledger, ` +
    `${withThousands(alreadyKnown)} already known, ${withThousands(repeats)} repeats`
  );
}

function noLedger(): CommandFailure {
  return new CommandFailure({
    code: 'NO_LEDGER',
    message: 'There is no ledger to fill.',
    remedy: 'Leave out --no-ledger.',
    exitCode: EXIT_CODES.usage,
  });
}
