// What is read from test files about the servers that they need.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { neededBy } from '../support/needs.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storagebox-needs-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a file needs what it injects and imports, and what its own imports do', async () => {
  const key = 'wanted';
  await writeFile(
    join(folder, 'one.test.ts'),
    `import Driver from 'a-driver';\nimport { two } from './two.js';\nimport('./not-there.js');`,
  );
  await writeFile(join(folder, 'two.ts'), `import './three.js';\nexport * from './one.test.js';`);
  await writeFile(join(folder, 'three.ts'), `const url = inject('${key}');`);
  await writeFile(join(folder, 'four.ts'), `const url = inject('unwanted');`);
  expect([...neededBy(join(folder, 'one.test.ts'))].sort()).toEqual(['a-driver', key]);
});

test.each([
  ['test/contract/dynamodb.test.ts', ['dynamoDbEndpoint']],
  ['test/cli/commands.test.ts', ['dynamoDbEndpoint']],
  ['test/package/package.test.ts', []],
  ['test/contract/memory.test.ts', []],
])('%s needs the servers %j', (file, servers) => {
  const needs = neededBy(join(ROOT, file));
  expect(['dynamoDbEndpoint', 'postgresUrl', 'servers'].filter((key) => needs.has(key))).toEqual(
    servers,
  );
});
