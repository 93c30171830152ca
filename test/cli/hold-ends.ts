// The ends of holds, written behind everybody's back: no test waits for one.
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { CommandLine } from '../support/command-line.js';
import { allRows } from '../support/tables.js';

/** All rows are holds that end at that time. */
export async function setHoldEnds(cli: CommandLine, agoMs: number): Promise<void> {
  const { client, deduplicationTableName } = cli.tables();
  const end = new Date(Date.now() - agoMs).toISOString();
  for (const { deduplication_id } of await allRows(client, deduplicationTableName)) {
    await client.send(
      new UpdateItemCommand({
        TableName: deduplicationTableName,
        Key: { deduplication_id: deduplication_id as { S: string } },
        UpdateExpression: 'SET held_until = :end',
        ExpressionAttributeValues: { ':end': { S: end } },
      }),
    );
  }
}
