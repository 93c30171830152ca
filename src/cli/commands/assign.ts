import type { Command } from 'commander';
import type { BulkClaimProgress, HandOut } from 'storagebox/core';
import { action } from '../action.js';
import { openInput } from '../csv.js';
import { EXIT_CODES } from '../exit-codes.js';
import { withProgress } from '../failures.js';
import { wholeNumber, wrongOptions } from '../options.js';
import { note, writeRows } from '../output.js';
import { assertPlaceFor } from '../partial-file.js';
import { ProgressLine, withThousands } from '../progress.js';
import { isoTextOf, type Row } from '../rows.js';
import type { Choice } from '../stores/choose-store.js';

interface AssignOptions {
  readonly column?: string;
  readonly asIs?: true;
  readonly output?: string;
  readonly spreadsheet?: true;
  readonly concurrency?: number;
}

export function addAssign(program: Command, choice: Choice): void {
  program
    .command('assign')
    .description(
      'Give each ID of a file its item and print both as CSV, in the order of the file. If it is ' +
        'stopped half-way, run it again: everybody keeps the same item.',
    )
    .argument('<file>', 'a file with one ID on each line; - for standard input')
    .option('--column <name>', 'read this column of a CSV file: its name, or its number from 1')
    .option(
      '--as-is',
      'take blanks at the ends, control characters and whole CSV lines as they are',
    )
    .option('-o, --output <file>', 'write to a file, which appears when it is complete')
    .option('--spreadsheet', 'make the CSV safe to open in a spreadsheet; it is not exact then')
    .option(
      '--concurrency <count>',
      'claims under way at once (default: as many as suit the store)',
      wholeNumber,
    )
    .action(
      action<AssignOptions>(choice, async (invocation, file = '-') => {
        const { options, signal, isJson, openForIds, describeFailure } = invocation;
        if (isJson && options.spreadsheet) {
          throw wrongOptions(
            '--spreadsheet is for CSV only.',
            'Leave out --json or --spreadsheet.',
          );
        }
        const input = await openInput(file, options);
        await assertPlaceFor(options.output);
        const { deduplicator } = await openForIds();
        const line = new ProgressLine('IDs');
        let progress: BulkClaimProgress = { done: 0, claimed: 0, existing: 0, exhausted: 0 };
        const handOuts = deduplicator.fetchItemsForDeduplicationIds(input, {
          signal,
          concurrency: options.concurrency,
          onProgress: (now) => {
            progress = now;
            line.show({ done: now.done, fraction: input.fraction() });
          },
        });
        try {
          await writeRows(isJson ? jsonOf(handOuts) : rowsOf(handOuts), {
            columns: ['deduplication_id', 'item', 'status'],
            format: isJson ? 'jsonl' : 'csv',
            file: options.output,
            isForSpreadsheet: options.spreadsheet,
          });
        } catch (error) {
          if (progress.done === 0) throw error;
          throw withProgress(describeFailure(error), textOf(progress), progress);
        } finally {
          line.clear();
        }
        if (!isJson) note(textOf(progress));
        return progress.exhausted > 0 ? EXIT_CODES.noItem : EXIT_CODES.success;
      }),
    );
}

async function* rowsOf(handOuts: AsyncIterable<HandOut>): AsyncGenerator<Row, void, void> {
  for await (const { deduplicationId, item, status } of handOuts) {
    yield { deduplication_id: deduplicationId, item, status };
  }
}

async function* jsonOf(handOuts: AsyncIterable<HandOut>): AsyncGenerator<Row, void, void> {
  for await (const { deduplicationId, status, item, ...rest } of handOuts) {
    const { itemBankName = null, heldUntil } = rest;
    yield { deduplicationId, status, item, itemBankName, heldUntil: isoTextOf(heldUntil) };
  }
}

function textOf({ done, claimed, existing, exhausted }: BulkClaimProgress): string {
  return (
    `${withThousands(done)} IDs: ${withThousands(claimed)} got an item, ` +
    `${withThousands(existing)} had theirs already, ${withThousands(exhausted)} came too late`
  );
}
