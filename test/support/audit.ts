import { allRows, type Tables } from './tables.js';

export interface Audit {
  /** Seeded items that are neither in the bank nor assigned. */
  readonly lost: number;
  /** Items that are assigned to two IDs, or assigned and still in the bank. */
  readonly twice: number;
  /** Who has what. */
  readonly owners: ReadonlyMap<string, string>;
  readonly left: readonly string[];
}

/** Reads both tables, consistently, after every call has ended. */
export async function audit(tables: Tables, seeded: Iterable<string>): Promise<Audit> {
  const { client, itemBankTableName, deduplicationTableName } = tables;
  const [bank, assignments] = await Promise.all(
    [itemBankTableName, deduplicationTableName].map((tableName) => allRows(client, tableName)),
  );
  const left = (bank ?? []).map((row) => String(row.item?.S));
  const owners = new Map(
    (assignments ?? []).map((row) => [String(row.deduplication_id?.S), String(row.item_string?.S)]),
  );
  const places = [...left, ...owners.values()];
  const accounted = new Set(places);
  return {
    lost: [...seeded].filter((item) => !accounted.has(item)).length,
    twice: places.length - accounted.size,
    owners,
    left,
  };
}
