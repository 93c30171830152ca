// The code of docs/observability.md, type-checked and run as it stands.
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PackedPackage, packPackage, ROOT } from '../support/packed-package.js';

const run = promisify(execFile);
const text = await readFile(join(ROOT, 'docs/observability.md'), 'utf8');
const blocks = [...text.matchAll(/^```ts.*?\n(.*?)^```$/gms)].map(([, code]) => String(code));
const recipe = String(/^```ts opentelemetry\n(.*?)^```$/ms.exec(text)?.[1]);

/** The part of OpenTelemetry's API that the recipe uses, with the signatures of its version 1. */
const API_TYPES = `
  type Attributes = Record<string, string | number | boolean | undefined>;
  interface Span {
    addEvent(name: string, attributes?: Attributes): this;
    setStatus(status: { code: SpanStatusCode; message?: string }): this;
    end(endTime?: number | Date): void;
  }
  interface Instrument { description?: string; unit?: string }
  interface Meter {
    createCounter(name: string, options?: Instrument): { add(value: number, attributes?: Attributes): void };
    createHistogram(name: string, options?: Instrument): { record(value: number, attributes?: Attributes): void };
  }
  interface Tracer {
    startSpan(name: string, options?: { startTime?: number | Date; attributes?: Attributes }): Span;
  }
  export declare enum SpanStatusCode { UNSET = 0, OK = 1, ERROR = 2 }
  export declare const metrics: { getMeter(name: string, version?: string): Meter };
  export declare const trace: {
    getTracer(name: string, version?: string): Tracer;
    getActiveSpan(): Span | undefined;
  };
`;
const API = `
  const note = (what, ...details) => console.log(JSON.stringify([what, ...details]));
  const span = {
    addEvent(name, attributes) { note(name, attributes); return this; },
    setStatus(status) { note('status', status); return this; },
    end() {},
  };
  export const SpanStatusCode = { UNSET: 0, OK: 1, ERROR: 2 };
  export const metrics = {
    getMeter: () => ({
      createCounter: (name) => ({ add: (value, attributes) => note(name, value, attributes) }),
      createHistogram: (name) => ({ record: (value, attributes) => note(name, typeof value, attributes) }),
    }),
  };
  export const trace = {
    getTracer: () => ({
      startSpan(name, { startTime }) {
        note(name, Math.abs(Date.now() - startTime) < 60_000);
        return span;
      },
    }),
    getActiveSpan: () => span,
  };
`;

let packed: PackedPackage;
beforeAll(async () => {
  packed = await packPackage();
  const api = join(packed.project, 'node_modules/@opentelemetry/api');
  await mkdir(api, { recursive: true });
  const manifest = { type: 'module', exports: { types: './index.d.ts', default: './index.js' } };
  await writeFile(join(api, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(api, 'index.d.ts'), API_TYPES);
  await writeFile(join(api, 'index.js'), API);
  for (const [index, code] of blocks.entries()) {
    await writeFile(join(packed.project, `block-${index}.mts`), code);
  }
});
afterAll(() => packed.dispose());

test('type-checks under strict', async () => {
  const { stdout } = await run(
    process.execPath,
    [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
      ...['--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--skipLibCheck'],
      ...blocks.map((_, index) => `block-${index}.mts`),
    ],
    { cwd: packed.project },
  ).catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
});

test('makes metrics and spans of what happens', async () => {
  await writeFile(
    join(packed.project, 'traced.mts'),
    `${recipe}
    import { Deduplicator } from 'storagebox';
    import { publishForTest } from './obstacle.mjs';
    import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
    const itemRepo = new ItemBankMemoryRepository();
    const deduplicationRepo = new DeduplicationMemoryRepository();
    await itemRepo.batchAddItems(['voucher-1', 'voucher-2']);
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await deduplicator.claim('user');
    const { heldUntil } = await deduplicator.claim('visitor', { holdForMs: 1 });
    while (Date.now() < Number(heldUntil)) await new Promise(setImmediate);
    await deduplicator.releaseExpiredHolds();
    itemRepo.getItemFromBank = async () => { throw new Error('injected'); };
    deduplicationRepo.atomicClaimWith = async () => null;
    await new Deduplicator({ itemRepo, deduplicationRepo }).claim('another').catch(() => {});
    publishForTest();`,
  );
  // DynamoDB Local knows neither conflict nor throttling.
  await writeFile(
    join(packed.project, 'obstacle.mjs'),
    `import { channel } from 'node:diagnostics_channel';
     export const publishForTest = () =>
       channel('storagebox').publish({ type: 'throttled', attempt: 3, durationMs: 5, tableNames: [] });`,
  );
  const { stdout } = await run(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), 'traced.mts'],
    { cwd: packed.project },
  );
  const added = { 'storagebox.outcome': 'added' };
  const claimed = { 'storagebox.outcome': 'claim' };
  const hold = { 'storagebox.hold': true };
  const failed = { 'storagebox.outcome': 'failed', 'error.type': 'Error' };
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    ['storagebox.items.added', 2, null],
    ['storagebox.operation.duration', 'number', added],
    ['storagebox added', true],
    ['storagebox.operation.duration', 'number', claimed],
    ['storagebox claim', true],
    ['storagebox.operation.duration', 'number', { ...claimed, ...hold }],
    ['storagebox claim', true],
    ['storagebox.operation.duration', 'number', { 'storagebox.outcome': 'released', ...hold }],
    ['storagebox released', true],
    ['storagebox.operation.duration', 'number', failed],
    ['storagebox failed', true],
    ['status', { code: 2 }],
    ['storagebox.obstacles', 1, { 'storagebox.obstacle': 'throttled' }],
    ['storagebox.throttled', { attempt: 3 }],
  ]);
});

test('each event of the package has its row, and so has each operation', async () => {
  const code = await readFile(join(ROOT, 'src/environment/events.ts'), 'utf8');
  const declarations = [...code.matchAll(/(?:readonly type:|type Operation =)([^;]*);/g)];
  const declared = declarations.flatMap(([, union]) => [...String(union).matchAll(/'(\w+)'/g)]);
  const [, table = ''] = /^## The events\n.*?^\|---.*?\n(.*?)\n\n/ms.exec(text) ?? [];
  const types = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, type]) => type);
  const [, operations = ''] = /`operation` \(([^)]*)\)/.exec(table) ?? [];
  const named = [...types, ...[...operations.matchAll(/`(\w+)`/g)].map(([, name]) => name)];
  expect(named.toSorted()).toEqual(declared.map(([, name]) => name).toSorted());
});
