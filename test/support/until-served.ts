import { isStorageBoxError } from 'storagebox';

/** Both say: retry with the same deduplication ID. */
const RETRIED = ['STORAGEBOX_CONTENTION', 'STORAGEBOX_OUTCOME_UNKNOWN'];

/**
 * Retries as the messages of the errors say. On a machine that is busy with other tests, the last of
 * many calls at once can wait for over 10 seconds, and so can the answer of the server. Any other
 * error is thrown.
 */
export async function untilServed<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isStorageBoxError(error) || !RETRIED.includes(error.code)) throw error;
    }
  }
}
