import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { conformanceSuite } from 'storagebox/testing';
import { describe, test } from 'vitest';
import { ownWritesInMemory } from '../support/own-writes.js';

let banks = 0;

describe.each([{ hasLedger: false }, { hasLedger: true }])('hasLedger: $hasLedger', (options) => {
  conformanceSuite({ describe, test }, () => {
    const deduplicationRepo = new DeduplicationMemoryRepository();
    const name = `bank-${banks++}`;
    const bank = new ItemBankMemoryRepository({ ...options, name });
    const withLedger = new ItemBankMemoryRepository({ hasLedger: true, name });
    return {
      open: () => ({ itemRepo: bank, deduplicationRepo }),
      ownWrites: ownWritesInMemory,
      openWithLedger: () => ({ itemRepo: withLedger, deduplicationRepo }),
    };
  });
});
