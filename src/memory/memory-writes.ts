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
import { assertOption } from '../contracts/validation.js';
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
    const existing = this.#existing(storedId, hold);
    if (existing !== null) return existing;
    const item = chosen ?? this.#bank.choose(1)[0];
    if (item === undefined) return { status: 'exhausted', item: null };
    if (!this.#bank.has(item)) return { status: 'taken', item: null };
    commit(alongside?.(item));
    return this.#assign(storedId, item, hold);
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
      const [itemsNeeded, itemsSeen] = [lacking.length, items.length];
      return { status: 'exhausted', itemsNeeded, itemsSeen };
    }
    const chosen = new Map(lacking.map((storedId, index) => [storedId, items[index] as string]));
    if (lacking.length > 0 && alongside !== undefined) {
      const members = deduplicationIds.map((deduplicationId, index): GroupMember => {
        const member = this.#memberToBe(storedIds[index] as string, chosen, hold);
        return { deduplicationId, ...member };
      });
      commit(alongside(members));
    }
    const members = deduplicationIds.map((deduplicationId, index): GroupMember => {
      const storedId = storedIds[index] as string;
      const item = chosen.get(storedId);
      const member =
        item === undefined
          ? (this.#existing(storedId, hold) as ClaimedItem)
          : this.#assign(storedId, item, hold);
      return { deduplicationId, ...member };
    });
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
  #existing(storedId: string, hold: HoldOptions): ClaimedItem | null {
    const held = this.#assigned.get(storedId);
    if (held === undefined) return null;
    const end = endOfExtendedHold(assignmentOf(storedId, held), hold);
    const now = end === null ? held : { ...held, heldUntilMs: end.getTime() };
    this.#assigned.set(storedId, now);
    return claimedItem('existing', now);
  }

  #assign(storedId: string, item: string, hold: HoldOptions): ClaimedItem {
    this.#bank.remove(item);
    const held = this.#newlyHeld(item, hold);
    this.#assigned.set(storedId, held);
    return claimedItem('claimed', held);
  }

  #newlyHeld(item: string, hold: HoldOptions): Held {
    const assignedAtMs = runtime.date().getTime();
    const heldUntilMs = endOfNewHold(hold)?.getTime() ?? null;
    return { item, assignedAtMs, heldUntilMs, origin: this.#bank };
  }

  #memberToBe(
    storedId: string,
    chosen: ReadonlyMap<string, string>,
    hold: HoldOptions,
  ): ClaimedItem {
    const item = chosen.get(storedId);
    if (item !== undefined) return claimedItem('claimed', this.#newlyHeld(item, hold));
    return claimedItem('existing', this.#assigned.get(storedId) as Held);
  }
}

function claimedItem(status: ClaimedItem['status'], held: Held): ClaimedItem {
  const { item, itemBankName, heldUntil = null } = assignmentOf('', held);
  return { status, item, itemBankName, heldUntil };
}

function isAmong(banks: readonly ItemBankRepository[] = [], bank: MemoryBank): boolean {
  return banks.some((other) => memoryBanks.find(other) === bank);
}

function commit(write: MemoryWrite | undefined): void {
  if (write === undefined) return;
  assertOption(
    typeof write === 'function',
    'alongside',
    'a function that returns a function',
    write,
    'With the pair in memory, return a function that does the writes, and throws to refuse them.',
  );
  try {
    write();
  } catch (cause) {
    throw new AlongsideRefusedError([cause], { cause });
  }
}
