// A ledger that was named too late: `add` refuses, `doctor` tells, `fill-ledger` puts it right.
import { CreateTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { itemBankTable } from 'storagebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine } from '../support/command-line.js';
import { inPlaceOf } from '../support/http-stand-in.js';
import { allRows } from '../support/tables.js';

const BANK = 'storage_box_item_bank';
const DEDUPLICATION = 'storage_box_deduplication_table';
const LEDGER = 'storage_box_item_bank_ledger';

let built: CommandLine;
beforeAll(async () => {
  built = await buildCommandLine();
});
afterAll(() => built.dispose());

const withTables = () => built.withTables();

const itemsIn = async (cli: CommandLine, table: string) =>
  (await allRows(cli.client(), table)).map((row) => String(row.item?.S)).sort();

const add = (cli: CommandLine, items: string, ...options: readonly string[]) =>
  cli.run(['add', '-', ...options], { input: items });

const CODES = 'CODE-1\nCODE-2\n';

describe('a bank that was seeded without a ledger', () => {
  test('gives no code to two users, however its ledger was forgotten', async () => {
    const cli = await withTables();
    await add(cli, CODES, '--no-ledger');
    const refused = await add(cli, CODES);
    expect(refused).toEqual({
      stdout: '',
      stderr:
        `storagebox: The ledger "${LEDGER}" does not list all items that are in the bank or were ` +
        'handed out: the others could be handed out twice. Nothing was added.\n' +
        '  remedy: Run "storagebox fill-ledger", then the same command again; or pass --no-ledger ' +
        'to work without a ledger.\n',
      exitCode: 4,
    });
    const given = [await cli.run(['fetch', 'ann']), await cli.run(['fetch', 'bob'])];

    // All are handed out: the assignments alone tell now.
    const again = await add(cli, CODES, '--json');
    expect(JSON.parse(again.stderr)).toMatchObject({
      error: { code: 'LEDGER_NOT_FILLED', exitCode: 4 },
    });
    expect(await itemsIn(cli, LEDGER)).toEqual([]);

    const filled = await cli.run(['fill-ledger']);
    expect(filled).toEqual({
      stdout: '2 read: 2 entered into the ledger, 0 already known, 0 repeats\n',
      stderr: '',
      exitCode: 0,
    });
    const added = await add(cli, `${CODES}CODE-3\n`);
    expect(added.stdout).toBe('3 read: 1 added, 2 already known, 0 repeats\n');
    given.push(await cli.run(['fetch', 'cid']), await cli.run(['fetch', 'dan']));
    expect(given.map(({ stdout }) => stdout.trim()).sort()).toEqual([
      '',
      'CODE-1',
      'CODE-2',
      'CODE-3',
    ]);
  });

  test('is told of by doctor, until it is filled', async () => {
    const cli = await withTables();
    const findings = async () => {
      const { stdout, exitCode } = await cli.run(['doctor', '--json']);
      const found = JSON.parse(stdout).findings as { level: string; message: string }[];
      const faults = found.filter(({ level }) => level === 'fault');
      return { faults, messages: found.map(({ message }) => message), exitCode };
    };
    expect((await findings()).messages).toContain('no item is in the bank or was handed out yet');
    await add(cli, CODES, '--no-ledger');
    expect(await findings()).toMatchObject({
      faults: [
        {
          subject: 'ledger',
          message:
            'does not list all items that are in the bank or were handed out: the others could be added a second time',
          remedy: 'Run "storagebox fill-ledger".',
        },
      ],
      exitCode: 4,
    });
    await cli.run(['fill-ledger']);
    expect(await findings()).toMatchObject({ faults: [], exitCode: 0 });
  });
});

describe('add', () => {
  test('is not held up by assignments of another bank, but by rows that do not tell theirs', async () => {
    const cli = await withTables();
    const others = ['--item-bank-table', 'class_2_codes'];
    await cli.run(['init', ...others]);
    await add(cli, 'CLASS-2\n', ...others);
    await cli.run(['fetch', 'ann', ...others]);
    expect((await add(cli, CODES)).stdout).toBe('2 read: 2 added, 0 already known, 0 repeats\n');

    const python = ['--item-bank-table', 'class_3_codes'];
    await cli.run(['init', ...python]);
    const Item = { deduplication_id: { S: 'bob' }, item_string: { S: 'CLASS-3' } };
    await cli.client().send(new PutItemCommand({ TableName: DEDUPLICATION, Item }));
    expect((await add(cli, CODES, ...python)).exitCode).toBe(4);
  });

  test('takes the row of the ledger that becomes visible after that of the bank for what it is', async () => {
    const cli = await withTables();
    await add(cli, CODES);
    // Somebody else's transaction, whose rows become visible one by one.
    let looks = 0;
    const endpoint = await inPlaceOf((operation) =>
      operation === 'BatchGetItem' && ++looks <= 3 ? { Responses: { [LEDGER]: [] } } : undefined,
    );
    const { stdout } = await add(cli, `${CODES}CODE-3\n`, '--endpoint-url', endpoint);
    expect(stdout).toBe('3 read: 1 added, 2 already known, 0 repeats\n');
    // The last one is that of the library, for what it is about to add.
    expect(looks).toBe(5);
  });

  test('does not refuse two first seeders at once', async () => {
    const cli = await withTables();
    const list = Array.from({ length: 300 }, (_, index) => `CODE-${index}\n`).join('');
    const runs = await Promise.all([add(cli, list), add(cli, list), add(cli, list)]);
    expect(runs.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
      Array(3).fill({ exitCode: 0, stderr: '' }),
    );
    expect(await itemsIn(cli, BANK)).toHaveLength(300);
    expect(await itemsIn(cli, LEDGER)).toHaveLength(300);
  });

  test('goes on where the look is not permitted, and says so', async () => {
    const cli = await withTables();
    const endpoint = await inPlaceOf((operation) =>
      operation === 'Scan' ? 'AccessDeniedException' : undefined,
    );
    expect(await add(cli, CODES, '--endpoint-url', endpoint)).toEqual({
      stdout: '2 read: 2 added, 0 already known, 0 repeats\n',
      stderr:
        'Could not check that the ledger was filled: this needs dynamodb:Scan on all three tables, ' +
        'and dynamodb:BatchGetItem on the ledger.\n',
      exitCode: 0,
    });
    const json = await add(cli, CODES, '--json', '--endpoint-url', endpoint);
    expect(json).toMatchObject({ stderr: '', exitCode: 0 });
  });

  test('reads a few rows to look, in the same way beside a bank that gave much', async () => {
    const cli = await withTables();
    await add(cli, CODES);
    await cli.run(['fetch', 'ann']);
    await cli.run(['fetch', 'bob']);
    await giveOfOtherBank(cli, 200);
    const scans: Partial<Record<'Limit' | 'ConsistentRead', unknown>>[] = [];
    const endpoint = await inPlaceOf((operation, { Limit, ConsistentRead }) => {
      if (operation === 'Scan') scans.push({ Limit, ConsistentRead });
    });
    const { exitCode } = await add(cli, CODES, '--endpoint-url', endpoint);
    expect(exitCode).toBe(0);
    expect(scans.length).toBeLessThanOrEqual(5);
    for (const { Limit, ConsistentRead } of scans) {
      expect(Limit).toBeLessThanOrEqual(50);
      expect(ConsistentRead).toBe(true);
    }
  });

  test('names the table that has another key, ledger or bank', async () => {
    const cli = await withTables();
    await add(cli, CODES);
    await cli.client().send(
      new CreateTableCommand({
        ...itemBankTable('orders'),
        AttributeDefinitions: [{ AttributeName: 'order_id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'order_id', KeyType: 'HASH' }],
      }),
    );
    for (const option of ['--ledger-table', '--item-bank-table']) {
      const named = ['--ledger-table', LEDGER, option, 'orders'];
      const { stderr, exitCode } = await add(cli, 'CODE-3\n', ...named);
      expect(stderr).toContain('Expected the table "orders" to have the key "item"');
      expect(exitCode).toBe(4);
    }
  });

  test('asks again for what a throttled ledger did not answer', async () => {
    const cli = await withTables();
    await add(cli, CODES);
    let looks = 0;
    const endpoint = await inPlaceOf((operation, input) => {
      if (operation !== 'BatchGetItem' || ++looks > 1) return undefined;
      const { RequestItems } = input as { readonly RequestItems?: unknown };
      return { Responses: {}, UnprocessedKeys: RequestItems };
    });
    expect((await add(cli, CODES, '--endpoint-url', endpoint)).exitCode).toBe(0);
    // The last one is that of the library, for what it is about to add.
    expect(looks).toBe(3);
  });
});

describe('a ledger that lacks some items', () => {
  test('because fill-ledger was stopped half-way lets no code out twice', async () => {
    const cli = await withTables();
    await add(cli, `${CODES}CODE-3\n`, '--no-ledger');
    const given = (await cli.run(['fetch', 'ann'])).stdout.trim();
    // What is in the bank, as the first chunk of `fill-ledger`.
    for (const item of await itemsIn(cli, BANK)) await enter(cli, item);
    const refused = await add(cli, `${given}\n`);
    expect(refused.stderr).toContain('does not list all items that are in the bank');
    expect(refused.exitCode).toBe(4);
  });

  test('because fill-ledger was stopped shortly before its end lets no code out twice', async () => {
    const cli = await withTables();
    const codes = Array.from({ length: 600 }, (_, index) => `CODE-${index}\n`).join('');
    await add(cli, codes, '--no-ledger');
    const users = Array.from({ length: 600 }, (_, index) => `user-${index}\n`).join('');
    await cli.run(['assign', '-'], { input: users });
    let chunks = 0;
    const endpoint = await inPlaceOf((operation) =>
      operation === 'TransactWriteItems' && ++chunks > 5 ? 'AccessDeniedException' : undefined,
    );
    await cli.run(['fill-ledger', '--concurrency', '1', '--endpoint-url', endpoint]);
    expect(await itemsIn(cli, LEDGER)).toHaveLength(500);
    expect((await add(cli, codes)).exitCode).toBe(4);
    await cli.run(['fill-ledger']);
    expect((await add(cli, codes)).stdout).toContain('0 added, 600 already known');
  });

  test('because one of two codes was retired lets the other not out again', async () => {
    const cli = await withTables();
    await add(cli, CODES, '--no-ledger');
    for (const user of ['ann', 'bob']) await cli.run(['fetch', user]);
    await cli.run(['retire', 'ann', '--yes']);
    expect(await allRows(cli.client(), LEDGER)).toHaveLength(1);
    expect((await add(cli, CODES)).exitCode).toBe(4);
    expect(await itemsIn(cli, BANK)).toEqual([]);
  });

  test('is found beside another bank that gave much, where this bank is empty', async () => {
    const cli = await withTables();
    await add(cli, CODES, '--no-ledger');
    for (const user of ['ann', 'bob']) await cli.run(['fetch', user]);
    await giveOfOtherBank(cli, 1_000);
    expect((await add(cli, CODES)).exitCode).toBe(4);
    await cli.run(['retire', 'ann', '--yes']);
    expect((await add(cli, CODES)).exitCode).toBe(4);
    // A new bank with nothing of its own is not held up.
    const others = ['--item-bank-table', 'class_2_codes'];
    await cli.run(['init', ...others]);
    expect((await add(cli, CODES, ...others)).exitCode).toBe(0);
  });
});

/** Assignments of a bank that shares the deduplication table. */
async function giveOfOtherBank(cli: CommandLine, count: number): Promise<void> {
  const client = cli.client();
  await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const Item = {
        deduplication_id: { S: `other-${index}` },
        item_string: { S: `OTHER-${index}` },
        item_bank_table: { S: 'other_codes' },
      };
      return client.send(new PutItemCommand({ TableName: DEDUPLICATION, Item }));
    }),
  );
}

