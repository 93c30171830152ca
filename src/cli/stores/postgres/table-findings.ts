// Whether the tables are those that the package reads and writes.
import { deduplicationTable, itemBankTable } from 'storagebox/postgres';
import { DEDUPLICATION_SUBJECT, fault, missingLedgerRemedy, ok, warning } from '../findings.js';
import type { Finding } from '../store.js';
import type { Row } from './connection.js';
import { query, quoted, type Tables } from './tables.js';

const BANK_SUBJECT = 'item bank';
const LEDGER_SUBJECT = 'ledger';

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
    /** That its condition is on, if it is to have one. */
    readonly conditionOn?: string;
    /** What is slow. */
    readonly without: string;
    /** That creates it, after that of the table. */
    readonly sql: string;
  };
  readonly permissions: Readonly<Record<string, string>>;
}

function tablesToCheck({ itemRepo, deduplicationRepo }: Tables): TableToCheck[] {
  const { sql: bankSql, ...bank } = itemBankTable(itemRepo.tableName);
  const { sql, ...deduplication } = deduplicationTable(deduplicationRepo.tableName);
  return [
    {
      subject: BANK_SUBJECT,
      ...bank,
      remedy: CREATE_ALL,
      columns: ['item text', 'position integer'],
      index: {
        column: 'position',
        without: 'each claim reads the whole table',
        sql: bankSql,
      },
      permissions: {
        select: 'to claim, to count and to list',
        insert: 'to add and to release',
        update: 'to lock what is claimed',
        delete: 'to claim',
      },
    },
    {
      subject: LEDGER_SUBJECT,
      tableName: itemRepo.ledgerTableName,
      remedy: missingLedgerRemedy(bankSql),
      columns: ['item text', 'retired_at timestamp with time zone'],
      permissions: {
        select: 'to add and to release',
        insert: 'to add and to release',
        update: 'to release and to retire',
      },
    },
    {
      subject: DEDUPLICATION_SUBJECT,
      ...deduplication,
      remedy: CREATE_ALL,
      columns: [
        'deduplication_id text',
        'item text',
        'item_bank text',
        'assigned_at timestamp with time zone',
        'held_until timestamp with time zone',
        'version bigint',
      ],
      index: {
        column: 'held_until',
        conditionOn: 'held_until',
        without: 'each release-expired reads the whole table',
        sql,
      },
      permissions: {
        select: 'to claim, to count and to list',
        insert: 'to claim',
        update: 'to confirm and to extend holds',
        delete: 'to release and to retire',
      },
    },
  ];
}

const CREATE_ALL =
  'Create it with "storagebox init", or check the name, the database and search_path.';

const TABLE = `select c.relkind = any (array['r', 'p']::"char"[]) as is_table,
  c.relpersistence = 'p' as is_permanent,
  row_security_active(c.oid) as hides_rows,
  'autovacuum_enabled=false' = any (coalesce(c.reloptions, '{}')) as is_without_autovacuum,
  (select json_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)) from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)::text as columns,
  (select json_agg(json_build_object(
    'column', a.attname, 'collation', o.collname,
    'isPrimary', i.indisprimary, 'isReady', i.indisvalid and i.indisready,
    'condition', pg_get_expr(i.indpred, i.indrelid), 'columns', i.indnkeyatts))
    from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    left join pg_collation o on o.oid = i.indcollation[0]
    where i.indrelid = c.oid)::text as indexes
from pg_class c where c.oid = to_regclass($1::text)`;

interface Index {
  /** The first one. */
  readonly column: string;
  readonly collation: string | null;
  readonly isPrimary: boolean;
  readonly isReady: boolean;
  readonly condition: string | null;
  /** How many. */
  readonly columns: number;
}

/** Collations that compare bytes. */
const BINARY = ['C', 'POSIX', 'ucs_basic'];

