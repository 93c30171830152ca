// The built command line, run as a process of its own, as its users run it.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { inject } from 'vitest';
import { clientConfigFor } from './client.js';
import { buildPackage } from './packed-package.js';
import { makeTables, openPair, type Tables } from './tables.js';

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
}

export interface RunOptions {
  /** What comes in on standard input; none by default. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export class CommandLine {
  /** Where files are written and commands run. */
  readonly folder: string;
  readonly program: string;
  // DynamoDB Local keeps the tables of each access key apart, so their names can be the defaults.
  readonly #accessKeyId: string;

  constructor(folder: string, program: string, accessKeyId = newAccessKeyId()) {
    this.folder = folder;
    this.program = program;
    this.#accessKeyId = accessKeyId;
  }

  /** The same program in front of a DynamoDB without tables. */
  withoutTables(): CommandLine {
    return new CommandLine(this.folder, this.program);
  }

  /** The same program in front of the three tables that `init` makes, with these items. */
  async withTables(items: readonly string[] = []): Promise<CommandLine> {
    const cli = this.withoutTables();
    const tables = cli.tables();
    await makeTables(tables);
    await openPair(tables).itemRepo.batchAddItems(items);
    return cli;
  }

  async run(args: readonly string[], { input = '', env = {} }: RunOptions = {}): Promise<Ended> {
    const child = this.start(args, env);
    child.stdin?.end(input);
    return ended(child);
  }

  start(args: readonly string[], env: RunOptions['env'] = {}): ChildProcess {
    return spawn(process.execPath, [this.program, ...args], {
      cwd: this.folder,
      env: { ...this.environment, ...env },
    });
  }

  get environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      // No configuration of whoever runs the tests.
      HOME: this.folder,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ENDPOINT_URL_DYNAMODB: inject('dynamoDbEndpoint'),
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: this.#accessKeyId,
      AWS_SECRET_ACCESS_KEY: 'local',
    };
  }

  /** A client that sees the same tables. */
  client(): DynamoDBClient {
    return new DynamoDBClient({
      ...clientConfigFor(inject('dynamoDbEndpoint')),
      credentials: { accessKeyId: this.#accessKeyId, secretAccessKey: 'local' },
    });
  }

  /** Those that commands use when none is named. */
  tables(): Required<Tables> {
    return {
      client: this.client(),
      itemBankTableName: 'storage_box_item_bank',
      deduplicationTableName: 'storage_box_deduplication_table',
      ledgerTableName: 'storage_box_item_bank_ledger',
    };
  }

  /** Its path, relative to where commands run. */
  async file(name: string, content: string | Uint8Array): Promise<string> {
    await writeFile(join(this.folder, name), content);
    return name;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async dispose(): Promise<void> {
    await rm(join(this.folder, '..'), { recursive: true });
  }
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text) => {
      texts[stream] += text;
    });
  }
  const [exitCode] = await once(child, 'close');
  return { ...texts, exitCode };
}

export async function buildCommandLine(): Promise<CommandLine> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-cli-'));
  const build = await buildPackage(folder);
  const workFolder = join(folder, 'work');
  await mkdir(workFolder);
  return new CommandLine(workFolder, build.commandLine);
}

function newAccessKeyId(): string {
  return randomUUID().replaceAll('-', '');
}
