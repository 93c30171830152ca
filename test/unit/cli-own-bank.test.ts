// Which rows of a deduplication table that several banks share are those of a bank.
import { expect, test } from 'vitest';
import { isOwnBank } from '../../src/cli/own-bank.js';

const ARN = 'arn:aws:dynamodb:eu-west-1:111122223333:table/voucher_codes';

test.each([
  [null, ARN, true],
  [undefined, 'voucher_codes', true],
  ['voucher_codes', 'voucher_codes', true],
  ['voucher_codes', ARN, true],
  [ARN, 'voucher_codes', true],
  [ARN, ARN, true],
  [ARN.replace('eu-west-1', 'us-east-1'), ARN, false],
  [ARN.replace('111122223333', '444455556666'), ARN, false],
  ['more_voucher_codes', 'voucher_codes', false],
  [`${ARN}_2`, 'voucher_codes', false],
])('a row that names %j, of the bank %j: %j', (named, bank, isOwn) => {
  expect(isOwnBank(named, bank)).toBe(isOwn);
});
