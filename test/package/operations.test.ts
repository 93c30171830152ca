// docs/operations.md, held to the code: its tables, policies, commands and scripts are used as they stand.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  createTables,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  deduplicationTable,
  deduplicationTableWithHoldIndex,
  itemBankTable,
  ledgerTable,
} from 'storagebox';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { auditTables } from '../../src/cli/audit.js';
import { repair } from '../../src/cli/audit-repair.js';
import { audit } from '../support/audit.js';
import { clientConfigFor } from '../support/client.js';
import { intercept } from '../support/interceptor.js';
import { findingsOf, openedStore } from '../support/opened-store.js';
import { type PackedPackage, packPackage, ROOT } from '../support/packed-package.js';
import {
  allRows,
  freshTablesWithLedger,
  openPair,
  removeItems,
  type Tables,
  throughOwnClient,
} from '../support/tables.js';

const run = promisify(execFile);
const [text, readme, errors] = await Promise.all(
  ['docs/operations.md', 'README.md', 'src/contracts/errors.ts'].map((file) =>
    readFile(join(ROOT, file), 'utf8'),
  ),
);
const blocksOf = (language: string) => {
  const blocks = String(text).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
  return [...blocks].map(([, code]) => String(code));
};
const block = (language: string) => {
  const [only, ...others] = blocksOf(language);
  if (only === undefined || others.length > 0) throw new Error(`Expected one ${language} block.`);
  return only;
};

const BANK = 'voucher_codes';
const DEDUPLICATION_TABLE = 'storage_box_deduplication_table';
const LEDGER = 'voucher_codes_ledger';

type TableProperties = CreateTableCommandInput & {
  readonly PointInTimeRecoverySpecification?: unknown;
};
interface TableResource {
  readonly Type: string;
  readonly DeletionPolicy: string;
  readonly Properties: TableProperties;
}

/** The resources that CloudFormation would make: the intrinsic functions of the template, applied. */
function resourcesOf(parameters: Readonly<Record<string, unknown>> = {}): TableResource[] {
  const template = JSON.parse(block('json cloudformation'));
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const [[name, operand] = []] = Object.entries(value);
    if (name === 'Ref') {
      if (operand === 'AWS::NoValue') return undefined;
      return parameters[operand] ?? template.Parameters[operand].Default;
    }
    if (name === 'Fn::Equals') return resolve(operand[0]) === resolve(operand[1]);
    if (name === 'Fn::Not') return !resolve(operand[0]);
    if (name === 'Fn::If') {
      return resolve(resolve(template.Conditions[operand[0]]) ? operand[1] : operand[2]);
    }
    const entries = Object.entries(value).map(([key, part]) => [key, resolve(part)] as const);
    return Object.fromEntries(entries.filter(([, part]) => part !== undefined));
  };
  return Object.values(resolve(template.Resources) as Record<string, TableResource>);
}

const WARM = { ReadUnitsPerSecond: 25_000, WriteUnitsPerSecond: 30_000 };
const warmResources = () =>
  resourcesOf({
    WarmReadUnits: WARM.ReadUnitsPerSecond,
    WarmWriteUnits: WARM.WriteUnitsPerSecond,
  });

/** Tables made from the template, in a DynamoDB of their own. */
async function newSale() {
  // DynamoDB Local keeps the tables of each access key apart, so the names can be those of the text.
  const accessKeyId = randomUUID().replaceAll('-', '');
  const endpoint = inject('dynamoDbEndpoint');
  const client = new DynamoDBClient({
    ...clientConfigFor(endpoint),
    credentials: { accessKeyId, secretAccessKey: 'local' },
  });
  for (const { Properties } of resourcesOf()) {
    const { PointInTimeRecoverySpecification: _, ...definition } = Properties;
    await client.send(new CreateTableCommand(definition));
  }
  const tables: Required<Tables> = {
    client,
    itemBankTableName: BANK,
    deduplicationTableName: DEDUPLICATION_TABLE,
    ledgerTableName: LEDGER,
  };
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'local',
  };
  return { tables, environment };
}
type Sale = Awaited<ReturnType<typeof newSale>>;

