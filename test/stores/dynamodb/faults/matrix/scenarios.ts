// What each path of the matrix does, and what is right: the promises, whatever the code does for them.
import { randomUUID } from 'node:crypto';
import {
  type BatchAddItemsReport,
  type Deduplicator,
  type ItemBankDynamoDbRepository,
  isStorageBoxError,
} from 'storagebox';
import { expect } from 'vitest';
import { type Path, type Row, WRITES } from './rows.js';
import type { World } from './world.js';

/** What a path uses of a node that meets the faults. */
export interface FaultyNode {
  /** With a ledger where the path has one. */
  readonly itemRepo: ItemBankDynamoDbRepository;
  readonly deduplicator: Deduplicator;
}

export interface Scenario {
  call(): Promise<unknown>;
  expectRight(answer: unknown): Promise<void>;
  /** The error tells the truth. */
  expectHonest(error: unknown): Promise<void>;
  /** What others do after the call has ended well, and before its late requests arrive. */
  meanwhile?(): Promise<void>;
}

export async function prepare(
  path: Path,
  row: Row,
  node: FaultyNode,
  world: World,
): Promise<Scenario> {
  const deduplicationId = `user-${randomUUID()}`;
  const isOpen = row.leavesOutcomeOpen && WRITES.includes(path);
  switch (path) {
    case 'scan':
    case 'claim':
      return claimOf(deduplicationId, node, world, isOpen);
    case 'get':
      await world.claim(deduplicationId);
      return claimOf(deduplicationId, node, world, isOpen);
    case 'null, has one':
      await world.assign(deduplicationId, `voucher-${randomUUID()}`);
      return claimOf(deduplicationId, node, world, isOpen);
    case 'null, none':
      return nullFor(deduplicationId, world, () =>
        node.deduplicator.fetchItemForDeduplicationId(deduplicationId),
      );
    case 'add':
      return additionOf(node, world, isOpen);
    case 'ledger look':
    case 'ledger add':
      return additionWithLedger(node, world, path === 'ledger add' ? isOpen : null);
    case 'release none':
      return nullFor(deduplicationId, world, () =>
        node.deduplicator.releaseItemForDeduplicationId(deduplicationId),
      );
    case 'release get':
    case 'release':
      return releaseOf(deduplicationId, row, node, world, isOpen);
    case 'retire':
      return retirementOf(deduplicationId, row, node, world, isOpen);
  }
}

function claimOf(
  deduplicationId: string,
  { deduplicator }: FaultyNode,
  world: World,
  isOpen: boolean,
): Scenario {
  return {
    call: () => deduplicator.fetchItemForDeduplicationId(deduplicationId),
    expectRight: async (answer) => {
      await world.expectSound();
      expect(answer).toEqual(expect.any(String));
      expect(answer).toBe(world.ownerOf(deduplicationId));
    },
    expectHonest: async (error) => {
      expectTold(error);
      expect(isOutcomeUnknown(error)).toBe(isOpen);
    },
  };
}

/** The ID has none, before and after. */
function nullFor(deduplicationId: string, world: World, call: Scenario['call']): Scenario {
  return {
    call,
    expectRight: async (answer) => {
      const { owners } = await world.expectSound();
      expect({ answer, owner: owners.get(deduplicationId) }).toEqual({
        answer: null,
        owner: undefined,
      });
    },
    expectHonest: async (error) => {
      expectTold(error);
      expect(isOutcomeUnknown(error)).toBe(false);
    },
  };
}

function newItems(count: number): string[] {
  return Array.from({ length: count }, () => `added-${randomUUID()}`);
}

function additionOf({ itemRepo }: FaultyNode, world: World, isOpen: boolean): Scenario {
  let items = newItems(3);
  return {
    call: () => itemRepo.batchAddItems(items),
    expectRight: async (answer) => {
      const { added, alreadyKnown } = answer as BatchAddItemsReport;
      expect(added + alreadyKnown).toBe(items.length);
      world.noteAdded(items);
      const { left } = await world.expectSound();
      expect(items.filter((item) => !left.has(item))).toEqual([]);
      // Whatever of the batch is still on its way must not put it back.
      await world.othersTake(items.slice(0, 1));
      items = items.slice(1);
    },
    expectHonest: async (error) => {
      expectNotAllAdded(error, items, isOpen);
      const { left } = await world.expectSound();
      if (!isOpen) expect(items.filter((item) => left.has(item))).toEqual([]);
    },
  };
}

/**
 * Three items are new and one was handed out: with a ledger the whole list may be added again at any
 * time.
 *
 * @param isOpen `null` where the write itself meets no fault
 */
