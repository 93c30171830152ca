// What the pair in memory does in one write. Atomic because nothing in it awaits.
import type {
  AnyClaimResult,
  AtomicClaimOptions,
  AtomicConfirmOptions,
  AtomicGroupOptions,
  AtomicReleaseOptions,
  AtomicWrites,
  ClaimedItem,
  GroupClaimResult,
  GroupMember,
  HoldOptions,
} from '../contracts/atomic-writes.js';
import { AlongsideRefusedError, UnknownItemBankError } from '../contracts/errors.js';
import type { ItemBankRepository } from '../contracts/item-bank-repository.js';
import type { Assignment } from '../contracts/looking.js';
import { assertOwnWrite } from '../contracts/validation.js';
import { runtime } from '../environment/runtime.js';
import { endOfExtendedHold, endOfNewHold } from '../store-kit/hold.js';
import { type MemoryBank, memoryBanks } from './memory-bank.js';

/**
 * What a caller can have done in the same commit in memory: a function that runs in the middle of it. If it
 * throws, nothing is done, and the call throws `AlongsideRefusedError` with what it threw as `cause`. It must
 * not await.
 */
export type MemoryWrite = () => void;

/** An assignment, and the bank that its item was claimed from. */
interface Held {
  readonly item: string;
  /** Not `Date`s, to save memory with a million rows. */
  readonly assignedAtMs: number;
  /** `null`: for good. */
  readonly heldUntilMs: number | null;
  readonly origin: MemoryBank | null;
}

/** By the IDs as they are kept. */
export type Assigned = Map<string, Held>;

export function assignmentOf(
  deduplicationId: string,
  { item, assignedAtMs, heldUntilMs, origin }: Held,
): Assignment {
  const itemBankName = origin?.name ?? null;
  const assignedAt = new Date(assignedAtMs);
  const heldUntil = heldUntilMs === null ? null : new Date(heldUntilMs);
  return { deduplicationId, item, itemBankName, itemBankTableName: null, assignedAt, heldUntil };
}

export function memoryWrites(
  assigned: Assigned,
  bank: MemoryBank,
  storedIdOf: (deduplicationId: string) => string,
): AtomicWrites<MemoryWrite> {
  const writes = new MemoryWrites(assigned, bank);
  return {
    features: ['item', 'holdForMs', 'alongside'],
    claimItem: async (deduplicationId, options) =>
      writes.claim(storedIdOf(deduplicationId), options),
    claimItems: async (deduplicationIds, options) =>
      writes.claimAll(deduplicationIds, storedIdOf, options),
    confirmItem: async (deduplicationId, options) =>
      writes.confirm(storedIdOf(deduplicationId), options),
    releaseItem: async (deduplicationId, options) =>
      writes.release(storedIdOf(deduplicationId), options),
    expiredHolds: ({ at }) => writes.expiredHolds(at),
  };
}

class MemoryWrites {
  readonly #assigned: Assigned;
  readonly #bank: MemoryBank;

  constructor(assigned: Assigned, bank: MemoryBank) {
    this.#assigned = assigned;
    this.#bank = bank;
  }

