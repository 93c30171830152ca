// The crash runs of the stores, and as controls the recipes that people copy, which must fail; on PostgreSQL also
// the user's own transactions.
import { count, type Figure } from '../figures.js';
import { errorsInWords } from '../sales/stage.js';
import { runOwnTransactions } from './own-transaction.js';
import { onPostgres } from './postgres-stage.js';
import {
  runStoreCrashes,
  type StoreCrashFigures,
  type StoreCrashOptions,
} from './run-store-crashes.js';
import { onSqlite } from './sqlite-stage.js';
import { onProject, STORES, type StoreName, type StoreStage } from './store-stage.js';

export type StoresSize = 'build' | 'full';

const WIRE_FAULT_SHARE = 0.03;
const CALLERS = 12;

type Size = Pick<StoreCrashOptions, 'calls' | 'kills' | 'storeKills'>;

const SIZES: Readonly<Record<StoreName, Readonly<Record<StoresSize, Size>>>> = {
  postgres: {
    build: { calls: 2_000, kills: 6, storeKills: 1 },
    full: { calls: 110_000, kills: 120, storeKills: 22 },
  },
  sqlite: {
    build: { calls: 3_000, kills: 6, storeKills: 0 },
    full: { calls: 110_000, kills: 120, storeKills: 0 },
  },
};

type Fault = 'lost' | 'twice' | 'wrongNull';

/** A recipe, and what it does wrong. */
interface Control {
  readonly recipe: string;
  readonly faults: readonly Fault[];
  /** It goes wrong too seldom for the run of a build; a test does it step by step. */
  readonly isRare?: true;
}

const CONTROLS: Readonly<Record<StoreName, readonly Control[]>> = {
  postgres: [
    { recipe: 'delete returning first', faults: ['lost'] },
    { recipe: 'skip locked read as sold out', faults: ['wrongNull'], isRare: true },
    { recipe: 'no lock', faults: ['twice'] },
  ],
  sqlite: [
    { recipe: 'no transaction', faults: ['twice'] },
    { recipe: 'two transactions', faults: ['twice'] },
  ],
};

const CONTROL: Size & { readonly callers: number } = {
  calls: 1_000,
  kills: 3,
  storeKills: 0,
  callers: 16,
};

const OWN_TRANSACTIONS = {
  build: { orders: 300, kills: 3, ended: 3 },
  full: { orders: 1_000, kills: 12, ended: 20 },
};

/** Of all stores. */
export function crashStores(size: StoresSize, seed: number): Promise<Figure[]> {
  return onProject(async (project) => {
    const figures: Figure[] = [];
    for (const store of STORES) {
      figures.push(...(await crashStore(store, project, size, seed)));
      process.stdout.write('.');
    }
    return figures;
  });
}

export async function crashStore(
  store: StoreName,
  project: string,
  size: StoresSize,
  seed: number,
): Promise<Figure[]> {
  const run = { ...SIZES[store][size], callers: CALLERS, seed };
  const harm = { wireFaultShare: WIRE_FAULT_SHARE, seed };
  const figures = await onStore(store, harm, (stage) => runStoreCrashes(project, stage, run));
  const controls: Figure[] = [];
  for (const control of CONTROLS[store]) {
    if (control.isRare && size === 'build') continue;
    const failed = await onStore(store, { ...harm, wireFaultShare: 0 }, (stage) =>
      runStoreCrashes(project, stage, { ...CONTROL, seed, recipe: control.recipe }),
    );
    controls.push(figureOfControl(store, control, failed));
  }
  const own = store === 'postgres' ? await ownTransactions(project, size, seed) : [];
  return [...figuresOf(store, figures, run), ...controls, ...own];
}

function ownTransactions(project: string, size: StoresSize, seed: number): Promise<Figure[]> {
  return onPostgres({ wireFaultShare: 0, seed }, (stage) =>
    runOwnTransactions(project, stage, OWN_TRANSACTIONS[size], seed),
  );
}

function onStore<Result>(
  store: StoreName,
  harm: { readonly wireFaultShare: number; readonly seed: number },
  work: (stage: StoreStage) => Promise<Result>,
): Promise<Result> {
  return store === 'postgres' ? onPostgres(harm, work) : onSqlite(work);
}

function figuresOf(
  store: StoreName,
  run: StoreCrashFigures,
  { calls, kills, storeKills }: Size,
): Figure[] {
  for (const example of run.examples) console.log(`\n${store}: ${example}`);
  const serverKills = run.harm.find(({ what }) => what === 'kills of the server')?.times ?? 0;
  const harm = run.harm.map(({ what, times }) => `${what} ${count(times)}`).join(', ');
  return [
    {
      what: `${store}: kills of claimers, answers, items, assigned, sold out, outcome unknown, seconds`,
      value: [
        run.kills,
        run.answers,
        run.items,
        run.assigned,
        run.nulls,
        run.unknown,
        Math.round(run.elapsedMs / 1_000),
      ]
        .map(count)
        .join(', '),
      isRight: run.kills >= kills && run.answers >= calls && run.nulls > 0,
    },
    {
      what: `${store}: harm done besides`,
      value: harm,
      isRight: serverKills >= storeKills && run.harm.every(({ isRight = true }) => isRight),
    },
    {
      what: `${store}: calls that threw, by error; never answered`,
      value: `${errorsInWords(run.errors)}; ${run.unanswered}`,
      isRight: run.unanswered === 0,
    },
    {
      what: `${store}: lost, twice, changed, sold out while there was one, all that is wrong`,
      value: [run.lost, run.twice, run.changed, run.wrongNull, run.wrongs].map(count).join(', '),
      isRight: run.lost + run.twice + run.changed + run.wrongNull + run.wrongs === 0,
    },
  ];
}

function figureOfControl(store: StoreName, control: Control, run: StoreCrashFigures): Figure {
  return {
    what: `${store}, control (${control.recipe}): lost, twice, sold out while there was one`,
    value: [run.lost, run.twice, run.wrongNull].map(count).join(', '),
    isRight: control.faults.every((fault) => run[fault] > 0),
  };
}
