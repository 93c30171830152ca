import type { AtomicWrites } from '../contracts/atomic-writes.js';
import { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import { DeduplicationIdAlreadyAssignedError } from '../contracts/errors.js';
import type { ItemBankRepository } from '../contracts/item-bank-repository.js';
import type {
  Assignment,
  CountAssignmentsOptions,
  DeduplicationLooking,
  Listing,
  ListOptions,
} from '../contracts/looking.js';
import { assertDeduplicationId, assertItem } from '../contracts/validation.js';
import { runtime } from '../environment/runtime.js';
import { attachedState } from '../store-kit/attached-state.js';
import { assertCountAssignmentsOptions } from '../store-kit/listing.js';
import { listSnapshot } from '../store-kit/snapshot-listing.js';
import { type DeduplicationIdOptions, storedIdsWith } from '../store-kit/stored-ids.js';
import { memoryBanks } from './memory-bank.js';
import { type Assigned, assignmentOf, type MemoryWrite, memoryWrites } from './memory-writes.js';

export type DeduplicationMemoryRepositoryOptions = DeduplicationIdOptions;

/** A deduplication repository in this process's memory, for unit tests. */
export class DeduplicationMemoryRepository
  extends DeduplicationRepository<MemoryWrite>
  implements DeduplicationLooking
{
  /** @throws InvalidOptionError when an option cannot be used */
  constructor(options: DeduplicationMemoryRepositoryOptions = {}) {
    super();
    states.attach(this, { assigned: new Map(), storedIdOf: storedIdsWith(options) });
  }

  override async getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    assertDeduplicationId(deduplicationId);
    return (await this.getAssignment(deduplicationId))?.item ?? null;
  }

  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    assertDeduplicationId(deduplicationId);
    assertItem(item);
    const { assigned, storedIdOf } = states.of(this);
    const storedId = storedIdOf(deduplicationId);
    const existing = assigned.get(storedId);
    if (existing !== undefined) throw new DeduplicationIdAlreadyAssignedError(existing.item);
    assigned.set(storedId, {
      item,
      assignedAtMs: runtime.date().getTime(),
      heldUntilMs: null,
      origin: null,
    });
  }

  /** Atomic with an `ItemBankMemoryRepository`. */
  override async atomicWritesWith(
    itemRepo: ItemBankRepository,
  ): Promise<AtomicWrites<MemoryWrite> | null> {
    const bank = memoryBanks.find(itemRepo);
    if (bank === undefined) return null;
    const { assigned, storedIdOf } = states.of(this);
    return memoryWrites(assigned, bank, storedIdOf);
  }

  /** @deprecated The earlier name of {@link atomicWritesWith}. */
  override atomicClaimWith(
    itemRepo: ItemBankRepository,
  ): Promise<AtomicWrites<MemoryWrite> | null> {
    // A user may have taken it away, to claim in two steps.
    return this.atomicWritesWith?.(itemRepo) ?? Promise.resolve(null);
  }

  /**
   * The assignment of the ID, or `null` when it has none. Never claims.
   *
   * @throws InvalidDeduplicationIdError when the ID is not a non-empty, well-formed string of ≤ 2,048
   *   bytes
   */
  async getAssignment(deduplicationId: string): Promise<Assignment | null> {
    assertDeduplicationId(deduplicationId);
    const { assigned, storedIdOf } = states.of(this);
    const held = assigned.get(storedIdOf(deduplicationId));
    return held === undefined ? null : assignmentOf(deduplicationId, held);
  }

  /** The ID as it is kept here and shown by listings: itself, or its hash. */
  storedIdOf(deduplicationId: string): string {
    assertDeduplicationId(deduplicationId);
    return states.of(this).storedIdOf(deduplicationId);
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
    if (assignedAfter === undefined) return states.of(this).assigned.size;
    const held = [...states.of(this).assigned.values()];
    return held.filter(({ assignedAtMs }) => assignedAtMs > assignedAfter.getTime()).length;
  }

  /** The exact count: in memory there is nothing to estimate. */
  async estimateAssignmentCount(): Promise<number> {
    return states.of(this).assigned.size;
  }

  /**
   * Lists all assignments.
   *
   * @throws InvalidOptionError when an option cannot be used
   */
  listAssignments(options?: ListOptions): Listing<Assignment> {
    const held = () =>
      [...states.of(this).assigned].map(([id, one]) => [id, assignmentOf(id, one)] as const);
    return listSnapshot('the assignments in memory', held, options);
  }
}

const states = attachedState<{
  readonly assigned: Assigned;
  readonly storedIdOf: (deduplicationId: string) => string;
}>('memory.assignments.5');