async function enter(cli: CommandLine, item: string): Promise<void> {
  const Item = { item: { S: item }, entered_at: { S: '2026-11-22T09:30:00.000Z' } };
  await cli.client().send(new PutItemCommand({ TableName: LEDGER, Item }));
}

describe('fill-ledger', () => {
  test('enters what is in the bank and what was handed out, and nothing when it is run again', async () => {
    const cli = await withTables();
    await add(cli, `${CODES}CODE-3\n`, '--no-ledger');
    await cli.run(['fetch', 'ann']);
    const first = await cli.run(['fill-ledger', '--json']);
    expect(JSON.parse(first.stdout)).toEqual({ read: 3, added: 3, repeats: 0, alreadyKnown: 0 });
    expect(await itemsIn(cli, LEDGER)).toEqual(['CODE-1', 'CODE-2', 'CODE-3']);
    expect(await cli.run(['fill-ledger', '--concurrency', '2'])).toEqual({
      stdout: '3 read: 0 entered into the ledger, 3 already known, 0 repeats\n',
      stderr: '',
      exitCode: 0,
    });
  });

  test('without a ledger is called in a wrong way, and without its table the set-up is wrong', async () => {
    const cli = await withTables();
    await add(cli, CODES, '--no-ledger');
    expect(await cli.run(['fill-ledger', '--no-ledger'])).toEqual({
      stdout: '',
      stderr: 'storagebox: There is no ledger to fill.\n  remedy: Leave out --no-ledger.\n',
      exitCode: 2,
    });
    const missing = await cli.run(['fill-ledger', '--ledger-table', 'no_such_table']);
    expect(missing.stderr).toContain('The table "no_such_table" does not exist');
    expect(missing.exitCode).toBe(4);
  });

  test('that is refused tells how far it came', async () => {
    const cli = await withTables();
    await add(cli, CODES, '--no-ledger');
    const endpoint = await inPlaceOf((operation) =>
      operation === 'TransactWriteItems' ? 'AccessDeniedException' : undefined,
    );
    const { stderr, exitCode } = await cli.run(['fill-ledger', '--endpoint-url', endpoint]);
    expect(stderr).toContain('Of 2 items read, 0 were added');
    expect(exitCode).toBe(5);
  });
});

