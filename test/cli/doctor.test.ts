// What doctor says of set-ups that are wrong, some of which DynamoDB Local cannot have by itself.
import {
  CreateTableCommand,
  PutItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { deduplicationTable, deduplicationTableWithHoldIndex, itemBankTable } from 'storagebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine } from '../support/command-line.js';
import { inPlaceOf } from '../support/http-stand-in.js';
import { allRows } from '../support/tables.js';
import { setHoldEnds } from './hold-ends.js';

interface Finding {
  readonly level: string;
  readonly subject: string;
  readonly message: string;
  readonly remedy: string | null;
}

let built: CommandLine;
beforeAll(async () => {
  built = await buildCommandLine();
});
afterAll(() => built.dispose());

const withTables = () => built.withTables();

const DEDUPLICATION = 'storage_box_deduplication_table';
const SECRET = {
  STORAGE_BOX_DEDUPLICATION_ID_SECRET: 'a secret of the tests, and of nobody else',
};

async function examine(cli: CommandLine, ...args: readonly string[]) {
  const { stdout, exitCode } = await cli.run(['doctor', '--json', ...args], { env: SECRET });
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  const notOk = findings.filter(({ level }) => level === 'fault' || level === 'warning');
  return { findings, notOk, exitCode };
}

const pointInTimeRecovery = (PointInTimeRecoveryStatus: string) => ({
  ContinuousBackupsDescription: {
    ContinuousBackupsStatus: 'ENABLED',
    PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus },
  },
});

test('a set-up that is right has no fault, and nothing was written', async () => {
  const cli = await withTables();
  const { findings, notOk, exitCode } = await examine(cli);
  expect(exitCode).toBe(0);
  expect(notOk.map(({ message }) => message)).toEqual(
    Array(3).fill('can be deleted: deletion protection is off'),
  );
  for (const permissions of [
    'Scan, DeleteItem, PutItem',
    'GetItem, PutItem, DeleteItem, UpdateItem, ConditionCheckItem, Scan',
    'PutItem, BatchGetItem, UpdateItem',
  ]) {
    expect(findings.map(({ message }) => message)).toContain(`permitted: ${permissions}`);
  }
  for (const table of ['storage_box_item_bank', 'storage_box_deduplication_table']) {
    expect(await allRows(cli.client(), table)).toEqual([]);
  }
});

test('missing tables', async () => {
  const { notOk, exitCode } = await examine(built.withoutTables(), '--no-ledger');
  expect(notOk.map(({ subject, message }) => `${subject}: ${message}`)).toEqual([
    'item bank: "storage_box_item_bank" does not exist',
    'deduplication table: "storage_box_deduplication_table" does not exist',
  ]);
  expect(notOk[0]?.remedy).toContain('storagebox init');
  expect(exitCode).toBe(4);
});

test('a table with another key', async () => {
  const cli = await withTables();
  await cli.client().send(
    new CreateTableCommand({
      ...itemBankTable('orders'),
      AttributeDefinitions: [{ AttributeName: 'item', AttributeType: 'N' }],
    }),
  );
  const { notOk, exitCode } = await examine(cli, '--item-bank-table', 'orders', '--no-ledger');
  expect(notOk[0]).toMatchObject({
    level: 'fault',
    subject: 'item bank',
    message: '"orders" has the key "item" (N), expected "item" (S)',
  });
  expect(exitCode).toBe(4);
});

test('rows that expire', async () => {
  const cli = await withTables();
  await cli.client().send(
    new UpdateTimeToLiveCommand({
      TableName: 'storage_box_deduplication_table',
      TimeToLiveSpecification: { Enabled: true, AttributeName: 'expires_at' },
    }),
  );
  const { notOk, exitCode } = await examine(cli);
  const [fault] = notOk.filter(({ level }) => level === 'fault');
  expect(fault).toMatchObject({
    subject: 'deduplication table',
    message: 'rows expire: time to live is ENABLED',
  });
  expect(fault?.remedy).toContain('aws dynamodb update-time-to-live');
  expect(exitCode).toBe(4);
});

test('point-in-time recovery that is off, and one that is on', async () => {
  const cli = await withTables();
  const endpoint = await inPlaceOf((operation) =>
    operation === 'DescribeContinuousBackups' ? pointInTimeRecovery('DISABLED') : undefined,
  );
  const { notOk, exitCode } = await examine(cli, '--endpoint-url', endpoint);
  const [warning] = notOk.filter(({ message }) => message === 'point-in-time recovery is off');
  expect(warning?.level).toBe('warning');
  expect(warning?.remedy).toContain('aws dynamodb update-continuous-backups');
  expect(exitCode).toBe(0);

  const protectedEndpoint = await inPlaceOf((operation) =>
    operation === 'DescribeContinuousBackups' ? pointInTimeRecovery('ENABLED') : undefined,
  );
  const { findings } = await examine(cli, '--endpoint-url', protectedEndpoint);
  expect(findings.filter(({ message }) => message === 'point-in-time recovery is on')).toHaveLength(
    3,
  );
});

