// Seeds in a process of its own, so that the heap holds nothing but that.
import { type BatchAddItemsReport, ItemBankDynamoDbRepository } from 'storagebox';
import { clientFor } from './client.js';

export interface SeedingReport extends BatchAddItemsReport {
  readonly progressReports: number;
  /** The most items that a progress report told to be in. */
  readonly lastProgress: number;
  /** What was live at the worst moment, less what was live before. */
  readonly heapGrowthMb: number;
}

interface SeedingTask {
  readonly endpoint: string;
  readonly itemBankTableName: string;
  readonly items: number;
}

process.once('message', async ({ endpoint, itemBankTableName, items }: SeedingTask) => {
  const client = clientFor(endpoint);
  const itemRepo = new ItemBankDynamoDbRepository({ tableName: itemBankTableName, client });
  const heapBeforeMb = liveHeapMb();
  let heapMaximumMb = heapBeforeMb;
  let progressReports = 0;
  let lastProgress = 0;
  const report = await itemRepo.batchAddItems(withRepeats(items), {
    onProgress: ({ added }) => {
      lastProgress = Math.max(lastProgress, added);
      if (++progressReports % 20 === 0) heapMaximumMb = Math.max(heapMaximumMb, liveHeapMb());
    },
  });
  const seeding: SeedingReport = {
    ...report,
    progressReports,
    lastProgress,
    heapGrowthMb: Math.round(heapMaximumMb - heapBeforeMb),
  };
  process.send?.(seeding, () => process.disconnect());
});

/** Each tenth item comes again, at once or long after. */
async function* withRepeats(items: number): AsyncGenerator<string> {
  for (let index = 0; index < items; index++) {
    yield `voucher-${index}`;
    if (index % 20 === 0) yield `voucher-${index}`;
    if (index % 20 === 10) yield `voucher-${Math.floor(index / 2)}`;
  }
}

function liveHeapMb(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
