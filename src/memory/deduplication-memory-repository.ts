import { attachedState } from '../attached-state.js';
import {
  type Assignment,
  type AtomicClaim,
  type ClaimResult,
  DeduplicationRepository,
} from '../deduplication-repository.js';
import { DeduplicationIdAlreadyAssignedError } from '../errors.js';
import type { ItemBankRepository } from '../item-bank-repository.js';
import {
  assertCountAssignmentsOptions,
  type CountAssignmentsOptions,
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
    assignments.attach(this, new Map());
  }

  /** @inheritDoc */
  override async getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    assertDeduplicationId(deduplicationId);
    return assignments.of(this).get(deduplicationId)?.assignment.item ?? null;
  }

  /** @inheritDoc */
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    assertDeduplicationId(deduplicationId);
    assertItem(item);
    const existing = assignments.of(this).get(deduplicationId);
    if (existing !== undefined)
      throw new DeduplicationIdAlreadyAssignedError(existing.assignment.item);
    assign(assignments.of(this), deduplicationId, item, null);
  }

  /** Atomic with an `ItemBankMemoryRepository`. */
  override async atomicClaimWith(itemRepo: ItemBankRepository): Promise<AtomicClaim | null> {
    const bank = memoryBanks.find(itemRepo);
    return bank === undefined ? null : atomicClaim(assignments.of(this), bank);
  }

  /**
   * The assignment of the ID, or `null` when it has none. Never claims.
   *
   * @throws InvalidDeduplicationIdError when the ID is no non-empty, well-formed string of ≤ 2,048
   *   bytes
   */
  async getAssignment(deduplicationId: string): Promise<Assignment | null> {
    assertDeduplicationId(deduplicationId);
    return assignments.of(this).get(deduplicationId)?.assignment ?? null;
  }

  /**
   * How many IDs have an item.
   *
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason once it is aborted
   */
  async countAssignments(options: CountAssignmentsOptions = {}): Promise<number> {
    assertCountAssignmentsOptions(options);
    const { signal, assignedAfter } = options;
    signal?.throwIfAborted();
    const held = [...assignments.of(this).values()];
    if (assignedAfter === undefined) return held.length;
    return held.filter(({ assignment: { assignedAt } }) => assignedAt > assignedAfter).length;
  }

  /** The same as {@link countAssignments}: in memory there is nothing to estimate. */
  async estimateAssignmentCount(): Promise<number> {
    return assignments.of(this).size;
  }

  /**
   * Who has what.
   *
   * @throws InvalidOptionError when an option cannot be used
   */
  listAssignments(options?: ListOptions): Listing<Assignment> {
    return listMemory('assignments', () => assignmentsById(assignments.of(this)), options);
  }
}

type Assignments = Map<string, MemoryAssignment>;

function assign(
  held: Assignments,
  deduplicationId: string,
  item: string,
  bank: MemoryBank | null,
): void {
  const assignedAt = runtime.date();
  const assignment = { deduplicationId, item, itemBankTableName: null, assignedAt };
  held.set(deduplicationId, { assignment, bank });
}

interface MemoryAssignment {
  readonly assignment: Assignment & { readonly assignedAt: Date };
  /** The bank that it was claimed from; `null` where `putDeduplicationId` assigned it. */
  readonly bank: MemoryBank | null;
}

function* assignmentsById(held: Assignments): Generator<readonly [string, Assignment], void, void> {
  for (const [deduplicationId, { assignment }] of held) yield [deduplicationId, assignment];
}

/** Atomic because nothing in it waits. */
function atomicClaim(held: Assignments, bank: MemoryBank): AtomicClaim {
  const claim = (deduplicationId: string): ClaimResult => {
    const existing = held.get(deduplicationId);
    if (existing !== undefined) return { status: 'existing', item: existing.assignment.item };
    const item = bank.take();
    if (item === null) return { status: 'exhausted', item: null };
    assign(held, deduplicationId, item, bank);
    return { status: 'claimed', item };
  };
  const release = (deduplicationId: string, isReturned: boolean): string | null => {
    const existing = held.get(deduplicationId);
    if (existing === undefined) return null;
    held.delete(deduplicationId);
    const { item } = existing.assignment;
    if (isReturned) (existing.bank ?? bank).giveBack(item);
    return item;
  };
  return {
    claimItem: async (deduplicationId) => claim(deduplicationId),
    releaseItem: async (deduplicationId, { fate }) => release(deduplicationId, fate === 'return'),
  };
}

const assignments = attachedState<Assignments>('memory.assignments.2');
