// What can be wrong with a set-up, found without writing anything.
import {
  type AttributeDefinition,
  BatchGetItemCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  GetItemCommand,
  type KeySchemaElement,
  ScanCommand,
  type TableDescription,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { deduplicationTable, itemBankTable, ledgerTable } from 'storagebox';
import { describeFailure } from '../../failures.js';
import {
  ASSIGNMENT_SAMPLE_SIZE,
  DEDUPLICATION_SUBJECT,
  fault,
  holdFindings,
  idFindings,
  ledgerFinding,
  ok,
  unknown,
  warning,
} from '../findings.js';
import type { Finding } from '../store.js';
import { describeFailure as describeDynamoDbFailure } from './failures.js';
import { idsOf, sampleAssignments } from './id-look.js';
import { lookAtLedger } from './ledger-look.js';
import type { TableRow } from './scan.js';
import {
  DEDUPLICATION_KEY,
  HELD_UNTIL_ATTRIBUTE,
  ITEM_BANK_TABLE_ATTRIBUTE,
  keyOf,
  type Tables,
} from './tables.js';

interface TableToCheck {
  readonly subject: string;
  readonly tableName: string;
  readonly key: string;
  readonly permissions: Readonly<Record<string, string>>;
  /** The permissions are looked at on this index of the table. */
  readonly indexName?: string | undefined;
}

/** Above it, times in the tables mislead people; DynamoDB refuses signatures that are 5 minutes off. */
const MAX_CLOCK_SKEW_MS = 30_000;

export async function* findings(opened: Tables): AsyncGenerator<Finding, void, void> {
  const { client, ledgerTableName, holdIndexName } = opened;
  const set = [await regionFinding(client), await credentialsFinding(client)];
  yield* set;
  if (set.some(({ level }) => level === 'fault')) return;

  const clock = watchClock(client);
  const tables = tablesToCheck(opened);
  const arns: string[] = [];
  let hasTableFault = false;
  for (const [index, table] of tables.entries()) {
    const description = await describe(client, table);
    if (index === 0) yield clock.finding();
    const found =
      'finding' in description
        ? [description.finding]
        : [...descriptionFindings(table, description.table)];
    yield* found;
    // If the table is missing or the wrong one, further findings would only mislead.
    if (found.some(({ level }) => level === 'fault')) {
      hasTableFault = true;
      continue;
    }
    if ('table' in description) arns.push(...[description.table.TableArn ?? []].flat());
    yield await timeToLiveFinding(client, table);
    yield await backupsFinding(client, table);
    yield await permissionsFinding(client, table);
    const hasIndex = holdIndexName !== undefined && table.subject === DEDUPLICATION_SUBJECT;
    if (hasIndex && 'table' in description) {
      yield* holdIndexFindings(client, { ...table, indexName: holdIndexName }, description.table);
    }
  }
  if (!hasTableFault) yield* await assignmentFindings(opened);
  if (ledgerTableName !== undefined && !hasTableFault) {
    yield await orFailure('ledger', 'contents', async () =>
      ledgerFinding(await lookAtLedger(opened)),
    );
  }
  yield placeFinding(arns, tables.length);
}

function tablesToCheck({
  itemRepo: { tableName: bank },
  deduplicationRepo: { tableName: deduplication },
  ledgerTableName: ledger,
}: Tables): TableToCheck[] {
  const tables = [
    {
      subject: 'item bank',
      tableName: bank,
      key: keyOf(itemBankTable(bank)),
      permissions: {
        Scan: 'to claim, to count and to list',
        DeleteItem: 'to claim',
        PutItem: 'to add and to release',
      },
    },
    {
      subject: DEDUPLICATION_SUBJECT,
      tableName: deduplication,
      key: keyOf(deduplicationTable(deduplication)),
      permissions: {
        GetItem: 'to claim and to release',
        PutItem: 'to claim',
        DeleteItem: 'to release and to retire',
        UpdateItem: 'to confirm and to extend holds',
        ConditionCheckItem: 'to claim for a group',
        Scan: 'to count and to list',
      },
    },
  ];
  if (ledger === undefined) return tables;
  const ledgerToCheck = {
    subject: 'ledger',
    tableName: ledger,
    key: keyOf(ledgerTable(ledger)),
    permissions: { PutItem: 'to add', BatchGetItem: 'to add', UpdateItem: 'to retire' },
  };
  return [...tables, ledgerToCheck];
}

async function regionFinding(client: DynamoDBClient): Promise<Finding> {
  return orFailure('region', 'region', async () => ok('region', await client.config.region()));
}

async function credentialsFinding(client: DynamoDBClient): Promise<Finding> {
  return orFailure('credentials', 'credentials', async () => {
    await client.config.credentials();
    return ok('credentials', 'found');
  });
}

/** Compares the clock of this machine with DynamoDB's, as its replies tell it. */
function watchClock(client: DynamoDBClient): { finding(): Finding } {
  let skewMs: number | null = null;
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers = {} } = result.response as { headers?: Record<string, string> };
      const serverMs = Date.parse(headers.date ?? '');
      if (!Number.isNaN(serverMs)) skewMs = Date.now() - serverMs;
      return result;
    },
    { step: 'deserialize', priority: 'low' },
  );
  return {
    finding: () => {
      if (skewMs === null) return unknown('clock', 'the replies of DynamoDB had no time');
      const seconds = Math.round(Math.abs(skewMs) / 1_000);
      if (Math.abs(skewMs) <= MAX_CLOCK_SKEW_MS) return ok('clock', 'is correct');
      return {
        level: 'warning',
        subject: 'clock',
        message: `is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of DynamoDB`,
        remedy:
          'Set the clock of this machine by NTP: if it is 5 minutes off, DynamoDB refuses requests.',
      };
    },
  };
}

