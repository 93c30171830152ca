// `storagebox audit` of the packed package: is each item in exactly one place?
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROCESS_ENVIRONMENT } from '../crash/mortal-process.js';
import type { Stage } from '../crash/run-processes.js';
import type { SaleTables } from '../crash/sale-tables.js';
import type { Audit } from './sale-stage.js';

export async function auditByCommand(
  { endpoint, project }: Pick<Stage, 'endpoint' | 'project'>,
  { itemBankTableName, deduplicationTableName, ledgerTableName }: SaleTables,
): Promise<Audit> {
  const program = join(project, 'node_modules', 'storagebox', 'dist', 'cli.js');
  const tables = Object.entries({
    '--item-bank-table': itemBankTableName,
    '--deduplication-table': deduplicationTableName,
    '--ledger-table': ledgerTableName,
    '--endpoint-url': endpoint,
  });
  const run = promisify(execFile)(
    process.execPath,
    [program, 'audit', '--json', ...tables.flat()],
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
