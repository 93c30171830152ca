// Several claims, all or nothing, on DynamoDB: one transaction of their own.
//
//   TransactGetItems on all IDs ── each has an item ───────────────────────────► existing
//        │ some have none
//   wait for a turn, if groups of this process get into each other's way
//   read pages until there are enough items ── all pages, too few ── read the IDs again ► exhausted
//        │ enough
//   TransactWriteItems: for an ID without an item, put it and delete an item; for each other one, check that it
//   has its item still, or give its hold a later end; own writes
//        │ committed ──────────────────────────────────────────────────────────► claimed
//        │ an ID has changed, or an item is gone ── read the IDs and the pages again
//        │ others or throttling in the way ── again, in a while
//        │ own writes refused ── nothing else is in the way ───────────────────► throw
//        │ anything else ── throw; the next call finds out what became of it
//
// Nothing is set aside for a group while it looks for items, so two groups cannot wait for each other.

import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type {
  AtomicGroupOptions,
  GroupClaimResult,
  GroupMember,
} from '../../contracts/atomic-writes.js';
import { runtime } from '../../environment/runtime.js';
import { sleepBeforeRetry } from '../../store-kit/backoff.js';
import { endOfExtendedHold, endOfNewHold } from '../../store-kit/hold.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import type { ItemBankTable } from '../item-bank-table.js';
import { publishObstacle } from '../obstacles.js';
import type { Row } from '../table.js';
import {
  errorInDoubt,
  errorOfObstacle,
  hasConditionFailed,
  sendTransaction,
} from '../transaction.js';
import { BankPass } from './bank-pass.js';
import { shuffled } from './candidate-pool.js';
import type { OwnWrites, Pair } from './change-assignment.js';
import {
  assertOneAccount,
  type Contradictions,
  contradictionsOf,
  isContradicted,
} from './contradictions.js';
import { hasOwnConditionFailed, ownActions, ownWritesRefused } from './own-writes.js';

type Rows = readonly (Row | undefined)[];

/** @param storedIdOf how the table keeps an ID */
export async function claimItems(
  pair: Pair,
  deduplicationIds: readonly string[],
  storedIdOf: (deduplicationId: string) => string,
  options: AtomicGroupOptions<OwnWrites>,
): Promise<GroupClaimResult> {
  const patience = new Patience(CLAIM_PATIENCE_MS, options.signal, options.waitedMs);
  const claim = new GroupClaim(pair, deduplicationIds, storedIdOf, options, patience);
  try {
    return await claim.run();
  } catch (error) {
    throw claim.isInDoubt ? errorInDoubt(error, patience.elapsedMs) : error;
  }
}

/** One ID of the group in a transaction: what it will have, and the actions that see to it. */
interface Part {
  readonly member: GroupMember;
  readonly actions: readonly TransactWriteItem[];
}

class GroupClaim {
  /** Whether an earlier transaction got no answer, and may still be applied. */
  isInDoubt = false;
  readonly #pair: Pair;
  readonly #deduplicationIds: readonly string[];
  readonly #storedIdOf: (deduplicationId: string) => string;
  readonly #options: AtomicGroupOptions<OwnWrites>;
  readonly #patience: Patience;
  readonly #contradictions: Contradictions | undefined;
  #obstacles = 0;

  constructor(
    pair: Pair,
    deduplicationIds: readonly string[],
    storedIdOf: (deduplicationId: string) => string,
    options: AtomicGroupOptions<OwnWrites>,
    patience: Patience,
  ) {
    this.#pair = pair;
    this.#deduplicationIds = deduplicationIds;
    this.#storedIdOf = storedIdOf;
    this.#options = options;
    this.#patience = patience;
    this.#contradictions = contradictionsOf(pair.bank, pair.table);
  }

  async run(): Promise<GroupClaimResult> {
    const { bank } = this.#pair;
    const rows = await this.#readRows();
    // Nothing to compete for.
    const result = lacking(rows) === 0 ? await this.#claim(rows, []) : null;
    return result ?? bank.groupTurns.take(this.#patience, () => this.#compete(rows));
  }

  async #compete(firstRows: Rows): Promise<GroupClaimResult> {
    for (let rows = firstRows; ; rows = await this.#readRows()) {
      this.#patience.assertLeft();
      const needed = lacking(rows);
      // What an earlier pass saw, others may have taken by now.
      const free = await findItems(this.#pair.bank, needed);
      if (free.length >= needed) {
        // At random: other groups may have seen the same ones.
        const result = await this.#claim(rows, shuffled(free).slice(0, needed));
        if (result !== null) return result;
        continue;
      }
      const itemsSeen = free.length;
      const itemsNeeded = lacking(await this.#readRows());
      if (itemsNeeded > itemsSeen) {
        this.#pair.bank.groupTurns.noteSuccess();
        return { status: 'exhausted', itemsNeeded, itemsSeen };
      }
    }
  }

  #readRows(): Promise<Rows> {
    return this.#pair.table.readRowsInTransaction(this.#deduplicationIds.map(this.#storedIdOf));
  }

  /**
   * @param items as many as the group lacks
   * @returns `null`: try again
   */
  async #claim(rows: Rows, items: readonly string[]): Promise<GroupClaimResult | null> {
    const { bank, table } = this.#pair;
    const { signal, alongside } = this.#options;
    const parts = this.#partsOf(rows, items);
    const members = parts.map(({ member }) => member);
    const isNew = items.length > 0;
    const isAsItIs = parts.every(({ actions }) => actions.every(isCheck));
    if (isAsItIs) return { status: 'existing', members };
    const actions = parts.flatMap((part) => part.actions);
    const ours = [table, bank, bank.ledger];
    const written = isNew ? alongside?.(members) : undefined;
    const outcome = await sendTransaction({
      tables: [table, bank],
      actions: [...actions, ...ownActions(written, actions.length, ours)],
      patienceMs: CLAIM_PATIENCE_MS,
      patience: this.#patience,
      signal,
      yieldsToObstacles: true,
    });
    switch (outcome.status) {
      case 'committed':
        for (const item of items) bank.candidates.noteDeparture(item);
        bank.groupTurns.noteSuccess();
        return { status: isNew ? 'claimed' : 'existing', members };
      case 'failed':
        if (!outcome.isObstructed) throw outcome.error;
        bank.groupTurns.noteSetback();
        await this.#sleepAfter(outcome.error);
        return null;
      case 'conditionFailed':
        this.isInDoubt ||= outcome.isInDoubt;
        await this.#noteReasons(rows, parts, outcome);
        return null;
    }
  }