let packed: PackedPackage;
beforeAll(async () => {
  packed = await packPackage();
  await writeFile(join(packed.project, 'copy.mts'), block('ts copy'));
});
afterAll(() => packed.dispose());

async function runScript({ environment }: Sale, script: string, ...args: readonly string[]) {
  const { stdout } = await run(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), `${script}.mts`, ...args],
    { cwd: packed.project, env: environment },
  );
  return stdout;
}

describe('the tables', () => {
  test('of CloudFormation are those of the package, kept safe', () => {
    const safe = {
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    };
    expect(resourcesOf().map(({ Properties }) => Properties)).toEqual(
      [itemBankTable(BANK), deduplicationTable(DEDUPLICATION_TABLE), ledgerTable(LEDGER)].map(
        (definition) => ({ ...definition, ...safe }),
      ),
    );
    for (const { Type, DeletionPolicy } of resourcesOf()) {
      expect({ Type, DeletionPolicy }).toEqual({
        Type: 'AWS::DynamoDB::Table',
        DeletionPolicy: 'Retain',
      });
    }
  });

  test('of CloudFormation are warm when asked, but for the ledger', () => {
    const warm = warmResources().map(({ Properties }) => Properties.WarmThroughput);
    expect(warm).toEqual([WARM, WARM, undefined]);
  });

  test('of CloudFormation serve a seeding with a ledger, a claim, a release and a retirement', async () => {
    const { tables } = await newSale();
    const { itemRepo, deduplicationRepo } = openPair(tables);
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    const vouchers = ['voucher-1', 'voucher-2', 'voucher-3'];
    expect(await itemRepo.batchAddItems(vouchers)).toMatchObject({ added: 3 });

    const first = await deduplicator.fetchItemForDeduplicationId('user-1');
    const second = await deduplicator.fetchItemForDeduplicationId('user-2');
    expect(await deduplicator.releaseItemForDeduplicationId('user-1')).toBe(first);
    expect(await deduplicator.retireItemForDeduplicationId('user-2')).toBe(second);

    expect(await itemRepo.batchAddItems(vouchers)).toMatchObject({ added: 0, alreadyKnown: 3 });
    const { left, owners } = await audit(tables, vouchers);
    expect(left.toSorted()).toEqual(vouchers.filter((voucher) => voucher !== second));
    expect(owners.size).toBe(0);
  });

  const MAKE_THE_STACK = `
    new StorageBoxTables(undefined as never, 'tables', {
      warmThroughput: { readUnitsPerSecond: 25_000, writeUnitsPerSecond: 30_000 },
    });`;

  /** What the stack of a recipe makes. */
  async function tablesOfCdk(recipe: string) {
    // What the recipe uses of it, handing out what it is given.
    const library = join(packed.project, 'node_modules/aws-cdk-lib');
    await mkdir(library, { recursive: true });
    const manifest = {
      type: 'module',
      exports: { '.': './index.js', './aws-dynamodb': './aws-dynamodb.js' },
    };
    await writeFile(join(library, 'package.json'), JSON.stringify(manifest));
    await writeFile(
      join(library, 'index.js'),
      `export const RemovalPolicy = { RETAIN: 'Retain' };
       export class Stack {}`,
    );
    await writeFile(
      join(library, 'aws-dynamodb.js'),
      `export const AttributeType = { STRING: 'S' };
       export const Billing = { onDemand: () => 'PAY_PER_REQUEST' };
       export const ProjectionType = { KEYS_ONLY: 'KEYS_ONLY' };
       export class TableV2 {
         constructor(scope, id, props) { console.log(JSON.stringify(props)); }
       }`,
    );
    await writeFile(join(packed.project, 'cdk.mts'), `${recipe}${MAKE_THE_STACK}`);
    const output = await runScript(await newSale(), 'cdk');
    return output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  test('of AWS CDK are the same', async () => {
    expect(await tablesOfCdk(block('ts cdk'))).toEqual(
      warmResources().map(({ DeletionPolicy, Properties }) => ({
        tableName: Properties.TableName,
        partitionKey: {
          name: Properties.KeySchema?.[0]?.AttributeName,
          type: Properties.AttributeDefinitions?.[0]?.AttributeType,
        },
        billing: Properties.BillingMode,
        ...(Properties.WarmThroughput && {
          warmThroughput: { readUnitsPerSecond: 25_000, writeUnitsPerSecond: 30_000 },
        }),
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        deletionProtection: Properties.DeletionProtectionEnabled,
        removalPolicy: DeletionPolicy,
      })),
    );
  });

  test('with the index of holds are those of the package', async () => {
    const { AttributeDefinitions, GlobalSecondaryIndexes } = deduplicationTableWithHoldIndex(
      DEDUPLICATION_TABLE,
      'holds',
    );
    const [index] = GlobalSecondaryIndexes ?? [];
    const attributes = (AttributeDefinitions ?? []).map(({ AttributeName }) => AttributeName);
    const fragment = JSON.parse(block('json cloudformation-holds'));
    expect(fragment).toEqual({ AttributeDefinitions, GlobalSecondaryIndexes: [index] });

    const line = `    addTable('${DEDUPLICATION_TABLE}', 'deduplication_id', warm);\n`;
    expect(block('ts cdk')).toContain(line);
    const recipe = block('ts cdk').replace(line, block('ts cdk-holds'));
    const [, withIndex] = await tablesOfCdk(
      `import { ProjectionType } from 'aws-cdk-lib/aws-dynamodb';\n${recipe}`,
    );
    expect(withIndex).toMatchObject({
      tableName: DEDUPLICATION_TABLE,
      warmThroughput: { writeUnitsPerSecond: WARM.WriteUnitsPerSecond },
      globalSecondaryIndexes: [
        {
          indexName: index?.IndexName,
          partitionKey: { name: index?.KeySchema?.[0]?.AttributeName, type: 'S' },
          projectionType: index?.Projection?.ProjectionType,
        },
      ],
    });

    const terraform = block('hcl holds');
    expect([...terraform.matchAll(/\? \["(\w+)"\] : \[\]/g)].map(([, name]) => name)).toEqual([
      attributes[1],
      index?.IndexName,
    ]);
    expect(terraform.split(`each.key == "${DEDUPLICATION_TABLE}"`)).toHaveLength(3);
    expect(terraform).toMatch(/name = attribute\.value\s+type = "S"/);
    expect(terraform).toMatch(/hash_key += "held_until"\s+projection_type = "KEYS_ONLY"/);
  });

  test('of Terraform are the same', () => {
    const definition = block('hcl');
    const tables = definition.matchAll(/(\w+) += \{ key = "(\w+)", is_warm = (true|false) \}/g);
    expect([...tables].map(([, name, key, isWarm]) => ({ name, key, isWarm }))).toEqual(
      warmResources().map(({ Properties }) => ({
        name: Properties.TableName,
        key: Properties.KeySchema?.[0]?.AttributeName,
        isWarm: String(Properties.WarmThroughput !== undefined),
      })),
    );
    for (const setting of [
      /name += each\.key/,
      /hash_key += each\.value\.key/,
      /billing_mode += "PAY_PER_REQUEST"/,
      /deletion_protection_enabled += true/,
      /attribute \{\s+name = each\.value\.key\s+type = "S"\s+\}/,
      /point_in_time_recovery \{\s+enabled = true\s+\}/,
    ]) {
      expect(definition).toMatch(setting);
    }
  });
});

describe('the policies allow what the requests need, no more and no less', () => {
  type ActionsByTable = Record<string, string[]>;
  type Use = (deduplicator: Deduplicator, tables: Required<Tables>) => Promise<unknown>;

  function permittedBy(role: string): ActionsByTable {
    const { Statement: statements } = JSON.parse(block(`json ${role}`)) as {
      Statement: { Effect: string; Action: string[]; Resource: string | string[] }[];
    };
    const actions: ActionsByTable = { [BANK]: [], [DEDUPLICATION_TABLE]: [], [LEDGER]: [] };
    for (const { Effect, Action, Resource } of statements) {
      expect(Effect).toBe('Allow');
      for (const arn of [Resource].flat()) {
        const table = String(arn.split('/')[1]);
        actions[table] = [...(actions[table] ?? []), ...Action].sort();
      }
    }
    return actions;
  }

  function permittedInReadme(role: string): ActionsByTable {
    const row = String(readme)
      .split('\n')
      .find((line) => line.startsWith(`| ${role} |`));
    const [bank, deduplication, ledger] = (row ?? '')
      .split('|')
      .slice(2, 5)
      .map((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => `dynamodb:${name}`).sort());
    return {
      [BANK]: bank ?? [],
      [DEDUPLICATION_TABLE]: deduplication ?? [],
      [LEDGER]: ledger ?? [],
    };
  }

  /** The parts of a transaction need the permissions of the single operations. */
  async function neededFor(use: Use, { hasLedger = true } = {}): Promise<ActionsByTable> {
    const tables = await freshTablesWithLedger();
    const { ledgerTableName, ...withoutLedger } = tables;
    const used = hasLedger ? tables : withoutLedger;
    await openPair(used).itemRepo.batchAddItems(['voucher-1']);
    await openPair(used).deduplicationRepo.putDeduplicationId('user-with-item', 'voucher-0');
    await openPair(used).deduplicationRepo.putDeduplicationId('another-with-item', 'voucher-9');

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
    await use(new Deduplicator(openPair(used)), tables);
    const sorted = (table: string) => [...(actions.get(table) ?? [])].sort();
    return {
      [BANK]: sorted(tables.itemBankTableName),
      [DEDUPLICATION_TABLE]: sorted(tables.deduplicationTableName),
      [LEDGER]: sorted(ledgerTableName),
    };
  }

  test('for request handlers', async () => {
    const needed = await neededFor(async (deduplicator) => {
      // A first hand-out, a repeat, and one in vain.
      for (const user of ['user-1', 'user-1', 'user-2']) await deduplicator.claim(user);
    });
    expect(permittedBy('handlers')).toEqual(needed);
    expect(permittedInReadme('request handlers')).toEqual(needed);
  });

  test('for request handlers with holds and groups', async () => {
    const needed = await neededFor(async (deduplicator) => {
      // A group in which one ID has its item, an extended hold, a chosen item that is taken, a payment.
      const holdForMs = 60_000;
      await deduplicator.claimAll(['user-with-item', 'user-1'], { holdForMs });
      await deduplicator.claim('user-1', { holdForMs: 2 * holdForMs });
      await deduplicator.claim('user-2', { item: 'voucher-1', holdForMs });
      await deduplicator.confirm('user-1', { item: 'voucher-1' });
      await deduplicator.claimAll(['user-2', 'user-3']);
    });
    expect(permittedBy('holds')).toEqual(needed);
    expect(permittedInReadme('the same, with holds and groups')).toEqual(needed);
  });

  test('for a program that only confirms', async () => {
    const needed = await neededFor(async (deduplicator, tables) => {
      const beforehand = new Deduplicator(openPair(throughOwnClient(tables)));
      await beforehand.claim('user-1', { holdForMs: 60_000 });
      expect(await deduplicator.confirm('user-1')).toBe('voucher-1');
      expect(await deduplicator.confirm('user-2')).toBe(null);
    });
    expect(needed[DEDUPLICATION_TABLE]).toEqual(['dynamodb:GetItem', 'dynamodb:UpdateItem']);
    expect([needed[BANK], needed[LEDGER]]).toEqual([[], []]);
  });

  test('for own writes: those of the guide to a seat sale', async () => {
    const guide = await readFile(join(ROOT, 'docs/seat-sale.md'), 'utf8');
    const [, rows = ''] = /^```ts orders\.ts\n(.*?)^```$/ms.exec(guide) ?? [];
    const written = rows.matchAll(/(Put|Update|Delete|ConditionCheck): \{\s+TableName: '(\w+)'/g);
    const needed: ActionsByTable = {};
    for (const [, kind, table] of written) {
      needed[String(table)] = [...(needed[String(table)] ?? []), `dynamodb:${kind}Item`].sort();
    }
    expect(permittedBy('alongside')).toEqual({ ...permittedBy('alongside'), ...needed });
    expect(Object.keys(needed)).toEqual(['orders', 'outbox']);
  });

  test('for a sweep', async () => {
    const sweep = async (deduplicator: Deduplicator, tables: Required<Tables>) => {
      const beforehand = new Deduplicator(openPair(throughOwnClient(tables)));
      const { heldUntil } = await beforehand.claim('user-1', { holdForMs: 1 });
      while (Date.now() < Number(heldUntil)) await new Promise(setImmediate);
      expect(await deduplicator.releaseExpiredHolds()).toMatchObject({ released: 1 });
    };
    const needed = await neededFor(sweep);
    expect(permittedBy('sweep')).toEqual(needed);
    expect(permittedInReadme('sweeping')).toEqual(needed);
  });

  test('for a sweep by the index: Scan on it alone', async () => {
    const tableName = `${DEDUPLICATION_TABLE}-${randomUUID()}`;
    const tables = await freshTablesWithLedger();
    await createTables([deduplicationTableWithHoldIndex(tableName, 'holds')], tables);
    const scans: unknown[] = [];
    intercept(tables.client, ({ operation, input, send }) => {
      if (operation === 'Scan') scans.push(input);
      return send();
    });
    const { client } = tables;
    const deduplicationRepo = new DeduplicationDynamoDbRepository({
      tableName,
      client,
      holdIndexName: 'holds',
    });
    const { itemRepo } = openPair(tables);
    await new Deduplicator({ itemRepo, deduplicationRepo }).releaseExpiredHolds();
    expect(scans).toEqual([expect.objectContaining({ TableName: tableName, IndexName: 'holds' })]);
    expect(text).toContain(`table/${DEDUPLICATION_TABLE}/index/holds`);
  });

  test('for seeding', async () => {
    const seed: Use = (deduplicator) => deduplicator.addItemsToBank(['voucher-1', 'voucher-2']);
    const needed = await neededFor(seed);
    expect(permittedBy('seeding')).toEqual(needed);
    expect(permittedInReadme('seeding')).toEqual(needed);
    expect(await neededFor(seed, { hasLedger: false })).toEqual({ ...needed, [LEDGER]: [] });
  });

  test('for filling a ledger: Scan besides those for seeding', async () => {
    const needed = await neededFor((_, tables) => {
      const { itemRepo, deduplicationRepo } = openPair(tables);
      return itemRepo.fillLedger(deduplicationRepo);
    });
    expect(permittedInReadme('`fillLedger`')).toEqual(needed);
    expect(needed).toEqual({
      [BANK]: ['dynamodb:Scan'],
      [DEDUPLICATION_TABLE]: ['dynamodb:Scan'],
      [LEDGER]: permittedBy('seeding')[LEDGER],
    });
  });

  test('for support', async () => {
    const needed = await neededFor(async (deduplicator, tables) => {
      await openPair(tables).deduplicationRepo.getAssignment('user-with-item');
      // With an item, and without one.
      await deduplicator.releaseItemForDeduplicationId('user-with-item');
      await deduplicator.releaseItemForDeduplicationId('user-with-item');
      await deduplicator.retireItemForDeduplicationId('another-with-item');
    });
    expect(permittedBy('support')).toEqual(needed);
    expect(permittedInReadme('releasing, retiring')).toEqual(needed);
  });

  test('for reports', async () => {
    const needed = await neededFor(async (_, tables) => {
      const { itemRepo, deduplicationRepo } = openPair(tables);
      await Promise.all([itemRepo.countItems(), deduplicationRepo.countAssignments()]);
      await Promise.all([
        itemRepo.estimateItemCount(),
        deduplicationRepo.estimateAssignmentCount(),
      ]);
      await deduplicationRepo.getAssignment('user-1');
      for await (const _item of itemRepo.listItems());
      for await (const _assignment of deduplicationRepo.listAssignments());
      // Two items that the ledger does not know: they are looked at again.
      await auditTables(openedStore(tables), 1);
    });
    expect(permittedBy('reports')).toEqual(needed);
    expect(permittedInReadme('looking, audits')).toEqual(needed);
  });

  test('for repairs', async () => {
    const needed = await neededFor(async (_, tables) => {
      const key = (item: string) => ({ item: { S: item } });
      const puts: [string, string][] = [
        [tables.itemBankTableName, 'voucher-0'],
        [tables.itemBankTableName, 'voucher-8'],
        [tables.ledgerTableName, 'voucher-7'],
      ];
      const { client } = throughOwnClient(tables);
      for (const [TableName, item] of puts) {
        await client.send(new PutItemCommand({ TableName, Item: key(item) }));
      }
      const Item = { ...key('voucher-8'), retired_at: { S: '2026-11-22T09:30:00.000Z' } };
      await client.send(new PutItemCommand({ TableName: tables.ledgerTableName, Item }));
      const opened = openedStore(tables);
      const result = await auditTables(opened, 1);
      expect(await repair(opened, result)).toEqual({ lost: 1, twice: 2, unknownToLedger: 2 });
    });
    expect(permittedBy('repairs')).toEqual(needed);
    expect(permittedInReadme('`audit --fix`')).toEqual(needed);
  });

  test('for doctor', async () => {
    const needed = await neededFor(async (_, tables) => {
      const expectNoFault = async () => {
        for await (const { level, message } of findingsOf(tables)) {
          expect({ level, message }).not.toMatchObject({ level: 'fault' });
        }
      };
      const { itemRepo, deduplicationRepo } = openPair(throughOwnClient(tables));
      await itemRepo.fillLedger(deduplicationRepo);
      await expectNoFault();
      // Nothing in the bank and nothing handed out: the ledger tells whether that was ever otherwise.
      const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
      for (const user of ['user-with-item', 'another-with-item']) {
        await deduplicator.retireItemForDeduplicationId(user);
      }
      await removeItems(tables, ['voucher-1']);
      await expectNoFault();
    });
    expect(permittedBy('doctor')).toEqual(needed);
  });
});

describe('the commands', () => {
  let sale: Sale;
  beforeAll(async () => {
    sale = await newSale();
    const bin = join(packed.project, 'bin');
    await mkdir(bin);
    const program = join(packed.project, 'node_modules/storagebox/dist/cli.js');
    await writeFile(
      join(bin, 'storagebox'),
      `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`,
      { mode: 0o755 },
    );
    sale.environment.PATH = `${bin}:${process.env.PATH}`;
    await writeFile(join(packed.project, 'codes.txt'), 'MOVIE-1\nMOVIE-2\n');
    await writeFile(join(packed.project, 'more-codes.txt'), 'MOVIE-3\n');
  });

  async function shell(script: string): Promise<string> {
    const { stdout } = await run('sh', ['-e', '-c', script], {
      cwd: packed.project,
      env: sale.environment,
    });
    return stdout;
  }

  test('before, during and after the sale work in this order', async () => {
    const output = await shell(blocksOf('sh').join('\n'));
    expect(output).toContain('2 read: 2 added, 0 already known, 0 repeats');
    expect(output).toContain('2 read: 0 added, 2 already known, 0 repeats');
    expect(output).toContain('1 read: 1 added, 0 already known, 0 repeats');
    expect(output).not.toMatch(/^(fault|warning)/m);
    const left = await readFile(join(packed.project, 'left.csv'), 'utf8');
    expect(left.trim().split('\n').toSorted()).toEqual(['MOVIE-1', 'MOVIE-2', 'MOVIE-3', 'item']);
    const assignments = await readFile(join(packed.project, 'assignments.csv'), 'utf8');
    expect(assignments).toBe('deduplication_id,item,item_bank_table,assigned_at,held_until\n');
  });

  test('for taking items back print the item', async () => {
    await openPair(sale.tables).itemRepo.batchAddItems(['MOVIE-4', 'MOVIE-5', 'MOVIE-6']);
    const commands = [...String(text).matchAll(/`(storagebox (?:release|retire|fetch) ID[^`]*)`/g)];
    expect(commands).toHaveLength(4);
    for (const [, command] of commands) {
      const guest = randomUUID();
      const item = await shell(`${blocksOf('sh')[0]}storagebox fetch ${guest}`);
      expect(item).toMatch(/^MOVIE-\d\n$/);
      expect(await shell(`${blocksOf('sh')[0]}${command?.replace('ID', guest)}`)).toBe(item);
    }
  });
});

/** `storagebox audit`, as it was installed. */
async function auditCommand({ environment }: Sale, ...args: readonly string[]) {
  const program = join(packed.project, 'node_modules/storagebox/dist/cli.js');
  const { stdout, code: exitCode = 0 }: { stdout: string; code?: number } = await run(
    process.execPath,
    [program, 'audit', '--json', '--item-bank-table', BANK, ...args],
    { env: environment },
  ).catch((error: { stdout: string; code: number }) => error);
  return { ...JSON.parse(stdout), exitCode };
}

describe('the audit and the scripts', () => {
  const NOTHING = {
    lost: [],
    unknownToLedger: [],
    twice: [],
    severalOwners: [],
    retiredButGiven: [],
  };
  const item = (value: string) => ({ item: { S: value } });
  const auditOf = async (sale: Sale, ...args: readonly string[]) => {
    const { findings, exitCode } = await auditCommand(sale, ...args);
    // Segments are listed side by side, in an order of their own each time.
    const found = { ...findings, twice: findings.twice.toSorted() };
    const isWrong = Object.values(found).some((items) => (items as unknown[]).length > 0);
    if (args.length === 0) expect(exitCode).toBe(isWrong ? 8 : 0);
    return found;
  };

  /** What user-1 and user-2 have; two more are in the bank, one is retired. */
  async function startedSale() {
    const sale = await newSale();
    const { itemRepo, deduplicationRepo } = openPair(sale.tables);
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await itemRepo.batchAddItems([1, 2, 3, 4, 5].map((number) => `voucher-${number}`));
    const retired = await deduplicator.fetchItemForDeduplicationId('user-0');
    await deduplicator.retireItemForDeduplicationId('user-0');
    const given = await deduplicator.fetchItemForDeduplicationId('user-1');
    await deduplicator.fetchItemForDeduplicationId('user-2');
    const [left] = (await audit(sale.tables, [])).left;
    return { sale, retired: String(retired), given: String(given), left: String(left) };
  }

  test('type-check under strict', async () => {
    const { stdout } = await run(
      process.execPath,
      [
        join(ROOT, 'node_modules/typescript/bin/tsc'),
        ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
        ...['--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--skipLibCheck'],
        'copy.mts',
      ],
      { cwd: packed.project },
    ).catch((error: { stdout: string }) => error);
    expect(stdout).toBe('');
  });

  test('audit finds nothing in a sale that is right, and changes nothing', async () => {
    const { sale } = await startedSale();
    expect(await auditOf(sale)).toEqual(NOTHING);
    const before = await audit(sale.tables, []);
    await auditOf(sale, '--fix', '--yes');
    expect(await audit(sale.tables, [])).toEqual(before);
  });

  test('audit finds each damage, changes nothing by itself, and repairs the bank and the ledger', async () => {
    const { sale, retired, given, left } = await startedSale();
    const { client } = sale.tables;
    await client.send(new DeleteItemCommand({ TableName: BANK, Key: item(left) }));
    for (const Item of [item(given), item(retired), item('voucher-6')]) {
      await client.send(new PutItemCommand({ TableName: BANK, Item }));
    }
    const found = await auditOf(sale);
    expect(found).toEqual({
      ...NOTHING,
      lost: [left],
      unknownToLedger: ['voucher-6'],
      twice: [given, retired].toSorted(),
    });
    expect(await auditOf(sale, '--fix', '--yes')).toEqual(found);
    expect(await auditOf(sale)).toEqual(NOTHING);
    const { left: leftNow } = await audit(sale.tables, []);
    expect(leftNow).toContain(left);
    expect(leftNow).not.toContain(given);
  });

  test('audit leaves to people what two users hold, and what was retired and is assigned', async () => {
    const { sale, retired, given } = await startedSale();
    const { deduplicationRepo } = openPair(sale.tables);
    await deduplicationRepo.putDeduplicationId('user-3', given);
    await deduplicationRepo.putDeduplicationId('user-4', retired);
    const found = await auditOf(sale, '--fix', '--yes');
    const [[sharedItem, owners]] = found.severalOwners;
    expect([sharedItem, owners.toSorted()]).toEqual([given, ['user-1', 'user-3']]);
    expect(found.retiredButGiven).toEqual([[retired, ['user-4']]]);
    expect(await auditOf(sale)).toEqual(found);
  });

  test('copy brings back the rows that are missing and leaves the others', async () => {
    const { sale, given } = await startedSale();
    const { client } = sale.tables;
    const restored = `${DEDUPLICATION_TABLE}-restored`;
    await createTables([deduplicationTable(restored)], { client });
    const rows = await allRows(client, DEDUPLICATION_TABLE);
    expect(await runScript(sale, 'copy', DEDUPLICATION_TABLE, restored)).toBe(
      '{ copied: 2, present: 0 }\n',
    );

    const key = { deduplication_id: { S: 'user-1' } };
    await client.send(new DeleteItemCommand({ TableName: DEDUPLICATION_TABLE, Key: key }));
    expect(await auditOf(sale)).toEqual({ ...NOTHING, lost: [given] });
    expect(await runScript(sale, 'copy', restored, DEDUPLICATION_TABLE)).toBe(
      '{ copied: 1, present: 1 }\n',
    );
    expect(await allRows(client, DEDUPLICATION_TABLE)).toEqual(expect.arrayContaining(rows));
    expect(await auditOf(sale)).toEqual(NOTHING);
  });
});

test('each error of the package has its row, and no other has', () => {
  const codes = [...String(errors).matchAll(/readonly code = 'STORAGEBOX_(\w+)'/g)];
  const [, section = ''] = String(text).split('## After a failure\n');
  const rows = section.split('\n## ')[0]?.matchAll(/^\| `([A-Z_]+)` \|/gm) ?? [];
  const names = (matches: Iterable<RegExpMatchArray>) =>
    [...matches].map(([, name]) => name).toSorted();
  expect(codes.length).toBeGreaterThan(0);
  expect(names(rows)).toEqual(names(codes));
});
