// A process of its own that claims for each ID that it is told, and tells each answer as soon as it has it.
import { Deduplicator } from 'storagebox/core';
import { openDatabase, openPair, SQLITE_DRIVERS, type TableNames } from '../../support/sqlite.js';
import { untilServed } from '../../support/until-served.js';

export interface ClaimingTask {
  readonly driver: string;
  readonly file: string;
  readonly tables: TableNames;
  readonly deduplicationIds: readonly string[];
  readonly callers: number;
  /** Begins anew when it has claimed for all of them, until it is killed. */
  readonly isEndless?: boolean;
}

export type Told = readonly [deduplicationId: string, item: string | null];

process.once('message', async ({ driver, file, tables, ...task }: ClaimingTask) => {
  const database = openDatabase(
    file,
    SQLITE_DRIVERS.find(({ name }) => name === driver),
  );
  const deduplicator = new Deduplicator(openPair(database, tables));
  const waiting = idsOf(task);
  const claimUntilDone = async () => {
    for (const deduplicationId of waiting) {
      const { item } = await untilServed(() => deduplicator.claim(deduplicationId));
      process.send?.([deduplicationId, item] satisfies Told);
    }
  };
  await Promise.all(Array.from({ length: task.callers }, claimUntilDone));
  process.send?.('done', () => process.disconnect());
});

function* idsOf({
  deduplicationIds,
  isEndless,
}: Pick<ClaimingTask, 'deduplicationIds' | 'isEndless'>) {
  do yield* deduplicationIds;
  while (isEndless);
}
