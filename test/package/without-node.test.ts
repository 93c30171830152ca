// `storagebox/core` and `storagebox/memory` run where there is no Node.js, as in a browser.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PackedPackage, packPackage, ROOT } from '../support/packed-package.js';

const run = promisify(execFile);

let packed: PackedPackage;
beforeAll(async () => {
  packed = await packPackage();
});
afterAll(() => packed.dispose());

/** Refuses every module of Node.js to the package. */
const HOOKS = `
  export async function resolve(specifier, context, nextResolve) {
    const resolved = await nextResolve(specifier, context);
    if (!resolved.url.startsWith('file:')) throw new Error('There is no ' + specifier + ' here.');
    return resolved;
  }`;

const PROGRAM = `
  import { register } from 'node:module';
  const { exit } = process;
  const print = console.log;
  register('./no-modules.mjs', import.meta.url);
  for (const name of ['process', 'Buffer', 'global', 'setImmediate', 'clearImmediate']) {
    delete globalThis[name];
  }
  // As in a browser, where timers are numbers.
  const { setTimeout: nodeTimeout } = globalThis;
  globalThis.setTimeout = (...args) => Number(nodeTimeout(...args));

  const { Deduplicator, onStorageBoxEvent } = await import('storagebox/core');
  const { DeduplicationMemoryRepository, ItemBankMemoryRepository } = await import('storagebox/memory');
  const events = [];
  const stop = onStorageBoxEvent(({ type }) => events.push(type));
  const itemRepo = new ItemBankMemoryRepository({ name: 'bänk 🎟️' });
  const deduplicationRepo = new DeduplicationMemoryRepository();
  const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
  await deduplicator.addItemsToBank(Array.from({ length: 3 }, (_, index) => 'voucher-' + index));
  const results = await Promise.all(['ann', 'bob', 'ann'].map((id) => deduplicator.claim(id)));
  await deduplicator.releaseItemForDeduplicationId('bob');
  stop();
  await deduplicator.claim('bob');
  const listing = itemRepo.listItems({ pageSize: 1 });
  const { cursor } = listing;
  const left = [];
  for await (const item of itemRepo.listItems({ cursor })) left.push(item);
  const statuses = results.map(({ status }) => status).sort();
  print(JSON.stringify({ statuses, events: events.sort(), left: left.length }));
  exit(0);
`;

test('they load and work without process, Buffer or any module of Node.js', async () => {
  const project = packed.projectWithoutPeers;
  await writeFile(join(project, 'no-modules.mjs'), HOOKS);
  await writeFile(join(project, 'without-node.mjs'), PROGRAM);
  const { stdout, stderr } = await run(process.execPath, ['without-node.mjs'], { cwd: project });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    statuses: ['claimed', 'claimed', 'existing'],
    events: ['added', 'claim', 'claim', 'released', 'repeat'],
    left: 1,
  });
});

test('their sources compile with the types of a browser alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-browser-types-'));
  await symlink(join(ROOT, 'src'), join(folder, 'src'));
  const config = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      types: [],
      typeRoots: [],
      lib: ['ES2023', 'ES2024.String', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
      paths: {},
      preserveSymlinks: true,
    },
    files: ['src/core.ts', 'src/memory/index.ts'],
    include: [],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  const { stdout } = await run(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder],
    { cwd: folder },
  ).catch((error: { stdout: string }) => error);
  await rm(folder, { recursive: true });
  expect(stdout).toBe('');
});