  /** One after the other, in the order of the IDs. */
  #partsOf(rows: Rows, items: readonly string[]): readonly Part[] {
    const free = items.values();
    return this.#deduplicationIds.map((deduplicationId, index) => {
      const row = rows[index];
      return row === undefined
        ? this.#newPart(deduplicationId, free.next().value as string)
        : this.#existingPart(deduplicationId, row);
    });
  }

  #newPart(deduplicationId: string, item: string): Part {
    const { bank, table } = this.#pair;
    const itemBankName = bank.tableName;
    const heldUntil = endOfNewHold(this.#options);
    return {
      member: { deduplicationId, status: 'claimed', item, itemBankName, heldUntil },
      actions: [
        { Put: table.assignment(this.#storedIdOf(deduplicationId), item, itemBankName, heldUntil) },
        { Delete: bank.removal(item) },
      ],
    };
  }

  #existingPart(deduplicationId: string, row: Row): Part {
    const { table } = this.#pair;
    const held = table.heldItemOf(row);
    const end = endOfExtendedHold(table.assignmentOf(row), this.#options);
    const heldUntil = end ?? held.heldUntil;
    return {
      member: { deduplicationId, status: 'existing', ...held, heldUntil },
      actions: [
        end === null
          ? { ConditionCheck: table.presence(row) }
          : { Update: table.extension(row, end) },
      ],
    };
  }

  async #noteReasons(
    rows: Rows,
    parts: readonly Part[],
    {
      error,
      reasons,
    }: { readonly error: unknown; readonly reasons: readonly CancellationReason[] },
  ): Promise<void> {
    const { bank, table } = this.#pair;
    let position = 0;
    let isItemGone = false;
    for (const { member, actions } of parts) {
      const [, removal] = reasons.slice(position, position + actions.length);
      if (hasConditionFailed(removal)) {
        isItemGone = true;
        await isContradicted(bank, member.item, this.#contradictions);
        assertOneAccount(bank, table, this.#contradictions);
      }
      position += actions.length;
    }
    const ours = reasons.slice(0, position);
    if (isItemGone) bank.groupTurns.noteSetback();
    if (isItemGone || ours.some(hasConditionFailed)) return;
    const isHeldUp = ours.some(({ Code = 'None' }) => Code !== 'None');
    // DynamoDB may have told only some of the reasons: the rows decide.
    const isUnchanged = !isHeldUp && areSame(rows, await this.#readRows());
    if (isUnchanged && hasOwnConditionFailed(reasons, position)) {
      throw ownWritesRefused(error, reasons, position);
    }
    await this.#sleepAfter(error);
  }

  async #sleepAfter(error: unknown): Promise<void> {
    const { bank, table } = this.#pair;
    const { elapsedMs } = this.#patience;
    publishObstacle(error, ++this.#obstacles, elapsedMs, [table, bank]);
    await sleepBeforeRetry(this.#obstacles - 1);
    if (this.#patience.isOver) throw errorOfObstacle(error, this.#patience.elapsedMs);
  }
}

function lacking(rows: Rows): number {
  return rows.filter((row) => row === undefined).length;
}

function areSame(some: Rows, others: Rows): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}

function isCheck({ ConditionCheck }: TransactWriteItem): boolean {
  return ConditionCheck !== undefined;
}

/**
 * Reads on until there are so many items, in one pass over the bank that begins now. Whatever stays in the bank
 * all the time is among them, so fewer are a proof that there is too little.
 */
async function findItems(bank: ItemBankTable, count: number): Promise<string[]> {
  const pass = new BankPass(0, runtime.uuid());
  const found = new Set<string>();
  while (found.size < count && !pass.isComplete) {
    const startKey = pass.nextKey;
    const page = await bank.readPage(startKey, count - found.size);
    for (const item of page.items) found.add(item);
    pass.advance(startKey, page, false);
  }
  return [...found];
}
