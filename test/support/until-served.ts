import { isStorageBoxError } from 'storagebox';

/**
 * Calls again while the answer is `ContentionError`, as its message says: nothing was written. On a
 * machine that is busy with other tests, the last of many calls at once can wait for over 10 seconds.
 * Any other error is thrown.
 */
export async function untilServed<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isContention = isStorageBoxError(error) && error.code === 'STORAGEBOX_CONTENTION';
      if (!isContention) throw error;
    }
  }
}
