// The claim for pairs that share no transaction:
//
//   read the ID ── has an item ──────────────────────────────► existing
//        │ none
//   take an item out of the bank ── bank is empty ── read the ID again ► existing | exhausted
//        │ item          ◄── from here on a crash strands this one item
//   put it on the ID, if absent ── landed ───────────────────► claimed
//        │ already assigned ── give the item back ───────────► existing
//        │ nothing was written ── give the item back ────────► throw
//        │ any other error ── the put may have landed: put again and then read, which finds out

import type { ClaimedItem, ClaimResult } from '../contracts/atomic-writes.js';
import type { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import { ItemStrandedError, isStorageBoxError } from '../contracts/errors.js';
import type { ItemBankRepository } from '../contracts/item-bank-repository.js';
import { writtenBy } from '../contracts/written.js';
import { sleepBeforeRetry } from '../store-kit/backoff.js';

/** How often an assignment of unknown outcome is sent before the item is reported as stranded. */
const MAX_PUT_ATTEMPTS = 3;

export async function claimInTwoSteps(
  deduplicationId: string,
  itemRepo: ItemBankRepository,
  deduplicationRepo: DeduplicationRepository,
  signal: AbortSignal | undefined,
): Promise<ClaimResult> {
  signal?.throwIfAborted();
  const existing = await deduplicationRepo.getValueForDeduplicationId(deduplicationId);
  if (existing !== null) return told('existing', existing);

  signal?.throwIfAborted();
  const item = await itemRepo.getItemFromBank();
  if (item === null) {
    const assignedMeanwhile = await deduplicationRepo.getValueForDeduplicationId(deduplicationId);
    return assignedMeanwhile === null
      ? { status: 'exhausted', item: null }
      : told('existing', assignedMeanwhile);
  }
  // From here on the signal is ignored: an abort must not strand the item.
  const owned = await assign(deduplicationId, item, itemRepo, deduplicationRepo);
  if (owned === item) return told('claimed', item);
  await giveBack(item, itemRepo);
  return told('existing', owned);
}

/** The two methods that assign and read an item know nothing of its bank. */
function told(status: ClaimedItem['status'], item: string): ClaimResult {
  return { status, item, itemBankName: null, heldUntil: null };
}

/** Which item the ID has in the end: the given one, or the one that it had already. */
async function assign(
  deduplicationId: string,
  item: string,
  itemRepo: ItemBankRepository,
  deduplicationRepo: DeduplicationRepository,
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      await deduplicationRepo.putDeduplicationId(deduplicationId, item);
      return item;
    } catch (error) {
      // The existing item is the given one if an earlier attempt was applied but its answer was lost:
      // the item is out of the bank, so nobody else can have assigned it.
      const isAssigned =
        isStorageBoxError(error) && error.code === 'STORAGEBOX_DEDUPLICATION_ID_ALREADY_ASSIGNED';
      if (isAssigned) return error.existingItem;
      if (attempt === 1 && writtenBy(error) === 'nothing') {
        await giveBack(item, itemRepo);
        throw error;
      }
      if (attempt === MAX_PUT_ATTEMPTS) {
        return readOwned(
          deduplicationId,
          deduplicationRepo,
          new ItemStrandedError(item, { cause: error }),
        );
      }
      await sleepBeforeRetry(attempt);
    }
  }
}

/** If the ID has no item, that proves nothing: the put may still arrive. */
async function readOwned(
  deduplicationId: string,
  deduplicationRepo: DeduplicationRepository,
  stranded: ItemStrandedError,
): Promise<string> {
  const owned = await deduplicationRepo
    .getValueForDeduplicationId(deduplicationId)
    .catch(() => null);
  if (owned === null) throw stranded;
  return owned;
}

async function giveBack(item: string, itemRepo: ItemBankRepository): Promise<void> {
  try {
    // A bank need not extend `ItemBankRepository`: an object with its three abstract methods is enough.
    const putBack = itemRepo.returnItemToBank ?? itemRepo.addItemToBank;
    await putBack.call(itemRepo, item);
  } catch (error) {
    throw new ItemStrandedError(item, { cause: error });
  }
}
