// The program of a server process: see server-process.ts.
import {
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { clientFor } from './client.js';
import type { Answer, ServerTask } from './server-process.js';
import { untilServed } from './until-served.js';

process.once('message', (task: ServerTask) => {
  const client = clientFor(task.endpoint);
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankDynamoDbRepository({ tableName: task.itemBankTableName, client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({
      tableName: task.deduplicationTableName,
      client,
    }),
  });
  const waiting = task.deduplicationIds.values();
  const answers: Answer[] = [];
  const callUntilDone = async () => {
    for (const deduplicationId of waiting) {
      const item = await untilServed(() =>
        deduplicator.fetchItemForDeduplicationId(deduplicationId),
      );
      answers.push([deduplicationId, item]);
    }
  };
  process.send?.('ready');
  process.once('message', async () => {
    await Promise.all(Array.from({ length: task.callers }, callUntilDone));
    process.send?.(answers, () => process.disconnect());
  });
});
