// The plan of src/, checked: who imports whom, and which words are spoken where.
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { ENTRY_POINTS } from '../../entry-points.js';
import { ROOT } from '../support/packed-package.js';
import { brokenLinks } from '../support/shipped-files.js';

const run = promisify(execFile);

const ENTRY_NAMES: readonly string[] = ENTRY_POINTS.map(({ name }) => name);

/** A wrong import in each room, and the rule that it breaks. */
const WRONG_ARROWS: readonly (readonly [rule: string, file: string, imported: string])[] = [
  ['no-circle', 'src/contracts/errors.ts', './validation.js'],
  ['contracts-stays-below', 'src/contracts/errors.ts', '../environment/runtime.js'],
  ['environment-stays-below', 'src/environment/runtime.ts', '../store-kit/queue.js'],
  ['store-kit-stays-below', 'src/store-kit/queue.ts', '../hand-out/claimer.js'],
  ['hand-out-stays-below', 'src/hand-out/claimer.ts', '../testing/index.js'],
  ['testing-stays-below', 'src/testing/helpers.ts', '../memory/index.js'],
  ['store-stays-in-its-room', 'src/memory/memory-bank.ts', '../dynamodb/tables.js'],
  ['store-stays-in-its-room', 'src/dynamodb/tables.ts', '../hand-out/claimer.js'],
  ['store-stays-in-its-room', 'src/memory/memory-bank.ts', '../core.js'],
  ['store-is-seen-by-faces-only', 'src/hand-out/claimer.ts', '../memory/memory-bank.js'],
  ['core-knows-no-store', 'src/core.ts', './dynamodb/index.js'],
  ['driver-stays-in-its-room', 'src/store-kit/queue.ts', '@aws-sdk/client-dynamodb'],
  ['driver-stays-in-its-room', 'src/memory/memory-bank.ts', 'csv-parse'],
  ['aws-is-of-dynamodb', 'src/memory/memory-bank.ts', '@aws-sdk/client-dynamodb'],
  ['is-declared', 'src/store-kit/gate.ts', '@smithy/types'],
  ['is-declared', 'src/cli/commands/fetch.ts', 'no-such-driver'],
  ['faces-show-no-tools', 'src/core.ts', './testing/helpers.js'],
  ['faces-show-no-tools', 'src/index.ts', './cli/pace.js'],
  ['src-stands-alone', 'src/dynamodb/tables.ts', '../../entry-points.js'],
  ['src-stands-alone', 'src/cli/output.ts', '../../test/support/audit.js'],
  ['runs-without-node', 'src/memory/memory-bank.ts', 'node:fs'],
  ['runs-without-node', 'src/store-kit/queue.ts', 'node:events'],
  ['cli-uses-the-public-api', 'src/cli/stores/dynamodb/doctor.ts', '../../../dynamodb/tables.js'],
  ['commands-see-contracts-only', 'src/cli/commands/add.ts', 'storagebox'],
  ['commands-see-contracts-only', 'src/cli/commands/add.ts', '@aws-sdk/client-dynamodb'],
  ['commands-see-contracts-only', 'src/cli/audit.ts', './stores/dynamodb/open.js'],
  ['command-line-store-knows-no-other', 'src/cli/stores/other/index.ts', '../dynamodb/options.js'],
  ['example-is-code-to-copy', 'examples/quickstart/print.ts', '../../test/support/audit.js'],
  ['example-is-code-to-copy', 'examples/quickstart/print.ts', '../../src/store-kit/queue.js'],
];

test('each rule has a wrong import here', async () => {
  const config: { default: { forbidden: { name: string }[] } } = await import(
    new URL('../../.dependency-cruiser.mjs', import.meta.url).href
  );
  const rules = new Set(config.default.forbidden.map(({ name }) => name));
  expect(rules).toEqual(new Set(WRONG_ARROWS.map(([rule]) => rule)));
});

