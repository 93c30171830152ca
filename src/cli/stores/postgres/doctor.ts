// What can be wrong with a set-up, found without writing anything.
import { describeFailure as describe } from '../../failures.js';
import {
  ASSIGNMENT_SAMPLE_SIZE,
  DEDUPLICATION_SUBJECT,
  fault,
  holdFindings,
  idFindings,
  ledgerFinding,
  ok,
  unknown,
} from '../findings.js';
import { firstAssignments } from '../id-look.js';
import type { Finding } from '../store.js';
import { describeFailure, failedBecause } from './failures.js';
import { lookAtLedger } from './ledger-look.js';
import { serverFindings } from './server-findings.js';
import { tableFindings } from './table-findings.js';
import type { Tables } from './tables.js';

/** @param openTables throws where there is no driver */
export async function* examination(openTables: () => Tables): AsyncGenerator<Finding, void, void> {
  let tables: Tables;
  try {
    tables = openTables();
  } catch (error) {
    // A mistake in the options is no finding about the set-up.
    if (describe(error).code === 'USAGE') throw error;
    yield failureFinding('driver', error);
    return;
  }
  yield ok('driver', tables.connections.driverName);
  const { signal } = tables;
  const isReachable = yield* guarded(signal, 'server', () => serverFindings(tables));
  if (!isReachable) return;
  const hasTables = yield* guarded(signal, 'tables', () => tableFindings(tables));
  // Without the right tables, the rest would only mislead.
  if (!hasTables) return;
  yield* guarded(signal, DEDUPLICATION_SUBJECT, () => contentFindings(tables));
}

/** Returns whether there was no fault. What cannot be looked at is a finding, too, and ends this part. */
async function* guarded(
  signal: AbortSignal,
  subject: string,
  look: () => AsyncIterable<Finding>,
): AsyncGenerator<Finding, boolean, void> {
  let hasFault = false;
  try {
    for await (const finding of look()) {
      hasFault ||= finding.level === 'fault';
      yield finding;
    }
  } catch (error) {
    signal.throwIfAborted();
    const finding = failureFinding(subject, error);
    hasFault ||= finding.level === 'fault';
    yield finding;
  }
  return !hasFault;
}

async function* contentFindings(tables: Tables): AsyncGenerator<Finding, void, void> {
  const { deduplicationRepo, signal } = tables;
  const sample = await firstAssignments(deduplicationRepo, ASSIGNMENT_SAMPLE_SIZE, signal);
  const ids = sample.map(({ deduplicationId }) => deduplicationId);
  yield* [...idFindings(ids, tables), ...holdFindings(sample)];
  yield ledgerFinding(await lookAtLedger(tables));
}

function failureFinding(subject: string, error: unknown): Finding {
  if (failedBecause(error, 'insufficient_privilege')) {
    return unknown(subject, 'contents: this role may not read it');
  }
  const { message, remedy } = describe(error, describeFailure);
  return fault(subject, message, remedy ?? 'Look at the log of the server.');
}
