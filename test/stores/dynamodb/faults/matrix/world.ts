// The tables of a cell, and what is known about them.
import { randomUUID } from 'node:crypto';
import { type AttributeValue, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { type ClaimOptions, Deduplicator } from 'storagebox';
import { expect } from 'vitest';
import { audit } from '../../../../support/audit.js';
import {
  allRows,
  deleteTables,
  freshTablesWithLedger,
  openPair,
  type Row,
  type Tables,
} from '../../../../support/tables.js';

/** What is found in the tables when no call is under way. */
export interface Found {
  readonly left: ReadonlySet<string>;
  readonly owners: ReadonlyMap<string, string>;
}

const key = (name: string, value: string): Record<string, AttributeValue> => ({
  [name]: { S: value },
});

export class World {
  readonly tables: Required<Tables>;
  /** Items that are certainly in one of the tables. */
  readonly #seeded = new Set<string>();
  readonly #owners = new Map<string, string>();

  private constructor(tables: Required<Tables>) {
    this.tables = tables;
  }

  /** New tables with so many items in the bank. */
  static async withStock(stock: number): Promise<World> {
    const world = new World(await freshTablesWithLedger());
    if (stock > 0) await world.add(Array.from({ length: stock }, () => `stock-${randomUUID()}`));
    return world;
  }

  /** As they are used without a ledger. */
  get tablesWithoutLedger(): Tables {
    const { ledgerTableName: _, ...tables } = this.tables;
    return tables;
  }

  async add(items: readonly string[], tables: Tables = this.tablesWithoutLedger): Promise<void> {
    await openPair(tables).itemRepo.batchAddItems(items);
    this.noteAdded(items);
  }

  noteAdded(items: readonly string[]): void {
    for (const item of items) this.#seeded.add(item);
  }

  async assign(deduplicationId: string, item: string): Promise<void> {
    await openPair(this.tables).deduplicationRepo.putDeduplicationId(deduplicationId, item);
    this.noteAdded([item]);
  }

  /** The ID claims, by a node that nothing goes wrong with. */
  async claim(deduplicationId: string, options: ClaimOptions = {}): Promise<string> {
    const claimed = await new Deduplicator(openPair(this.tables)).claim(deduplicationId, options);
    expect(claimed.status).toBe('claimed');
    this.#owners.set(deduplicationId, String(claimed.item));
    return String(claimed.item);
  }

  async isHeld(deduplicationId: string): Promise<boolean> {
    const { deduplicationRepo } = openPair(this.tables);
    const assignment = await deduplicationRepo.getAssignment(deduplicationId);
    return assignment?.heldUntil != null;
  }

  /** Other nodes claim these items, each for an ID of its own. */
  async othersTake(items: readonly string[]): Promise<void> {
    const { client, itemBankTableName, deduplicationTableName } = this.tables;
    for (const item of items) {
      const row = {
        ...key('deduplication_id', `other-${randomUUID()}`),
        ...key('item_string', item),
      };
      const TransactItems = [
        { Put: { TableName: deduplicationTableName, Item: row } },
        { Delete: { TableName: itemBankTableName, Key: key('item', item) } },
      ];
      await client.send(new TransactWriteItemsCommand({ TransactItems }));
    }
  }

  ownerOf(deduplicationId: string): string | undefined {
    return this.#owners.get(deduplicationId);
  }

  /** From here on the ID may have lost its item. */
  expectRelease(deduplicationId: string): void {
    this.#owners.delete(deduplicationId);
  }

  /** From here on the item may be nowhere. */
  expectRetirement(item: string): void {
    this.#seeded.delete(item);
  }

  async ledgerRows(): Promise<ReadonlyMap<string, Row>> {
    const rows = await allRows(this.tables.client, this.tables.ledgerTableName);
    return new Map(rows.map((row) => [String(row.item?.S), row]));
  }

  /** P2 and P3 of all that was ever put in, P1 of all IDs that were ever seen with an item. */
  async expectSound(): Promise<Found> {
    const { lost, twice, owners, left } = await audit(this.tables, this.#seeded);
    expect({ lost, twice }).toEqual({ lost: 0, twice: 0 });
    for (const [deduplicationId, item] of this.#owners) {
      if (owners.get(deduplicationId) !== item) expect(owners.get(deduplicationId)).toBe(item);
    }
    for (const [deduplicationId, item] of owners) this.#owners.set(deduplicationId, item);
    return { left: new Set(left), owners };
  }

  async dispose(): Promise<void> {
    await deleteTables(this.tables);
  }
}
