const { Deduplicator, DeduplicationDynamoDbRepository, isStorageBoxError } = require('storagebox');
const { DeduplicationRepository } = require('storagebox/core');
const { DeduplicationMemoryRepository, ItemBankMemoryRepository } = require('storagebox/memory');
const { conformanceChecks } = require('storagebox/testing');

async function main() {
  const itemRepo = new ItemBankMemoryRepository();
  const deduplicationRepo = new DeduplicationMemoryRepository();
  await itemRepo.batchAddItems(['voucher']);
  const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
  const item = await deduplicator.fetchItemForDeduplicationId('user');

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
  console.log(`${process.version} require: ${isRight ? 'passed' : 'FAILED'}`);
  process.exitCode = isRight ? 0 : 1;
}

main();
