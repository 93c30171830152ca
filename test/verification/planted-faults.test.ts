// Each change that `npm run verify` and `npm run bench` make to a copy of the library fits the code as it
// stands.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ONE_BY_ONE } from '../../bench/one-by-one.js';
import { PLANTED_FAULTS, ROOT } from './planted-faults.js';
import { CROWDS } from './simulations.js';

const CHANGES = [
  ...PLANTED_FAULTS.map((fault) => [fault.name, [fault]] as const),
  ...CROWDS.map(({ what, changes }) => [what, changes] as const),
  ['claims of the benchmark, one by one', ONE_BY_ONE] as const,
];

test.each(CHANGES)('%s', async (_name, changes) => {
  for (const { file, code, replacement } of changes) {
    const text = await readFile(join(ROOT, 'src', file), 'utf8');
    expect(text.split(code)).toHaveLength(2);
    expect(replacement).not.toBe(code);
  }
});

test('a planted fault names a crowd that there is', () => {
  const named = PLANTED_FAULTS.flatMap(({ crowd }) => crowd ?? []);
  expect(CROWDS.map(({ what }) => what)).toEqual(expect.arrayContaining(named));
});
