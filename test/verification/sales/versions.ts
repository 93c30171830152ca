// Processes of version 0.1 and of this one share a sale without holds; each takes back what the other gave.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { installAlgorithm, runCrashes } from '../crash/run-crashes.js';
import { install, type Stage } from '../crash/run-processes.js';
import type { SaleTables } from '../crash/sale-tables.js';
import { count, type Figure } from '../figures.js';
import { auditByCommand, placeOf } from './audit-by-command.js';
import { onTables } from './dynamodb-sales.js';
import { openVersion01 } from './version-0.1.mjs';

type Version01 = ReturnType<typeof openVersion01>;

export interface VersionsSize {
  readonly calls: number;
  readonly kills: number;
  /** How many rows of each version the other one takes back. */
  readonly rows: number;
}

const CALLERS = 16;
const NEWCOMER_SHARE = 0.5;
const WIRE_FAULT_SHARE = 0.02;

/** @param earlierProject where version 0.1 itself is installed; `null` for what it sends */
export async function runVersions(
  stage: Stage,
  size: VersionsSize,
  seed: number,
  earlierProject: string | null = null,
): Promise<Figure[]> {
  return [
    ...(await sellTogether(stage, size, seed, earlierProject)),
    ...(await takeBackFromEachOther(stage, size, earlierProject)),
  ];
}

async function sellTogether(
  stage: Stage,
  { calls, kills }: VersionsSize,
  seed: number,
  earlierProject: string | null,
): Promise<Figure[]> {
  const earlier =
    earlierProject === null
      ? await installVersion01(stage)
      : await installAlgorithm('library', earlierProject);
  const run = await runCrashes(
    {
      calls,
      kills,
      callers: CALLERS,
      newcomerShare: NEWCOMER_SHARE,
      wireFaultShare: WIRE_FAULT_SHARE,
      seed,
      algorithm: [await installAlgorithm('library', stage.project), earlier],
    },
    stage,
  );
  const wrong = [run.lost, run.twice, run.wrongNull, run.violations, run.unanswered];
  return [
    {
      what: 'with processes of 0.1: kills, calls, items, claims, wire faults',
      value: [run.kills, run.calls, run.seeded, run.claims, run.wireFaults].map(count).join(', '),
      isRight: run.kills >= kills && run.calls >= calls && run.claims === run.seeded,
    },
    {
      what: 'with processes of 0.1: lost, twice, wrong null, violations, calls never answered',
      value: wrong.map(count).join(', '),
      isRight: wrong.every((number) => number === 0),
    },
  ];
}

function installVersion01({ project }: Stage): Promise<string> {
  const here = (file: string) => new URL(file, import.meta.url);
  const files = ['version-0.1.mjs', '../crash/worker-loop.mjs'].map(here);
  return install([here('version-0.1-worker.mjs'), ...files], project);
}

async function takeBackFromEachOther(
  stage: Stage,
  { rows }: VersionsSize,
  earlierProject: string | null,
): Promise<Figure[]> {
  const idsOf = (kind: string) => Array.from({ length: rows }, (_, row) => `${kind}-${row}`);
  const items = idsOf('item').flatMap((item) => ['a', 'b', 'c', 'd'].map((seat) => item + seat));
  return onTables(stage, items, async (sale, client) => {
    const earlier =
      earlierProject === null
        ? openVersion01(client, sale)
        : await openInstalled(earlierProject, client, sale);
    const now = deduplicatorOf(THIS_VERSION, client, sale);
    const isRight = { confirmed: 0, swept: 0, releasedByThis: 0, releasedBy01: 0 };
    for (const id of idsOf('earlier')) {
      const item = await earlier.claim(id);
      const answers = [await now.confirm(id), await now.confirm(id, { item: item ?? '' })];
      const other = await now.confirm(id, { item: 'another' });
      const claimed = await now.claim(id, { holdForMs: 1 });
      const isAsItWas = claimed.item === item && claimed.heldUntil === null && other === null;
      if (item !== null && answers.every((answer) => answer === item) && isAsItWas) {
        isRight.confirmed++;
      }
    }
    isRight.swept = (await now.releaseExpiredHolds()).found;
    for (const id of idsOf('earlier')) {
      const item = await earlier.claim(id);
      if (item !== null && (await now.releaseItemForDeduplicationId(id)) === item) {
        isRight.releasedByThis++;
      }
    }
    for (const id of idsOf('now')) {
      const { item: final } = await now.claim(`${id}-final`);
      const { item: paid } = await now.claim(`${id}-paid`, { holdForMs: 60_000 });
      await now.confirm(`${id}-paid`);
      const { item: held } = await now.claim(`${id}-held`, { holdForMs: 60_000 });
      const released = [
        (await earlier.release(`${id}-final`)) === final,
        (await earlier.release(`${id}-paid`)) === paid,
        // 0.1 takes a hold for final.
        (await earlier.claim(`${id}-held`)) === held,
        (await earlier.release(`${id}-held`)) === held,
      ];
      if (released.every(Boolean)) isRight.releasedBy01++;
    }
    const audit = await auditByCommand(stage.project, placeOf(stage, sale), sale);
    return [
      {
        what: 'rows of 0.1 that this version confirms, finds expired, releases; its rows that 0.1 releases',
        value: Object.values(isRight).map(count).join(', '),
        isRight:
          isRight.swept === 0 &&
          [isRight.confirmed, isRight.releasedByThis, isRight.releasedBy01].every(
            (number) => number === rows,
          ),
      },
      {
        what: 'the same: in the bank, lost, twice (storagebox audit)',
        value: [audit.inBank, audit.lost, audit.twice].map(count).join(', '),
        isRight: audit.inBank === items.length && audit.lost + audit.twice === 0,
      },
    ];
  });
}

const THIS_VERSION = {
  Deduplicator,
  DeduplicationDynamoDbRepository,
  ItemBankDynamoDbRepository,
};

function deduplicatorOf(
  version: typeof THIS_VERSION,
  client: DynamoDBClient,
  sale: SaleTables,
): Deduplicator<unknown> {
  const itemRepo = new version.ItemBankDynamoDbRepository({
    tableName: sale.itemBankTableName,
    client,
  });
  const deduplicationRepo = new version.DeduplicationDynamoDbRepository({
    tableName: sale.deduplicationTableName,
    client,
  });
  return new version.Deduplicator({ itemRepo, deduplicationRepo }) as Deduplicator<unknown>;
}

/** Version 0.1 itself, in this process. */
async function openInstalled(
  project: string,
  client: DynamoDBClient,
  sale: SaleTables,
): Promise<Version01> {
  const entryPoint = join(project, 'node_modules', 'storagebox', 'dist', 'index.js');
  const version = (await import(pathToFileURL(entryPoint).href)) as typeof THIS_VERSION;
  const deduplicator = deduplicatorOf(version, client, sale);
  return {
    claim: (id) => deduplicator.fetchItemForDeduplicationId(id),
    release: (id) => deduplicator.releaseItemForDeduplicationId(id),
  };
}
