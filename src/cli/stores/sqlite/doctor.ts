// What can be wrong with a set-up, found without writing anything.
import { stat } from 'node:fs/promises';
import { deduplicationTable, itemBankTable } from 'storagebox/sqlite';
import { describeFailure as describe } from '../../failures.js';
import {
  ASSIGNMENT_SAMPLE_SIZE,
  DEDUPLICATION_SUBJECT,
  fault,
  holdFindings,
  idFindings,
  ledgerFinding,
  missingLedgerRemedy,
  ok,
  warning,
} from '../findings.js';
import { firstAssignments } from '../id-look.js';
import type { Finding, OpenRequest } from '../store.js';
import { idSecretOf } from '../table-options.js';
import {
  assertFileIsThere,
  type OpenDatabase,
  type SqliteDriver,
  sqliteDriver,
} from './connection.js';
import { diskFindings, sizeText } from './disk.js';
import { describeFailure } from './failures.js';
import { lookAtLedger } from './ledger-look.js';
import { optionsOf, tablesOn } from './open.js';
import { pathOf } from './options.js';
import { query, quoted, type Row, type Tables } from './tables.js';

/** Tables `strict`, rows that a statement returns. */
const MIN_VERSION = [3, 37, 0] as const;

export async function* examine(request: OpenRequest): AsyncGenerator<Finding, void, void> {
  const path = pathOf(request.location);
  const secret = idSecretOf(optionsOf(request));
  const start = await startFindings(path);
  yield* start.findings;
  if (start.driver === null) return;
  yield* diskFindings(path);
  let database: OpenDatabase | null = null;
  try {
    database = start.driver.open(path);
    // Everything from here on only reads, whatever happens.
    database.exec('pragma query_only = on; pragma synchronous = full; pragma busy_timeout = 0');
    yield* databaseFindings(tablesOn(database, request, secret), start.driver);
  } catch (error) {
    request.signal.throwIfAborted();
    yield failureFinding('file', error);
  } finally {
    database?.close();
  }
}

/** What has to be right before the file can be opened. */
async function startFindings(
  path: string,
): Promise<{ readonly findings: readonly Finding[]; readonly driver: SqliteDriver | null }> {
  let driver: SqliteDriver;
  try {
    driver = sqliteDriver();
  } catch (error) {
    return { findings: [failureFinding('driver', error)], driver: null };
  }
  const found = ok('driver', driver.name);
  try {
    await assertFileIsThere(path);
    const { size } = await stat(path);
    return { findings: [found, ok('file', `"${path}", ${sizeText(size)}`)], driver };
  } catch (error) {
    return { findings: [found, failureFinding('file', error)], driver: null };
  }
}

async function* databaseFindings(
  tables: Tables,
  { name: driverName }: SqliteDriver,
): AsyncGenerator<Finding, void, void> {
  yield await versionFinding(tables, driverName);
  const journal = await journalFinding(tables);
  yield journal;
  yield CONNECTION_FINDING;
  yield await contentFinding(tables);
  const faults: Finding[] = [];
  for (const table of tablesToCheck(tables)) {
    // The ledger of a bank that does not exist would only mislead.
    if (table.subject === 'ledger' && faults.length > 0) continue;
    for (const finding of await tableFindings(tables, table)) {
      if (finding.level === 'fault') faults.push(finding);
      yield finding;
    }
  }
  // Without the right tables, or where the package refuses the connection, the rest would only mislead.
  if (faults.length > 0 || journal.level === 'fault') return;
  const { deduplicationRepo, signal } = tables;
  const sample = await firstAssignments(deduplicationRepo, ASSIGNMENT_SAMPLE_SIZE, signal);
  const ids = sample.map(({ deduplicationId }) => deduplicationId);
  yield* [...idFindings(ids, tables), ...holdFindings(sample)];
  const look = await lookAtLedger(tables);
  if (look.state !== 'unknown') yield ledgerFinding(look.state);
}

async function versionFinding(tables: Tables, driverName: string): Promise<Finding> {
  const [row] = await query(tables, 'select sqlite_version() as version');
  const version = String(row?.version);
  const parts = version.split('.').map(Number);
  const difference =
    MIN_VERSION.map((part, index) => (parts[index] ?? 0) - part).find(Boolean) ?? 0;
  if (difference >= 0) return ok('SQLite', version);
  const needed = MIN_VERSION.join('.');
  return fault(
    'SQLite',
    `${version} is in ${driverName}, and ${needed} or later is needed`,
    'Install a newer version of the driver.',
  );
}

async function journalFinding(tables: Tables): Promise<Finding> {
  const [row] = await query(tables, 'pragma journal_mode');
  const mode = String(row?.journal_mode);
  if (mode === 'wal') return ok('journal', 'is a write-ahead log (journal_mode = wal)');
  return fault(
    'journal',
    `journal_mode is ${mode}, expected wal`,
    'Run "storagebox init", or "pragma journal_mode = wal" on any connection: it stays in the file.',
  );
}

