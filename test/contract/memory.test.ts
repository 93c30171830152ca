import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { conformanceSuite } from 'storagebox/testing';
import { describe, test } from 'vitest';

describe.each([{ hasLedger: false }, { hasLedger: true }])('hasLedger: $hasLedger', (options) => {
  conformanceSuite({ describe, test }, () => {
    const pair = {
      itemRepo: new ItemBankMemoryRepository(options),
      deduplicationRepo: new DeduplicationMemoryRepository(),
    };
    return { open: () => pair };
  });
});
