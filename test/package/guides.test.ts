// docs/seat-sale.md and docs/upgrading.md: their files, type-checked and run against the tarball as they stand.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createTables, deduplicationTable, deduplicationTableWithHoldIndex } from 'storagebox';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { clientConfigFor } from '../support/client.js';
import { type PackedPackage, packPackage, ROOT } from '../support/packed-package.js';
import { allRows } from '../support/tables.js';
import { withoutTypes } from '../support/without-types.js';

const run = promisify(execFile);

interface Guide {
  readonly folder: string;
  /** By their names, which stand after the language of each block. */
  readonly files: ReadonlyMap<string, string>;
}

let packed: PackedPackage;
let seatSale: Guide;
let upgrading: Guide;
beforeAll(async () => {
  packed = await packPackage();
  seatSale = await guideOf('docs/seat-sale.md', 'seat-sale');
  upgrading = await guideOf('docs/upgrading.md', 'upgrading');
});
afterAll(() => packed.dispose());

async function guideOf(page: string, name: string): Promise<Guide> {
  const folder = join(packed.project, name);
  await mkdir(folder);
  const text = await readFile(join(ROOT, page), 'utf8');
  const blocks = [...text.matchAll(/^```ts ([\w.-]+)\n(.*?)^```$/gms)];
  const files = new Map(blocks.map(([, file, code]) => [String(file), String(code)]));
  // Each has a name of its own.
  expect(files.size).toBe([...text.matchAll(/^```ts/gm)].length);
  const guide = { folder, files };
  for (const [file, code] of files) {
    await writeFile(join(folder, file), code);
    await writeProgram(guide, file, code);
  }
  return guide;
}

/** What runs, beside what is type-checked. */
async function writeProgram({ folder }: Guide, file: string, code: string): Promise<void> {
  await writeFile(join(folder, programOf(file)), withoutTypes(code));
}

const programOf = (file: string) => file.replace(/\.ts$/, '.js');

/** A DynamoDB of its own: DynamoDB Local keeps the tables of each access key apart. */
function newAccount() {
  const accessKeyId = randomUUID().replaceAll('-', '');
  const endpoint = inject('dynamoDbEndpoint');
  const client = new DynamoDBClient({
    ...clientConfigFor(endpoint),
    credentials: { accessKeyId, secretAccessKey: 'local' },
  });
  const environment = {
    ...process.env,
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'local',
  };
  return { client, environment };
}
type Account = ReturnType<typeof newAccount>;

async function runFile({ folder }: Guide, args: readonly string[], account?: Account) {
  const { stdout } = await run(process.execPath, args.map(programOf), {
    cwd: folder,
    env: account?.environment ?? process.env,
  });
  return stdout;
}

/** Runs code beside the guide's own files, and returns what it printed as JSON. */
async function visit(account: Account, code: string): Promise<unknown> {
  const file = `visit-${randomUUID()}.ts`;
  const head = [
    `import { deduplicationRepo, deduplicator, itemRepo } from './box.js';`,
    `import { cancelCart, sell } from './checkout.js';`,
    `import { seatsForGroup } from './group.js';`,
    `import { dynamoDbRows } from './orders.js';`,
    `import { paymentArrived } from './payment.js';`,
    `import { freeSeats } from './plan.js';`,
    `import { chooseSeat, seatOf } from './seats.js';`,
    `import { sweepEveryMinute } from './sweep.js';`,
    `const show = (value: unknown) => console.log(JSON.stringify(value));`,
    `const refunds: unknown[] = [];`,
    `const refund = async (paid: unknown) => void refunds.push(paid);`,
  ];
  await writeProgram(seatSale, file, [...head, code].join('\n'));
  return JSON.parse(await runFile(seatSale, [file], account));
}

test('type-check under strict', async () => {
  for (const { folder, files } of [seatSale, upgrading]) {
    const { stdout } = await run(
      process.execPath,
      [
        join(ROOT, 'node_modules/typescript/bin/tsc'),
        ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
        ...['--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--skipLibCheck'],
        ...files.keys(),
      ],
      { cwd: folder },
    ).catch((error: { stdout: string }) => error);
    expect(stdout).toBe('');
  }
});

describe('the seat sale', () => {
  let account: Account;
  beforeAll(async () => {
    account = newAccount();
    expect(await runFile(seatSale, ['set-up.ts'], account)).toContain('added: 300');
  });

  test('keeps its promises in the tests that it shows', async () => {
    const output = await runFile(seatSale, ['--test', 'sale.test.ts']);
    expect(output).toMatch(/pass 2$/m);
    expect(output).toMatch(/fail 0$/m);
  });

  test('gives a chosen seat to one visitor, and shows it again', async () => {
    const answers = await visit(
      account,
      `const first = await chooseSeat(deduplicator, 'ann', '14C');
       const other = await chooseSeat(deduplicator, 'bob', '14C');
       const again = await chooseSeat(deduplicator, 'ann', '15A');
       const seen = await seatOf(deduplicationRepo, 'ann');
       const none = await seatOf(deduplicationRepo, 'bob');
       const free = await freeSeats(itemRepo);
       show([first, other, again, seen, none].map(({ status, body }) => [status, body.seat, body.isPaid]));
       if (free.has('14C') || !free.has('15A')) throw new Error('The plan is wrong.');`,
    );
    const held = (status: number) => [status, '14C', false];
    expect(answers).toEqual([
      held(201),
      [409, null, null],
      held(200),
      held(200),
      [404, null, null],
    ]);
  });

  test('confirms what is paid, refunds what is not there, and says so twice', async () => {
    const answer = await visit(
      account,
      `await chooseSeat(deduplicator, 'cid', '1A');
       const payment = { id: 'pay-1', visitor: 'cid', seat: '1A' };
       for (const _ of [1, 2]) await paymentArrived(deduplicator, payment, refund);
       await paymentArrived(deduplicator, { ...payment, id: 'pay-2', seat: '1B' }, refund);
       show({ refunds, isPaid: (await seatOf(deduplicationRepo, 'cid')).body.isPaid });`,
    );
    expect(answer).toEqual({
      refunds: [{ id: 'pay-2', visitor: 'cid', seat: '1B' }],
      isPaid: true,
    });
  });

  test('sweeps what nobody paid for, until it is told to stop', async () => {
    const answer = await visit(
      account,
      `const { heldUntil } = await deduplicator.claim('dan', { item: '2A', holdForMs: 1 });
       while (Date.now() < Number(heldUntil)) await new Promise(setImmediate);
       const stop = new AbortController();
       console.log = () => stop.abort();
       await sweepEveryMinute(deduplicator, stop.signal);
       process.stdout.write(JSON.stringify(await seatOf(deduplicationRepo, 'dan')));`,
    );
    expect(answer).toMatchObject({ status: 404 });
  });

  test('stops its sweeps when the server is told to stop', async () => {
    const head = `process.nextTick(() => setImmediate(function stop() {
      if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM');
      else setImmediate(stop);
    }));`;
    await writeProgram(seatSale, 'stop.ts', head);
    expect(await runFile(seatSale, ['--import', './stop.ts', 'server.ts'], account)).toBe('');
  });

  test('writes order and mail with the confirmation, once, and keeps a paid seat from the cart', async () => {
    const answer = await visit(
      account,
      `await chooseSeat(deduplicator, 'eve', '3A');
       const payment = { id: 'pay-3', visitor: 'eve', seat: '3A' };
       for (const _ of [1, 2]) await sell(deduplicator, dynamoDbRows, payment, refund);
       const paid = await cancelCart(deduplicator, dynamoDbRows, 'eve');
       await chooseSeat(deduplicator, 'fay', '3B');
       const unpaid = await cancelCart(deduplicator, dynamoDbRows, 'fay');
       const nothing = await cancelCart(deduplicator, dynamoDbRows, 'fay');
       show({ refunds, statuses: [paid.status, unpaid.status, nothing.status] });`,
    );
    expect(answer).toEqual({ refunds: [], statuses: [409, 200, 404] });
    expect(await allRows(account.client, 'orders')).toEqual([
      { visitor: { S: 'eve' }, seat: { S: '3A' }, payment_id: { S: 'pay-3' } },
    ]);
    expect(await allRows(account.client, 'outbox')).toEqual([
      { mail_id: { S: 'pay-3' }, to: { S: 'eve' }, text: { S: 'Seat 3A' } },
    ]);
  });

  test('refunds a payment that meets an order of the same visitor', async () => {
    const answer = await visit(
      account,
      `await chooseSeat(deduplicator, 'gus', '4A');
       await sell(deduplicator, dynamoDbRows, { id: 'pay-4', visitor: 'gus', seat: '4A' }, refund);
       // Somebody releases the seat, and forgets the order.
       await deduplicator.releaseItemForDeduplicationId('gus');
       await chooseSeat(deduplicator, 'gus', '4B');
       await sell(deduplicator, dynamoDbRows, { id: 'pay-5', visitor: 'gus', seat: '4B' }, refund);
       show({ refunds, isPaid: (await seatOf(deduplicationRepo, 'gus')).body.isPaid });`,
    );
    expect(answer).toEqual({ refunds: ['pay-5'], isPaid: false });
  });

  test('gives a group all its seats or none', async () => {
    const answer = await visit(
      account,
      `const first = await seatsForGroup(deduplicator, 'order-17', 4);
       const again = await seatsForGroup(deduplicator, 'order-17', 4);
       const taken = [];
       for (let order = 0; order < 20; order++) {
         const group = await seatsForGroup(deduplicator, 'order-' + (100 + order), 50);
         if (group.status === 409) { taken.push(group.body.message, await itemRepo.countItems()); break; }
       }
       show({ first, again, taken });`,
    );
    const { first, again, taken } = answer as {
      first: { status: number; body: { seats: string[] } };
      again: unknown;
      taken: [string, number];
    };
    expect(first.status).toBe(200);
    expect(new Set(first.body.seats).size).toBe(4);
    expect(again).toEqual(first);
    expect(taken[1]).toBeLessThan(50);
    expect(taken[0]).toBe(`Only ${taken[1]} are left.`);
  });
});

describe('the upgrade', () => {
  test('adds the index of the package’s own definition to a table that exists', async () => {
    const account = newAccount();
    await createTables([deduplicationTable('seat_assignments')], account);
    const output = await runFile(upgrading, ['add-hold-index.ts'], account);
    expect(output).toMatch(/^(CREATING|ACTIVE)\n$/);
    const describe = new DescribeTableCommand({ TableName: 'seat_assignments' });
    const { Table } = await account.client.send(describe);
    const expected = deduplicationTableWithHoldIndex('seat_assignments', 'holds');
    expect(Table?.GlobalSecondaryIndexes).toMatchObject(expected.GlobalSecondaryIndexes ?? []);
    expect(Table?.GlobalSecondaryIndexes).toHaveLength(1);
  });

  test('counts the holds that are open', async () => {
    const account = newAccount();
    await runFile(seatSale, ['set-up.ts'], account);
    await visit(
      account,
      `await chooseSeat(deduplicator, 'ann', '14C');
       await chooseSeat(deduplicator, 'bob', '15A');
       show(await deduplicator.confirm('bob', { item: '15A' }));`,
    );
    expect(await runFile(upgrading, ['open-holds.ts'], account)).toBe('1\n');
  });
});