describe('release and retire', () => {
  /** An item of another bank, with its ledger, given to `ann`. */
  async function givenByOtherBank(): Promise<CommandLine> {
    const cli = await withTables();
    const others = ['--item-bank-table', 'class_2_codes'];
    await cli.run(['init', ...others]);
    await add(cli, 'CLASS-2\n', ...others);
    expect((await cli.run(['fetch', 'ann', ...others])).stdout).toBe('CLASS-2\n');
    return cli;
  }

  test('a release returns the item only to a bank that was named', async () => {
    const cli = await givenByOtherBank();
    expect(await cli.run(['release', 'ann', '--yes'])).toEqual({
      stdout: '',
      stderr:
        'storagebox: The item came from a bank that was not named, or from one of several ' +
        'with the same name. Nothing was done.\n' +
        '  remedy: Name that bank with --release-bank: "storagebox export" prints it as ' +
        'item_bank_table.\n',
      exitCode: 2,
    });
    const misspelt = await cli.run(['release', 'ann', '--yes', '--release-bank', 'class 1 codes']);
    expect(misspelt.stderr).toContain(
      "Option '--release-bank <table>' is invalid. Expected 3 to 255",
    );
    expect(misspelt.exitCode).toBe(2);
    const named = ['--release-bank', 'class_1_codes', '--release-bank', 'class_2_codes'];
    expect((await cli.run(['release', 'ann', '--yes', ...named])).stdout).toBe('CLASS-2\n');
    expect(await itemsIn(cli, 'class_2_codes')).toEqual(['CLASS-2']);
    expect(await itemsIn(cli, BANK)).toEqual([]);
  });

  test('a retirement is noted in the ledger of a bank that was named', async () => {
    const cli = await givenByOtherBank();
    const named = ['--release-bank', 'class_2_codes'];
    expect((await cli.run(['retire', 'ann', '--yes', ...named])).stdout).toBe('CLASS-2\n');
    const [row] = await allRows(cli.client(), 'class_2_codes_ledger');
    expect(row).toHaveProperty('retired_at');
  });
});

test('fetch and assign tell as JSON which bank the item came from', async () => {
  const cli = await withTables();
  const others = ['--item-bank-table', 'class_2_codes'];
  await cli.run(['init', ...others]);
  await add(cli, CODES);
  const claimed = await cli.run(['fetch', 'ann', '--json']);
  expect(JSON.parse(claimed.stdout)).toMatchObject({ status: 'claimed', itemBankName: BANK });
  // Two sales on one deduplication table: the bank tells that the code is of the other one.
  for (const command of [
    ['fetch', 'ann'],
    ['assign', '-'],
  ]) {
    const { stdout } = await cli.run([...command, ...others, '--json'], { input: 'ann\n' });
    expect(JSON.parse(stdout)).toMatchObject({ status: 'existing', itemBankName: BANK });
  }
});
