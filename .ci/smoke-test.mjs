import { DeduplicationDynamoDbRepository, Deduplicator, isStorageBoxError } from 'storagebox';
import { DeduplicationRepository } from 'storagebox/core';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { conformanceChecks } from 'storagebox/testing';

const itemRepo = new ItemBankMemoryRepository();
const deduplicationRepo = new DeduplicationMemoryRepository();
await itemRepo.batchAddItems(['voucher']);
const item = await new Deduplicator({ itemRepo, deduplicationRepo }).fetchItemForDeduplicationId(
  'user',
);

const onDynamoDb = new DeduplicationDynamoDbRepository({
  tableName: 'storage_box_deduplication_table',
  clientConfig: { region: 'eu-west-1' },
});
const error = await onDynamoDb.getValueForDeduplicationId('').catch((reason) => reason);

const isRight =
  item === 'voucher' &&
  isStorageBoxError(error) &&
  onDynamoDb instanceof DeduplicationRepository &&
  typeof conformanceChecks === 'object';
console.log(`${process.version} import: ${isRight ? 'passed' : 'FAILED'}`);
process.exitCode = isRight ? 0 : 1;