/** Nothing in the file tells what other connections set. */
const CONNECTION_FINDING = ok(
  'connections',
  'each program must set: pragma synchronous = full; pragma busy_timeout = 0 (the package refuses others)',
);

async function contentFinding(tables: Tables): Promise<Finding> {
  const rows = await query(tables, 'pragma quick_check');
  const isOk = rows.length === 1 && rows[0]?.quick_check === 'ok';
  if (isOk) return ok('content', 'quick_check found no damage');
  return fault(
    'content',
    `quick_check found damage: ${rows.length} ${rows.length === 1 ? 'place' : 'places'} or more`,
    'Stop everything that uses the file, keep a copy, and restore a backup.',
  );
}

interface TableToCheck {
  readonly subject: string;
  readonly tableName: string;
  /** When it does not exist. */
  readonly remedy: string;
  /** Each with its type; the first one is the key. */
  readonly columns: readonly string[];
  /** What must be there besides the key. */
  readonly index?: {
    readonly column: string;
    /** That its condition is on. */
    readonly conditionOn: string;
    /** What is slow. */
    readonly without: string;
    readonly sql: string;
  };
}

const CREATE_ALL = 'Create it with "storagebox init", or check the name and the file.';

function tablesToCheck({ itemRepo, deduplicationRepo }: Tables): TableToCheck[] {
  const { tableName, ledgerTableName } = itemRepo;
  const { sql: bankSql } = itemBankTable(tableName);
  const { sql, ...deduplication } = deduplicationTable(deduplicationRepo.tableName);
  return [
    { subject: 'item bank', tableName, remedy: CREATE_ALL, columns: ['item TEXT'] },
    {
      subject: 'ledger',
      tableName: ledgerTableName,
      remedy: missingLedgerRemedy(bankSql),
      columns: ['item TEXT', 'retired_at INTEGER'],
    },
    {
      subject: DEDUPLICATION_SUBJECT,
      ...deduplication,
      remedy: CREATE_ALL,
      columns: [
        'deduplication_id TEXT',
        'item TEXT',
        'item_bank TEXT',
        'assigned_at INTEGER',
        'held_until INTEGER',
      ],
      index: {
        column: 'held_until',
        conditionOn: 'held_until',
        without: 'each release-expired reads the whole table',
        sql: sql.slice(sql.indexOf('create index')).trim(),
      },
    },
  ];
}

async function tableFindings(tables: Tables, table: TableToCheck): Promise<Finding[]> {
  const { subject, tableName, columns, index } = table;
  const rows = await query(tables, `pragma table_info(${quoted(tableName)})`);
  if (rows.length === 0) {
    return [fault(subject, `"${tableName}" does not exist`, table.remedy)];
  }
  const has = rows.map((row) => `${row.name} ${String(row.type).toUpperCase()}`);
  const missing = columns.filter((column) => !has.includes(column));
  const keys = rows.filter(({ pk }) => Number(pk) > 0).map((row) => String(row.name));
  const [key = ''] = String(columns[0]).split(' ');
  if (missing.length > 0 || keys.join() !== key || !(await isBinary(tables, tableName, key))) {
    const message =
      missing.length > 0
        ? `"${tableName}" lacks the column ${missing.join(', ')}`
        : `"${tableName}" has the key ${keys.join(', ') || '(none)'}, expected ${key} with collate binary`;
    const remedy = 'Name the right table, or create one with "storagebox init".';
    return [fault(subject, message, remedy)];
  }
  const found = ok(subject, `"${tableName}" has its columns, its key is ${key}`);
  return index === undefined ? [found] : [found, await indexFinding(tables, table, index)];
}

/** A collation that folds would take different keys for one. */
async function isBinary(tables: Tables, tableName: string, key: string): Promise<boolean> {
  for (const index of await indexesOf(tables, tableName)) {
    if (index.origin !== 'pk') continue;
    const columns = await query(tables, `pragma index_xinfo(${quoted(String(index.name))})`);
    return columns.some(({ name, coll }) => name === key && coll === 'BINARY');
  }
  return false;
}

function indexesOf(tables: Tables, tableName: string): Promise<Row[]> {
  return query(tables, `pragma index_list(${quoted(tableName)})`);
}

async function indexFinding(
  tables: Tables,
  { subject, tableName }: TableToCheck,
  { column, conditionOn, without, sql }: NonNullable<TableToCheck['index']>,
): Promise<Finding> {
  const condition = new RegExp(`\\bwhere\\W+${conditionOn}\\b`, 'i');
  for (const { name, partial } of await indexesOf(tables, tableName)) {
    if (Number(partial) !== 1) continue;
    const [first] = await query(tables, `pragma index_info(${quoted(String(name))})`);
    const [row] = await query(tables, 'select sql from sqlite_schema where name = ?', String(name));
    if (first?.name === column && condition.test(String(row?.sql))) {
      return ok(subject, `has its index, on ${column}`);
    }
  }
  return warning(subject, `has no index on ${column}: ${without}`, sql);
}

function failureFinding(subject: string, error: unknown): Finding {
  const { message, remedy } = describe(error, describeFailure);
  return { level: 'fault', subject, message, remedy };
}
