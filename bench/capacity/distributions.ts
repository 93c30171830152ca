// How long things take: what is drawn, and what came out.
import type { Random } from '../../test/verification/seeded-random.js';

const QUANTILES = 4_096;

/** Draws from a log-normal distribution: most values near the median, some far above it. */
export function logNormal(median: number, sigma: number, random: Random): () => number {
  const values = Float64Array.from({ length: QUANTILES }, (_, index) =>
    Math.exp(sigma * normalQuantile((index + 0.5) / QUANTILES)),
  );
  return () => median * (values[Math.floor(random() * QUANTILES)] as number);
}

/** By bisection of the logistic approximation of the normal distribution, which is within 0.01. */
function normalQuantile(probability: number): number {
  let low = -6;
  let high = 6;
  for (let round = 0; round < 40; round++) {
    const middle = (low + high) / 2;
    const below = 1 / (1 + Math.exp(-1.5976 * middle - 0.070566 * middle ** 3));
    if (below < probability) low = middle;
    else high = middle;
  }
  return low;
}

/** Each bucket ends that much above the one before. */
const BUCKET_GROWTH = 1.02;
const BUCKETS = 1_000;

/** Counts durations from 1 microsecond to hours, within 2 %. */
export class DurationHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(durationMs: number): void {
    const bucket = Math.ceil(Math.log(Math.max(1, durationMs * 1_000)) / Math.log(BUCKET_GROWTH));
    const index = Math.min(BUCKETS - 1, bucket);
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count++;
  }

  /** That share of the durations was at most that long; 0 when there were none. */
  quantileMs(share: number): number {
    let left = share * this.#count;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket] as number;
      if (left <= 0 && this.#count > 0) return BUCKET_GROWTH ** bucket / 1_000;
    }
    return 0;
  }
}
