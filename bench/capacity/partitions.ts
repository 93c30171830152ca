// The partitions of one table: each takes so many units a second and throttles what is beyond.
import type { Model } from './model.js';

/** Hashes are numbers from 0 up to, but not including, 1; each partition holds a range of them. */
export class Partitions {
  readonly #model: Model;
  /** Where each partition begins. */
  #starts: number[];
  #areEven = true;
  #writes: Bucket[];
  #reads: Bucket[];
  readonly #tableWrites: Bucket;
  readonly #tableReads: Bucket;
  writeUnits = 0;
  readUnits = 0;
  splits = 0;

  constructor(model: Model, count: number) {
    this.#model = model;
    this.#starts = Array.from({ length: count }, (_, index) => index / count);
    this.#writes = this.#starts.map(() => this.#bucket(model.partitionWriteUnitsPerSecond));
    this.#reads = this.#starts.map(() => this.#bucket(model.partitionReadUnitsPerSecond));
    this.#tableWrites = this.#bucket(model.tableUnitsPerSecond);
    this.#tableReads = this.#bucket(model.tableUnitsPerSecond);
  }

  get count(): number {
    return this.#starts.length;
  }

  /** The partition that holds the hash. */
  of(hash: number): number {
    if (this.#areEven) return Math.floor(hash * this.#starts.length);
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] as number) <= hash) low = middle;
      else high = middle;
    }
    return low;
  }

  startOf(partition: number): number {
    return this.#starts[partition] as number;
  }

  /** The first hash behind the partition. */
  endOf(partition: number): number {
    return this.#starts[partition + 1] ?? 1;
  }

  /** Whether a write of so many units would be let in; nothing is consumed yet. */
  canWrite(partition: number, units: number, nowMs: number): boolean {
    const bucket = this.#writes[partition] as Bucket;
    if (!this.#tableWrites.has(units, nowMs)) return false;
    if (bucket.has(units, nowMs)) return true;
    this.#noteHeat(partition, bucket, nowMs);
    return false;
  }

  /** To be called after {@link canWrite} only. */
  write(partition: number, units: number): void {
    (this.#writes[partition] as Bucket).take(units);
    this.#tableWrites.take(units);
    this.writeUnits += units;
  }

  /** Reads that many units, or throttles: `false`. */
  read(partition: number, units: number, nowMs: number): boolean {
    const bucket = this.#reads[partition] as Bucket;
    if (!this.#tableReads.has(units, nowMs)) return false;
    if (!bucket.has(units, nowMs)) {
      this.#noteHeat(partition, bucket, nowMs);
      return false;
    }
    bucket.take(units);
    this.#tableReads.take(units);
    this.readUnits += units;
    return true;
  }

  /** A partition that throttles for long splits in the middle of its range. */
  #noteHeat(partition: number, bucket: Bucket, nowMs: number): void {
    if (bucket.heatedForMs(nowMs) < this.#model.splitAfterMs) return;
    const middle = (this.startOf(partition) + this.endOf(partition)) / 2;
    const { partitionWriteUnitsPerSecond, partitionReadUnitsPerSecond } = this.#model;
    this.#starts.splice(partition + 1, 0, middle);
    for (const [buckets, unitsPerSecond] of [
      [this.#writes, partitionWriteUnitsPerSecond],
      [this.#reads, partitionReadUnitsPerSecond],
    ] as const) {
      const halves = [this.#bucket(unitsPerSecond, nowMs), this.#bucket(unitsPerSecond, nowMs)];
      buckets.splice(partition, 1, ...halves);
    }
    this.#areEven = false;
    this.splits++;
  }

  #bucket(unitsPerSecond: number, nowMs?: number): Bucket {
    const { burstSeconds, isBurstSavedUp } = this.#model;
    const isFull = isBurstSavedUp && nowMs === undefined;
    return new Bucket(unitsPerSecond, burstSeconds, isFull, nowMs ?? 0);
  }
}

/** After a pause of this length between two throttled requests, a partition has cooled down. */
const COOLED_DOWN_AFTER_MS = 1_000;

/** Fills at a steady rate up to what it can keep. */
class Bucket {
  readonly #unitsPerMs: number;
  readonly #maxUnits: number;
  #units: number;
  #filledAtMs: number;
  #throttledSinceMs = Number.NaN;
  #throttledAtMs = Number.NEGATIVE_INFINITY;

  constructor(unitsPerSecond: number, keptSeconds: number, isFull: boolean, nowMs: number) {
    this.#unitsPerMs = unitsPerSecond / 1_000;
    this.#maxUnits = unitsPerSecond * keptSeconds;
    // Without a limit, the bucket is always full.
    this.#units = isFull || !Number.isFinite(unitsPerSecond) ? this.#maxUnits : 0;
    this.#filledAtMs = nowMs;
  }

  has(units: number, nowMs: number): boolean {
    if (nowMs > this.#filledAtMs) {
      const filled = this.#units + (nowMs - this.#filledAtMs) * this.#unitsPerMs;
      this.#units = Math.min(this.#maxUnits, filled);
      this.#filledAtMs = nowMs;
    }
    return this.#units >= units;
  }

  take(units: number): void {
    this.#units -= units;
  }

  /** For how long it has been throttling; to be called whenever it throttles. */
  heatedForMs(nowMs: number): number {
    if (nowMs - this.#throttledAtMs > COOLED_DOWN_AFTER_MS) this.#throttledSinceMs = nowMs;
    this.#throttledAtMs = nowMs;
    return nowMs - this.#throttledSinceMs;
  }
}
