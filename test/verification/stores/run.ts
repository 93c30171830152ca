// The crash runs of the stores as a command: npx tsx test/verification/stores/run.ts postgres sqlite --size full
import { parseArgs } from 'node:util';
import { type Figure, printFigures } from '../figures.js';
import { crashStore } from './store-figures.js';
import { onProject, STORES, type StoreName } from './store-stage.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** As in `npm run verify` ("build") or in `npm run verify:long` ("full"). */
    size: { type: 'string', default: 'build' },
    seed: { type: 'string', default: '1' },
  },
});

// So that servers are stopped, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const { size, seed } = values;
if (size !== 'build' && size !== 'full') {
  throw new RangeError(`Expected --size to be "build" or "full", got "${size}"`);
}
const names = positionals.length === 0 ? STORES : positionals;
const stores = names.map((name): StoreName => {
  const store = STORES.find((known) => known === name);
  if (store !== undefined) return store;
  throw new RangeError(`Expected one of ${STORES.join(', ')}, got "${name}"`);
});

const figures = await onProject(async (project) => {
  const all: Figure[] = [];
  for (const store of stores) {
    const ofStore = await crashStore(store, project, size, Number(seed));
    printFigures(`${store}, seed ${seed}`, ofStore);
    all.push(...ofStore);
  }
  return all;
});
process.exitCode = figures.every(({ isRight }) => isRight) ? 0 : 1;