async function describe(
  client: DynamoDBClient,
  { subject, tableName }: TableToCheck,
): Promise<{ readonly table: TableDescription } | { readonly finding: Finding }> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
    return { table: Table ?? {} };
  } catch (error) {
    const isMissing = nameOf(error) === 'ResourceNotFoundException';
    if (isMissing) {
      const remedy = 'Create it with "storagebox init", or check the name, --region and --profile.';
      return { finding: fault(subject, `"${tableName}" does not exist`, remedy) };
    }
    return { finding: failureFinding(subject, 'description', error) };
  }
}

function* descriptionFindings(
  { subject, tableName, key }: TableToCheck,
  table: TableDescription,
): Generator<Finding, void, void> {
  const { KeySchema = [], AttributeDefinitions = [], TableStatus: status = 'unknown' } = table;
  const keys = keyText(KeySchema, AttributeDefinitions);
  const expected = `"${key}" (S)`;
  if (keys !== expected) {
    const remedy =
      'Name the right table, or create one with "storagebox init": a key cannot be changed.';
    yield fault(subject, `"${tableName}" has the key ${keys}, expected ${expected}`, remedy);
  } else if (status !== 'ACTIVE' && status !== 'UPDATING') {
    yield fault(subject, `"${tableName}" is ${status}`, 'Wait until it is ACTIVE.');
  } else {
    yield ok(subject, `"${tableName}" is ${status}, its key is ${expected}`);
  }
  if (table.DeletionProtectionEnabled !== true) {
    const command = `aws dynamodb update-table --table-name ${tableName} --deletion-protection-enabled`;
    yield warning(subject, 'can be deleted: deletion protection is off', command);
  }
  if ((table.Replicas ?? []).length > 0) {
    const remedy = 'Claim in one Region only: conditions are checked in each Region by itself.';
    yield warning(subject, 'is a global table', remedy);
  }
}

function keyText(
  schema: readonly KeySchemaElement[],
  definitions: readonly AttributeDefinition[],
): string {
  const keys = schema.map(({ AttributeName: name }) => {
    const definition = definitions.find(({ AttributeName }) => AttributeName === name);
    return `"${name}" (${definition?.AttributeType})`;
  });
  return keys.join(', ');
}