test('permissions that are missing, by what they are needed for', async () => {
  const cli = await withTables();
  const endpoint = await inPlaceOf((operation, { TransactItems: [action = {}] = [] }) => {
    const isRefused =
      operation === 'Scan' || ['Delete', 'Update', 'ConditionCheck'].some((name) => name in action);
    return isRefused ? 'AccessDeniedException' : undefined;
  });
  const { notOk, exitCode } = await examine(cli, '--endpoint-url', endpoint, '--no-ledger');
  const faults = notOk.filter(({ level }) => level === 'fault');
  expect(faults.map(({ subject, message }) => `${subject} ${message}`)).toEqual([
    'item bank not permitted: dynamodb:Scan (to claim, to count and to list), dynamodb:DeleteItem (to claim)',
    'deduplication table not permitted: dynamodb:DeleteItem (to release and to retire), ' +
      'dynamodb:UpdateItem (to confirm and to extend holds), dynamodb:ConditionCheckItem (to claim for a group), ' +
      'dynamodb:Scan (to count and to list)',
  ]);
  expect(exitCode).toBe(4);
});

test('what may not be described is unknown, and the permissions to use it are looked at all the same', async () => {
  const cli = await withTables();
  const endpoint = await inPlaceOf((operation) =>
    operation.startsWith('Describe') ? 'AccessDeniedException' : undefined,
  );
  const { findings, exitCode } = await examine(cli, '--endpoint-url', endpoint, '--no-ledger');
  const ofBank = findings.filter(({ subject }) => subject === 'item bank');
  expect(ofBank.map(({ level, message }) => `${level} ${message}`)).toEqual([
    'unknown description: these credentials may not read it',
    'unknown time to live: these credentials may not read it',
    'unknown point-in-time recovery: these credentials may not read it',
    'ok permitted: Scan, DeleteItem, PutItem',
  ]);
  expect(exitCode).toBe(0);
});

test('a clock that is wrong', async () => {
  const cli = await withTables();
  const inTenMinutes = new Date(Date.now() + 10 * 60_000).toUTCString();
  const endpoint = await inPlaceOf(() => undefined, { date: inTenMinutes });
  const { notOk } = await examine(cli, '--endpoint-url', endpoint, '--no-ledger');
  const [clock] = notOk.filter(({ subject }) => subject === 'clock');
  expect(clock?.message).toMatch(/^is (5|6)\d\d s behind that of DynamoDB$/);
  expect(clock?.remedy).toContain('NTP');
});

test('tables in two Regions, by their ARNs', async () => {
  const cli = await withTables();
  const table = (region: string, key: string) => ({
    Table: {
      TableArn: `arn:aws:dynamodb:${region}:111122223333:table/some`,
      TableStatus: 'ACTIVE',
      DeletionProtectionEnabled: true,
      KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
    },
  });
  let described = 0;
  const endpoint = await inPlaceOf((operation) => {
    if (operation !== 'DescribeTable') return undefined;
    return ++described === 1 ? table('eu-west-1', 'item') : table('us-east-1', 'deduplication_id');
  });
  const { notOk, exitCode } = await examine(cli, '--endpoint-url', endpoint, '--no-ledger');
  expect(notOk).toMatchObject([
    {
      level: 'fault',
      subject: 'tables',
      message:
        'in different places: eu-west-1 in account 111122223333, us-east-1 in account 111122223333',
    },
  ]);
  expect(exitCode).toBe(4);
});

test.each([
  {
    before: [],
    now: ['--hash-ids'],
    message: 'has IDs that are not hashed: whoever has an item there would get a second one',
  },
  {
    before: ['--hash-ids'],
    now: [],
    message: 'has IDs that are hashed: whoever has an item there would get a second one',
  },
])('IDs that are kept in another way: $message', async ({ before, now, message }) => {
  const cli = await built.withTables(['A-1']);
  await cli.run(['fetch', 'ann', ...before], { env: SECRET });
  const { notOk, exitCode } = await examine(cli, ...now);
  const faults = notOk.filter(({ level }) => level === 'fault');
  expect(faults).toMatchObject([{ subject: 'deduplication table', message }]);
  expect(exitCode).toBe(4);
  expect((await examine(cli, ...before)).exitCode).toBe(0);
});

test('IDs that are hashed with another secret', async () => {
  const cli = await built.withTables(['A-1']);
  const env = { STORAGE_BOX_DEDUPLICATION_ID_SECRET: 'another secret of the tests, long enough' };
  await cli.run(['fetch', 'ann', '--hash-ids'], { env });
  const { notOk, exitCode } = await examine(cli, '--hash-ids');
  expect(notOk.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^has IDs that are hashed with another secret: /),
  );
  expect(exitCode).toBe(4);
});

