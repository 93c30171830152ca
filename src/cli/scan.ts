// Reads tables page by page where the library has no listing.
import { type AttributeValue, ScanCommand, type ScanCommandInput } from '@aws-sdk/client-dynamodb';
import { type OwnRequest, withPatience } from './patience.js';

export type TableRow = Readonly<Record<string, AttributeValue>>;

/** Strongly consistent. A page without rows need not be the last one. */
export async function* scanPages(
  { client, signal }: Pick<OwnRequest, 'client' | 'signal'>,
  input: ScanCommandInput,
): AsyncGenerator<readonly TableRow[], void, void> {
  const request = { client, signal, tableNames: [String(input.TableName)] };
  for (let startKey = input.ExclusiveStartKey; ; ) {
    const command = new ScanCommand({
      ...input,
      ConsistentRead: true,
      ExclusiveStartKey: startKey,
    });
    const page = await withPatience(request, () => client.send(command, { abortSignal: signal }));
    yield page.Items ?? [];
    startKey = page.LastEvaluatedKey;
    if (startKey === undefined) return;
  }
}
