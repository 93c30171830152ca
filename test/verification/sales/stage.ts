// What the runs of this folder have in common: a sale for as long as the work takes, and their programs.
import type { Journal, Planned } from '../crash/journal.js';
import { install } from '../crash/run-processes.js';
import type { Sale, SaleStage } from './sale-stage.js';

export const PROCESSES = 4;

const SHARED_MODULES = ['../crash/worker-loop.mjs', 'open-sale.mjs'];

export async function onSale<Result>(
  stage: SaleStage,
  items: readonly string[],
  work: (sale: Sale) => Promise<Result>,
): Promise<Result> {
  const sale = await stage.openSale(items);
  const result = await work(sale);
  await sale.dispose();
  return result;
}

export function installWorker({ project, modules }: SaleStage, program: string): Promise<string> {
  const here = (file: string) => new URL(file, import.meta.url);
  return install([here(program), ...SHARED_MODULES.map(here), ...modules], project);
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
