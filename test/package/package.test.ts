// The tarball, as a user's project sees it.
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PackedPackage, packPackage, ROOT } from '../support/packed-package.js';

const run = promisify(execFile);
/** A fifth of it is the command line with the libraries that are bundled into it. */
const MAX_TARBALL_BYTES = 400_000;

let packed: PackedPackage;
beforeAll(async () => {
  packed = await packPackage();
});
afterAll(() => packed.dispose());

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

test('holds the build, the README, the licence and the changelog, and is small', () => {
  const outside = packed.files.filter((file) => !file.startsWith('dist/'));
  expect(outside.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
  expect(packed.tarballBytes).toBeLessThan(MAX_TARBALL_BYTES);
});

test('has source maps that lead to the sources, and to no folder of the machine that built it', async () => {
  const maps = packed.files.filter((file) => file.endsWith('.map'));
  expect(maps).toContain('dist/index.js.map');
  expect(maps).toContain('dist/index.cjs.map');
  const sources = await Promise.all(
    maps.map(async (file) => {
      const map = await readFile(join(packed.project, 'node_modules/storagebox', file), 'utf8');
      return JSON.parse(map).sources as string[];
    }),
  );
  const isKnown = (source: string) => source.startsWith('../src/') || !source.includes('/');
  expect(sources.flat().filter((source) => !isKnown(source))).toEqual([]);
  expect(sources.flat()).toContain('../src/dynamodb/atomic-claim.ts');
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

test('core, memory and testing load no AWS code', async () => {
  for (const entry of ['core', 'memory', 'testing']) {
    const imported = `import * as entry from 'storagebox/${entry}'; console.log(typeof entry);`;
    expect(await output(packed.projectWithoutPeers, `${entry}.mjs`, imported)).toBe('object');
    const required = `console.log(typeof require('storagebox/${entry}'));`;
    expect(await output(packed.projectWithoutPeers, `${entry}.cjs`, required)).toBe('object');
  }
});

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
       for (const entry of ['', '/core', '/memory', '/testing']) await import('storagebox' + entry);`,
    );
    const required = await output(
      packed.project,
      'loads.cjs',
      `for (const entry of ['', '/core', '/memory', '/testing']) require('storagebox' + entry);
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

test('has no dependency besides its peers', async () => {
  const manifest = await readFile(
    join(packed.project, 'node_modules/storagebox/package.json'),
    'utf8',
  );
  const { dependencies, peerDependencies } = JSON.parse(manifest);
  expect(dependencies).toBe(undefined);
  expect(Object.keys(peerDependencies)).toEqual([
    '@aws-sdk/client-dynamodb',
    '@aws-sdk/lib-dynamodb',
  ]);
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
});
