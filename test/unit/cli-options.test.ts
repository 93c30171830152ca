// The names of tables, checked before any request ("Naming rules" in DynamoDB's Developer Guide).
import { Command } from 'commander';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { describeFailure } from '../../src/cli/failures.js';
import { holdDuration } from '../../src/cli/options.js';
import {
  addOptions,
  type DynamoDbOptions,
  ledgerTableNameOf,
} from '../../src/cli/stores/dynamodb/options.js';

function optionsOf(...args: readonly string[]): DynamoDbOptions {
  const program = new Command().exitOverride().configureOutput({ outputError: () => {} });
  addOptions(program);
  return program.parse(args, { from: 'user' }).opts();
}

function failureOf(act: () => unknown) {
  try {
    act();
  } catch (error) {
    return describeFailure(error);
  }
  throw new Error('It did not fail.');
}

describe('a table name', () => {
  test.each([
    'abc',
    'A_b-c.9',
    'x'.repeat(248),
    'arn:aws:dynamodb:eu-west-1:111122223333:table/voucher_codes',
    'arn:aws-cn:dynamodb:cn-north-1:111122223333:table/voucher_codes',
  ])('that AWS takes is taken: %s', (name) => {
    expect(ledgerTableNameOf(optionsOf('--item-bank-table', name))).toBe(`${name}_ledger`);
  });

  test.each([
    'qz',
    'my codes',
    'códes',
    '',
    'x'.repeat(256),
    'arn:aws:dynamodb:eu-west-1:111122223333:table/my codes',
    'arn:aws:s3:::voucher_codes',
  ])('that AWS refuses is refused, without the name itself: %j', (name) => {
    const { message, exitCode } = failureOf(() => optionsOf('--deduplication-table', name));
    expect(message).toMatch(
      /^Option '--deduplication-table <name>' is invalid\. Expected 3 to 255/,
    );
    if (name !== '') expect(message).not.toContain(name);
    expect(exitCode).toBe(2);
  });

  test('of a ledger has to fit behind that of its bank', () => {
    const options = optionsOf('--item-bank-table', 'x'.repeat(249));
    expect(failureOf(() => ledgerTableNameOf(options))).toMatchObject({ exitCode: 2 });
    expect(ledgerTableNameOf({ ...options, ledgerTable: 'ledger' })).toBe('ledger');
  });
});

describe('an environment variable', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test.each([
    'STORAGE_BOX_ITEM_BANK_TABLE',
    'STORAGE_BOX_DEDUPLICATION_TABLE',
    'STORAGE_BOX_LEDGER_TABLE',
  ])('that cannot be used is told by its name, without its value: %s', (variable) => {
    for (const value of ['my codes', "my' from env 'CODES' is invalid"]) {
      vi.stubEnv(variable, value);
      const { message, exitCode } = failureOf(() => optionsOf());
      expect(message).toMatch(
        new RegExp(`^The environment variable '${variable}' is invalid\\. Expected 3 to 255`),
      );
      expect(message).not.toMatch(/my|CODES/);
      expect(exitCode).toBe(2);
    }
  });

  test('that is empty is not set, as in the AWS command line', () => {
    for (const table of ['ITEM_BANK', 'DEDUPLICATION', 'LEDGER']) {
      vi.stubEnv(`STORAGE_BOX_${table}_TABLE`, '');
    }
    expect(optionsOf()).toMatchObject({
      itemBankTable: 'storage_box_item_bank',
      deduplicationTable: 'storage_box_deduplication_table',
    });
    expect(ledgerTableNameOf(optionsOf())).toBe('storage_box_item_bank_ledger');
  });
});

test.each([
  ['90s', 90_000],
  ['15m', 900_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['3660d', 316_224_000_000],
])('a duration is a number and its unit: %s', (text, durationMs) => {
  expect(holdDuration(text)).toBe(durationMs);
});

test.each(['', '15', 'm', '0s', '1.5h', '15 m', '1M', '1w', '1h30m', '3661d', '9'.repeat(400)])(
  'any other duration is refused: %j',
  (text) => {
    expect(() => holdDuration(text)).toThrow('Expected a number and its unit');
  },
);

test('no value that was typed is repeated', () => {
  for (const args of [
    ['--endpoint-url', 'user:password@host'],
    ['--secret-code-1=password'],
    ['--colour=password'],
    ['-password'],
    ['--endpoint-url', "x' value 'y' from env 'password"],
  ]) {
    expect(failureOf(() => optionsOf(...args)).message).not.toContain('password');
  }
});
