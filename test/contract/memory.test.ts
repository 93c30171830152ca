import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { conformanceSuite } from 'storagebox/testing';
import { describe, test } from 'vitest';

conformanceSuite({ describe, test }, () => {
  const pair = {
    itemRepo: new ItemBankMemoryRepository(),
    deduplicationRepo: new DeduplicationMemoryRepository(),
  };
  return { open: () => pair };
});
