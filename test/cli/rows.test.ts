// What is written to files, pipes and terminals: exact, except for people's eyes.
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, onTestFinished, test } from 'vitest';
import { describeFailure } from '../../src/cli/failures.js';
import { writeRows } from '../../src/cli/output.js';
import { type ResumableRows, writeResumableRows } from '../../src/cli/resumable-file.js';
import { type Row, type RowFormat, RowText } from '../../src/cli/rows.js';
import { visible } from '../../src/cli/visible.js';

const HOSTILE = [
  '=1+1',
  '+49 170 1234567',
  '-2',
  '@SUM(A1)',
  '\tTAB',
  '\rCR',
  '\u001B]0;title\u0007',
  'two\nlines',
  'say "hi", friend',
  'plain',
  '\u009B31m',
  'x;=1+1',
  'x; \t"+1',
  'x|@SUM(A1)',
  'x\t-2',
  'x;\uFF1D1;y|=2',
  'x;y=1|z-2',
];

function textFor(style: {
  isForSpreadsheet?: boolean;
  isForTerminal?: boolean;
  format?: RowFormat;
}) {
  const { format = 'csv', isForSpreadsheet = false, isForTerminal = false } = style;
  return new RowText({ columns: ['item', 'status'], format, isForSpreadsheet, isForTerminal });
}
const rows = HOSTILE.map((item) => ({ item, status: 'claimed' }));
const cells = (csv: string) => parse(csv).map(([item]: string[]) => item);

test('a file gets exactly what is in the tables, and risky cells are counted', () => {
  const text = textFor({});
  expect(text.head).toBe('item,status\n');
  expect(cells(text.of(rows))).toEqual(HOSTILE);
  expect(text.riskyCells).toBe(14);
});

test('a spreadsheet gets no formula and no control character', () => {
  const written = cells(textFor({ isForSpreadsheet: true }).of(rows));
  expect(written.slice(0, 4)).toEqual(["'=1+1", "'+49 170 1234567", "'-2", "'@SUM(A1)"]);
  for (const cell of written) expect(cell).not.toMatch(/^[=+\-@\t\r]|\p{Cc}/u);
  expect(written).toContain('say "hi", friend');
  // For a spreadsheet with another list separator, cells begin there, too.
  expect(written.slice(11)).toEqual([
    "x;'=1+1",
    'x; \\u0009"\'+1',
    "x|'@SUM(A1)",
    "x\\u0009'-2",
    "x;'\uFF1D1;y|'=2",
    'x;y=1|z-2',
  ]);
});

test.each(['csv', 'jsonl'] as const)('a terminal gets no control character: %s', (format) => {
  const text = textFor({ isForTerminal: true, format });
  const written = text.of(rows);
  expect(written.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(written).toContain('\\u001b]0;title\\u0007');
  expect(written.trim().split('\n')).toHaveLength(HOSTILE.length);
});

test('JSON lines say the same on a terminal', () => {
  const written = textFor({ isForTerminal: true, format: 'jsonl' }).of(rows);
  const items = written
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).item);
  expect(items).toEqual(HOSTILE);
});

