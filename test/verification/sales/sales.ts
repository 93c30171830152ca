// One of the sales, or several, as a command:
// npx tsx test/verification/sales/sales.ts seats groups --store postgres --size full
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeProject } from '../../support/packed-package.js';
import { type Figure, printFigures } from '../figures.js';
import { onPostgresSales } from '../stores/postgres-sales.js';
import { onSqliteSales } from '../stores/sqlite-sales.js';
import { onDynamoDb } from './dynamodb-sales.js';
import { DYNAMODB_SALES, SALES, type SaleOptions } from './run-sales.js';
import type { SaleStage } from './sale-stage.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** As in `npm run verify` ("build") or in `npm run verify:long` ("full"). */
    size: { type: 'string', default: 'build' },
    seed: { type: 'string', default: '1' },
    /** "dynamodb", "postgres" or "sqlite". */
    store: { type: 'string', default: 'dynamodb' },
    /** The tarball of version 0.1, for "versions". Default: its requests, without the package. */
    'earlier-package': { type: 'string' },
  },
});

// The SDK's notice to upgrade Node.js.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// So that DynamoDB Local is stopped, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const { size, seed, store } = values;
if (size !== 'build' && size !== 'full') {
  throw new RangeError(`Expected --size to be "build" or "full", got "${size}"`);
}
const folder = await mkdtemp(join(tmpdir(), 'storagebox-earlier-'));
try {
  const tarball = values['earlier-package'];
  const earlierProject =
    tarball === undefined
      ? null
      : await makeProject(join(folder, 'project'), tarball, ['@aws-sdk/client-dynamodb']);
  const options = { size, seed: Number(seed), earlierProject } as const;
  const figures = await figuresOn(store, options);
  process.exitCode = figures.every(({ isRight }) => isRight) ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}

function figuresOn(name: string, options: SaleOptions): Promise<Figure[]> {
  switch (name) {
    case 'dynamodb':
      return onDynamoDb((stage) => runAll(stage, DYNAMODB_SALES, options));
    case 'postgres':
      return onPostgresSales((stage) => runAll(stage, SALES, options));
    case 'sqlite':
      return onSqliteSales((stage) => runAll(stage, SALES, options));
    default:
      throw new RangeError(
        `Expected --store to be "dynamodb", "postgres" or "sqlite", got "${name}"`,
      );
  }
}

async function runAll<Stage extends SaleStage>(
  stage: Stage,
  sales: Readonly<Record<string, (stage: Stage, options: SaleOptions) => Promise<Figure[]>>>,
  options: SaleOptions,
): Promise<Figure[]> {
  const names = positionals.length === 0 ? Object.keys(sales) : positionals;
  const figures: Figure[] = [];
  for (const name of names) {
    const run = sales[name];
    if (run === undefined) {
      throw new RangeError(`Expected one of ${Object.keys(sales).join(', ')}, got "${name}"`);
    }
    const ofRun = await run(stage, options);
    printFigures(`${stage.store}, seed ${seed}`, ofRun);
    figures.push(...ofRun);
  }
  return figures;
}
