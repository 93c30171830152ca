// An item bank: a row for each item that is in it, and in its ledger one for each that ever entered. A claim deletes a
// row and changes no index: an entry of an index would be on another page for each claim.
import type { Listing, ListOptions } from '../contracts/looking.js';
import { writtenBy } from '../contracts/written.js';
import { runtime } from '../environment/runtime.js';
import { attachedState } from '../store-kit/attached-state.js';
import type { ChunkOutcome } from '../store-kit/batch-add.js';
import { textToKey } from '../store-kit/key-text.js';
import { listingOf } from '../store-kit/listing.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import type { PostgresClient } from './client.js';
import { storedItem } from './keys.js';
import { ledgerNameOf, quotedName } from './names.js';
import { type Session, sessionOf } from './session.js';
import { estimatedRows, PATIENCE, pagesOf, read, withRetries, write } from './statements.js';

/** The range of the column. */
export const MIN_POSITION = -2_147_483_648;
const POSITIONS = 4_294_967_296;
const MAX_POSITION = MIN_POSITION + POSITIONS - 1;

function randomPosition(): number {
  return Math.floor(runtime.random() * POSITIONS) + MIN_POSITION;
}

/** So many neighbours of the table have neighbouring positions: claims that travel together touch few pages. */
const RUN_LENGTH = 100;

function placed(keys: readonly string[]): [key: string, position: number][] {
  let start = 0;
  return keys.map((key, index) => {
    const place = index % RUN_LENGTH;
    if (place === 0) start = Math.min(randomPosition(), MAX_POSITION - RUN_LENGTH);
    return [key, start + place];
  });
}

export class ItemBankTable {
  readonly client: PostgresClient;
  readonly tableName: string;
  /** Quoted. */
  readonly table: string;
  /** Quoted. */
  readonly ledger: string;
  readonly session: Session;
  #lastPosition: number | null = null;

  constructor(client: PostgresClient, tableName: string) {
    this.client = client;
    this.tableName = tableName;
    this.table = quotedName(tableName);
    this.ledger = quotedName(ledgerNameOf(tableName));
    this.session = sessionOf(client, this.names);
  }

  get names() {
    return { itemBankTableName: this.tableName, deduplicationTableName: null };
  }

  /**
   * The position from which a claim looks for a free item: where the last one of this process found its own, so that
   * claims read and write neighbours, and meet none of the rows that were claimed before. Other processes, and claims
   * meanwhile, begin somewhere else.
   */
  startOfSearch(): number {
    const start = this.#lastPosition ?? randomPosition();
    this.#lastPosition = null;
    return start;
  }

  searchedUpTo(position: number): void {
    this.#lastPosition = position;
  }

  /** @param areInBank `false`: into the ledger alone */
  async addChunk(
    items: readonly string[],
    areInBank: boolean,
    session = this.session,
  ): Promise<ChunkOutcome> {
    const none = { added: 0, alreadyKnown: 0, notAdded: [], unconfirmed: [] };
    try {
      // Sorted, so that two batches cannot wait for each other.
      const rows = JSON.stringify(placed(items.map(storedItem).sort()));
      const added = await this.#change(this.#addition(areInBank), rows, session);
      return { ...none, added, alreadyKnown: items.length - added };
    } catch (error) {
      const isNothing = writtenBy(error) === 'nothing';
      return isNothing
        ? { ...none, notAdded: items, error }
        : { ...none, unconfirmed: items, error };
    }
  }

  #addition(areInBank: boolean): string {
    const changed = `given as materialized (
  select row ->> 0 as item, (row ->> 1)::integer as position from json_array_elements($2::text::json) as row
), changed as (
  insert into ${this.ledger} (item) select item from given, patience
  on conflict (item) do nothing returning item
)`;
    if (!areInBank) return changed;
    // In this order, so that neighbours by position are neighbours of the table.
    return `${changed}, arrived as (
  insert into ${this.table} (item, position) select item, position from given join changed using (item)
  order by position on conflict (item) do nothing
)`;
  }

  async returnItem(item: string): Promise<void> {
    const returning = `changed as (select $2::text as item from patience), ${this.returningChanged()}`;
    await this.#change(returning, storedItem(item), this.session);
  }

  /** Puts back the items of `changed`. */
  returningChanged(): string {
    return `listed as (
  insert into ${this.ledger} (item) select item from changed
  on conflict (item) do update set retired_at = null
), arrived as (
  insert into ${this.table} (item) select item from changed on conflict (item) do nothing
)`;
  }

  /** Notes that nobody is to get the items of `changed`, with that time. */
  retiringChanged(time: string): string {
    return `listed as (
  insert into ${this.ledger} as ledger (item, retired_at) select item, ${time} from changed
  on conflict (item) do update set retired_at = coalesce(ledger.retired_at, excluded.retired_at)
)`;
  }

  /** Any item; `null` if there was none at one moment. */
  async peek(): Promise<string | null> {
    const next = (range: string) =>
      `(select item from ${this.table} where position ${range} order by position limit 1)`;
    const text = `select to_json(item)::text as answer
from (${next('>= $1::text::integer')} union all ${next('< $1::text::integer')}) as next limit 1`;
    const [item] = await this.session.ask<string>(read(text), [String(randomPosition())]);
    return item === undefined ? null : textToKey(item);
  }

  /** Whether the item was there to be taken. */
  async take(item: string): Promise<boolean> {
    const taking = `changed as (
  delete from ${this.table} using patience where item = $2::text returning 1
)`;
    return (await this.#change(taking, storedItem(item), this.session)) > 0;
  }

  async count(): Promise<number> {
    const text = `select count(*)::text as answer from ${this.table}`;
    const [count = 0] = await this.session.ask<number>(read(text), []);
    return count;
  }

  estimate(): Promise<number> {
    return estimatedRows(this.session, `select from ${this.table}`);
  }

  list(options: ListOptions | undefined): Listing<string> {
    const text = `select to_json(item)::text as answer from ${this.table}
where item > $1::text order by item limit $2::text::integer`;
    const rowOf = (item: string) => ({ key: item, element: textToKey(item) });
    const readPage = pagesOf(this.session, read(text), rowOf);
    return listingOf({ name: `the items in "${this.tableName}"`, readPage }, options);
  }

  /** How many rows `changed` has. */
  async #change(changing: string, value: string, session: Session): Promise<number> {
    const statement = write(`with ${PATIENCE}, ${changing}
select count(*)::text as answer from changed`);
    const patience = new Patience(CLAIM_PATIENCE_MS);
    const [count = 0] = await withRetries(patience, session, [this.tableName], () =>
      session.ask<number>(statement, [session.lockTimeout, value], patience.leftMs),
    );
    return count;
  }
}

export const itemBankTables = attachedState<ItemBankTable>('postgres.item-bank.1');
