// What the runs of this folder have in common: a sale for as long as the work takes, and their programs.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { clientFor } from '../../support/client.js';
import type { Journal, Planned } from '../crash/journal.js';
import { install, type Stage } from '../crash/run-processes.js';
import { deleteSale, openSale, type SaleTables } from '../crash/sale-tables.js';

export const PROCESSES = 4;

const WORKER_LOOP = new URL('../crash/worker-loop.mjs', import.meta.url);

/** The client goes past the wire. */
export async function onSale<Result>(
  { endpoint }: Stage,
  items: readonly string[],
  work: (sale: SaleTables, client: DynamoDBClient) => Promise<Result>,
): Promise<Result> {
  const client = clientFor(endpoint);
  try {
    const sale = await openSale(client, items);
    const result = await work(sale, client);
    await deleteSale(client, sale);
    return result;
  } finally {
    client.destroy();
  }
}

export function installWorker(
  { project }: Stage,
  program: string,
  ...imported: readonly string[]
): Promise<string> {
  const here = (file: string) => new URL(file, import.meta.url);
  return install([here(program), WORKER_LOOP, ...imported.map(here)], project);
}

/** What is planned, dealt out to the processes in turn. */
export function dealOut<Part extends object>(
  parts: readonly Part[],
  processes = PROCESSES,
): readonly (readonly (Part & Planned)[])[] {
  return Array.from({ length: processes }, (_, process) =>
    parts
      .filter((_, position) => position % processes === process)
      .map((part, index) => ({ ...part, index })),
  );
}

export function unansweredOf(
  planned: readonly object[],
  journals: readonly Pick<Journal<Partial<Planned>, unknown>, 'answered'>[],
): number {
  return planned.length - journals.reduce((sum, { answered }) => sum + answered.size, 0);
}

/** The names of the errors that calls threw, each with how often. */
export function errorsInWords(errors: Readonly<Record<string, number>>): string {
  const byName: Record<string, number> = {};
  for (const [error, times] of Object.entries(errors)) {
    const [name = error] = error.split(':');
    byName[name] = (byName[name] ?? 0) + times;
  }
  const words = Object.entries(byName).map(([name, times]) => `${name} ${times}`);
  return words.length === 0 ? 'none' : words.join(', ');
}
