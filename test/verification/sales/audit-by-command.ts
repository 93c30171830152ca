// `storagebox audit` of the packed package: is each item in exactly one place?
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROCESS_ENVIRONMENT } from '../crash/mortal-process.js';
import type { Stage } from '../crash/run-processes.js';
import type { SaleTables } from '../crash/sale-tables.js';
import type { Audit } from './sale-stage.js';

/** For tables of DynamoDB. */
export function placeOf(
  { endpoint }: Pick<Stage, 'endpoint'>,
  { ledgerTableName }: SaleTables,
): Record<string, string> {
  return { '--endpoint-url': endpoint, '--ledger-table': ledgerTableName };
}

/**
 * @param project in which the package is installed
 * @param place the options of the command that say where the tables are
 */
export async function auditByCommand(
  project: string,
  place: Readonly<Record<string, string>>,
  tables: { readonly itemBankTableName: string; readonly deduplicationTableName: string },
): Promise<Audit> {
  const program = join(project, 'node_modules', 'storagebox', 'dist', 'cli.js');
  const options = Object.entries({
    '--item-bank-table': tables.itemBankTableName,
    '--deduplication-table': tables.deduplicationTableName,
    ...place,
  });
  const run = promisify(execFile)(
    process.execPath,
    [program, 'audit', '--json', ...options.flat()],
    { env: { ...process.env, ...PROCESS_ENVIRONMENT }, maxBuffer: Infinity },
  );
  // Its exit code says whether something is wrong, and so does what it prints.
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  const { counts, findings } = JSON.parse(stdout);
  return {
    inBank: counts.inBank,
    given: counts.given,
    lost: findings.lost.length + findings.unknownToLedger.length,
    twice: findings.twice.length + findings.severalOwners.length,
  };
}
