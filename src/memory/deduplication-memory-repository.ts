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
    return assignments.of(this).get(deduplicationId)?.item ?? null;
  }

  /** @inheritDoc */
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    assertDeduplicationId(deduplicationId);
    assertItem(item);
    const existing = assignments.of(this).get(deduplicationId);
    if (existing !== undefined) throw new DeduplicationIdAlreadyAssignedError(existing.item);
    assignments.of(this).set(deduplicationId, { item });
  }

  /** Atomic with an `ItemBankMemoryRepository`. */
  override async atomicClaimWith(itemRepo: ItemBankRepository): Promise<AtomicClaim | null> {
    const bank = memoryBanks.find(itemRepo);
    return bank === undefined ? null : atomicClaim(assignments.of(this), bank);
  }
}

interface MemoryAssignment {
  readonly item: string;
  /** The bank that it was claimed from. */
  readonly bank?: MemoryBank;
}

/** Atomic because nothing in it waits. */
function atomicClaim(held: Map<string, MemoryAssignment>, bank: MemoryBank): AtomicClaim {
  const claim = (deduplicationId: string): ClaimResult => {
    const existing = held.get(deduplicationId);
    if (existing !== undefined) return { status: 'existing', item: existing.item };
    const item = bank.take();
    if (item === null) return { status: 'exhausted', item: null };
    held.set(deduplicationId, { item, bank });
    return { status: 'claimed', item };
  };
  const release = (deduplicationId: string, isReturned: boolean): string | null => {
    const assignment = held.get(deduplicationId);
    if (assignment === undefined) return null;
    held.delete(deduplicationId);
    if (isReturned) (assignment.bank ?? bank).add(assignment.item);
    return assignment.item;
  };
  return {
    claimItem: async (deduplicationId) => claim(deduplicationId),
    releaseItem: async (deduplicationId, { fate }) => release(deduplicationId, fate === 'return'),
  };
}

const assignments = attachedState<Map<string, MemoryAssignment>>('memory.assignments.2');
