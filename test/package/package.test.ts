// The tarball, as a user's project sees it.
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENTRY_POINTS } from '../../entry-points.js';
import { hoversOf } from '../support/hover.js';
import { type PackedPackage, packPackage, ROOT } from '../support/packed-package.js';
import { brokenLinks, mappedLines, missingSources } from '../support/shipped-files.js';

const run = promisify(execFile);
/**
 * For each entry point. A third of it is what helps people to read: the sources that the maps lead to, and
 * the docs.
 */
const MAX_TARBALL_BYTES = 140_000 * ENTRY_POINTS.length;

let packed: PackedPackage;
beforeAll(async () => {
  packed = await packPackage();
});
afterAll(() => packed.dispose());

const SPECIFIERS = JSON.stringify(ENTRY_POINTS.map(({ specifier }) => specifier));

const installed = () => join(packed.project, 'node_modules/storagebox');

const HOVERED = `
  import {
    DeduplicationDynamoDbRepository, DeduplicationRepository, Deduplicator,
    ItemBankDynamoDbRepository, ItemBankRepository,
  } from 'storagebox';
  import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
  declare const bank: ItemBankRepository;
  declare const dynamoDbBank: ItemBankDynamoDbRepository;
  declare const memoryBank: ItemBankMemoryRepository;
  declare const assignments: DeduplicationRepository;
  declare const dynamoDbAssignments: DeduplicationDynamoDbRepository;
  declare const memoryAssignments: DeduplicationMemoryRepository;
  declare const pair: Deduplicator;`;
const CONTRACTS: Record<string, string[]> = {
  bank: ['batchAddItems', 'addItemToBank', 'getItemFromBank', 'returnItemToBank'],
  assignments: ['getValueForDeduplicationId', 'putDeduplicationId'],
};
const IMPLEMENTATIONS: Record<string, string[]> = {
  bank: ['dynamoDbBank', 'memoryBank'],
  assignments: ['dynamoDbAssignments', 'memoryAssignments'],
};

