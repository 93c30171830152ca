// One of the sales, or several, as a command: npx tsx test/verification/sales/sales.ts seats groups --size full
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeProject } from '../../support/packed-package.js';
import { onOwnStage } from '../crash/run-processes.js';
import { type Figure, printFigures } from '../figures.js';
import { SALES } from './run-sales.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** As in `npm run verify` ("build") or in `npm run verify:long` ("full"). */
    size: { type: 'string', default: 'build' },
    seed: { type: 'string', default: '1' },
    /** The tarball of version 0.1, for "versions". Default: its requests, without the package. */
    'earlier-package': { type: 'string' },
  },
});

// The SDK's notice to upgrade Node.js.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// So that DynamoDB Local is stopped, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const { size, seed } = values;
if (size !== 'build' && size !== 'full') {
  throw new RangeError(`Expected --size to be "build" or "full", got "${size}"`);
}
const names = positionals.length === 0 ? Object.keys(SALES) : positionals;
const runs = names.map((name) => {
  const run = SALES[name as keyof typeof SALES];
  if (run !== undefined) return run;
  throw new RangeError(`Expected one of ${Object.keys(SALES).join(', ')}, got "${name}"`);
});

const folder = await mkdtemp(join(tmpdir(), 'storagebox-earlier-'));
try {
  const tarball = values['earlier-package'];
  const earlierProject =
    tarball === undefined
      ? null
      : await makeProject(join(folder, 'project'), tarball, ['@aws-sdk/client-dynamodb']);
  const figures = await onOwnStage(async (stage) => {
    const all: Figure[] = [];
    for (const run of runs) {
      const figuresOfRun = await run(stage, { size, seed: Number(seed), earlierProject });
      printFigures(`seed ${seed}`, figuresOfRun);
      all.push(...figuresOfRun);
    }
    return all;
  });
  process.exitCode = figures.every(({ isRight }) => isRight) ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}