test('what turns the direction of text is shown as well', () => {
  expect(visible('A\u202E1\u2028')).toBe('A\\u202e1\\u2028');
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'storagebox-rows-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}
const modeOf = async (file: string) => ((await stat(file)).mode & 0o777).toString(8);

test('a file with codes is for its owner only, also where one was there before', async () => {
  const file = join(await folder(), 'codes.csv');
  await writeFile(`${file}.partial`, 'old');
  await chmod(`${file}.partial`, 0o644);
  await writeFile(file, 'old');
  async function* someRows() {
    yield { item: 'A' };
  }
  await writeRows(someRows(), { columns: ['item'], format: 'csv', file });
  expect(await modeOf(file)).toBe('600');
  expect(await readFile(file, 'utf8')).toBe('item\nA\n');
});

describe('a file that is resumed', () => {
  /** One of them is what a spreadsheet takes for a formula. */
  const codeOf = (number: number) => (number === 7 ? '=CODE-7' : `CODE-${number}`);

  /** A hundred codes, until it fails at one. */
  function numbers(position: string | null, failsAt: number): ResumableRows {
    let last = Number(position ?? 0);
    return {
      get position() {
        return String(last);
      },
      async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, void> {
        while (last < 100) {
          if (last === failsAt) throw new Error('throttled');
          last++;
          yield { item: codeOf(last) };
        }
      },
    };
  }

  const plainText = () => {
    const style = { format: 'csv', isForSpreadsheet: false, isForTerminal: false } as const;
    return new RowText({ columns: ['item'], ...style });
  };

  function write(file: string, isResumed: boolean, failsAt = -1, source = {}, text = plainText()) {
    const open = (position: string | null) => numbers(position, failsAt);
    return writeResumableRows({ file, text, isResumed, source, open, describeFailure });
  }
  const whole = ['item', ...Array.from({ length: 100 }, (_, index) => codeOf(index + 1)), ''];

  test('has each row once, and nothing stays beside it', async () => {
    const path = await folder();
    const file = join(path, 'codes.csv');
    await expect(write(file, false, 30)).rejects.toMatchObject({
      message: expect.stringContaining('throttled'),
      remedy: expect.stringContaining('--resume'),
    });
    expect((await readdir(path)).toSorted()).toEqual([
      'codes.csv.partial',
      'codes.csv.partial.resume',
    ]);
    for (const name of await readdir(path)) expect(await modeOf(join(path, name))).toBe('600');
    await expect(write(file, true, 60)).rejects.toThrow('throttled');
    await write(file, true);
    expect((await readFile(file, 'utf8')).split('\n')).toEqual(whole);
    expect(await readdir(path)).toEqual(['codes.csv']);
  });

  test('counts the risky cells of all rows, and keeps its checkpoint for its owner', async () => {
    const file = join(await folder(), 'codes.csv');
    for (const name of ['.partial', '.partial.resume.new']) {
      await writeFile(`${file}${name}`, 'old');
      await chmod(`${file}${name}`, 0o644);
    }
    const text = plainText();
    await expect(write(file, false, 30, {}, plainText())).rejects.toThrow('throttled');
    expect(await modeOf(`${file}.partial.resume`)).toBe('600');
    await write(file, true, -1, {}, text);
    expect(text.riskyCells).toBe(1);
  });

  test('loses what a kill left behind its checkpoint, and reads it again', async () => {
    const file = join(await folder(), 'codes.csv');
    await expect(write(file, false, 30)).rejects.toThrow('throttled');
    // More than what is still to come.
    await writeFile(`${file}.partial`, 'CODE-31\n'.repeat(1_000), { flag: 'a' });
    await write(file, true);
    expect((await readFile(file, 'utf8')).split('\n')).toEqual(whole);
  });

  test('is refused where the options are others, or a part is missing', async () => {
    const file = join(await folder(), 'codes.csv');
    await expect(write(file, false, 30)).rejects.toThrow('throttled');
    await expect(write(file, true, -1, { what: 'items' })).rejects.toMatchObject({
      code: 'NOT_RESUMABLE',
    });
    await writeFile(`${file}.partial`, 'item\n');
    await expect(write(file, true)).rejects.toMatchObject({ code: 'NOT_RESUMABLE' });
    await write(file, false);
    expect((await readFile(file, 'utf8')).split('\n')).toEqual(whole);
  });

  test('begins at the beginning where there is nothing to resume', async () => {
    const path = await folder();
    const file = join(path, 'codes.csv');
    await expect(write(file, false, 0)).rejects.toThrow('throttled');
    expect(await readdir(path)).toEqual([]);
    await write(file, true);
    expect((await readFile(file, 'utf8')).split('\n')).toEqual(whole);
  });
});
