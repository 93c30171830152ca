// Puts items back where they belong, as far as the store tells where that is.
import type { Audited, AuditResult } from './audit.js';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure } from './failures.js';
import { inParallel } from './in-parallel.js';

export interface Repaired {
  readonly lost: number;
  readonly twice: number;
  readonly unknownToLedger: number;
}

/** The write that puts an item back cannot check that nobody has the item, so nothing may be moving. */
export function assertTablesAreAtRest({ findings, moved }: AuditResult): void {
  if (findings.lost.length === 0 || moved === 0) return;
  throw new CommandFailure({
    code: 'TABLES_IN_USE',
    message: 'Items moved while the tables were read, so what looks lost may have been handed out.',
    remedy:
      'Stop everything that claims, adds, releases or retires items, wait a minute, and run it again.',
    exitCode: EXIT_CODES.tryAgain,
  });
}

export async function repair(
  { itemRepo, deduplicationRepo, audit, signal }: Audited,
  { findings, owners }: AuditResult,
): Promise<Repaired> {
  let lost = 0;
  await inParallel(findings.lost, async (item) => {
    signal.throwIfAborted();
    await itemRepo.returnItemToBank(item);
    lost++;
  });
  let twice = 0;
  await inParallel(findings.twice, async (item) => {
    // Only if the item is still given or retired. If it is neither, it belongs in the bank.
    const [owner] = owners.get(item) ?? [];
    if (await audit.takeOutOfBank(item, owner)) twice++;
  });
  const unknownToLedger =
    findings.unknownToLedger.length === 0
      ? 0
      : (await itemRepo.fillLedger(deduplicationRepo, { signal })).added;
  return { lost, twice, unknownToLedger };
}
