import { conformanceSuite } from 'storagebox/testing';
import { describe, test } from 'vitest';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';

conformanceSuite({ describe, test }, () => {
  const pair = { itemRepo: new SetItemBank(), deduplicationRepo: new MapDeduplication() };
  const breakStore = () => {
    pair.itemRepo.store.break();
    pair.deduplicationRepo.store.break();
  };
  return { open: () => pair, breakStore };
});
