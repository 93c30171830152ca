import { attachedState } from '../attached-state.js';
import {
  type Assignment,
  type AtomicClaim,
  type AtomicReleaseOptions,
  type ClaimResult,
  DeduplicationRepository,
} from '../deduplication-repository.js';
import { DeduplicationIdAlreadyAssignedError } from '../errors.js';
import type { ItemBankRepository } from '../item-bank-repository.js';
import {
  assertCountOptions,
  type CountOptions,
  type Listing,
  type ListOptions,
} from '../listing.js';
import { runtime } from '../runtime.js';
import { assertDeduplicationId, assertItem } from '../validation.js';
import { listMemory } from './listing.js';
import { type MemoryBank, memoryBanks } from './memory-bank.js';

/** A deduplication repository in this process's memory, for unit tests. */
export class DeduplicationMemoryRepository extends DeduplicationRepository {
  constructor() {
    super();
    states.attach(this, { assigned: new Map(), origins: new WeakMap() });
  }

  /** @inheritDoc */
  override async getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    assertDeduplicationId(deduplicationId);
    return states.of(this).assigned.get(deduplicationId)?.item ?? null;
  }

  /** @inheritDoc */
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    assertDeduplicationId(deduplicationId);
    assertItem(item);
    const existing = states.of(this).assigned.get(deduplicationId);
    if (existing !== undefined) throw new DeduplicationIdAlreadyAssignedError(existing.item);
    assign(states.of(this).assigned, deduplicationId, item);
  }

  /** Atomic with an `ItemBankMemoryRepository`. */
  override async atomicClaimWith(itemRepo: ItemBankRepository): Promise<AtomicClaim | null> {
    const bank = memoryBanks.find(itemRepo);
    return bank === undefined ? null : atomicClaim(states.of(this), bank);
  }

  /**
   * The assignment of the ID, or `null` when it has none. Never claims.
   *
   * @throws InvalidDeduplicationIdError when the ID is no non-empty, well-formed string of ≤ 2,048
   *   bytes
   */
  async getAssignment(deduplicationId: string): Promise<Assignment | null> {
    assertDeduplicationId(deduplicationId);
    return states.of(this).assigned.get(deduplicationId) ?? null;
  }

  /**
   * How many IDs have an item.
   *
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason once it is aborted
   */
  async countAssignments(options: CountOptions = {}): Promise<number> {
    assertCountOptions(options);
    options.signal?.throwIfAborted();
    return states.of(this).assigned.size;
  }

  /** The same as {@link countAssignments}: in memory there is nothing to estimate. */
  async estimateAssignmentCount(): Promise<number> {
    return states.of(this).assigned.size;
  }

  /**
   * Who has what.
   *
   * @throws InvalidOptionError when an option cannot be used
   */
  listAssignments(options?: ListOptions): Listing<Assignment> {
    return listMemory('assignments', () => states.of(this).assigned, options);
  }
}

interface State {
  readonly assigned: Map<string, Assignment>;
  /** The bank that an item was claimed from. */
  readonly origins: WeakMap<Assignment, MemoryBank>;
}

function assign(assigned: State['assigned'], deduplicationId: string, item: string): Assignment {
  const assignedAt = runtime.date();
  const assignment = { deduplicationId, item, itemBankTableName: null, assignedAt };
  assigned.set(deduplicationId, assignment);
  return assignment;
}

/** Atomic because nothing in it waits. */
function atomicClaim({ assigned, origins }: State, bank: MemoryBank): AtomicClaim {
  const claim = (deduplicationId: string): ClaimResult => {
    const existing = assigned.get(deduplicationId);
    if (existing !== undefined) return { status: 'existing', item: existing.item };
    const item = bank.take();
    if (item === null) return { status: 'exhausted', item: null };
    origins.set(assign(assigned, deduplicationId, item), bank);
    return { status: 'claimed', item };
  };
  const release = (
    deduplicationId: string,
    { fate }: Pick<AtomicReleaseOptions, 'fate'>,
  ): string | null => {
    const assignment = assigned.get(deduplicationId);
    if (assignment === undefined) return null;
    assigned.delete(deduplicationId);
    const origin = origins.get(assignment) ?? bank;
    if (fate === 'return') origin.giveBack(assignment.item);
    else origin.retire(assignment.item);
    return assignment.item;
  };
  return {
    claimItem: async (deduplicationId) => claim(deduplicationId),
    releaseItem: async (deduplicationId, options) => release(deduplicationId, options),
  };
}

const states = attachedState<State>('memory.assignments.3');
