// What people see on a terminal, and scripts do not.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { confirm } from '../../src/cli/confirmation.js';
import { openInput } from '../../src/cli/csv.js';
import { writeRows } from '../../src/cli/output.js';
import { ProgressLine, progressText } from '../../src/cli/progress.js';

describe('progress', () => {
  test('shows how far, how many, how fast and how long yet', () => {
    const half = { done: 12_345, fraction: 0.5 };
    expect(progressText(half, 'items', 10_000)).toBe(
      '[############............]  50 %  12,345 items  1,235/s  0:10 left',
    );
    const hardly = { done: 100, fraction: 0.001 };
    expect(progressText(hardly, 'items', 4_000)).toMatch(/ 0 % .* 25\/s {2}1:06:36 left$/);
    const done = { done: 200, fraction: 1 };
    expect(progressText(done, 'IDs', 2_000)).toBe(
      '[########################] 100 %  200 IDs  100/s  0:00 left',
    );
  });

  test('shows no bar and no end where none is known', () => {
    expect(progressText({ done: 300, fraction: null }, 'rows', 1_500)).toBe('300 rows  200/s');
    expect(progressText({ done: 0, fraction: 0 }, 'rows', 0)).toBe(
      '[........................]   0 %  0 rows  0/s',
    );
  });

  test('is one line that is written over, and is cleared at the end', () => {
    const written: string[] = [];
    const terminal = { isTTY: true, write: (text: string) => written.push(text) > 0 };
    const line = new ProgressLine('items', terminal);
    line.show({ done: 1, fraction: null });
    line.show({ done: 2, fraction: null });
    line.clear();
    const clear = '\u001b[K';
    expect(written).toHaveLength(2);
    expect(written[0]?.startsWith('\r1 items')).toBe(true);
    expect(written[0]?.endsWith(clear)).toBe(true);
    expect(written[1]).toBe(`\r${clear}`);
  });

  test('is nothing where there is no terminal', () => {
    const written: string[] = [];
    const line = new ProgressLine('items', { write: (text: string) => written.push(text) > 0 });
    line.show({ done: 1, fraction: null });
    line.clear();
    expect(written).toEqual([]);
  });
});

describe('a question', () => {
  function terminal() {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = Object.assign(new PassThrough(), { isTTY: true });
    return { input, output };
  }
  const { signal } = new AbortController();

  test.each(['y', 'Yes', ' YES '])('answered by %j lets the command go on', async (answer) => {
    const { input, output } = terminal();
    const answered = confirm('Take it back?', false, signal, { input, output });
    input.write(`${answer}\n`);
    await answered;
    expect(String(output.read())).toContain('Take it back? [y/N]');
  });

  test.each(['', 'n', 'yo'])('answered by %j stops it', async (answer) => {
    const asked = terminal();
    const answered = confirm('Take it back?', false, signal, asked);
    asked.input.write(`${answer}\n`);
    await expect(answered).rejects.toMatchObject({ code: 'NOT_CONFIRMED', exitCode: 2 });
  });

  test('is answered by no when the input ends', async () => {
    const asked = terminal();
    const answered = confirm('Take it back?', false, signal, asked);
    asked.input.end();
    await expect(answered).rejects.toMatchObject({ code: 'NOT_CONFIRMED', exitCode: 2 });
  });

  test('is not asked when it was answered beforehand', async () => {
    const asked = terminal();
    await confirm('Take it back?', true, signal, asked);
    expect(asked.output.read()).toBe(null);
  });

  test('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    const answered = confirm('Take it back?', false, controller.signal, terminal());
    controller.abort(new Error('Ctrl-C'));
    await expect(answered).rejects.toThrow('Ctrl-C');
  });
});

describe('a file that cannot be written', () => {
  test.each(['', 'no-such-folder/file'])('is told before a row is asked for: %j', async (path) => {
    const folder = await mkdtemp(join(tmpdir(), 'storagebox-output-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    let isAskedFor = false;
    async function* rows() {
      isAskedFor = true;
      yield { item: 'A' };
    }
    const file = join(folder, path);
    const written = writeRows(rows(), { columns: ['item'], format: 'jsonl', file });
    await expect(written).rejects.toMatchObject({ code: expect.stringMatching(/EISDIR|ENOENT/) });
    expect(isAskedFor).toBe(false);
  });
});

describe('how far a file was read', () => {
  async function fractions(content: string, column?: string): Promise<number[]> {
    const folder = await mkdtemp(join(tmpdir(), 'storagebox-input-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'file');
    await writeFile(file, content);
    const input = await openInput(file, { column });
    const seen: number[] = [];
    for await (const _ of input) seen.push(input.fraction() ?? Number.NaN);
    return seen;
  }
  const rows = Array.from({ length: 1_000 }, (_, index) => `row-${String(index).padStart(4, '0')}`);

  test.each([
    ['lines', undefined, '\n'],
    ['lines of Windows', undefined, '\r\n'],
    ['CSV', '1', '\n'],
  ] as const)('is told for each value: %s', async (_, column, end) => {
    const seen = await fractions(rows.join(end) + end, column);
    expect(seen).toHaveLength(1_000);
    for (const [index, fraction] of seen.entries()) {
      expect(fraction).toBeCloseTo((index + 1) / 1_000, 5);
    }
  });
});
