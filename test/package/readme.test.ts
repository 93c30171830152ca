// The code blocks of the README, type-checked and run against the tarball as they stand.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createTables, deduplicationTable, itemBankTable, ledgerTable } from 'storagebox';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { clientConfigFor } from '../support/client.js';
import { type PackedPackage, packPackage, ROOT } from '../support/packed-package.js';
import { withoutTypes } from '../support/without-types.js';

const run = promisify(execFile);
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => String(code));

/** What the text calls by these names: the user's own values. */
const READERS_VALUES = {
  voucherCodes: ['MOVIE-1', 'MOVIE-2', 'MOVIE-3'],
  userId: 'user-1',
  email: 'guest@example.com',
  sendMail: async (mail: unknown) => process.stdout.write(JSON.stringify(mail)),
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
  const types = {
    object: 'readonly string[]',
    string: 'string',
    number: 'number',
    function: '(mail: { to: string; text: string; idempotencyKey: string }) => Promise<void>',
  };
  const declarations = values.map(
    ([name, value]) => `declare const ${name}: ${types[typeof value as keyof typeof types]};\n`,
  );
  await writeFile(join(packed.project, 'readers-values.d.ts'), declarations.join(''));
  await writeFile(
    join(packed.project, 'readers-values.mjs'),
    values.map(([name, value]) => `globalThis.${name} = ${sourceOf(value)};\n`).join(''),
  );
  for (const [index, code] of blocks.entries()) {
    await writeFile(join(packed.project, `block-${index}.mts`), code);
    await writeFile(join(packed.project, `block-${index}.mjs`), withoutTypes(code));
  }
});
afterAll(() => packed.dispose());

function sourceOf(value: unknown): string {
  return typeof value === 'function' ? String(value) : JSON.stringify(value);
}

/** What the block prints. */
async function outputOf(block: string): Promise<string> {
  const file = `block-${blocks.indexOf(block)}.mjs`;
  const { stdout } = await run(process.execPath, ['--import', './readers-values.mjs', file], {
    cwd: packed.project,
    env: environment,
  });
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

  test('and a mail is sent for a repeat, too, under the same key', async () => {
    await outputOf(blockWith('await itemRepo.batchAddItems(voucherCodes)'));
    const first = await outputOf(blockWith('await sendMail('));
    expect(first).toMatch(/Your code: MOVIE-\d.*"idempotencyKey":"spring-sale\/user-1"/);
    expect(await outputOf(blockWith('await sendMail('))).toBe(first);
  });

  test('and the errors are the ones that the text names', async () => {
    expect(await outputOf(blockWith('fix line'))).toBe('fix line 2\n');
  });

  test('and the in-memory pair prints what its comments say', async () => {
    expect(await outputOf(blockWith('storagebox/memory'))).toBe('voucher-1\nnull\n');
  });
});