/** Runs a script in the project and gives what it prints. */
async function output(project: string, file: string, code: string): Promise<string> {
  await writeFile(join(project, file), code);
  const { stdout, stderr } = await run(process.execPath, [file], {
    cwd: project,
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  expect(stderr).toBe('');
  return stdout.trim();
}

const claimOnce = `
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankMemoryRepository(),
    deduplicationRepo: new DeduplicationMemoryRepository(),
  });
  deduplicator.addItemsToBank(['voucher'])
    .then(() => deduplicator.fetchItemForDeduplicationId('user'))
    .then((item) => console.log(item, InvalidItemError === coreInvalidItemError));
`;

test('holds the build, its sources, the docs, the licence and the changelog, and is small', () => {
  const outside = packed.files.filter((file) => !/^(dist|src|docs)\//.test(file));
  expect(outside.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
  // The command line is a program of its own, which nobody steps into.
  expect(packed.files.filter((file) => file.startsWith('src/cli/'))).toEqual([]);
  expect(packed.tarballBytes).toBeLessThan(MAX_TARBALL_BYTES);
});

test('has links in its documents that work from the installed package', async () => {
  const documents = packed.files.filter((file) => file.endsWith('.md'));
  expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/operations.md']));
  for (const document of documents) {
    expect({ document, broken: await brokenLinks(installed(), document) }).toEqual({
      document,
      broken: [],
    });
  }
});

describe('the built library', () => {
  test('has source maps that lead to sources that are there', async () => {
    const maps = packed.files.filter((file) => file.endsWith('.map'));
    expect(maps).toEqual(expect.arrayContaining(['dist/index.js.map', 'dist/index.cjs.map']));
    for (const map of maps) {
      expect({ map, missing: await missingSources(installed(), map) }).toEqual({
        map,
        missing: [],
      });
    }
  });

  test.each(['dist/index.js', 'dist/index.cjs'])(
    '%s can be stepped into: a debugger shows the right line of the source',
    async (file) => {
      const lines = await mappedLines(installed(), file, /^ *(async )?function \w+\(/);
      expect(lines.length).toBeGreaterThan(20);
      const nameIn = (line: string) => /function (\w+)/.exec(line)?.[1];
      const right = lines.filter(({ built, source }) => nameIn(built) === nameIn(source));
      // A name that two sources have in common gets a number in one of them.
      expect(right.length).toBeGreaterThan(lines.length * 0.9);
      expect(lines.map(({ sourceFile }) => sourceFile)).toContain(
        'src/dynamodb/claim/atomic-claim.ts',
      );
    },
  );

  test('can be read: one statement a line', async () => {
    // The program is minified: it contains what it needs, and nobody imports it.
    const isProgram = (file: string) => file === 'dist/cli.js' || file.startsWith('dist/cli/');
    const code = packed.files.filter((file) => /^dist\/.*\.c?js$/.test(file));
    for (const file of code.filter((name) => !isProgram(name))) {
      const lines = (await readFile(join(installed(), file), 'utf8')).split('\n');
      const statements = lines.filter((line) => !/^(import|export) /.test(line));
      expect({ file, long: statements.filter((line) => line.length > 300) }).toEqual({
        file,
        long: [],
      });
    }
  });
});

test('an editor shows the contract of a method where the pointer rests on it, and no unread tag', () => {
  const hovers = hoversOf(packed.project, HOVERED, [
    ...Object.entries(CONTRACTS).flatMap(([contract, methods]) =>
      methods.flatMap((method) =>
        [contract, ...(IMPLEMENTATIONS[contract] ?? [])].map((owner) => `${owner}.${method}`),
      ),
    ),
    ...['claim', 'fetchItemForDeduplicationId', 'addItemsToBank'].map((name) => `pair.${name}`),
  ]);
  for (const [expression, { text, tags }] of hovers) {
    expect({ expression, text }).not.toEqual({ expression, text: '' });
    expect(`${text} ${tags.join(' ')}`.toLowerCase()).not.toContain('inheritdoc');
  }
  for (const [contract, methods] of Object.entries(CONTRACTS)) {
    for (const method of methods) {
      const promised = hovers.get(`${contract}.${method}`);
      for (const implementation of IMPLEMENTATIONS[contract] ?? []) {
        const shown = hovers.get(`${implementation}.${method}`);
        expect(shown?.text).toBe(promised?.text);
        expect(shown?.tags).toEqual(expect.arrayContaining([...(promised?.tags ?? [])]));
      }
    }
  }
});

test('works by import', async () => {
  const printed = await output(
    packed.project,
    'imports.mjs',
    `import { Deduplicator, InvalidItemError, ItemBankDynamoDbRepository } from 'storagebox';
     import { InvalidItemError as coreInvalidItemError } from 'storagebox/core';
     import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
     import { conformanceSuite } from 'storagebox/testing';
     new ItemBankDynamoDbRepository({ tableName: 'voucher_codes' });
     if (typeof conformanceSuite !== 'function') throw new Error('no suite');
     ${claimOnce}`,
  );
  expect(printed).toBe('voucher true');
});

test('works by require', async () => {
  const printed = await output(
    packed.project,
    'requires.cjs',
    `const { Deduplicator, InvalidItemError, ItemBankDynamoDbRepository } = require('storagebox');
     const { InvalidItemError: coreInvalidItemError } = require('storagebox/core');
     const { DeduplicationMemoryRepository, ItemBankMemoryRepository } = require('storagebox/memory');
     const { conformanceSuite } = require('storagebox/testing');
     new ItemBankDynamoDbRepository({ tableName: 'voucher_codes' });
     if (typeof conformanceSuite !== 'function') throw new Error('no suite');
     ${claimOnce}`,
  );
  expect(printed).toBe('voucher true');
});

test('both at once: repositories of one copy work with a deduplicator of the other', async () => {
  const printed = await output(
    packed.project,
    'mixes.mjs',
    `import { createRequire } from 'node:module';
     import { Deduplicator, isStorageBoxError } from 'storagebox';
     import { DeduplicationMemoryRepository } from 'storagebox/memory';
     const require = createRequire(import.meta.url);
     const { ItemBankMemoryRepository } = require('storagebox/memory');
     const { InvalidItemError } = require('storagebox');
     const itemRepo = new ItemBankMemoryRepository();
     const deduplicationRepo = new DeduplicationMemoryRepository();
     await itemRepo.addItemToBank('voucher');
     const isAtomic = (await deduplicationRepo.atomicClaimWith(itemRepo)) !== null;
     const item = await new Deduplicator({ itemRepo, deduplicationRepo }).fetchItemForDeduplicationId('user');
     console.log(item, isAtomic, isStorageBoxError(new InvalidItemError('none')));`,
  );
  expect(printed).toBe('voucher true true');
});

test.each(ENTRY_POINTS.filter(({ name }) => name !== 'index'))(
  '$specifier loads no AWS code',
  async ({ specifier, name }) => {
    const imported = `import * as entry from '${specifier}'; console.log(typeof entry);`;
    expect(await output(packed.projectWithoutPeers, `${name}.mjs`, imported)).toBe('object');
    const required = `console.log(typeof require('${specifier}'));`;
    expect(await output(packed.projectWithoutPeers, `${name}.cjs`, required)).toBe('object');
  },
);

describe('the command line', () => {
  test('is installed as `storagebox`, and runs in a project that has the peers', async () => {
    const installed = join(packed.project, 'node_modules/storagebox');
    const { bin, version } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
    // As npm does it: a link in a folder on the path.
    const link = join(packed.project, 'node_modules/.bin/storagebox');
    await mkdir(dirname(link));
    await symlink(join(installed, bin.storagebox), link);
    const { stdout } = await run(link, ['--version']);
    expect(stdout).toBe(`${version}\n`);
  });

  test('helps without the AWS SDK, and says in words that it is missing', async () => {
    const program = join(packed.projectWithoutPeers, 'node_modules/storagebox/dist/cli.js');
    for (const args of [['--help'], ['fetch', '--help'], ['doctor', '--help']]) {
      const { stdout } = await run(process.execPath, [program, ...args]);
      expect(stdout).toMatch(/^Usage: storagebox /);
    }
    for (const args of [['fetch', 'ann'], ['init'], ['doctor'], ['audit']]) {
      const failed = run(process.execPath, [program, ...args]);
      await expect(failed).rejects.toMatchObject({
        code: 4,
        stdout: '',
        stderr:
          'storagebox: The AWS SDK is not installed where storagebox is.\n' +
          '  remedy: Install it there: npm install @aws-sdk/client-dynamodb\n',
      });
    }
  });

  test('tells of a mistyped file before it opens a store: here it could not', async () => {
    const program = join(packed.projectWithoutPeers, 'node_modules/storagebox/dist/cli.js');
    for (const args of [
      ['add', 'no-such-file.txt'],
      ['assign', 'no-such-file.txt'],
      ['assign', '-', '--output', 'no-such-folder/given.csv'],
      ['export', '--output', 'no-such-folder/all.csv'],
      ['audit', '--output', 'no-such-folder/wrong.csv'],
    ]) {
      const failed = run(process.execPath, [program, ...args]);
      await expect(failed).rejects.toMatchObject({
        code: 6,
        stdout: '',
        stderr: expect.stringContaining('ENOENT'),
      });
    }
  });

  test('brings the licences of what it contains', async () => {
    const folder = join(packed.project, 'node_modules/storagebox/dist');
    const notices = await readFile(join(folder, 'cli.LICENSES.txt'), 'utf8');
    for (const bundled of ['commander', 'csv-parse', 'csv-stringify']) {
      expect(notices).toContain(`cli.js contains ${bundled}:`);
    }
    expect(notices.match(/Permission is hereby granted, free of charge/g)).toHaveLength(3);
  });

  test('is not loaded by whoever imports or requires the library', async () => {
    await writeFile(
      join(packed.project, 'hooks.mjs'),
      `import { writeSync } from 'node:fs';
       export const load = (url, context, nextLoad) => {
         writeSync(1, url + '\\n');
         return nextLoad(url, context);
       };`,
    );
    const imported = await output(
      packed.project,
      'loads.mjs',
      `import { register } from 'node:module';
       register('./hooks.mjs', import.meta.url);
       for (const specifier of ${SPECIFIERS}) await import(specifier);`,
    );
    const required = await output(
      packed.project,
      'loads.cjs',
      `for (const specifier of ${SPECIFIERS}) require(specifier);
       console.log(Object.keys(require.cache).join('\\n'));`,
    );
    for (const [entry, loaded] of [
      ['index.js', imported],
      ['index.cjs', required],
    ] as const) {
      expect(loaded).toContain(`storagebox/dist/${entry}`);
      expect(loaded).not.toMatch(/storagebox\/dist\/cli|commander|csv-parse|csv-stringify/);
    }
  });
});

test('has no dependency besides the SDK and drivers, each of which those who do not use it can do without', async () => {
  const manifest = await readFile(join(installed(), 'package.json'), 'utf8');
  const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(manifest);
  expect(dependencies).toBe(undefined);
  // The oldest version is the one that `.ci/run` tests with.
  const ci = await readFile(join(ROOT, '.ci/run'), 'utf8');
  const [, oldest] = /OLDEST_SDK=(\S+)/.exec(ci) ?? [];
  expect(peerDependencies['@aws-sdk/client-dynamodb']).toBe(`^${oldest}`);
  const drivers = ['@electric-sql/pglite', 'better-sqlite3', 'libsql', 'pg', 'postgres'];
  const peers = ['@aws-sdk/client-dynamodb', ...drivers];
  expect(Object.keys(peerDependencies)).toEqual(peers);
  const optional = Object.fromEntries(peers.map((name) => [name, { optional: true }]));
  expect(peerDependenciesMeta).toEqual(optional);
});

test('publint finds nothing', async () => {
  const pkgDir = join(packed.project, 'node_modules/storagebox');
  const { messages } = await publint({ pkgDir, pack: false, strict: true });
  expect(messages).toEqual([]);
});

test('attw finds nothing', async () => {
  const { stdout } = await run(
    process.execPath,
    [join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js'), packed.tarball, '--no-color'],
    { cwd: ROOT },
  ).catch((error: { stdout: string }) => error);
  expect(stdout).toContain('No problems found');
});

describe('declarations', () => {
  test('for import and for require can be mixed, under every module resolution', async () => {
    const { project } = packed;
    await writeFile(
      join(project, 'mixed.mts'),
      `import { Deduplicator, type DeduplicationRepository, ItemBankDynamoDbRepository } from 'storagebox';
       import { DeduplicationMemoryRepository } from 'storagebox/memory';
       import type * as required from 'storagebox' with { 'resolution-mode': 'require' };
       import type * as requiredMemory from 'storagebox/memory' with { 'resolution-mode': 'require' };
       declare const bank: required.ItemBankDynamoDbRepository;
       declare const theirs: requiredMemory.DeduplicationMemoryRepository;
       const imported: ItemBankDynamoDbRepository = bank;
       const back: required.ItemBankDynamoDbRepository = new ItemBankDynamoDbRepository({ tableName: 'codes' });
       const repository: DeduplicationRepository = theirs;
       const deduplicator: required.Deduplicator = new Deduplicator({
         itemRepo: imported,
         deduplicationRepo: new DeduplicationMemoryRepository(),
       });
       export { back, deduplicator, repository };`,
    );
    await writeFile(
      join(project, 'requiring.cts'),
      `import { Deduplicator } from 'storagebox/core';
       import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
       export const item: Promise<string | null> = new Deduplicator({
         itemRepo: new ItemBankMemoryRepository(),
         deduplicationRepo: new DeduplicationMemoryRepository(),
       }).fetchItemForDeduplicationId('user');`,
    );
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022'];
    const nodeNext = ['--module', 'nodenext', 'mixed.mts', 'requiring.cts'];
    const node10 = ['--module', 'commonjs', '--moduleResolution', 'node10', 'requiring.cts'];
    const bundler = ['--module', 'esnext', '--moduleResolution', 'bundler', 'mixed.mts'];
    for (const options of [nodeNext, node10, bundler]) {
      const { stdout } = await run(process.execPath, [tsc, ...strict, ...options], {
        cwd: project,
      }).catch((error: { stdout: string }) => error);
      expect(stdout).toBe('');
    }
  });

  test('of core, memory and testing need neither the SDK nor the types of Node.js', async () => {
    const project = packed.projectWithoutPeers;
    const code = `import { Deduplicator, listingOf } from 'storagebox/core';
       import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
       import { conformanceSuite } from 'storagebox/testing';
       export const deduplicator = new Deduplicator({
         itemRepo: new ItemBankMemoryRepository(),
         deduplicationRepo: new DeduplicationMemoryRepository(),
       });
       export { conformanceSuite, listingOf };`;
    await writeFile(join(project, 'lean.mts'), code);
    await writeFile(join(project, 'lean.cts'), code);
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext'];
    const { stdout } = await run(
      process.execPath,
      [tsc, ...options, '--skipLibCheck', 'false', 'lean.mts', 'lean.cts'],
      { cwd: project },
    ).catch((error: { stdout: string }) => error);
    expect(stdout).toBe('');
  });
});
