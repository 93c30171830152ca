// Processes that do what is planned while they are killed and started again, over a wire that fails.
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDynamoDbLocal } from '../../../examples/quickstart/dynamodb-local.js';
import { packPackage } from '../../support/packed-package.js';
import { seededRandom } from '../seeded-random.js';
import { Journal, type Planned } from './journal.js';
import { liveAndDie, type MortalProcess } from './mortal-process.js';
import { startFaultyWire, type WireCounts } from './wire-faults.js';

/** What several runs can share. */
export interface Stage {
  /** A local DynamoDB. */
  readonly endpoint: string;
  /** A project in which the package is installed. */
  readonly project: string;
}

/** How a run harms its processes. */
export interface Harm {
  /** How many times a process is killed, all processes together. */
  readonly kills: number;
  /** From 0 to 1: the share of the requests that the wire damages. */
  readonly wireFaultShare: number;
  /** Settles the kinds of wire faults and when to kill; timing stays the machine's. */
  readonly seed: number;
}

export interface HarmDone {
  readonly kills: number;
  readonly wire: WireCounts;
}

export type WorkingProcess = Pick<
  MortalProcess,
  'program' | 'task' | 'plan' | 'journal' | 'callers'
>;

/** Packs the package and starts DynamoDB Local, for as long as the work takes. */
export async function onOwnStage<Result>(work: (stage: Stage) => Promise<Result>): Promise<Result> {
  const packed = await packPackage();
  try {
    const dynamoDb = await startDynamoDbLocal();
    try {
      return await work({ endpoint: dynamoDb.endpoint, project: packed.project });
    } finally {
      await dynamoDb.stop();
    }
  } finally {
    await packed.dispose();
  }
}

/** Opens a journal for each process, for as long as the work takes. */
export async function onJournals<Asked extends Partial<Planned>, Answer, Result>(
  processes: number,
  work: (journals: readonly Journal<Asked, Answer>[]) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-journals-'));
  const journals = Array.from(
    { length: processes },
    (_, process) => new Journal<Asked, Answer>(join(folder, `process-${process}.jsonl`)),
  );
  try {
    return await work(journals);
  } finally {
    for (const journal of journals) journal.close();
    await rm(folder, { recursive: true });
  }
}

/** Copies a program and what it imports into the project, where "storagebox" is the packed package. */
export async function install(
  files: readonly [program: URL, ...imported: URL[]],
  project: string,
): Promise<string> {
  const [program] = await Promise.all(
    files.map(async (file) => {
      const path = fileURLToPath(file);
      const place = join(project, basename(path));
      await copyFile(path, place);
      return place;
    }),
  );
  return program as string;
}

/** Returns when all that was planned is done and every request has died. */
export async function runProcesses(
  endpoint: string,
  processes: readonly WorkingProcess[],
  { kills, wireFaultShare, seed }: Harm,
): Promise<HarmDone> {
  // A generator for each: what one draws must not hang on how fast another is.
  const wire = await startFaultyWire(endpoint, wireFaultShare, seededRandom(seed + 1));
  try {
    const overWire = processes.map((one) => ({
      ...one,
      task: { ...one.task, endpoint: wire.endpoint },
    }));
    return { kills: await runMortals(overWire, { kills, seed }), wire: wire.counts };
  } finally {
    await wire.drain();
  }
}

/**
 * Returns when all that was planned is done. Gives how many times a process was killed.
 *
 * @param originNs of the times in the journals, by the monotonic clock
 */
export async function runMortals(
  processes: readonly WorkingProcess[],
  { kills, seed }: Pick<Harm, 'kills' | 'seed'>,
  originNs = String(process.hrtime.bigint()),
): Promise<number> {
  const theEnd = new AbortController();
  const lives = processes.map((mortal, position) =>
    liveAndDie({
      ...mortal,
      kills: Math.floor((kills + position) / processes.length),
      random: seededRandom(seed + 2 + position),
      originNs,
      signal: theEnd.signal,
    }),
  );
  try {
    const deaths = await Promise.all(lives);
    return deaths.reduce((sum, count) => sum + count, 0);
  } finally {
    theEnd.abort();
    await Promise.allSettled(lives);
  }
}

export function countErrors(
  journals: readonly { readonly errors: ReadonlyMap<string, number> }[],
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { errors } of journals) {
    for (const [error, count] of errors) sums[error] = (sums[error] ?? 0) + count;
  }
  return sums;
}
