// The package as it would be published, in front of the tables of sales on PostgreSQL.
import {
  DeduplicationPostgresRepository,
  Deduplicator,
  ItemBankPostgresRepository,
} from 'storagebox/postgres';
import { connectPostgres } from './connect-postgres.mjs';

export function openSales({ way, sales }) {
  const client = connectPostgres(way);
  return sales.map(
    ({ itemBankTableName, deduplicationTableName }) =>
      new Deduplicator({
        itemRepo: new ItemBankPostgresRepository({ tableName: itemBankTableName, client }),
        deduplicationRepo: new DeduplicationPostgresRepository({
          tableName: deduplicationTableName,
          client,
        }),
      }),
  );
}
