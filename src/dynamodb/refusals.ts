// Turns failures that have a remedy into errors that name it. Sends further requests only after a
// refusal, so the happy path pays nothing.
import { DescribeTableCommand, type TableDescription } from '@aws-sdk/client-dynamodb';
import { ServiceUnreachableError, TableNotFoundError } from '../contracts/errors.js';
import { Patience } from '../store-kit/patience.js';
import type { SendingClient } from './client.js';
import { sendThroughGate } from './request-gate.js';
import { schemaError, type Table } from './table.js';
import { isUnreachable } from './unreachable.js';

/** How long to wait for a free socket to explain a refusal. After that, the refusal itself is thrown. */
const EXPLANATION_PATIENCE_MS = 2_000;

const CHECK_THE_ENDPOINT =
  'Check the endpoint, the Region, the network and the certificates, then retry.';

/**
 * The error to throw for a request to the tables that failed and wrote nothing: a more helpful one, or
 * the given one as it is.
 *
 * @param tableNames all tables of the request, if it has others besides
 */
export async function explainRefusal(
  error: unknown,
  tables: readonly [Table, ...Table[]],
  tableNames: readonly string[] = tables.map(({ tableName }) => tableName),
): Promise<unknown> {
  if (isUnreachable(error)) {
    return new ServiceUnreachableError({ cause: error, remedy: CHECK_THE_ENDPOINT });
  }
  const [{ client }] = tables;
  if (hasName(error, 'ResourceNotFoundException')) return tableNotFound(error, client, tableNames);
  if (isMalformedForTable(error)) return wrongKeySchema(error, client, tables);
  return withoutReply(error);
}

/** Node.js quotes text that is not JSON in its message. Here that text can be from a table. */
export function withoutReply(error: unknown): unknown {
  if (!hasName(error, 'SyntaxError')) return error;
  const { $metadata } = error as { readonly $metadata?: object };
  return Object.assign(new SyntaxError('The reply is not valid JSON.'), { $metadata });
}

export function hasName(error: unknown, name: string): error is Error {
  return error instanceof Error && error.name === name;
}

function isMalformedForTable(error: unknown): boolean {
  return (
    hasName(error, 'ValidationException') ||
    cancellationCodes(error).some((code) => code === 'ValidationError')
  );
}

/** The codes of a cancelled transaction's reasons, by position; empty for any other error. */
export function cancellationCodes(error: unknown): readonly string[] {
  if (!hasName(error, 'TransactionCanceledException')) return [];
  const { CancellationReasons: reasons } = error as {
    CancellationReasons?: readonly { Code?: string }[];
  };
  return (reasons ?? []).map(({ Code = 'None' }) => Code);
}

async function tableNotFound(
  error: Error,
  client: SendingClient,
  tableNames: readonly string[],
): Promise<TableNotFoundError> {
  const lookUps = await Promise.all(tableNames.map((tableName) => describe(client, tableName)));
  const missing = tableNames.filter((_, position) => lookUps[position] === 'missing');
  return new TableNotFoundError(
    missing.length > 0 ? missing : tableNames,
    `Region ${await regionOf(client)} for these credentials`,
    { cause: error, remedy: CREATE_THE_TABLE },
  );
}

const CREATE_THE_TABLE =
  'Check the name, the Region and the account. If it is missing, create it from itemBankTable(), ' +
  'deduplicationTable() or ledgerTable(); in development, use createTables().';

function regionOf(client: SendingClient): Promise<string> {
  return client.config.region().catch(() => '(unknown)');
}

async function wrongKeySchema(
  error: unknown,
  client: SendingClient,
  tables: readonly Table[],
): Promise<unknown> {
  for (const table of tables) {
    const description = await describe(client, table.tableName);
    if (typeof description === 'string') continue;
    const expected = keySchemaText([{ name: table.key, type: 'S', role: 'HASH' }]);
    const received = keySchemaText(keySchemaOf(description));
    if (expected !== received) {
      return schemaError(table.tableName, expected, received, { cause: error });
    }
  }
  return error;
}

interface KeyAttribute {
  readonly name: string | undefined;
  readonly type: string | undefined;
  readonly role: string | undefined;
}

function keySchemaOf({ KeySchema = [], AttributeDefinitions = [] }: TableDescription) {
  return KeySchema.map(({ AttributeName: name, KeyType: role }): KeyAttribute => {
    const definition = AttributeDefinitions.find(({ AttributeName }) => AttributeName === name);
    return { name, type: definition?.AttributeType, role };
  });
}

function keySchemaText(attributes: readonly KeyAttribute[]): string {
  return `the key ${attributes.map(({ name, type, role }) => `"${name}" (${type}, ${role})`).join(' and ')}`;
}

/** `unknown` without the permission to describe the table: then the refusal itself is thrown. */
async function describe(
  client: SendingClient,
  tableName: string,
): Promise<TableDescription | 'missing' | 'unknown'> {
  try {
    const command = new DescribeTableCommand({ TableName: tableName });
    const patience = new Patience(EXPLANATION_PATIENCE_MS);
    const { Table } = await sendThroughGate(client, patience, () => client.send(command));
    return Table ?? 'unknown';
  } catch (error) {
    return hasName(error, 'ResourceNotFoundException') ? 'missing' : 'unknown';
  }
}
