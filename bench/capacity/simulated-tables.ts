// The item bank and the deduplication table: rows in the order of their hashes, on partitions.
import type { Random } from '../../test/verification/seeded-random.js';
import {
  type Model,
  READ_UNIT_BYTES,
  READ_UNITS,
  TRANSACTIONAL_READ_UNITS,
  TRANSACTIONAL_WRITE_UNITS,
} from './model.js';
import { Partitions } from './partitions.js';

export interface ScannedPage {
  readonly items: string[];
  readonly nextKey: string | null;
  readonly searchedPartitions: number;
}

export interface ClaimRows {
  readonly idHash: number;
  readonly item: string;
}

export type ClaimOutcome =
  | 'committed'
  | 'itemGone'
  | 'conflict'
  | 'throttled'
  /** Nothing was in its own way. */
  | 'cancelledByOthers';

export class SimulatedTables {
  readonly bank: Partitions;
  readonly deduplication: Partitions;
  readonly #model: Model;
  readonly #hashes: Float64Array;
  /** When the row of each item is gone. */
  readonly #goneAtMs: Float64Array;
  /** The next row that may exist at or after each place. It only grows, because no item comes back. */
  readonly #nextPresent: Int32Array;

  constructor(model: Model, partitions: number, items: number, random: Random) {
    this.#model = model;
    this.bank = new Partitions(model, partitions);
    this.deduplication = new Partitions(model, partitions);
    this.#hashes = Float64Array.from({ length: items }, random).sort();
    this.#goneAtMs = new Float64Array(items).fill(Number.POSITIVE_INFINITY);
    this.#nextPresent = Int32Array.from({ length: items + 1 }, (_, place) => place);
  }

  /** `false` when throttled. Every user here is new and has no row. */
  readId(idHash: number, nowMs: number): boolean {
    const partition = this.deduplication.of(idHash);
    return this.deduplication.read(partition, READ_UNITS, nowMs);
  }

  readIdInTransaction(idHash: number, nowMs: number): boolean {
    const partition = this.deduplication.of(idHash);
    return this.deduplication.read(partition, TRANSACTIONAL_READ_UNITS, nowMs);
  }

  /**
   * One transaction: for each claim, puts the ID's row and deletes the item's. A throttled one consumes
   * nothing; one that is cancelled by a condition or a conflict consumes all of it.
   *
   * @param committedAtMs when it will have been applied, if it is
   */
  claim(claims: readonly ClaimRows[], nowMs: number, committedAtMs: number): ClaimOutcome[] {
    const { bank, deduplication } = this;
    const places = claims.map(({ item }) => Number(item));
    const bankPartitions = places.map((place) => bank.of(this.#hashes[place] as number));
    const idPartitions = claims.map(({ idHash }) => deduplication.of(idHash));
    const fullBankPartitions = fullOnes(bank, bankPartitions, nowMs);
    const fullIdPartitions = fullOnes(deduplication, idPartitions, nowMs);
    if (fullBankPartitions.size + fullIdPartitions.size > 0) {
      return bankPartitions.map((bankPartition, position) => {
        const isThrottled =
          fullBankPartitions.has(bankPartition) ||
          fullIdPartitions.has(idPartitions[position] as number);
        return isThrottled ? 'throttled' : 'cancelledByOthers';
      });
    }
    for (const partition of bankPartitions) bank.write(partition, TRANSACTIONAL_WRITE_UNITS);
    for (const partition of idPartitions) deduplication.write(partition, TRANSACTIONAL_WRITE_UNITS);
    const outcomes = places.map((place) => this.#outcomeOf(place, nowMs));
    if (outcomes.every((outcome) => outcome === 'committed')) {
      for (const place of places) this.#goneAtMs[place] = committedAtMs;
      return outcomes;
    }
    return outcomes.map((outcome) => (outcome === 'committed' ? 'cancelledByOthers' : outcome));
  }

  /** Of a claim whose transaction has nothing else in it. */
  #outcomeOf(place: number, nowMs: number): ClaimOutcome {
    const goneAtMs = this.#goneAtMs[place] as number;
    if (goneAtMs <= nowMs) return 'itemGone';
    return goneAtMs < Number.POSITIVE_INFINITY ? 'conflict' : 'committed';
  }

  /**
   * One page, strongly consistent, from behind a key or from the head. It goes on over partitions
   * until it has `limit` rows, and each partition that it searches costs a unit at least. `null` when
   * one of them throttles; what was read before is consumed.
   */
  scan(startKey: string | null, limit: number, nowMs: number): ScannedPage | null {
    const items: string[] = [];
    const start = this.#begin(startKey);
    let place = this.#present(start.place, nowMs);
    let lastPlace = place;
    const firstPartition = this.bank.of(start.hash);
    for (let partition = firstPartition; partition < this.bank.count; partition++) {
      const endHash = this.bank.endOf(partition);
      const rowsBefore = items.length;
      while (items.length < limit && (this.#hashes[place] as number) < endHash) {
        items.push(String(place));
        lastPlace = place;
        place = this.#present(place + 1, nowMs);
      }
      const bytes = (items.length - rowsBefore) * this.#model.rowBytes;
      const units = Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES));
      if (!this.bank.read(partition, units, nowMs)) return null;
      if (items.length === limit) {
        const searchedPartitions = partition - firstPartition + 1;
        return { items, nextKey: String(lastPlace), searchedPartitions };
      }
    }
    return { items, nextKey: null, searchedPartitions: this.bank.count - firstPartition };
  }

  #begin(startKey: string | null): { readonly place: number; readonly hash: number } {
    if (startKey === null) return { place: 0, hash: 0 };
    const place = Number(startKey);
    if (Number.isInteger(place)) return { place: place + 1, hash: this.#hashes[place] as number };
    const hash = hashOfKey(startKey);
    return { place: this.#placeOf(hash), hash };
  }

  /** The first place whose row has that hash or a greater one. */
  #placeOf(hash: number): number {
    let low = 0;
    let high = this.#hashes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#hashes[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first row at that place or behind it that is there now; the table's length if none is. */
  #present(place: number, nowMs: number): number {
    const next = this.#nextPresent;
    let found = place;
    for (;;) {
      while ((next[found] as number) !== found) found = next[found] as number;
      if (found === this.#hashes.length || (this.#goneAtMs[found] as number) > nowMs) break;
      next[found] = found + 1;
    }
    // The next search from any of these places gets there in one step.
    for (let step = place; step !== found; ) {
      const after = next[step] as number;
      next[step] = found;
      step = after;
    }
    return found;
  }
}

/** The partitions that do not let in what a transaction writes to them. */
function fullOnes(table: Partitions, rows: readonly number[], nowMs: number): Set<number> {
  const units = new Map<number, number>();
  for (const partition of rows) {
    units.set(partition, (units.get(partition) ?? 0) + TRANSACTIONAL_WRITE_UNITS);
  }
  const full = new Set<number>();
  for (const [partition, wanted] of units) {
    if (!table.canWrite(partition, wanted, nowMs)) full.add(partition);
  }
  return full;
}

/** The place of an invented key among the hashes ("FNV-1a", mixed once more). */
function hashOfKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
