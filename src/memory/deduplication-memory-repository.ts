import { attachedState } from '../attached-state.js';
import {
  type AtomicClaim,
  type ClaimResult,
  DeduplicationRepository,
} from '../deduplication-repository.js';
import { DeduplicationIdAlreadyAssignedError } from '../errors.js';
import type { ItemBankRepository } from '../item-bank-repository.js';
import { assertDeduplicationId, assertItem } from '../validation.js';
import { type MemoryBank, memoryBanks } from './memory-bank.js';

/** A deduplication repository in this process's memory, for unit tests. */
export class DeduplicationMemoryRepository extends DeduplicationRepository {
  constructor() {
    super();
    assignments.attach(this, new Map());
  }

  /** @inheritDoc */
  override async getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    assertDeduplicationId(deduplicationId);
    return assignments.of(this).get(deduplicationId) ?? null;
  }

  /** @inheritDoc */
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    assertDeduplicationId(deduplicationId);
    assertItem(item);
    const existing = assignments.of(this).get(deduplicationId);
    if (existing !== undefined) throw new DeduplicationIdAlreadyAssignedError(existing);
    assignments.of(this).set(deduplicationId, item);
  }

  /** Atomic with an `ItemBankMemoryRepository`. */
  override async atomicClaimWith(itemRepo: ItemBankRepository): Promise<AtomicClaim | null> {
    const bank = memoryBanks.find(itemRepo);
    return bank === undefined ? null : atomicClaim(assignments.of(this), bank);
  }
}

/** Atomic because nothing in it waits. */
function atomicClaim(items: Map<string, string>, bank: MemoryBank): AtomicClaim {
  const claim = (deduplicationId: string): ClaimResult => {
    const existing = items.get(deduplicationId);
    if (existing !== undefined) return { status: 'existing', item: existing };
    const item = bank.take();
    if (item === null) return { status: 'exhausted', item: null };
    items.set(deduplicationId, item);
    return { status: 'claimed', item };
  };
  return { claimItem: async (deduplicationId) => claim(deduplicationId) };
}

const assignments = attachedState<Map<string, string>>('memory.assignments.1');
