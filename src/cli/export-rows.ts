// What `export` reads, table by table, from any position on.
import type { Assignment, Listing, ListOptions } from 'storagebox/core';
import type { ResumableRows } from './resumable-file.js';
import { isoTextOf, type Row } from './rows.js';
import type { OpenStore } from './stores/store.js';

export const WHAT = ['assignments', 'items', 'all'] as const;
export type What = (typeof WHAT)[number];

export function columnsOf(what: What): readonly string[] {
  if (what === 'items') return ['item'];
  return ['deduplication_id', 'item', 'item_bank_table', 'assigned_at', 'held_until'];
}

type Listed = Pick<OpenStore, 'itemRepo' | 'deduplicationRepo' | 'itemBankName'>;
type ListRows = (options: ListOptions) => Pick<ResumableRows, 'position'> & AsyncIterable<Row>;

export class Reading implements ResumableRows {
  readonly #lists: readonly ListRows[];
  readonly #signal: AbortSignal;
  readonly #segments: number;
  readonly #onRow: (done: number) => void;
  /** Which of the tables is being read. */
  #index: number;
  #cursor: string | undefined;
  #listing: { readonly position: string } | undefined;

  constructor(
    store: Listed,
    signal: AbortSignal,
    what: What,
    segments: number,
    position: string | null,
    onRow: (done: number) => void,
  ) {
    this.#lists = listsOf(store, what);
    this.#signal = signal;
    this.#segments = segments;
    this.#onRow = onRow;
    const { index = 0, cursor } = position === null ? {} : JSON.parse(position);
    this.#index = index;
    this.#cursor = cursor;
  }

  get position(): string {
    const cursor = this.#listing?.position ?? this.#cursor;
    return JSON.stringify({ index: this.#index, cursor });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, void> {
    let done = 0;
    for (const list of this.#lists.slice(this.#index)) {
      const signal = this.#signal;
      const cursor = this.#cursor;
      // A cursor contains the number of segments.
      const listing = list(
        cursor === undefined ? { segments: this.#segments, signal } : { cursor, signal },
      );
      this.#listing = listing;
      for await (const row of listing) {
        this.#onRow(++done);
        yield row;
      }
      this.#index++;
      this.#cursor = undefined;
      this.#listing = undefined;
    }
  }
}

/** Assignments last: an item that is handed out meanwhile is then seen at least once. */
function listsOf({ itemRepo, deduplicationRepo, itemBankName }: Listed, what: What): ListRows[] {
  const itemRow = (item: string): Row =>
    what === 'items'
      ? { item }
      : {
          deduplication_id: null,
          item,
          item_bank_table: itemBankName,
          assigned_at: null,
          held_until: null,
        };
  const items = rows((options) => itemRepo.listItems(options), itemRow);
  const assignments = rows((options) => deduplicationRepo.listAssignments(options), assignmentRow);
  if (what === 'all') return [items, assignments];
  return what === 'items' ? [items] : [assignments];
}

function assignmentRow({
  deduplicationId,
  item,
  itemBankName,
  assignedAt,
  heldUntil,
}: Assignment): Row {
  return {
    deduplication_id: deduplicationId,
    item,
    item_bank_table: itemBankName,
    assigned_at: isoTextOf(assignedAt),
    held_until: isoTextOf(heldUntil),
  };
}

function rows<Element>(
  list: (options: ListOptions) => Listing<Element>,
  rowOf: (element: Element) => Row,
): ListRows {
  return (options) => {
    const listing = list(options);
    return {
      get position() {
        return listing.cursor;
      },
      async *[Symbol.asyncIterator]() {
        for await (const element of listing) yield rowOf(element);
      },
    };
  };
}
