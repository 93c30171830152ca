import type {
  AtomicReleaseOptions,
  AtomicWrites,
  ClaimResult,
} from '../contracts/atomic-writes.js';
import { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import { DeduplicationIdAlreadyAssignedError, UnknownItemBankError } from '../contracts/errors.js';
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
import { type MemoryBank, memoryBanks } from './memory-bank.js';

/** A deduplication repository in this process's memory, for unit tests. */
export class DeduplicationMemoryRepository
  extends DeduplicationRepository
  implements DeduplicationLooking
{
  constructor() {
    super();
    assignments.attach(this, new Map());
  }

  override async getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    assertDeduplicationId(deduplicationId);
    return assignments.of(this).get(deduplicationId)?.item ?? null;
  }

  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    assertDeduplicationId(deduplicationId);
    assertItem(item);
    const existing = assignments.of(this).get(deduplicationId);
    if (existing !== undefined) throw new DeduplicationIdAlreadyAssignedError(existing.item);
    assignments.of(this).set(deduplicationId, {
      item,
      assignedAtMs: runtime.date().getTime(),
      origin: null,
    });
  }

  /** Atomic with an `ItemBankMemoryRepository`. */
  override async atomicWritesWith(itemRepo: ItemBankRepository): Promise<AtomicWrites | null> {
    const bank = memoryBanks.find(itemRepo);
    return bank === undefined ? null : atomicWrites(assignments.of(this), bank);
  }

  /** @deprecated The earlier name of {@link atomicWritesWith}. */
  override atomicClaimWith(itemRepo: ItemBankRepository): Promise<AtomicWrites | null> {
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
    const held = assignments.of(this).get(deduplicationId);
    return held === undefined ? null : assignmentOf(deduplicationId, held);
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
    if (assignedAfter === undefined) return assignments.of(this).size;
    const held = [...assignments.of(this).values()];
    return held.filter(({ assignedAtMs }) => assignedAtMs > assignedAfter.getTime()).length;
  }

  /** The exact count: in memory there is nothing to estimate. */
  async estimateAssignmentCount(): Promise<number> {
    return assignments.of(this).size;
  }

  /**
   * Lists all assignments.
   *
   * @throws InvalidOptionError when an option cannot be used
   */
  listAssignments(options?: ListOptions): Listing<Assignment> {
    const held = () =>
      [...assignments.of(this)].map(([id, one]) => [id, assignmentOf(id, one)] as const);
    return listSnapshot('the assignments in memory', held, options);
  }
}

/** An assignment, and the bank that its item was claimed from. */
interface Held {
  readonly item: string;
  /** Not a `Date`, to save memory with a million rows. */
  readonly assignedAtMs: number;
  readonly origin: MemoryBank | null;
}

type Assigned = Map<string, Held>;

function assignmentOf(deduplicationId: string, { item, assignedAtMs, origin }: Held): Assignment {
  const itemBankName = origin?.name ?? null;
  const assignedAt = new Date(assignedAtMs);
  return { deduplicationId, item, itemBankName, itemBankTableName: null, assignedAt };
}

/** Atomic because nothing in it awaits. */
function atomicWrites(assigned: Assigned, bank: MemoryBank): AtomicWrites {
  const claim = (deduplicationId: string): ClaimResult => {
    const existing = assigned.get(deduplicationId);
    if (existing !== undefined) {
      const itemBankName = existing.origin?.name ?? null;
      return { status: 'existing', item: existing.item, itemBankName };
    }
    const item = bank.take();
    if (item === null) return { status: 'exhausted', item: null };
    assigned.set(deduplicationId, { item, assignedAtMs: runtime.date().getTime(), origin: bank });
    return { status: 'claimed', item, itemBankName: bank.name };
  };
  const release = (
    deduplicationId: string,
    { fate, banks = [] }: AtomicReleaseOptions,
  ): string | null => {
    const held = assigned.get(deduplicationId);
    if (held === undefined) return null;
    const origin = held.origin ?? bank;
    const isAtHand = origin === bank || banks.some((other) => memoryBanks.find(other) === origin);
    if (fate === 'return' && !isAtHand) throw new UnknownItemBankError(0);
    assigned.delete(deduplicationId);
    if (fate === 'return') origin.giveBack(held.item);
    else if (isAtHand) origin.retire(held.item);
    return held.item;
  };
  return {
    claimItem: async (deduplicationId) => claim(deduplicationId),
    releaseItem: async (deduplicationId, options) => release(deduplicationId, options),
  };
}

const assignments = attachedState<Assigned>('memory.assignments.4');
