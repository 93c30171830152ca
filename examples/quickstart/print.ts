import type { Check, Tables } from './audit.js';
import type { Report } from './messages.js';

const COLUMNS = 3;

export interface Outcome {
  readonly reports: readonly Report[];
  readonly failures: readonly Error[];
  readonly tables: Tables;
  readonly checks: readonly Check[];
  readonly users: number;
  readonly elapsedMs: number;
}

export function printReport(outcome: Outcome): void {
  const { reports, failures, tables, checks, users, elapsedMs } = outcome;
  const owners = [...tables.owners].sort(([some], [other]) => some.localeCompare(other));
  console.log('Who got which code');
  const lines = Math.ceil(owners.length / COLUMNS);
  for (let line = 0; line < lines; line++) {
    const cells = owners.filter((_, index) => index % lines === line);
    console.log(`  ${cells.map(([user, code]) => `${user}  ${code}`).join('     ')}`);
  }

  const clicks = reports.reduce((sum, report) => sum + report.clicks.length, 0);
  console.log(`
  users with a code       ${owners.length}
  users told "sold out"   ${users - owners.length}
  claims answered         ${clicks}, by ${reports.length} processes
  time                    ${Math.round(elapsedMs)} ms`);
  printRequests(reports, { clicks, codes: owners.length });

  console.log('\nChecked in the tables');
  for (const { promise, holds } of checks) console.log(`  ${holds ? '✓' : '✗ BROKEN'} ${promise}`);

  for (const { message } of failures) {
    console.log(`\n${message} Whoever waited for it may click again.`);
  }
}

/** For a store that is paid by the request. */
function printRequests(
  reports: readonly Report[],
  { clicks, codes }: { clicks: number; codes: number },
): void {
  const operations = sumByOperation(reports);
  if (operations.size === 0) return;
  const requests = [...operations.values()].reduce((sum, count) => sum + count, 0);
  const transactions = operations.get('TransactWriteItems') ?? 0;
  console.log(`  requests per claim      ${(requests / clicks).toFixed(2)}   (${describe(operations)})
  transactions per code   ${(transactions / codes).toFixed(2)}`);
}

function sumByOperation(reports: readonly Report[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { requests = {} } of reports) {
    for (const [operation, count] of Object.entries(requests)) {
      sums.set(operation, (sums.get(operation) ?? 0) + count);
    }
  }
  return sums;
}

function describe(operations: ReadonlyMap<string, number>): string {
  return [...operations].map(([operation, count]) => `${operation} ${count}`).join(', ');
}
