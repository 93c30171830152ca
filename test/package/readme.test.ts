// The code blocks of the README, type-checked and run against the tarball as they stand.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  createTables,
  Deduplicator,
  deduplicationTable,
  itemBankTable,
  ledgerTable,
} from 'storagebox';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { clientConfigFor } from '../support/client.js';
import { intercept } from '../support/interceptor.js';
import { type PackedPackage, packPackage, ROOT } from '../support/packed-package.js';
import { freshTablesWithLedger, openPair } from '../support/tables.js';

const run = promisify(execFile);
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => String(code));

/** What the text calls by these names: the user's own values. */
const READERS_VALUES = {
  voucherCodes: ['MOVIE-1', 'MOVIE-2', 'MOVIE-3'],
  userId: 'user-1',
  email: 'guest@example.com',
  referralLinks: ['https://example.com/?friend=1', 'https://example.com/?friend=2'],
  ipAddress: '192.0.2.1',
  requestedClass: 2,
  studentId: 'student-1',
  subscribers: ['ann@example.com', 'bob@example.com'],
};

const ITEM_BANKS = ['voucher_codes', 'seats', 'referral_links'].concat(
  [1, 2, 3].map((number) => `class_${number}_codes`),
);
const DEDUPLICATION_TABLES = [
  'storage_box_deduplication_table',
  'seat_assignments',
  'referral_owners',
  'online_classes_deduplication_table',
];

const endpoint = inject('dynamoDbEndpoint');
// DynamoDB Local keeps the tables of each access key apart, so the names can be those of the README.
const accessKeyId = randomUUID().replaceAll('-', '');
const environment = {
  ...process.env,
  AWS_ENDPOINT_URL_DYNAMODB: endpoint,
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: 'local',
};

let packed: PackedPackage;
beforeAll(async () => {
  packed = await packPackage();
  const client = new DynamoDBClient({
    ...clientConfigFor(endpoint),
    credentials: { accessKeyId, secretAccessKey: 'local' },
  });
  await createTables(
    [
      ...ITEM_BANKS.map(itemBankTable),
      ...DEDUPLICATION_TABLES.map(deduplicationTable),
      ledgerTable('voucher_codes_ledger'),
    ],
    { client },
  );
  const values = Object.entries(READERS_VALUES);
  const types = { object: 'readonly string[]', string: 'string', number: 'number' };
  const declarations = values.map(
    ([name, value]) => `declare const ${name}: ${types[typeof value as keyof typeof types]};\n`,
  );
  await writeFile(join(packed.project, 'readers-values.d.ts'), declarations.join(''));
  await writeFile(
    join(packed.project, 'readers-values.mjs'),
    values.map(([name, value]) => `globalThis.${name} = ${JSON.stringify(value)};\n`).join(''),
  );
  for (const [index, code] of blocks.entries()) {
    await writeFile(join(packed.project, `block-${index}.mts`), code);
  }
});
afterAll(() => packed.dispose());

/** What the block prints. */
async function outputOf(block: string): Promise<string> {
  const file = `block-${blocks.indexOf(block)}.mts`;
  const tsx = import.meta.resolve('tsx');
  const { stdout } = await run(
    process.execPath,
    ['--import', tsx, '--import', './readers-values.mjs', file],
    { cwd: packed.project, env: environment },
  );
  return stdout;
}

const blockWith = (text: string) => {
  const block = blocks.find((code) => code.includes(text));
  if (block === undefined) throw new Error(`No code block of the README contains ${text}`);
  return block;
};

test('type-check under strict', async () => {
  const files = blocks.map((_, index) => `block-${index}.mts`);
  const { stdout } = await run(
    process.execPath,
    [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
      ...['--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--skipLibCheck'],
      'readers-values.d.ts',
      ...files,
    ],
    { cwd: packed.project },
  ).catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
});

describe('run', () => {
  test.each(blocks.map((block, index) => [index + 1, block] as const))(
    'block %i',
    async (_number, block) => {
      await expect(outputOf(block)).resolves.toEqual(expect.any(String));
    },
  );

  test('and the quick example gives the user a code, which claim() then shows again', async () => {
    await outputOf(blockWith('await itemRepo.batchAddItems(voucherCodes)'));
    expect(await outputOf(blockWith('show it again'))).toMatch(/^show it again: MOVIE-\d\n$/);
  });

  test('and the errors are the ones that the text names', async () => {
    expect(await outputOf(blockWith('mend line'))).toBe('mend line 2\n');
  });

  test('and the in-memory pair prints what its comments say', async () => {
    expect(await outputOf(blockWith('storagebox/memory'))).toBe('voucher-1\nnull\n');
  });
});

