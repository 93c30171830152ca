// What the doctors of all stores say in the same words.
import { type IdKeeping, idFaultOf, type SampledAssignment, SECOND_ITEM } from './id-look.js';
import type { Finding, LedgerLook } from './store.js';

export const DEDUPLICATION_SUBJECT = 'deduplication table';

/** How many assignments a doctor looks at. */
export const ASSIGNMENT_SAMPLE_SIZE = 1_000;
/** For which a hold may have ended without anything being wrong: a sweep is run every few minutes. */
const MAX_OVERDUE_MS = 3_600_000;

export function ok(subject: string, message: string): Finding {
  return { level: 'ok', subject, message, remedy: null };
}

export function unknown(subject: string, message: string): Finding {
  return { level: 'unknown', subject, message, remedy: null };
}

export function warning(subject: string, message: string, remedy: string): Finding {
  return { level: 'warning', subject, message, remedy };
}

export function fault(subject: string, message: string, remedy: string): Finding {
  return { level: 'fault', subject, message, remedy };
}

/** Nothing where hashed IDs are neither there nor asked for. */
export function idFindings(ids: readonly string[], keeping: IdKeeping): Finding[] {
  const subject = DEDUPLICATION_SUBJECT;
  const idFault = idFaultOf(ids, keeping);
  if (idFault !== null) {
    return [fault(subject, `has ${idFault.found}: ${SECOND_ITEM}`, idFault.remedy)];
  }
  const isHashed = keeping.hashesIds;
  return isHashed ? [ok(subject, 'all IDs are hashed with the secret that was given')] : [];
}

/**
 * Nothing where nothing is held.
 *
 * @param others further findings about holds
 */
export function holdFindings(
  rows: readonly Pick<SampledAssignment, 'heldUntil'>[],
  others: readonly Finding[] = [],
): Finding[] {
  const subject = DEDUPLICATION_SUBJECT;
  const ends = rows.flatMap(({ heldUntil }) => heldUntil ?? []);
  if (ends.length === 0) return [];
  const found = [...others];
  const overdue = ends.filter((end) => end.getTime() < Date.now() - MAX_OVERDUE_MS);
  if (overdue.length > 0) {
    const message = `holds ended more than an hour ago: ${overdue.length} in a sample of ${rows.length} rows`;
    found.unshift(warning(subject, message, 'Does something run "storagebox release-expired"?'));
  }
  return found.length > 0 ? found : [ok(subject, 'no hold ended more than an hour ago')];
}

/** For a ledger that a bank lacks, which is what the SQL of the bank makes first. */
export function missingLedgerRemedy(bankSql: string): string {
  const sql = bankSql.slice(0, bankSql.indexOf('create table', 1)).trim();
  return `${sql.replaceAll(/\s+/g, ' ')} Then run "storagebox fill-ledger".`;
}

export function ledgerFinding(state: Exclude<LedgerLook['state'], 'unknown'>): Finding {
  if (state === 'unused') return ok('ledger', 'no item is in the bank or was handed out yet');
  if (state !== 'unfilled') return ok('ledger', 'has entries');
  const message =
    'does not list all items that are in the bank or were handed out: the others could be added a second time';
  return fault('ledger', message, 'Run "storagebox fill-ledger".');
}
