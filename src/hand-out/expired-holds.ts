// Takes back what nobody confirmed: several holds at once, each by a release of its own.
import { isStorageBoxError } from '../contracts/errors.js';
import {
  assertPositiveInteger,
  assertProgressListener,
  assertSignal,
} from '../contracts/validation.js';

/** How far a sweep has come. `found` is the sum of the other three. */
export interface ExpiredHoldsReport {
  /** Holds that had ended when the sweep read them. */
  readonly found: number;
  /** Items that this call put back. */
  readonly released: number;
  /** Holds that were confirmed, extended or released since they were read: nothing was done. */
  readonly kept: number;
  /** Holds on items of banks that the deduplicator does not know: nothing was done. */
  readonly ofOtherBanks: number;
}

export interface ReleaseExpiredHoldsOptions {
  /** Begins no more releases. The call waits for those under way, then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each hold. If it throws, the call ends with that error. */
  readonly onProgress?: ((progress: ExpiredHoldsReport) => void) | undefined;
  /** How many releases run at once. Default: {@link DEFAULT_SWEEP_CONCURRENCY}. */
  readonly concurrency?: number | undefined;
}

export const DEFAULT_SWEEP_CONCURRENCY = 16;

export function assertSweepOptions(options: ReleaseExpiredHoldsOptions): void {
  const { signal, onProgress, concurrency = DEFAULT_SWEEP_CONCURRENCY } = options;
  assertSignal(signal);
  assertProgressListener(onProgress);
  assertPositiveInteger('concurrency', concurrency, 'Leave it out for the default.');
}

/** @param holds each a function that takes one back, and resolves with its item or `null` */
export async function takeBackHolds(
  holds: AsyncGenerator<() => Promise<string | null>, void, void>,
  options: ReleaseExpiredHoldsOptions,
): Promise<ExpiredHoldsReport> {
  const { signal, onProgress, concurrency = DEFAULT_SWEEP_CONCURRENCY } = options;
  const report = { found: 0, released: 0, kept: 0, ofOtherBanks: 0 };
  let failure: { readonly error: unknown } | null = null;
  const takeBack = async () => {
    while (failure === null) {
      signal?.throwIfAborted();
      const { value: release, done } = await holds.next();
      if (done || failure !== null) return;
      signal?.throwIfAborted();
      report[await becameOf(release)]++;
      report.found++;
      onProgress?.({ ...report });
    }
  };
  const takeBackUntilFailure = () =>
    takeBack().catch((error: unknown) => {
      failure ??= { error };
    });
  await Promise.all(Array.from({ length: concurrency }, takeBackUntilFailure));
  await holds.return();
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return report;
}

async function becameOf(
  release: () => Promise<string | null>,
): Promise<Exclude<keyof ExpiredHoldsReport, 'found'>> {
  try {
    return (await release()) === null ? 'kept' : 'released';
  } catch (error) {
    const isOther = isStorageBoxError(error) && error.code === 'STORAGEBOX_UNKNOWN_ITEM_BANK';
    if (isOther) return 'ofOtherBanks';
    throw error;
  }
}
