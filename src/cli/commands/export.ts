import { Argument, type Command, InvalidArgumentError } from 'commander';
import { action, type Invocation } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { columnsOf, Reading, WHAT, type What } from '../export-rows.js';
import { segmentCount, wrongOptions } from '../options.js';
import { noteRiskyCells, type RowsDestination, rowTextFor, writeRows } from '../output.js';
import { assertPlaceFor, STANDARD_OUTPUT } from '../partial-file.js';
import { ProgressLine } from '../progress.js';
import { writeResumableRows } from '../resumable-file.js';
import type { RowFormat } from '../rows.js';
import type { Choice } from '../stores/choose-store.js';
import type { OpenStore } from '../stores/store.js';

interface ExportOptions {
  readonly format?: RowFormat;
  readonly output?: string;
  readonly resume?: true;
  readonly spreadsheet?: true;
  readonly segments: number;
}

type ExportInvocation = Invocation<ExportOptions>;

const FORMATS: readonly string[] = ['csv', 'jsonl'] satisfies RowFormat[];

export function addExport(program: Command, choice: Choice): void {
  program
    .command('export')
    .description('Print who has what, what is left, or both, in no particular order.')
    .addArgument(
      new Argument('[what]', 'assignments, the items left in the bank, or all')
        .choices(WHAT)
        .default('assignments'),
    )
    .option('--format <format>', 'csv or jsonl (default: csv, with --json jsonl)', rowFormat)
    .option('-o, --output <file>', 'write to a file, which appears when it is complete')
    .option('--resume', 'with --output: continue an export that was stopped or killed')
    .option('--spreadsheet', 'make CSV safe to open in a spreadsheet; it is not exact then')
    .option('--segments <count>', 'parts of a table that are read at once', segmentCount, 4)
    .action(
      action<ExportOptions>(choice, async (invocation, what = 'assignments') => {
        const destination = destinationOf(invocation, what as What);
        await assertPlaceFor(destination.file);
        const opened = await invocation.open();
        const line = new ProgressLine('rows');
        try {
          await write(invocation, opened, what as What, destination, line);
        } finally {
          line.clear();
        }
        return EXIT_CODES.success;
      }),
    );
}

function rowFormat(text: string): string {
  if (FORMATS.includes(text)) return text;
  const suggestion = text === 'json' ? ' For JSON pass jsonl: one JSON document a line.' : '';
  throw new InvalidArgumentError(`Expected csv or jsonl.${suggestion}`);
}

function destinationOf({ options, isJson }: ExportInvocation, what: What): RowsDestination {
  const { format = isJson ? 'jsonl' : 'csv', output: file, resume, spreadsheet } = options;
  if (resume && (file === undefined || file === STANDARD_OUTPUT)) {
    throw wrongOptions('--resume needs the file that it continues.', 'Pass --output FILE, too.');
  }
  if (spreadsheet && format !== 'csv') {
    throw wrongOptions('--spreadsheet is for CSV only.', 'Pass --format csv, or leave it out.');
  }
  return { columns: columnsOf(what), format, file, isForSpreadsheet: spreadsheet };
}

async function write(
  { options, signal, describeFailure }: ExportInvocation,
  store: OpenStore,
  what: What,
  destination: RowsDestination,
  line: ProgressLine,
): Promise<void> {
  const { file = STANDARD_OUTPUT } = destination;
  const open = (position: string | null) =>
    new Reading(store, signal, what, options.segments, position, (done) =>
      line.show({ done, fraction: null }),
    );
  if (file === STANDARD_OUTPUT) {
    await writeRows(open(null), destination);
    return;
  }
  const text = rowTextFor(destination);
  await writeResumableRows({
    file,
    text,
    isResumed: options.resume ?? false,
    source: {
      what,
      // Version 0.1, which had fewer of them, recorded none.
      ...(what !== 'items' && { columns: destination.columns }),
      format: destination.format,
      isForSpreadsheet: options.spreadsheet ?? false,
      ...(await store.identity()),
    },
    open,
    describeFailure,
  });
  noteRiskyCells(text);
}