test('each wrong import is found, and there is none besides those planted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-arrows-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const part of [
    'src',
    'examples',
    'test/support',
    'tsconfig.json',
    'package.json',
    'entry-points.ts',
  ]) {
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  }
  await cp(join(ROOT, '.dependency-cruiser.mjs'), join(folder, '.dependency-cruiser.mjs'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await mkdir(join(folder, 'src/cli/stores/other'));
  for (const [, file, imported] of WRONG_ARROWS) {
    await appendFile(join(folder, file), `import '${imported}';\n`);
  }
  const found = await violations(folder);
  for (const [rule, file, imported] of WRONG_ARROWS) {
    const isFound = found.some((each) => each.rule === rule && each.from === file);
    expect({ rule, file, imported, isFound }).toEqual({ rule, file, imported, isFound: true });
  }
  const planted = new Set(WRONG_ARROWS.map(([, file]) => file));
  const others = found.filter(({ rule, from }) => rule !== 'no-circle' && !planted.has(from));
  expect(others).toEqual([]);
});

interface Violation {
  readonly rule: string;
  readonly from: string;
}

async function violations(folder: string): Promise<Violation[]> {
  const program = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [program, '--config', '.dependency-cruiser.mjs', '--output-type', 'json'];
  const { stdout } = await run(process.execPath, [...args, 'src', 'examples'], {
    cwd: folder,
    maxBuffer: 100_000_000,
  }).catch((error: { stdout: string }) => error);
  const { summary } = JSON.parse(stdout) as {
    summary: { violations: { from: string; rule: { name: string } }[] };
  };
  return summary.violations.map(({ from, rule }) => ({ rule: rule.name, from }));
}

test('CONTRIBUTING.md has a line for each folder of src/ and test/', async () => {
  const text = await readFile(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  for (const parent of ['src', 'test']) {
    const entries = await readdir(join(ROOT, parent), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory());
    expect(folders.length).toBeGreaterThan(6);
    // A further store needs no line of its own.
    const rooms = folders.filter(({ name }) => parent === 'test' || !ENTRY_NAMES.includes(name));
    for (const { name } of rooms) expect(text).toContain(`\n| \`${parent}/${name}/\` |`);
  }
});

test('links in what is written for contributors lead somewhere', async () => {
  const decisions = await readdir(join(ROOT, 'docs/decisions'));
  for (const file of ['CONTRIBUTING.md', ...decisions.map((name) => `docs/decisions/${name}`)]) {
    expect({ file, broken: await brokenLinks(ROOT, file) }).toEqual({ file, broken: [] });
  }
});

/** What a store calls its own. Names of public members that say it, such as `tableNames`, stay. */
const STORES_WORDS =
  /\b(DynamoDB|AWS|SDK|Regions?|tables?|(read|write) units?|partitions?|TransactWriteItems|SQL|PostgreSQL|SQLite|Redis)\b/i;

/** Two errors for stores that have tables, with their documentation; and names that stay. */
const EXEMPT = [
  /\/\*\*(?:(?!\*\/).)*\*\/\nexport class Table\w+Error .*?\n\}\n/gs,
  /TableNotFoundError|TableSchemaError|itemBankTableName|deduplicationTableName|tableNames?|TABLE_/g,
];

test.each(['contracts', 'hand-out', 'store-kit', 'environment'])(
  'src/%s speaks no store’s language',
  async (room) => {
    const spoken: string[] = [];
    for (const file of await readdir(join(ROOT, 'src', room))) {
      const text = await readFile(join(ROOT, 'src', room, file), 'utf8');
      const checked = EXEMPT.reduce((rest, exempt) => rest.replaceAll(exempt, ''), text);
      const lines = checked.split('\n').filter((line) => STORES_WORDS.test(line));
      spoken.push(...lines.map((line) => `${room}/${file}: ${line.trim()}`));
    }
    expect(spoken).toEqual([]);
  },
);
