import type { PostgresClient } from '../client.js';
import type { DeduplicationTable } from '../deduplication-table.js';
import type { ItemBankTable } from '../item-bank-table.js';
import type { StatementTables } from '../refusals.js';
import { type Session, sessionOf } from '../session.js';
import { type ClaimStatements, claimStatements } from './claim-statement.js';

/** A bank and a table of assignments that one statement can write to. */
export interface Pair {
  readonly bank: ItemBankTable;
  readonly table: DeduplicationTable;
  readonly names: StatementTables;
  readonly client: PostgresClient;
  readonly session: Session;
  readonly statements: ClaimStatements;
}

export function newPair(bank: ItemBankTable, table: DeduplicationTable): Pair {
  const { client } = table;
  const names = { itemBankTableName: bank.tableName, deduplicationTableName: table.tableName };
  const statements = claimStatements(bank, table);
  return { bank, table, names, client, session: sessionOf(client, names), statements };
}

export function tableNamesOf({ bank, table }: Pair): string[] {
  return [table.tableName, bank.tableName];
}