describe('the permissions in the README are those that the requests need, no more and no less', () => {
  const policies = new Map(
    [...readme.matchAll(/^```json (\w+)\n(.*?)^```$/gms)].map(([, role, policy]) => [
      role,
      JSON.parse(String(policy)).Statement as { Action: string[]; Resource: string }[],
    ]),
  );
  const permitted = (role: string, table: string) =>
    policies
      .get(role)
      ?.filter(({ Resource }) => Resource.endsWith(`/${table}`))
      .flatMap(({ Action }) => Action)
      .sort();

  async function needed(
    use: (deduplicator: Deduplicator) => Promise<unknown>,
    { hasLedger }: { readonly hasLedger: boolean } = { hasLedger: false },
  ) {
    const { ledgerTableName, ...withoutLedger } = await freshTablesWithLedger();
    const tables = { ...withoutLedger, ...(hasLedger && { ledgerTableName }) };
    await openPair(tables).itemRepo.batchAddItems(['voucher-1']);
    await openPair(tables).deduplicationRepo.putDeduplicationId('user-with-item', 'voucher-0');
    const actions = new Map<unknown, Set<string>>();
    const note = (table: unknown, action: string) => {
      actions.set(table, (actions.get(table) ?? new Set()).add(`dynamodb:${action}`));
    };
    intercept(tables.client, ({ operation, input, send }) => {
      const { TransactItems, TableName, RequestItems } = input as {
        TransactItems?: Record<string, { TableName: string }>[];
        TableName?: string;
        RequestItems?: Record<string, unknown>;
      };
      if (TableName !== undefined) note(TableName, operation);
      for (const table of Object.keys(RequestItems ?? {})) note(table, operation);
      for (const [kind, { TableName: table }] of (TransactItems ?? []).flatMap(Object.entries)) {
        note(table, `${kind}Item`);
      }
      return send();
    });
    await use(new Deduplicator(openPair(tables)));
    const { itemBankTableName, deduplicationTableName } = tables;
    const sorted = (table: string) => [...(actions.get(table) ?? [])].sort();
    return {
      bank: sorted(itemBankTableName),
      deduplication: sorted(deduplicationTableName),
      ledger: sorted(ledgerTableName),
    };
  }

  test('for handlers', async () => {
    const { bank, deduplication } = await needed(async (deduplicator) => {
      // A first hand-out, a repeat, and one in vain.
      for (const user of ['user-1', 'user-1', 'user-2']) await deduplicator.claim(user);
    });
    expect(permitted('handlers', 'voucher_codes')).toEqual(bank);
    expect(permitted('handlers', 'storage_box_deduplication_table')).toEqual(deduplication);
  });

  test('for those who take items back', async () => {
    const { bank, deduplication } = await needed(async (deduplicator) => {
      // With an item, and without one.
      await deduplicator.releaseItemForDeduplicationId('user-with-item');
      await deduplicator.retireItemForDeduplicationId('user-with-item');
    });
    expect(permitted('releasers', 'voucher_codes')).toEqual(bank);
    expect(permitted('releasers', 'storage_box_deduplication_table')).toEqual(deduplication);
  });

  test('for seeders', async () => {
    const { bank, deduplication } = await needed((deduplicator) =>
      deduplicator.addItemsToBank(['voucher-1', 'voucher-2']),
    );
    expect(permitted('seeders', 'voucher_codes')).toEqual(bank);
    expect(deduplication).toEqual([]);
  });

  test('for seeders with a ledger', async () => {
    const { bank, deduplication, ledger } = await needed(
      (deduplicator) => deduplicator.addItemsToBank(['voucher-1', 'voucher-2']),
      { hasLedger: true },
    );
    expect(permitted('seeders', 'voucher_codes')).toEqual(bank);
    expect(permitted('ledger', 'voucher_codes_ledger')).toEqual(ledger);
    expect(deduplication).toEqual([]);
  });
});