describe('the hold index', () => {
  const ofIndex = async (cli: CommandLine, ...args: readonly string[]) => {
    const { findings, exitCode } = await examine(cli, '--hold-index', 'holds', ...args);
    const found = findings.filter(({ subject }) => subject === 'hold index');
    return { found: found.map(({ level, message }) => `${level} ${message}`), exitCode };
  };

  async function withIndex() {
    const cli = built.withoutTables();
    await cli.run(['init', '--hold-index', 'holds']);
    return cli;
  }

  test('is right where init made it', async () => {
    expect(await ofIndex(await withIndex())).toEqual({
      found: ['ok "holds" is ACTIVE, its key is "held_until" (S)', 'ok permitted: Scan'],
      exitCode: 0,
    });
  });

  test('is missing', async () => {
    const cli = await withTables();
    expect(await ofIndex(cli)).toEqual({
      found: [`fault "${DEDUPLICATION}" has no index "holds"`],
      exitCode: 4,
    });
    expect((await examine(cli)).findings.map(({ subject }) => subject)).not.toContain('hold index');
  });

  test('has another key', async () => {
    const cli = built.withoutTables();
    await cli.run(['init']);
    const definition = deduplicationTableWithHoldIndex('others', 'holds');
    const [index] = definition.GlobalSecondaryIndexes ?? [];
    await cli.client().send(
      new CreateTableCommand({
        ...deduplicationTable('others'),
        GlobalSecondaryIndexes: [
          {
            IndexName: 'holds',
            Projection: index?.Projection,
            KeySchema: [{ AttributeName: 'deduplication_id', KeyType: 'HASH' }],
          },
        ],
      }),
    );
    expect(await ofIndex(cli, '--deduplication-table', 'others')).toEqual({
      found: ['fault "holds" has the key "deduplication_id" (S), expected "held_until" (S)'],
      exitCode: 4,
    });
  });

  test('is not active yet, or may not be read', async () => {
    const cli = await withIndex();
    const definition = deduplicationTableWithHoldIndex(DEDUPLICATION, 'holds');
    const endpoint = await inPlaceOf((operation, { TableName }) => {
      if (operation !== 'DescribeTable' || TableName !== DEDUPLICATION) return undefined;
      const [index] = definition.GlobalSecondaryIndexes ?? [];
      const GlobalSecondaryIndexes = [{ ...index, IndexStatus: 'CREATING' }];
      return { Table: { ...definition, TableStatus: 'UPDATING', GlobalSecondaryIndexes } };
    });
    expect(await ofIndex(cli, '--endpoint-url', endpoint)).toEqual({
      found: ['fault "holds" is CREATING'],
      exitCode: 4,
    });
    const closed = await inPlaceOf((operation, input) =>
      operation === 'Scan' && 'IndexName' in input ? 'AccessDeniedException' : undefined,
    );
    expect((await ofIndex(cli, '--endpoint-url', closed)).found[1]).toBe(
      'fault not permitted: dynamodb:Scan (to take back what was not confirmed)',
    );
  });
});

describe('holds', () => {
  const notProtected = 'can be deleted: deletion protection is off';
  const warnings = async (cli: CommandLine) => {
    const { notOk, exitCode } = await examine(cli, '--no-ledger');
    expect(exitCode).toBe(0);
    return notOk.filter(({ message }) => message !== notProtected);
  };

  test('that ended long ago, or just now', async () => {
    const cli = await built.withTables(['A-1', 'A-2']);
    for (const user of ['ann', 'bob']) await cli.run(['fetch', user, '--hold', '1h']);
    expect(await warnings(cli)).toEqual([]);
    await setHoldEnds(cli, 50 * 60_000);
    expect(await warnings(cli)).toEqual([]);
    await setHoldEnds(cli, 70 * 60_000);
    expect(await warnings(cli)).toEqual([
      {
        level: 'warning',
        subject: 'deduplication table',
        message: 'holds ended more than an hour ago: 2 in a sample of 2 rows',
        remedy: 'Does something run "storagebox release-expired"?',
      },
    ]);
  });

  test('beside rows of the Python module', async () => {
    const cli = await built.withTables(['A-1']);
    const ofPython = { deduplication_id: { S: 'bob' }, item_string: { S: 'B-1' } };
    await cli.client().send(new PutItemCommand({ TableName: DEDUPLICATION, Item: ofPython }));
    expect(await warnings(cli)).toEqual([]);
    await cli.run(['fetch', 'ann', '--hold', '1h']);
    const [warning] = await warnings(cli);
    expect(warning?.message).toMatch(/^has holds, and rows that do not name their bank/);
    expect(warning?.remedy).toContain('take a hold for final');
  });
});

test('no credentials, and no Region', async () => {
  const env = { AWS_ACCESS_KEY_ID: undefined, AWS_REGION: undefined };
  const { stdout, exitCode } = await built.run(['doctor'], { env });
  expect(stdout).toMatch(/^fault {4}region +No Region is set\.\n +remedy: Pass --region/);
  expect(stdout).toMatch(/^fault {4}credentials +Could not load credentials/m);
  expect(exitCode).toBe(4);
});

test('without a server, nothing is said of a transaction', async () => {
  const { findings, exitCode } = await examine(built, '--endpoint-url', 'http://127.0.0.1:1');
  expect(findings.at(-1)).toMatchObject({ level: 'unknown', subject: 'tables' });
  expect(findings.map(({ message }) => message).join()).not.toContain('one transaction');
  expect(exitCode).toBe(4);
});