export async function* tableFindings(tables: Tables): AsyncGenerator<Finding, void, void> {
  let hasBank = true;
  for (const table of tablesToCheck(tables)) {
    const { subject, tableName } = table;
    // The ledger of a bank that is not there would only mislead.
    if (subject === LEDGER_SUBJECT && !hasBank) continue;
    const [row] = await query(tables, TABLE, quoted(tableName));
    const shape = shapeFinding(table, row);
    yield shape;
    if (row === undefined || shape.level === 'fault') {
      if (subject === BANK_SUBJECT) hasBank = false;
      continue;
    }
    if (table.index !== undefined) yield indexFinding(table, table.index, row);
    yield* stateFindings(table, row);
    yield await permissionFinding(tables, table);
  }
}

function shapeFinding(table: TableToCheck, row: Row | undefined): Finding {
  const { subject, tableName, columns } = table;
  if (row === undefined || row.is_table !== true) {
    return fault(subject, `"${tableName}" does not exist`, table.remedy);
  }
  const has: readonly string[] = JSON.parse(String(row.columns ?? '[]'));
  const [key = ''] = String(columns[0]).split(' ');
  const missing = columns.filter((column) => !has.includes(column));
  const remedy = 'Name the right table, or create one with "storagebox init".';
  if (missing.length > 0) {
    return fault(subject, `"${tableName}" lacks the column ${missing.join(', ')}`, remedy);
  }
  const primary = indexesOf(row).find(({ isPrimary }) => isPrimary);
  if (primary?.column !== key || primary.columns !== 1) {
    return fault(subject, `"${tableName}" does not have the primary key (${key})`, remedy);
  }
  if (!BINARY.includes(String(primary.collation))) {
    return fault(
      subject,
      `"${tableName}" compares ${key} by the collation "${primary.collation}", expected "C"`,
      `alter table ${quoted(tableName)} alter column ${key} type text collate "C"`,
    );
  }
  return ok(subject, `"${tableName}" has its columns, its key is ${key}`);
}

function indexesOf({ indexes }: Row): readonly Index[] {
  return JSON.parse(String(indexes ?? '[]'));
}

function indexFinding(
  { subject }: TableToCheck,
  { column, conditionOn, without, sql }: NonNullable<TableToCheck['index']>,
  row: Row,
): Finding {
  const isIt = ({ condition, ...index }: Index) =>
    index.column === column &&
    index.isReady &&
    (conditionOn === undefined ? condition === null : condition?.includes(conditionOn) === true);
  if (indexesOf(row).some(isIt)) return ok(subject, `has its index, on ${column}`);
  const remedy = sql.slice(sql.indexOf('create index')).trim();
  return warning(subject, `has no index on ${column}: ${without}`, remedy);
}

function* stateFindings(
  { subject, tableName }: TableToCheck,
  row: Row,
): Generator<Finding, void, void> {
  const table = quoted(tableName);
  if (row.is_permanent !== true) {
    const message = 'is unlogged or temporary: a crash empties it';
    yield fault(subject, message, `alter table ${table} set logged`);
  }
  if (row.hides_rows === true) {
    const message =
      'row level security hides rows from this role: what is hidden counts as missing';
    yield fault(subject, message, `alter table ${table} disable row level security`);
  }
  if (row.is_without_autovacuum === true) {
    const message = 'autovacuum is off for it: dead rows slow claims down';
    yield warning(subject, message, `alter table ${table} reset (autovacuum_enabled)`);
  }
}

async function permissionFinding(
  tables: Tables,
  { subject, tableName, permissions }: TableToCheck,
): Promise<Finding> {
  const names = Object.keys(permissions);
  const sql = `select json_agg(name)::text as missing from json_array_elements_text($2::text::json) as name
where not has_table_privilege(to_regclass($1::text), name)`;
  const [row] = await query(tables, sql, quoted(tableName), JSON.stringify(names));
  const missing: readonly string[] = JSON.parse(String(row?.missing ?? '[]'));
  if (missing.length === 0) return ok(subject, `permitted: ${names.join(', ')}`);
  return fault(
    subject,
    `not permitted: ${missing.map((name) => `${name} (${permissions[name]})`).join(', ')}`,
    `Allow it to the role, if it is to do that: grant ${missing.join(', ')} on ${quoted(tableName)} to ROLE`,
  );
}
