// 30 voucher codes, 100 users who click the button 3 times each at the same moment, 4 servers.
import { fork } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DeleteTableCommand, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import {
  createTables,
  DEFAULT_CLIENT_CONFIG,
  deduplicationTable,
  ItemBankDynamoDbRepository,
  itemBankTable,
} from 'storagebox';
import { audit, type Tables } from './audit.js';
import { messageOf } from './child-message.js';
import { isLocal, useDynamoDb } from './endpoint.js';
import type { Report, Start, TableNames } from './messages.js';
import { printReport } from './print.js';

const VOUCHERS = 30;
const USERS = 100;
const CLICKS_PER_USER = 3;
const SERVERS = 4;

// Otherwise the SDK warns in each of the five processes that support for this Node.js will end.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// So that DynamoDB Local is stopped, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

console.log(`Starting DynamoDB${process.env.AWS_ENDPOINT_URL_DYNAMODB ? '' : ' Local'} …`);
const dynamoDb = await useDynamoDb();
try {
  process.exitCode = await runSale();
} finally {
  await dynamoDb.stop();
}

async function runSale(): Promise<number> {
  // The repositories find it where every AWS client looks.
  process.env.AWS_ENDPOINT_URL_DYNAMODB = dynamoDb.endpoint;
  if (isLocal(dynamoDb.endpoint)) {
    process.env.AWS_REGION ??= 'eu-west-1';
    process.env.AWS_ACCESS_KEY_ID ??= 'local';
    process.env.AWS_SECRET_ACCESS_KEY ??= 'local';
  }
  const client = new DynamoDBClient(DEFAULT_CLIENT_CONFIG);
  const run = randomUUID().slice(0, 8);
  const tableNames: TableNames = {
    itemBank: `voucher_codes_${run}`,
    deduplication: `storage_box_deduplication_table_${run}`,
  };
  await createTables(
    [itemBankTable(tableNames.itemBank), deduplicationTable(tableNames.deduplication)],
    { client },
  );
  try {
    const voucherCodes = Array.from({ length: VOUCHERS }, newVoucherCode);
    const itemRepo = new ItemBankDynamoDbRepository({ tableName: tableNames.itemBank, client });
    const { added } = await itemRepo.batchAddItems(voucherCodes);
    console.log(
      `${added} voucher codes in the bank. ${USERS} users click the button ` +
        `${CLICKS_PER_USER} times each, on ${SERVERS} servers at once …\n`,
    );
    const { reports, elapsedMs } = await rush(tableNames);
    const clicks = reports.flatMap((report) => report.clicks);
    const tables = await readTables(client, tableNames, voucherCodes);
    const checks = audit(clicks, tables);
    printReport({ reports, tables, checks, users: USERS, elapsedMs });
    return checks.every(({ holds }) => holds) ? 0 : 1;
  } finally {
    for (const TableName of Object.values(tableNames)) {
      await client.send(new DeleteTableCommand({ TableName }));
    }
  }
}

/** All clicks of all users at the same moment, spread over the servers. */
async function rush(tableNames: TableNames): Promise<{ reports: Report[]; elapsedMs: number }> {
  const clicks = Array.from(
    { length: USERS * CLICKS_PER_USER },
    (_, click) => `user-${String((click % USERS) + 1).padStart(3, '0')}`,
  );
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, async (_, server) => {
      const child = fork(fileURLToPath(new URL('node.ts', import.meta.url)));
      // Sends the clicks of one user to different servers.
      const mine = clicks.filter(
        (_, click) => (click + Math.floor(click / USERS)) % SERVERS === server,
      );
      child.send({ tableNames, userIds: mine } satisfies Start);
      await messageOf(child);
      return child;
    }),
  );
  const startMs = performance.now();
  const reports = await Promise.all(
    servers.map(async (child) => {
      child.send('go');
      return (await messageOf(child)) as Report;
    }),
  );
  return { reports, elapsedMs: performance.now() - startMs };
}

async function readTables(
  client: DynamoDBClient,
  tableNames: TableNames,
  seeded: readonly string[],
): Promise<Tables> {
  const rows = async (tableName: string) => {
    const all = [];
    const pages = paginateScan({ client }, { TableName: tableName, ConsistentRead: true });
    for await (const { Items = [] } of pages) all.push(...Items);
    return all;
  };
  const bankRows = await rows(tableNames.itemBank);
  const ownerRows = await rows(tableNames.deduplication);
  return {
    seeded,
    left: bankRows.map((row) => String(row.item?.S)),
    owners: new Map(
      ownerRows.map((row) => [String(row.deduplication_id?.S), String(row.item_string?.S)]),
    ),
  };
}

function newVoucherCode(): string {
  return `MOVIE-${randomBytes(4).toString('hex').toUpperCase()}`;
}
