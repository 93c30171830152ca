import type { Command } from 'commander';
import { action, type Invocation } from '../action.js';
import { type Audited, type AuditFindings, type AuditResult, auditTables } from '../audit.js';
import { assertTablesAreAtRest, type Repaired, repair } from '../audit-repair.js';
import { confirm } from '../confirmation.js';
import { EXIT_CODES } from '../exit-codes.js';
import { segmentCount, wrongOptions } from '../options.js';
import { note, print, printJson, writeRows } from '../output.js';
import { assertPlaceFor, STANDARD_OUTPUT } from '../partial-file.js';
import { ProgressLine, withThousands } from '../progress.js';
import type { Row } from '../rows.js';
import type { Choice } from '../stores/choose-store.js';

interface AuditOptions {
  readonly fix?: true;
  readonly yes?: true;
  readonly output?: string;
  readonly spreadsheet?: true;
  readonly segments: number;
}

export function addAudit(program: Command, choice: Choice): void {
  program
    .command('audit')
    .description(
      'Check that each item is in exactly one place: in the bank, given, or retired. Reads the ' +
        'tables whole; items that look wrong are read again, one by one, before they are reported.',
    )
    .option('--fix', 'repair what can be repaired; nothing may use the tables meanwhile')
    .option('-y, --yes', 'do not ask before repairing')
    .option('-o, --output <file>', 'write the items that are wrong to a CSV file')
    .option('--spreadsheet', 'make the CSV safe to open in a spreadsheet; it is not exact then')
    .option('--segments <count>', 'parts of a table that are read at once', segmentCount, 4)
    .action(
      action<AuditOptions>(choice, async (invocation) => {
        const { options, signal, open } = invocation;
        assertOptions(invocation);
        await assertPlaceFor(options.output);
        const audited = { ...(await open()), signal };
        const line = new ProgressLine('rows');
        const result = await auditTables(audited, options.segments, (done) =>
          line.show({ done, fraction: null }),
        ).finally(() => line.clear());
        const fixed = options.fix ? await fix(audited, result, options.yes ?? false) : null;
        await report(invocation, result, fixed);
        return hasLeftovers(result, fixed) ? EXIT_CODES.inconsistent : EXIT_CODES.success;
      }),
    );
}

function assertOptions({ options, isJson }: Invocation<AuditOptions>): void {
  const { fix: isFixing, yes, output: file, spreadsheet } = options;
  if (spreadsheet && file === undefined) {
    throw wrongOptions('--spreadsheet is for the file of --output.', 'Pass --output FILE, too.');
  }
  if (isJson && file === STANDARD_OUTPUT) {
    throw wrongOptions(
      '--output - and --json would both write to standard output.',
      'Name a file, or leave one of them out.',
    );
  }
  if (yes && !isFixing) throw wrongOptions('--yes is for --fix only.', 'Pass --fix, too.');
}

const MEANINGS: Readonly<Record<keyof AuditFindings, string>> = {
  lost: 'lost: in the ledger, and neither in the bank nor given nor retired',
  unknownToLedger: 'unknown to the ledger: in the bank or given, and not in the ledger',
  twice: 'twice: in the bank, and given or retired as well',
  severalOwners: 'with several owners: given to more than one ID',
  retiredButGiven: 'retired but given: retired, and an ID still has it',
};

async function fix(
  audited: Audited,
  result: AuditResult,
  isYesGiven: boolean,
): Promise<Repaired | null> {
  const { lost, twice, unknownToLedger } = result.findings;
  if (lost.length + twice.length + unknownToLedger.length === 0) return null;
  assertTablesAreAtRest(result);
  await confirm(
    `Put ${lost.length} lost items back into the bank, take ${twice.length} out of it, and enter ` +
      `${unknownToLedger.length} into the ledger? Nothing may claim, add, release or retire meanwhile.`,
    isYesGiven,
    audited.signal,
  );
  return repair(audited, result);
}

/** Whether faults remain. Some need a person: no table tells which of two owners should keep an item. */
function hasLeftovers({ findings }: AuditResult, fixed: Repaired | null): boolean {
  const done: Partial<Record<keyof AuditFindings, number>> = fixed ?? {};
  return kindsOf(findings).some((kind) => findings[kind].length > (done[kind] ?? 0));
}

async function report(
  { options, isJson }: Invocation<AuditOptions>,
  { counts, findings }: AuditResult,
  fixed: Repaired | null,
): Promise<void> {
  const { output: file, spreadsheet: isForSpreadsheet } = options;
  if (file !== undefined) {
    const columns = ['finding', 'item', 'deduplication_id'];
    await writeRows(rowsOf(findings), { columns, format: 'csv', file, isForSpreadsheet });
  }
  if (isJson) {
    await printJson({ counts, findings, fixed });
    return;
  }
  const wrong = kindsOf(findings).filter((kind) => findings[kind].length > 0);
  const lines = [
    ...countLines(counts),
    ...wrong.map((kind) => `wrong            ${findings[kind].length} ${MEANINGS[kind]}`),
    ...(wrong.length === 0 ? ['ok               each item is in exactly one place'] : []),
    ...(fixed === null ? [] : [fixedLine(fixed)]),
  ];
  if (file === STANDARD_OUTPUT) for (const line of lines) note(line);
  else await print(...lines);
  if (wrong.length > 0 && fixed === null) {
    note(
      'List them by --output FILE or --json. --fix repairs what is lost, twice or unknown to the ledger.',
    );
  }
}

function countLines({ inBank, given, retired, entered }: AuditResult['counts']): string[] {
  const counts = { 'in the bank': inBank, given, retired, 'in the ledger': entered };
  return Object.entries(counts).flatMap(([name, count]) =>
    count === null ? [] : [`${name.padEnd(16)} ${withThousands(count)}`],
  );
}

function fixedLine({ lost, twice, unknownToLedger }: Repaired): string {
  return `fixed            ${lost} lost, ${twice} twice, ${unknownToLedger} unknown to the ledger`;
}

function kindsOf(findings: AuditFindings): (keyof AuditFindings)[] {
  return Object.keys(findings) as (keyof AuditFindings)[];
}

async function* rowsOf(findings: AuditFindings): AsyncGenerator<Row, void, void> {
  for (const finding of ['lost', 'unknownToLedger', 'twice'] as const) {
    for (const item of findings[finding]) yield { finding, item, deduplication_id: null };
  }
  for (const finding of ['severalOwners', 'retiredButGiven'] as const) {
    for (const [item, deduplicationIds] of findings[finding]) {
      for (const deduplicationId of deduplicationIds) {
        yield { finding, item, deduplication_id: deduplicationId };
      }
    }
  }
}
