// The package as it would be published, in front of the tables of sales in a file.
import {
  DeduplicationSqliteRepository,
  Deduplicator,
  ItemBankSqliteRepository,
} from 'storagebox/sqlite';
import { checkpointForever, connectSqlite, fillDiskForever } from './connect-sqlite.mjs';

export async function openSales({ way, sales }) {
  const database = await connectSqlite(way);
  if (way.hasCheckpoints) void checkpointForever(way);
  if (way.hasFullDisk) void fillDiskForever(database);
  return sales.map(
    ({ itemBankTableName, deduplicationTableName }) =>
      new Deduplicator({
        itemRepo: new ItemBankSqliteRepository({ tableName: itemBankTableName, database }),
        deduplicationRepo: new DeduplicationSqliteRepository({
          tableName: deduplicationTableName,
          database,
        }),
      }),
  );
}
