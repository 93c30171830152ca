// Reads tables page by page where the library has no listing.
import { type AttributeValue, ScanCommand, type ScanCommandInput } from '@aws-sdk/client-dynamodb';
import { type OwnRequest, withPatience } from './patience.js';

export type TableRow = Readonly<Record<string, AttributeValue>>;

export interface ScannedPage {
  readonly rows: readonly TableRow[];
  /** `undefined` at the end. */
  readonly lastKey: Record<string, AttributeValue> | undefined;
}

type Scanner = Pick<OwnRequest, 'client' | 'signal'>;

/** Strongly consistent. A page without rows need not be the last one. */
export async function scanPage(
  { client, signal }: Scanner,
  input: ScanCommandInput,
): Promise<ScannedPage> {
  const request = { client, signal, tableNames: [String(input.TableName)] };
  const command = new ScanCommand({ ...input, ConsistentRead: true });
  const page = await withPatience(request, () => client.send(command, { abortSignal: signal }));
  return { rows: page.Items ?? [], lastKey: page.LastEvaluatedKey };
}

export async function* scanPages(
  scanner: Scanner,
  input: ScanCommandInput,
): AsyncGenerator<readonly TableRow[], void, void> {
  for (let startKey: ScannedPage['lastKey']; ; ) {
    const start = startKey === undefined ? {} : { ExclusiveStartKey: startKey };
    const { rows, lastKey } = await scanPage(scanner, { ...input, ...start });
    yield rows;
    if (lastKey === undefined) return;
    startKey = lastKey;
  }
}