/** Without the right index, holds that have ended would stay where they are. */
async function* holdIndexFindings(
  client: DynamoDBClient,
  table: TableToCheck,
  { GlobalSecondaryIndexes = [], AttributeDefinitions = [] }: TableDescription,
): AsyncGenerator<Finding, void, void> {
  const subject = 'hold index';
  const { tableName, indexName } = table;
  const index = GlobalSecondaryIndexes.find(({ IndexName }) => IndexName === indexName);
  const withoutIt = 'or leave out --hold-index: the whole table is read then.';
  if (index === undefined) {
    const remedy = `Create it as deduplicationTableWithHoldIndex() defines it, ${withoutIt}`;
    yield fault(subject, `"${tableName}" has no index "${indexName}"`, remedy);
    return;
  }
  const { KeySchema = [], IndexStatus: status = 'unknown' } = index;
  const keys = keyText(KeySchema, AttributeDefinitions);
  const expected = `"${HELD_UNTIL_ATTRIBUTE}" (S)`;
  if (keys !== expected) {
    const remedy = `Name the right index, ${withoutIt}`;
    yield fault(subject, `"${indexName}" has the key ${keys}, expected ${expected}`, remedy);
  } else if (status !== 'ACTIVE' && status !== 'UPDATING') {
    yield fault(subject, `"${indexName}" is ${status}`, `Wait until it is ACTIVE, ${withoutIt}`);
  } else {
    yield ok(subject, `"${indexName}" is ${status}, its key is ${expected}`);
    const permissions = { Scan: 'to take back what was not confirmed' };
    yield await permissionsFinding(client, { ...table, subject, permissions });
  }
}

/** What a sample of the rows tells, which is one page and costs a few read units. */
async function assignmentFindings(opened: Tables): Promise<Finding[]> {
  const subject = DEDUPLICATION_SUBJECT;
  const attributes = [DEDUPLICATION_KEY, HELD_UNTIL_ATTRIBUTE, ITEM_BANK_TABLE_ATTRIBUTE];
  try {
    const rows = await sampleAssignments(opened, ASSIGNMENT_SAMPLE_SIZE, attributes);
    const holds = rows.map(({ [HELD_UNTIL_ATTRIBUTE]: end }) => ({
      heldUntil: end?.S === undefined ? null : new Date(end.S),
    }));
    return [...idFindings(idsOf(rows), opened), ...holdFindings(holds, originFindings(rows))];
  } catch (error) {
    return [failureFinding(subject, 'contents', error)];
  }
}

/** What is wrong where anything is held. */
function originFindings(rows: readonly TableRow[]): Finding[] {
  if (rows.every((row) => row[ITEM_BANK_TABLE_ATTRIBUTE] !== undefined)) return [];
  const message =
    'has holds, and rows that do not name their bank, as the Python module and claims in two steps write them';
  const remedy =
    'Such processes take a hold for final: let only processes that know holds use the table.';
  return [warning(DEDUPLICATION_SUBJECT, message, remedy)];
}

async function timeToLiveFinding(client: DynamoDBClient, table: TableToCheck): Promise<Finding> {
  const { subject, tableName } = table;
  return orFailure(subject, 'time to live', async () => {
    const { TimeToLiveDescription: description } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: tableName }),
    );
    const status = description?.TimeToLiveStatus ?? 'DISABLED';
    if (status === 'DISABLED' || status === 'DISABLING') {
      return ok(subject, 'no row ever expires');
    }
    return fault(
      subject,
      `rows expire: time to live is ${status}`,
      `aws dynamodb update-time-to-live --table-name ${tableName} --time-to-live-specification ` +
        `Enabled=false,AttributeName=${description?.AttributeName}`,
    );
  });
}

