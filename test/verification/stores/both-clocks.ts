// The time of day of what happened by the monotonic clock. The triggers of a store note the time of day, the processes
// the monotonic clock, and one of them can be moved meanwhile: by a correction, or while the machine is suspended.

export interface Reading {
  /** Of the monotonic clock. */
  readonly atNs: number;
  /** The time of day. */
  readonly atMs: number;
}

const READING_INTERVAL_MS = 250;
/** One that took longer was interrupted between the two clocks. */
const MAX_READING_NS = 200_000;
const MAX_ATTEMPTS = 20;

export function startClocks() {
  const originNs = process.hrtime.bigint();
  const readings = [readBoth(originNs)];
  const timer = setInterval(() => readings.push(readBoth(originNs)), READING_INTERVAL_MS);
  timer.unref();
  return {
    originNs: String(originNs),
    stop: () => {
      clearInterval(timer);
      readings.push(readBoth(originNs));
      const [first, last] = [readings[0] as Reading, readings.at(-1) as Reading];
      return { elapsedMs: last.atMs - first.atMs, toMs: timeOfDayBy(readings) };
    },
  };
}

function readBoth(originNs: bigint): Reading {
  for (let attempt = 1; ; attempt++) {
    const beforeNs = Number(process.hrtime.bigint() - originNs);
    const atMs = Date.now();
    const tookNs = Number(process.hrtime.bigint() - originNs) - beforeNs;
    if (tookNs <= MAX_READING_NS || attempt === MAX_ATTEMPTS) return { atNs: beforeNs, atMs };
  }
}

/** Between two readings the clocks go side by side. */
export function timeOfDayBy(readings: readonly Reading[]): (atNs: number) => number {
  return (atNs) => {
    let [low, high] = [0, readings.length - 1];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if ((readings[middle] as Reading).atNs <= atNs) low = middle;
      else high = middle;
    }
    const [from, to] = [readings[low] as Reading, readings[high] as Reading];
    const share = (atNs - from.atNs) / (to.atNs - from.atNs);
    return from.atMs + share * (to.atMs - from.atMs);
  };
}