async function additionWithLedger(
  { itemRepo }: FaultyNode,
  world: World,
  isOpen: boolean | null,
): Promise<Scenario> {
  const handedOut = newItems(1);
  await world.add(handedOut, world.tables);
  await world.othersTake(handedOut);
  const items = newItems(3);
  const inBank = new Set(items);
  /** Both or neither: an item is in the ledger when it is in the bank or handed out. */
  const expectEntered = async () => {
    const { left, owners } = await world.expectSound();
    const ledger = await world.ledgerRows();
    const present = new Set([...left, ...owners.values()]);
    const all = [...handedOut, ...items];
    expect(all.filter((item) => ledger.has(item))).toEqual(all.filter((item) => present.has(item)));
    return { left, ledger };
  };
  return {
    call: () => itemRepo.batchAddItems([...handedOut, ...items]),
    expectRight: async (answer) => {
      const { added, alreadyKnown } = answer as BatchAddItemsReport;
      expect(added + alreadyKnown).toBe(handedOut.length + items.length);
      world.noteAdded(items);
      const { left, ledger } = await expectEntered();
      expect(items.filter((item) => !ledger.has(item))).toEqual([]);
      expect(items.filter((item) => left.has(item))).toEqual([...inBank]);
      // Neither what is still on its way nor the next call must put it back.
      const [next] = inBank;
      await world.othersTake([String(next)]);
      inBank.delete(String(next));
    },
    expectHonest: async (error) => {
      if (isOpen === null) expectTold(error);
      else expectNotAllAdded(error, items, isOpen);
      const { left } = await expectEntered();
      if (isOpen !== true) expect(items.filter((item) => left.has(item))).toEqual([]);
    },
  };
}

/** In whose hands the item of a release was before, what the call said, and where it is now. */
async function releaseOf(
  deduplicationId: string,
  row: Row,
  { deduplicator }: FaultyNode,
  world: World,
  isOpen: boolean,
): Promise<Scenario> {
  return endOfAssignment(deduplicationId, row, world, isOpen, {
    call: () => deduplicator.releaseItemForDeduplicationId(deduplicationId),
    isAtItsEnd: async (item, { left }) => left.has(item),
  });
}

async function retirementOf(
  deduplicationId: string,
  row: Row,
  { deduplicator }: FaultyNode,
  world: World,
  isOpen: boolean,
): Promise<Scenario> {
  return endOfAssignment(deduplicationId, row, world, isOpen, {
    call: (item) => {
      world.expectRetirement(item);
      return deduplicator.retireItemForDeduplicationId(deduplicationId);
    },
    isAtItsEnd: async (item, { left }) =>
      !left.has(item) && (await world.ledgerRows()).get(item)?.retired_at !== undefined,
  });
}

interface End {
  call(item: string): Promise<unknown>;
  /** Whether the item is where it belongs once the ID no longer has it. */
  isAtItsEnd(item: string, found: Awaited<ReturnType<World['expectSound']>>): Promise<boolean>;
}

async function endOfAssignment(
  deduplicationId: string,
  { othersDoTheSame }: Row,
  world: World,
  isOpen: boolean,
  { call, isAtItsEnd }: End,
): Promise<Scenario> {
  let item = await world.claim(deduplicationId);
  // `null` is right when another node has ended the assignment, or an earlier call of unknown outcome.
  let isNullRight = othersDoTheSame;
  const find = async () => {
    const found = await world.expectSound();
    const isAssigned = found.owners.get(deduplicationId) === item;
    const isEnded = !found.owners.has(deduplicationId) && (await isAtItsEnd(item, found));
    expect(isAssigned !== isEnded, 'the item is in exactly one place').toBe(true);
    return isAssigned ? 'assigned' : 'ended';
  };
  return {
    call: () => {
      world.expectRelease(deduplicationId);
      return call(item);
    },
    expectRight: async (answer) => {
      expect(isNullRight ? [item, null] : [item]).toContain(answer);
      isNullRight = false;
      expect(await find()).toBe('ended');
    },
    expectHonest: async (error) => {
      expectTold(error);
      expect(isOutcomeUnknown(error)).toBe(isOpen);
      const place = await find();
      if (!isOpen) expect(place).toBe('assigned');
      // It may still arrive.
      if (isOpen) world.expectRelease(deduplicationId);
      isNullRight = isOpen;
    },
    // What is still on its way must not end an assignment that was made after it.
    meanwhile: async () => {
      item = await world.claim(deduplicationId);
    },
  };
}

function expectNotAllAdded(error: unknown, items: readonly string[], isOpen: boolean): void {
  expectTold(error);
  const parts = isOpen
    ? { notAdded: [], unconfirmed: items }
    : { notAdded: items, unconfirmed: [] };
  expect(error).toMatchObject({ code: 'STORAGEBOX_BATCH_NOT_FULLY_ADDED', added: 0, ...parts });
  expect(isOutcomeUnknown((error as Error).cause)).toBe(isOpen);
}

/** An error of the package or of the SDK, not of code that was surprised. */
function expectTold(error: unknown): void {
  expect(error).toBeInstanceOf(Error);
  expect(isStorageBoxError(error) || '$metadata' in (error as Error)).toBe(true);
}

function isOutcomeUnknown(error: unknown): boolean {
  return isStorageBoxError(error) && error.code === 'STORAGEBOX_OUTCOME_UNKNOWN';
}
