// Which rows of a deduplication table that several banks share are those of a bank.
import { ItemBankDynamoDbRepository } from 'storagebox';
import { ItemBankMemoryRepository } from 'storagebox/memory';
import { expect, test } from 'vitest';

const ARN = 'arn:aws:dynamodb:eu-west-1:111122223333:table/voucher_codes';

test.each([
  [null, ARN, true],
  [undefined as never, ARN, true],
  ['voucher_codes', 'voucher_codes', true],
  ['voucher_codes', ARN, true],
  [ARN, 'voucher_codes', true],
  [ARN, ARN, true],
  [ARN.replace('eu-west-1', 'us-east-1'), ARN, false],
  [ARN.replace('111122223333', '444455556666'), ARN, false],
  ['more_voucher_codes', 'voucher_codes', false],
  [`${ARN}_2`, 'voucher_codes', false],
])('a row that names %j, of the DynamoDB bank %j: %j', (itemBankName, tableName, isOwn) => {
  const bank = new ItemBankDynamoDbRepository({ tableName });
  expect(bank.ownsAssignment({ itemBankName })).toBe(isOwn);
});

test.each([
  [null, undefined, true],
  // Of an earlier copy of the package, which had no such member.
  [undefined as never, 'seats', true],
  [null, 'seats', true],
  ['seats', 'seats', true],
  ['seats', 'codes', false],
  ['seats', undefined, false],
])('an assignment that names %j, of the bank %j in memory: %j', (itemBankName, name, isOwn) => {
  const bank = new ItemBankMemoryRepository({ name });
  expect(bank.ownsAssignment({ itemBankName })).toBe(isOwn);
});
