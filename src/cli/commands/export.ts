import { Argument, type Command, Option } from 'commander';
import { action, type Context } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { wholeNumber } from '../options.js';
import { type Row, type RowFormat, writeRows } from '../output.js';
import { ProgressLine } from '../progress.js';

interface ExportOptions {
  readonly format?: RowFormat;
  readonly output?: string;
  readonly segments: number;
}

const CONTENTS = ['assignments', 'items', 'all'] as const;

export function addExport(program: Command): void {
  program
    .command('export')
    .description('Print who has what, what is left, or both, in no particular order.')
    .addArgument(
      new Argument('[what]', 'assignments, the items left in the bank, or all')
        .choices(CONTENTS)
        .default('assignments'),
    )
    .addOption(
      new Option('--format <format>', 'default: csv, with --json jsonl').choices(['csv', 'jsonl']),
    )
    .option('-o, --output <file>', 'write to a file, which appears when it is complete')
    .option('--segments <count>', 'parts of a table that are read at once', wholeNumber, 4)
    .action(
      action<ExportOptions>(async (context, what = 'assignments') => {
        const { options, isJson } = context;
        const line = new ProgressLine('rows');
        const columns =
          what === 'items'
            ? ['item']
            : ['deduplication_id', 'item', 'item_bank_table', 'assigned_at'];
        try {
          await writeRows(counted(rowsOf(context, what), line), {
            columns,
            format: options.format ?? (isJson ? 'jsonl' : 'csv'),
            file: options.output,
          });
        } finally {
          line.clear();
        }
        return EXIT_CODES.success;
      }),
    );
}

async function* rowsOf(
  { itemRepo, deduplicationRepo, options, signal }: Context<ExportOptions>,
  what: string,
): AsyncGenerator<Row, void, void> {
  const reading = { segments: options.segments, signal };
  // Assignments last: an item that is handed out meanwhile is then seen at least once.
  if (what !== 'assignments') {
    for await (const item of itemRepo.listItems(reading)) {
      yield what === 'items'
        ? { item }
        : { deduplication_id: null, item, item_bank_table: itemRepo.tableName, assigned_at: null };
    }
  }
  if (what === 'items') return;
  for await (const assignment of deduplicationRepo.listAssignments(reading)) {
    yield {
      deduplication_id: assignment.deduplicationId,
      item: assignment.item,
      item_bank_table: assignment.itemBankTableName,
      assigned_at: assignment.assignedAt?.toISOString() ?? null,
    };
  }
}

async function* counted(rows: AsyncIterable<Row>, line: ProgressLine): AsyncGenerator<Row, void> {
  let done = 0;
  for await (const row of rows) {
    line.show({ done: ++done, fraction: null });
    yield row;
  }
}
