// Who has which item: a row for each assignment.
import type {
  Assignment,
  CountAssignmentsOptions,
  Listing,
  ListOptions,
} from '../contracts/looking.js';
import { runtime } from '../environment/runtime.js';
import { textToKey } from '../store-kit/key-text.js';
import { listingOf } from '../store-kit/listing.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import { untilAborted } from '../store-kit/until-aborted.js';
import type { PostgresClient } from './client.js';
import { storedItem } from './keys.js';
import { quotedName } from './names.js';
import { type Session, sessionOf } from './session.js';
import { estimatedRows, PATIENCE, pagesOf, read, withRetries, write } from './statements.js';

/** An assignment as it was read. */
export interface Row {
  readonly deduplicationId: string;
  readonly item: string;
  readonly itemBankName: string | null;
  readonly assignedAtMs: number;
  readonly heldUntilMs: number | null;
  /** Another one after each change. Text, because it may be too large for a number. */
  readonly version: string;
}

/** Gives a {@link Row}. */
export const ROW = `json_build_object(
  'deduplicationId', deduplication_id, 'item', item, 'itemBankName', item_bank,
  'assignedAtMs', (extract(epoch from assigned_at) * 1000)::bigint,
  'heldUntilMs', (extract(epoch from held_until) * 1000)::bigint,
  'version', version::text
)`;

const EXPIRED_PAGE_SIZE = 1_000;

export class DeduplicationTable {
  readonly client: PostgresClient;
  readonly tableName: string;
  /** Quoted. */
  readonly table: string;
  readonly session: Session;

  constructor(client: PostgresClient, tableName: string) {
    this.client = client;
    this.tableName = tableName;
    this.table = quotedName(tableName);
    this.session = sessionOf(client, {
      itemBankTableName: null,
      deduplicationTableName: tableName,
    });
  }

  async find(id: string, session = this.session, waitMs?: number): Promise<Row | null> {
    const text = `select ${ROW}::text as answer from ${this.table} where deduplication_id = $1::text`;
    const [row = null] = await session.ask<Row>(read(text), [id], waitMs);
    return row;
  }

  /** What the ID has already; `null` if it got the item. */
  async put(id: string, item: string): Promise<Row | null> {
    const statement = write(`with ${PATIENCE}, put as (
  insert into ${this.table} (deduplication_id, item, assigned_at)
  select $2::text, $3::text, $4::text::timestamptz from patience
  on conflict (deduplication_id) do nothing returning 1
)
select count(*)::text as answer from put`);
    const { session } = this;
    const key = storedItem(item);
    const patience = new Patience(CLAIM_PATIENCE_MS);
    for (;;) {
      const values = [session.lockTimeout, id, key, runtime.date().toISOString()];
      const [count] = await withRetries(patience, session, [this.tableName], () =>
        session.ask<number>(statement, values, patience.leftMs),
      );
      if (count === 1) return null;
      const existing = await this.find(id);
      if (existing !== null) return existing;
      // The row that was in the way has been deleted since, so put again.
      patience.assertLeft();
    }
  }

  async count({ assignedAfter }: CountAssignmentsOptions): Promise<number> {
    const text = `select count(*)::text as answer from ${this.table}
where $1::text is null or assigned_at > $1::text::timestamptz`;
    const [count = 0] = await this.session.ask<number>(read(text), [
      assignedAfter?.toISOString() ?? null,
    ]);
    return count;
  }

  estimate(): Promise<number> {
    return estimatedRows(this.session, `select from ${this.table}`);
  }

  list(options: ListOptions | undefined): Listing<Assignment> {
    const text = `select ${ROW}::text as answer from ${this.table}
where deduplication_id > $1::text order by deduplication_id limit $2::text::integer`;
    const rowOf = (row: Row) => ({ key: row.deduplicationId, element: assignmentOf(row) });
    const readPage = pagesOf(this.session, read(text), rowOf);
    return listingOf({ name: `the assignments in "${this.tableName}"`, readPage }, options);
  }

  /** The holds that had ended at that time, the oldest first. */
  async *expiredHolds(at: Date, signal: AbortSignal | undefined): AsyncGenerator<Row, void, void> {
    const text = `select ${ROW}::text as answer from ${this.table}
where held_until <= $1::text::timestamptz and (held_until, deduplication_id) > ($2::text::timestamptz, $3::text)
order by held_until, deduplication_id limit ${EXPIRED_PAGE_SIZE}`;
    let after = ['-infinity', ''];
    for (;;) {
      signal?.throwIfAborted();
      const page = this.session.ask<Row>(read(text), [at.toISOString(), ...after]);
      const rows = await untilAborted(page, signal);
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < EXPIRED_PAGE_SIZE) return;
      after = [new Date(last.heldUntilMs as number).toISOString(), last.deduplicationId];
    }
  }
}

export function assignmentOf(row: Row): Assignment {
  const { itemBankName, assignedAtMs } = row;
  return {
    deduplicationId: textToKey(row.deduplicationId),
    item: textToKey(row.item),
    itemBankName,
    itemBankTableName: itemBankName,
    assignedAt: new Date(assignedAtMs),
    heldUntil: heldUntilOf(row),
  };
}

export function heldUntilOf({ heldUntilMs }: Pick<Row, 'heldUntilMs'>): Date | null {
  return heldUntilMs === null ? null : new Date(heldUntilMs);
}
