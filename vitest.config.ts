import { mkdtempSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { ENTRY_POINTS } from './entry-points.js';

/** What needs no server and takes seconds: `npm run test:unit` runs these and nothing else. */
const UNIT_TESTS = [
  'test/unit/**/*.test.ts',
  'test/contract/{memory,custom-backend,broken-*,sqlite}.test.ts',
  'test/stores/sqlite/!(processes).test.ts',
];
/** What takes minutes: `npm run verify` runs these. */
const LONG_TESTS = [
  'test/concurrency/**/*.test.ts',
  'test/contract/{dynamodb-ledger,pglite,postgres-bouncer,postgres-client,postgres-js,two-step}.test.ts',
  'test/stores/dynamodb/faults/fault-matrix.test.ts',
  'test/cli/{ledger,stopped}.test.ts',
  'test/stores/sqlite/processes.test.ts',
  'test/package/{guides,house,left-out,operations,package,quickstart}.test.ts',
];
/** The proof's own tests, which need no server either. */
const VERIFICATION_TESTS = ['test/verification/**/*.test.ts'];

export default defineConfig({
  resolve: {
    alias: ENTRY_POINTS.map(({ specifier, source }) => ({
      find: new RegExp(`^${specifier}$`),
      replacement: new URL(source, import.meta.url).pathname,
    })),
  },
  test: {
    // The SDK's notice to upgrade Node.js, once for each of the many clients that the tests make.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    retry: 0,
    globalSetup: 'test/support/global-setup.ts',
    runner: './test/support/server-runner.ts',
    // Some files wait most of the time: for what takes seconds, for DynamoDB, for processes of their own.
    maxWorkers: 2 * availableParallelism(),
    // To load the SDK and the drivers anew for each file takes minutes in all.
    isolate: false,
    // Only for what hangs: the largest tests take minutes where two runs share a small machine.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    projects: [
      { extends: true, test: { name: 'unit', include: UNIT_TESTS } },
      { extends: true, test: { name: 'verification', include: VERIFICATION_TESTS } },
      {
        extends: true,
        test: {
          name: 'store',
          include: ['test/**/*.test.ts'],
          exclude: [...UNIT_TESTS, ...VERIFICATION_TESTS, ...LONG_TESTS],
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: LONG_TESTS,
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          // Fails on an error in any file of tsconfig.json, not only in these.
          typecheck: { enabled: true, only: true, include: ['test/types/**/*.test-d.ts'] },
        },
      },
    ],
    coverage: {
      include: ['src/**'],
      // Its tests run it as a process of its own, where coverage does not reach.
      exclude: ['src/cli/**'],
      reporter: ['text'],
      // Of its own for each run: two runs at once must not clear each other's files.
      reportsDirectory: mkdtempSync(join(tmpdir(), 'storagebox-coverage-')),
      thresholds: { branches: 95, functions: 95, lines: 95, statements: 95 },
    },
  },
});
