// What a file with items or IDs may hold, and what is refused by its line.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openInput } from '../../src/cli/csv.js';
import { describeFailure } from '../../src/cli/failures.js';
import type { InputOptions } from '../../src/cli/input-file.js';

interface Read {
  readonly values: readonly string[];
  readonly error?: { readonly code: string; readonly message: string; readonly remedy: string };
}

async function read(
  content: string | Uint8Array,
  options: InputOptions & { readonly name?: string } = {},
): Promise<Read> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-input-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, options.name ?? 'codes.txt');
  await writeFile(file, content);
  const values: string[] = [];
  try {
    for await (const value of await openInput(file, options)) values.push(value);
    return { values };
  } catch (error) {
    return { values, error: error as Required<Read>['error'] };
  }
}

const utf16 = (text: string) => Buffer.from(text, 'utf16le');

describe('lines', () => {
  test.each([
    ['a blank at the end', 'A-1\nA-2 \nA-3\n', 2, 'begins or ends with a blank'],
    ['a blank at the beginning', ' A-1\n', 1, 'begins or ends with a blank'],
    ['a blank of Unicode', 'A-1\u00A0\n', 1, 'begins or ends with a blank'],
    ['a byte order mark in the middle', 'A-1\n\uFEFFA-2\n', 2, 'begins or ends with a blank'],
    ['a tab', 'A-1\n\nA-2\tAnn\n', 3, 'has a control character in it'],
    ['an escape', 'A-1\u001B[2J\n', 1, 'has a control character in it'],
    ['line ends of CR alone', 'A-1\rA-2\rA-3\r', 1, 'has a CR in it'],
    ['no line ends', 'A-'.repeat(500_000), 1, 'is longer than 2048 bytes'],
    ['a line that is too long', `A-1\n${'x'.repeat(2_049)}\nA-2\n`, 2, 'is longer than 2048 bytes'],
    ['a line of too many bytes', `${'é'.repeat(1_025)}\n`, 1, 'is longer than 2048 bytes'],
  ])(
    'with %s are refused by their number, without their content',
    async (_, content, line, fault) => {
      const { error } = await read(content);
      expect(error?.message).toMatch(new RegExp(`^Line ${line} of "[^"]*codes\\.txt" ${fault}`));
      expect(error?.message).not.toMatch(/A-\d/);
      expect(error?.remedy).not.toMatch(/A-\d/);
    },
  );

  test('end by LF or by CR and LF, also where the file is read in pieces', async () => {
    const codes = Array.from({ length: 40_000 }, (_, index) => `CODE-${index}`);
    expect((await read(codes.join('\r\n'))).values).toEqual(codes);
    expect((await read(`${codes.join('\n')}\n`)).values).toEqual(codes);
  });

  test('are taken with --as-is, except for what cannot be a key', async () => {
    const content = ' A-1\nA-2\tAnn\rBob \n';
    expect(await read(content, { asIs: true })).toEqual({ values: [' A-1', 'A-2\tAnn\rBob '] });
    const { error } = await read('x'.repeat(100_000), { asIs: true });
    expect(error?.message).toContain('is longer than 2048 bytes');
  });

  test.skipIf(process.platform === 'win32')(
    'of a file that never ends are not waited for',
    async () => {
      const zeros = await openInput('/dev/zero', { asIs: true });
      await expect(zeros[Symbol.asyncIterator]().next()).rejects.toThrow(
        'is longer than 2048 bytes',
      );
    },
  );

  test.each([
    ['with a byte order mark', utf16('\uFEFFA-1\n')],
    ['with one of the other byte order', Buffer.from('\uFEFFA-1\n', 'utf16le').swap16()],
    ['without one', utf16('A-1\n')],
  ])('in UTF-16 %s are refused', async (_, content) => {
    expect((await read(content)).error).toMatchObject({
      code: 'NOT_UTF_8',
      message: expect.stringContaining('is in UTF-16'),
      remedy: expect.stringContaining('iconv -f UTF-16'),
    });
  });

  test('of a CSV file are refused where no column is named, so that its header gets no item', async () => {
    const content = 'name,email\nAnn,ann@example.com\n';
    const refused = await read(content, { name: 'Guests.CSV' });
    expect(refused).toMatchObject({
      values: [],
      error: { code: 'CSV_WITHOUT_COLUMN', exitCode: 2 },
    });
    const meant = await read(content, { name: 'guests.csv', asIs: true });
    expect(meant.values).toEqual(['name,email', 'Ann,ann@example.com']);
  });
});

describe('a column', () => {
  test('that a row lacks is told with the row and the number of its columns', async () => {
    const content = 'a,b,c\n1,2,3\n4,5\n';
    expect((await read(content, { column: '99' })).error?.message).toMatch(
      /^Row 1 of .* has 3 columns, fewer than --column asks for\.$/,
    );
    const short = await read(content, { column: 'c' });
    expect(short.values).toEqual(['3']);
    expect(short.error?.message).toMatch(/^Row 3 of .* has 2 columns/);
  });

  test('whose name is not there is told without the first row, which may be no header', async () => {
    const { error } = await read('ann@example.com,A-1\n', { column: 'email' });
    expect(error?.code).toBe('NO_SUCH_COLUMN');
    expect(error?.message).toMatch(/^The first row of .* has 2 columns, none of that name\.$/);
    expect(`${error?.message}${error?.remedy}`).not.toContain('ann');
  });

  test.each([
    ['is empty', 'email,name\n,Ann\n', 2, 'has no value in the column'],
    ['has an outer blank', 'email,name\nann@example.com ,Ann\n', 2, 'begins or ends with a blank'],
    ['has a line end', 'email,name\n"ann\n@example.com",Ann\n', 2, 'has a control character in it'],
    [
      'is behind cells of several lines',
      'email,name\r\n\r\nann@example.com,"A\r\nn\r\nn"\r\nbob@example.com ,Bob\r\n',
      4,
      'begins or ends with a blank',
    ],
  ])('is refused where it %s', async (_, content, row, fault) => {
    const { error } = await read(content, { column: 'email' });
    expect(error?.message).toMatch(new RegExp(`^Row ${row} of .* ${fault}\\.$`));
    expect(error?.message).not.toContain('example');
  });

  test.each(['\n', '\r\n', '\r'])(
    'is read whole where rows end by %j, or by several',
    async (end) => {
      const rows = ['a@x,1', 'b@x,2', 'c@x,3'].join(end);
      expect((await read(rows, { column: '1' })).values).toEqual(['a@x', 'b@x', 'c@x']);
      const mixed = `a@x,1\r\nb@x,2${end}c@x,3\n`;
      expect((await read(mixed, { column: '1' })).values).toEqual(['a@x', 'b@x', 'c@x']);
    },
  );

  test.each(['"Bob" B.,bob', 'Bob "B.",bob', '"Bob,bob'])(
    'in a row that is no CSV is told with its row, behind cells of several lines: %s',
    async (row) => {
      const content = `name,email\r\n"A\r\nn\r\nn",ann\r\n\r\n${row}\r\n`;
      const { error } = await read(content, { column: 'email' });
      expect(describeFailure(error).message).toMatch(/^The CSV cannot be read: in row 4, /);
    },
  );

  test('ends at a row that has no end, in bounded memory', async () => {
    const { error } = await read(`email\n"${'x'.repeat(3_000_000)}`, { column: 'email' });
    expect(error?.code).toBe('CSV_MAX_RECORD_SIZE');
  });
});