  claim(
    storedId: string,
    { item: chosen, alongside, ...hold }: AtomicClaimOptions<MemoryWrite>,
  ): AnyClaimResult {
    const existing = this.#planExisting(storedId, hold);
    if (existing !== null) return this.#apply(storedId, existing);
    const item = chosen ?? this.#bank.choose(1)[0];
    if (item === undefined) return { status: 'exhausted', item: null };
    if (!this.#bank.has(item)) return { status: 'taken', item: null };
    const plan = this.#planNew(item, hold);
    commit(alongside?.(item));
    return this.#apply(storedId, plan);
  }

  claimAll(
    deduplicationIds: readonly string[],
    storedIdOf: (deduplicationId: string) => string,
    { alongside, ...hold }: AtomicGroupOptions<MemoryWrite>,
  ): GroupClaimResult {
    const storedIds = deduplicationIds.map(storedIdOf);
    const lacking = storedIds.filter((storedId) => !this.#assigned.has(storedId));
    const items = this.#bank.choose(lacking.length);
    if (items.length < lacking.length) {
      return { status: 'exhausted', itemsNeeded: lacking.length, itemsSeen: items.length };
    }
    const free = items.values();
    const plans = storedIds.map(
      (storedId) =>
        this.#planExisting(storedId, hold) ?? this.#planNew(free.next().value as string, hold),
    );
    const members = deduplicationIds.map(
      (deduplicationId, index): GroupMember => ({
        deduplicationId,
        ...claimedItem(plans[index] as Plan),
      }),
    );
    if (lacking.length > 0) commit(alongside?.(members));
    for (const [index, storedId] of storedIds.entries())
      this.#apply(storedId, plans[index] as Plan);
    return { status: lacking.length > 0 ? 'claimed' : 'existing', members };
  }

  confirm(storedId: string, { item, alongside }: AtomicConfirmOptions<MemoryWrite>): string | null {
    const held = this.#assigned.get(storedId);
    if (held === undefined || (item !== undefined && item !== held.item)) return null;
    if (held.heldUntilMs !== null) {
      commit(alongside?.(held.item));
      this.#assigned.set(storedId, { ...held, heldUntilMs: null });
    }
    return held.item;
  }

  release(
    storedId: string,
    { fate, banks, alongside }: AtomicReleaseOptions<MemoryWrite>,
  ): string | null {
    const held = this.#assigned.get(storedId);
    if (held === undefined) return null;
    const origin = held.origin ?? this.#bank;
    const isAtHand = origin === this.#bank || isAmong(banks, origin);
    if (fate === 'return' && !isAtHand) throw new UnknownItemBankError(0);
    commit(alongside?.(held.item));
    this.#assigned.delete(storedId);
    if (fate === 'return') origin.giveBack(held.item);
    else if (isAtHand) origin.retire(held.item);
    return held.item;
  }

  async *expiredHolds(at: Date) {
    const hasExpired = ({ heldUntilMs }: Held) =>
      heldUntilMs !== null && heldUntilMs <= at.getTime();
    for (const [deduplicationId, read] of [...this.#assigned]) {
      if (!hasExpired(read)) continue;
      const release = async ({ banks }: Pick<AtomicReleaseOptions, 'banks'>) => {
        const isAsRead = this.#assigned.get(deduplicationId) === read;
        return isAsRead ? this.release(deduplicationId, { fate: 'return', banks }) : null;
      };
      yield { deduplicationId, release };
    }
  }

  /** What the ID has, with its hold extended if that is asked for; `null` if it has nothing. */
  #planExisting(storedId: string, hold: HoldOptions): Plan | null {
    const held = this.#assigned.get(storedId);
    if (held === undefined) return null;
    const end = endOfExtendedHold(assignmentOf(storedId, held), hold);
    const after = end === null ? held : { ...held, heldUntilMs: end.getTime() };
    return { status: 'existing', held: after };
  }

  #planNew(item: string, hold: HoldOptions): Plan {
    const assignedAtMs = runtime.date().getTime();
    const heldUntilMs = endOfNewHold(hold)?.getTime() ?? null;
    return { status: 'claimed', held: { item, assignedAtMs, heldUntilMs, origin: this.#bank } };
  }

  #apply(storedId: string, plan: Plan): ClaimedItem {
    if (plan.status === 'claimed') this.#bank.remove(plan.held.item);
    this.#assigned.set(storedId, plan.held);
    return claimedItem(plan);
  }
}

/** What an ID has once it is applied. */
interface Plan {
  readonly status: ClaimedItem['status'];
  readonly held: Held;
}

function claimedItem({ status, held }: Plan): ClaimedItem {
  const { item, itemBankName, heldUntil = null } = assignmentOf('', held);
  return { status, item, itemBankName, heldUntil };
}

function isAmong(banks: readonly ItemBankRepository[] = [], bank: MemoryBank): boolean {
  return banks.some((other) => memoryBanks.find(other) === bank);
}

function commit(write: MemoryWrite | undefined): void {
  if (write === undefined) return;
  assertOwnWrite(
    write,
    'With the pair in memory, return a function that does the writes, and throws to refuse them.',
  );
  try {
    write();
  } catch (cause) {
    throw new AlongsideRefusedError([cause], { cause });
  }
}
