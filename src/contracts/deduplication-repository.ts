import type { AtomicWrites } from './atomic-writes.js';
import type { ItemBankRepository } from './item-bank-repository.js';

/**
 * Remembers which deduplication ID has which item. Both abstract methods must be safe to call from
 * many processes at once. Each throws on failure; a failure must never be reported as "none" or "taken".
 *
 * @typeParam OwnWrites what the atomic writes of its pair can write for their caller in the same commit
 */
export abstract class DeduplicationRepository<OwnWrites = never> {
  /**
   * Strongly consistent: sees every `putDeduplicationId` that was resolved before the call.
   *
   * @returns the item of the ID, or `null` when it has none
   * @throws InvalidDeduplicationIdError when the ID is not a non-empty, well-formed string of
   *   ≤ 2,048 bytes
   */
  abstract getValueForDeduplicationId(deduplicationId: string): Promise<string | null>;

  /**
   * Assigns the item to the ID unless the ID has one. Atomic: of many calls for one ID, one succeeds.
   *
   * If it tries several times by itself, an error that says that nothing was written (see `writtenBy`)
   * has to hold for all of them: a claim in two steps then gives the item back.
   *
   * @throws DeduplicationIdAlreadyAssignedError when the ID has an item; the error holds that item
   * @throws InvalidDeduplicationIdError, InvalidItemError when a value cannot be a key
   */
  abstract putDeduplicationId(deduplicationId: string, item: string): Promise<void>;

  /**
   * Optional. Returns what this repository and the given item bank do in one indivisible write, or
   * `null` if they share none. Without it, or with `null`, the `Deduplicator` claims in two steps. Called
   * once per `Deduplicator`, at its first claim.
   */
  atomicWritesWith?(itemRepo: ItemBankRepository): Promise<AtomicWrites<OwnWrites> | null>;

  /** @deprecated The earlier name of {@link atomicWritesWith}. A class that has only this one works. */
  atomicClaimWith?(itemRepo: ItemBankRepository): Promise<AtomicWrites<OwnWrites> | null>;
}

/**
 * What the pair does in one indivisible write, or `null`. The earlier name is asked first: the repositories
 * of this package pass that call on to the new name, so a class that overrides either of the two is heard.
 */
export function atomicWritesOf<OwnWrites>(
  deduplicationRepo: DeduplicationRepository<OwnWrites>,
  itemRepo: ItemBankRepository,
): Promise<AtomicWrites<OwnWrites> | null> {
  const method = 'atomicClaimWith' in deduplicationRepo ? 'atomicClaimWith' : 'atomicWritesWith';
  return deduplicationRepo[method]?.(itemRepo) ?? Promise.resolve(null);
}
