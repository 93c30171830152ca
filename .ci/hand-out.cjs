// Real hand-outs through the package as it was installed, by the default client.
const { randomUUID } = require('node:crypto');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const assert = require('node:assert/strict');

/** Loads every entry point of the package by the function, and hands out through them. */
exports.handOut = async (how, load) => {
  const entries = {};
  for (const path of Object.keys(require('storagebox/package.json').exports)) {
    const isCode = path !== './package.json';
    if (isCode) entries[path] = await load(`storagebox${path.slice(1)}`);
  }
  const { '.': storagebox, './core': core, './memory': memory, './testing': testing } = entries;
  const tables = `${how}-${randomUUID()}`;
  const names = [`bank-${tables}`, `ids-${tables}`, `ledger-${tables}`];
  const { itemBankTable, deduplicationTable, ledgerTable } = storagebox;
  await storagebox.createTables([
    itemBankTable(names[0]),
    deduplicationTable(names[1]),
    ledgerTable(names[2]),
  ]);
  const pair = () => ({
    itemRepo: new storagebox.ItemBankDynamoDbRepository({
      tableName: names[0],
      ledgerTableName: names[2],
    }),
    deduplicationRepo: new storagebox.DeduplicationDynamoDbRepository({ tableName: names[1] }),
  });
  await sell(storagebox.Deduplicator, pair);
  const inMemory = {
    itemRepo: new memory.ItemBankMemoryRepository({ hasLedger: true }),
    deduplicationRepo: new memory.DeduplicationMemoryRepository(),
  };
  await sell(core.Deduplicator, () => inMemory);

  const nodeSqlite = process.getBuiltinModule('node:sqlite');
  if (nodeSqlite !== undefined) await sellOnSqlite(entries['./sqlite'], nodeSqlite.DatabaseSync);

  const { deduplicationRepo } = pair();
  assert.ok(deduplicationRepo instanceof core.DeduplicationRepository);
  const error = await deduplicationRepo.getValueForDeduplicationId('').catch((reason) => reason);
  assert.ok(core.isStorageBoxError(error));
  assert.equal(typeof testing.conformanceSuite, 'function');
  console.log(`${process.version}, SDK ${sdkVersion()}, by ${how}: passed`);
};

/** By what Node.js has of its own from version 22.13 on. */
async function sellOnSqlite(sqlite, DatabaseSync) {
  const folder = mkdtempSync(join(tmpdir(), 'storagebox-hand-out-'));
  const database = new DatabaseSync(join(folder, 'sale.db'));
  try {
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 0');
    const definitions = [sqlite.itemBankTable('bank'), sqlite.deduplicationTable('ids')];
    await sqlite.createTables(definitions, { database });
    await sell(sqlite.Deduplicator, () => ({
      itemRepo: new sqlite.ItemBankSqliteRepository({ tableName: 'bank', database }),
      deduplicationRepo: new sqlite.DeduplicationSqliteRepository({ tableName: 'ids', database }),
    }));
  } finally {
    database.close();
    rmSync(folder, { recursive: true });
  }
}

async function sell(Deduplicator, open) {
  const vouchers = Array.from({ length: 10 }, (_, index) => `voucher-${index}`);
  const { itemRepo, deduplicationRepo } = open();
  assert.equal((await itemRepo.batchAddItems(vouchers)).added, 10);
  assert.equal((await itemRepo.batchAddItems(vouchers)).alreadyKnown, 10);

  const nodes = [new Deduplicator(open()), new Deduplicator(open())];
  const claims = nodes.flatMap((node) =>
    Array.from({ length: 15 }, (_, index) => node.claim(`user-${index}`)),
  );
  const results = await Promise.all(claims);
  assert.equal(results.filter(({ status }) => status === 'claimed').length, 10);
  const items = results.map(({ item }) => item).filter((item) => item !== null);
  assert.equal(new Set(items).size, 10);
  assert.equal(await itemRepo.countItems(), 0);
  assert.equal(await deduplicationRepo.countAssignments(), 10);

  const first = results.findIndex(({ status }) => status === 'claimed');
  const released = await nodes[0].releaseItemForDeduplicationId(`user-${first % 15}`);
  assert.equal(released, results[first].item);
  assert.deepEqual(await nodes[1].claim('late'), results[first]);
}

function sdkVersion() {
  const manifest = join(process.cwd(), 'node_modules/@aws-sdk/client-dynamodb/package.json');
  return JSON.parse(readFileSync(manifest, 'utf8')).version;
}
