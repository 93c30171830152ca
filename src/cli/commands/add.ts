import type { Command } from 'commander';
import { type BatchAddItemsReport, isStorageBoxError } from 'storagebox/core';
import { action, type Context } from '../action.js';
import { openInput } from '../csv.js';
import { EXIT_CODES } from '../exit-codes.js';
import { CommandFailure, describeFailure } from '../failures.js';
import { wholeNumber } from '../options.js';
import { note, print, printJson } from '../output.js';
import { ProgressLine, withThousands } from '../progress.js';

interface AddOptions {
  readonly column?: string;
  readonly asIs?: true;
  readonly concurrency?: number;
}

export function addAdd(program: Command): void {
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
      action<AddOptions>(async (context, file = '-') => {
        const { itemRepo, ledgerTableName, options, signal, isJson } = context;
        const input = await openInput(file, options);
        await assertLedgerIsFilled(context);
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
          throw withRemedy(error, ledgerTableName);
        }
      }),
    );
}

/**
 * Items that the ledger lacks, because they were handed out before there was one, would enter again. The
 * check is optional: a role that may only add items skips it.
 */
async function assertLedgerIsFilled(context: Context<unknown>): Promise<void> {
  // Imported only now: it needs the AWS SDK, and the help does not.
  const { lookAtLedger } = await import('../ledger-look.js');
  try {
    if ((await lookAtLedger(context)) !== 'unfilled') return;
  } catch (error) {
    const { name } = error as { readonly name?: string };
    // A missing or wrong table is reported, with its name, when the items are added.
    if (name === 'TableNotFoundError' || name === 'ValidationException') return;
    if (name !== 'AccessDeniedException') throw error;
    if (!context.isJson) note(LOOK_REFUSED);
    return;
  }
  throw new CommandFailure({
    code: 'LEDGER_NOT_FILLED',
    message:
      `The ledger "${context.ledgerTableName}" does not list all items that are in the bank or were ` +
      'handed out: the others could be handed out twice. Nothing was added.',
    remedy:
      'Run "storagebox fill-ledger", then the same command again; or pass --no-ledger to work without a ledger.',
    exitCode: EXIT_CODES.setUp,
  });
}

const LOOK_REFUSED =
  'Could not check that the ledger was filled: this needs dynamodb:Scan on all three tables, and ' +
  'dynamodb:BatchGetItem on the ledger.';

function textOf({ read, added, alreadyKnown, repeats }: BatchAddItemsReport): string {
  return (
    `${withThousands(read)} read: ${withThousands(added)} added, ` +
    `${withThousands(alreadyKnown)} already known, ${withThousands(repeats)} repeats`
  );
}

/** With a ledger the whole file is simply added again; without one, somebody has to look. */
function withRemedy(error: unknown, ledgerTableName: string | undefined): unknown {
  if (ledgerTableName !== undefined || !isStorageBoxError(error)) return error;
  if (error.code !== 'STORAGEBOX_BATCH_NOT_FULLY_ADDED') return error;
  const hasNothingEntered = error.added === 0 && error.unconfirmed.length === 0;
  if (hasNothingEntered) return error;
  return new CommandFailure({
    ...describeFailure(error),
    remedy:
      'Without a ledger, items that were handed out meanwhile would be added again. During a sale, add ' +
      'only the items that were read and not added (--json lists them) and the unread rest of the file; ' +
      'look for the unconfirmed ones in both tables first.',
  });
}
