import type { Command } from 'commander';
import { type BatchAddItemsReport, isStorageBoxError } from 'storagebox/core';
import { action } from '../action.js';
import { openInput } from '../csv.js';
import { EXIT_CODES } from '../exit-codes.js';
import { CommandFailure, type Failure } from '../failures.js';
import { wholeNumber } from '../options.js';
import { note, print, printJson } from '../output.js';
import { ProgressLine, withThousands } from '../progress.js';
import type { Choice } from '../stores/choose-store.js';
import type { OpenStore } from '../stores/store.js';

interface AddOptions {
  readonly column?: string;
  readonly asIs?: true;
  readonly concurrency?: number;
}

export function addAdd(program: Command, choice: Choice): void {
  program
    .command('add')
    .description('Add items to the bank. Items that are or ever were in it are skipped.')
    .argument('<file>', 'a file with one item on each line; - for standard input')
    .option('--column <name>', 'read this column of a CSV file: its name, or its number from 1')
    .option(
      '--as-is',
      'take blanks at the ends, control characters and whole CSV lines as they are',
    )
    .option('--concurrency <count>', 'transactions under way at once (default: 4)', wholeNumber)
    .action(
      action<AddOptions>(choice, async (invocation, file = '-') => {
        const { options, signal, isJson, open, describeFailure } = invocation;
        const input = await openInput(file, options);
        const opened = await open();
        await assertLedgerIsFilled(opened, isJson);
        const { itemRepo, ledgerName } = opened;
        const line = new ProgressLine('items');
        try {
          const report = await itemRepo.batchAddItems(input, {
            signal,
            concurrency: options.concurrency,
            onProgress: ({ read }) => line.show({ done: read, fraction: input.fraction() }),
          });
          line.clear();
          await (isJson ? printJson(report) : print(textOf(report)));
          return EXIT_CODES.success;
        } catch (error) {
          line.clear();
          throw ledgerName === undefined ? withRemedy(error, describeFailure) : error;
        }
      }),
    );
}

/**
 * Items that the ledger lacks, because they were handed out before there was one, would enter again. The
 * check is optional: a role that may only add items skips it.
 */
async function assertLedgerIsFilled(
  { lookAtLedger, ledgerName }: OpenStore,
  isJson: boolean,
): Promise<void> {
  const look = await lookAtLedger();
  if (look.state === 'unknown' && look.reason !== null && !isJson) note(look.reason);
  if (look.state !== 'unfilled') return;
  throw new CommandFailure({
    code: 'LEDGER_NOT_FILLED',
    message:
      `The ledger "${ledgerName}" does not list all items that are in the bank or were ` +
      'handed out: the others could be handed out twice. Nothing was added.',
    remedy: look.remedy,
    exitCode: EXIT_CODES.setUp,
  });
}

function textOf({ read, added, alreadyKnown, repeats }: BatchAddItemsReport): string {
  return (
    `${withThousands(read)} read: ${withThousands(added)} added, ` +
    `${withThousands(alreadyKnown)} already known, ${withThousands(repeats)} repeats`
  );
}

/** With a ledger the whole file is simply added again; without one, somebody has to look. */
function withRemedy(error: unknown, describeFailure: (error: unknown) => Failure): unknown {
  const isBatch = isStorageBoxError(error) && error.code === 'STORAGEBOX_BATCH_NOT_FULLY_ADDED';
  // Not by `written`: that also speaks of a ledger, and there is none.
  if (!isBatch || (error.added === 0 && error.unconfirmed.length === 0)) return error;
  return new CommandFailure({
    ...describeFailure(error),
    remedy:
      'Without a ledger, items that were handed out meanwhile would be added again. During a sale, add ' +
      'only the items that were read and not added (--json lists them) and the unread rest of the file; ' +
      'look for the unconfirmed ones in both tables first.',
  });
}
