// A seed script in a process of its own, to be killed and started again: see re-seeding.test.ts.
import { ItemBankDynamoDbRepository } from 'storagebox';
import { clientFor } from './client.js';

export interface ReseedingTask {
  readonly endpoint: string;
  readonly itemBankTableName: string;
  readonly ledgerTableName: string | undefined;
  readonly items: number;
}

process.once('message', async (task: ReseedingTask) => {
  const itemRepo = new ItemBankDynamoDbRepository({
    tableName: task.itemBankTableName,
    ledgerTableName: task.ledgerTableName,
    client: clientFor(task.endpoint),
  });
  const vouchers = function* () {
    for (let index = 0; index < task.items; index++) yield `voucher-${index}`;
  };
  const report = await itemRepo.batchAddItems(vouchers(), {
    onProgress: (progress) => process.send?.(progress),
  });
  process.send?.(report, () => process.disconnect());
});