async function backupsFinding(client: DynamoDBClient, table: TableToCheck): Promise<Finding> {
  const { subject, tableName } = table;
  return orFailure(subject, 'point-in-time recovery', async () => {
    const { ContinuousBackupsDescription: description } = await client.send(
      new DescribeContinuousBackupsCommand({ TableName: tableName }),
    );
    const status = description?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
    if (status === 'ENABLED') return ok(subject, 'point-in-time recovery is on');
    return warning(
      subject,
      'point-in-time recovery is off',
      `aws dynamodb update-continuous-backups --table-name ${tableName} ` +
        '--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true',
    );
  });
}

async function permissionsFinding(client: DynamoDBClient, table: TableToCheck): Promise<Finding> {
  const { subject, permissions } = table;
  return orFailure(subject, 'permissions', async () => {
    const missing: string[] = [];
    for (const operation of Object.keys(permissions)) {
      if (!(await isPermitted(client, table, operation))) missing.push(operation);
    }
    if (missing.length === 0) {
      return ok(subject, `permitted: ${Object.keys(permissions).join(', ')}`);
    }
    return fault(
      subject,
      `not permitted: ${missing.map((name) => `dynamodb:${name} (${permissions[name]})`).join(', ')}`,
      'Allow it to the role of these credentials, if the role is to do that.',
    );
  });
}

/**
 * Tries the operation on a key that does not exist. A write has a condition that always fails; without
 * the permission, DynamoDB refuses the write before it checks the condition.
 */
async function isPermitted(
  client: DynamoDBClient,
  { tableName: TableName, key, indexName: IndexName }: TableToCheck,
  operation: string,
): Promise<boolean> {
  const Key = { [key]: { S: `storagebox-doctor-${crypto.randomUUID()}` } };
  const never = {
    TableName,
    ConditionExpression: 'attribute_exists(#key)',
    ExpressionAttributeNames: { '#key': key },
  };
  const write = (action: TransactWriteItem) =>
    client.send(new TransactWriteItemsCommand({ TransactItems: [action] }));
  const attempts: Readonly<Record<string, () => Promise<unknown>>> = {
    Scan: () => client.send(new ScanCommand({ TableName, IndexName, Limit: 1 })),
    GetItem: () => client.send(new GetItemCommand({ TableName, Key })),
    BatchGetItem: () =>
      client.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [Key] } } })),
    PutItem: () => write({ Put: { ...never, Item: Key } }),
    DeleteItem: () => write({ Delete: { ...never, Key } }),
    UpdateItem: () =>
      write({ Update: { ...never, Key, UpdateExpression: 'REMOVE storagebox_doctor' } }),
    ConditionCheckItem: () => write({ ConditionCheck: { ...never, Key } }),
  };
  try {
    await attempts[operation]?.();
    return true;
  } catch (error) {
    if (nameOf(error) === 'AccessDeniedException') return false;
    if (nameOf(error) === 'TransactionCanceledException') return true;
    throw error;
  }
}

/** A table may be named by an ARN, so the tables can be in different accounts or Regions. */
function placeFinding(arns: readonly string[], tableCount: number): Finding {
  const places = new Set(arns.map((arn) => arn.split(':').slice(3, 5).join(' in account ')));
  if (places.size > 1) {
    return fault(
      'tables',
      `in different places: ${[...places].join(', ')}`,
      'Keep all of them in one account and Region: no transaction spans two.',
    );
  }
  return arns.length === tableCount
    ? ok('tables', 'in one account and Region: a claim is one transaction')
    : unknown('tables', 'account and Region: not all tables could be described');
}

async function orFailure(
  subject: string,
  what: string,
  check: () => Promise<Finding>,
): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    return failureFinding(subject, what, error);
  }
}

function failureFinding(subject: string, what: string, error: unknown): Finding {
  const name = nameOf(error);
  if (name === 'AccessDeniedException') {
    return unknown(subject, `${what}: these credentials may not read it`);
  }
  if (name === 'UnknownOperationException') {
    return unknown(subject, `${what}: this server does not support it`);
  }
  const { message, remedy } = describeFailure(error, describeDynamoDbFailure);
  return { level: 'fault', subject, message, remedy };
}

function nameOf(error: unknown): string | undefined {
  return (error as { name?: string } | null)?.name;
}
