// What each path of the matrix does, and what is right: the promises, whatever the code does for them.
import { randomUUID } from 'node:crypto';
import type { DynamoDBClient, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import {
  type BatchAddItemsReport,
  type Deduplicator,
  type GroupClaimResult,
  type ItemBankDynamoDbRepository,
  isStorageBoxError,
} from 'storagebox';
import { expect, vi } from 'vitest';
import { runtime } from '../../../../../src/environment/runtime.js';
import type { Attempt, FaultyTransport } from '../../../../support/faulty-transport.js';
import { Rush } from '../../../../support/rush.js';
import { GROUP_SIZE, isGroup, type Path, POSITIONS, type Row, WRITES } from './rows.js';
import type { World } from './world.js';

/** In real time, for claims that need not wait for anything. */
const PATIENCE_MS = 10_000;

/** What a path uses of a node that meets the faults. */
export interface FaultyNode {
  /** With a ledger where the path has one. */
  readonly itemRepo: ItemBankDynamoDbRepository;
  readonly deduplicator: Deduplicator;
  readonly client: DynamoDBClient;
  readonly transport: FaultyTransport;
}

export interface Scenario {
  call(): Promise<unknown>;
  expectRight(answer: unknown): Promise<void>;
  /** The error tells the truth. */
  expectHonest(error: unknown): Promise<void>;
  /** What others do after the call has ended well, and before its late requests arrive. */
  meanwhile?(): Promise<void>;
  /** Sees each attempt, and tells a fault of single actions which ones it concerns: none, or some. */
  aim?(attempt: Attempt): Attempt;
  /** What shared the transaction has its answers, too. */
  expectOthersRight?(): void;
}

export async function prepare(
  path: Path,
  row: Row,
  node: FaultyNode,
  world: World,
): Promise<Scenario> {
  const deduplicationId = `user-${randomUUID()}`;
  const isOpen = row.leavesOutcomeOpen && WRITES.includes(path);
  if (isGroup(path)) return groupOf(POSITIONS[path], row, node, world);
  switch (path) {
    case 'scan':
    case 'claim':
      return claimOf(deduplicationId, node, world, isOpen);
    case 'chosen': {
      const [item] = (await world.expectSound()).left;
      return {
        ...claimOf(deduplicationId, node, world, isOpen),
        call: async () => {
          const claimed = await node.deduplicator.claim(deduplicationId, { item: String(item) });
          expect(claimed.item).toBe(item);
          return claimed.item;
        },
      };
    }
    case 'claim all':
      return allOf(node, world, isOpen);
    case 'confirm':
      return confirmationOf(deduplicationId, node, world, isOpen);
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
      expectItemOf(deduplicationId, world, answer);
    },
    expectHonest: async (error) => expectHonestClaim(error, isOpen),
  };
}

/** All of them have an item, or none. */
function allOf({ deduplicator }: FaultyNode, world: World, isOpen: boolean): Scenario {
  const ids = Array.from({ length: 3 }, () => `user-${randomUUID()}`);
  return {
    call: () => deduplicator.claimAll(ids),
    expectRight: async (answer) => {
      await world.expectSound();
      const { members = [] } = answer as GroupClaimResult;
      expect(members.map(({ deduplicationId }) => deduplicationId)).toEqual(ids);
      for (const { deduplicationId, item } of members) {
        expectItemOf(deduplicationId, world, item);
      }
    },
    expectHonest: async (error) => {
      expectHonestClaim(error, isOpen);
      const { owners } = await world.expectSound();
      const served = ids.filter((id) => owners.has(id)).length;
      expect(isOpen ? [0, ids.length] : [0]).toContain(served);
    },
  };
}

async function confirmationOf(
  deduplicationId: string,
  { deduplicator }: FaultyNode,
  world: World,
  isOpen: boolean,
): Promise<Scenario> {
  const item = await world.claim(deduplicationId, { holdForMs: 3_600_000 });
  return {
    call: () => deduplicator.confirm(deduplicationId, { item }),
    expectRight: async (answer) => {
      expect(answer).toBe(item);
      await world.expectSound();
      expectItemOf(deduplicationId, world, item);
      expect(await world.isHeld(deduplicationId)).toBe(false);
    },
    expectHonest: async (error) => {
      expectHonestClaim(error, isOpen);
      await world.expectSound();
      if (!isOpen) expect(await world.isHeld(deduplicationId)).toBe(true);
    },
  };
}

/** What the last audit found in the hands of the ID. */
function expectItemOf(deduplicationId: string, world: World, answer: unknown): void {
  expect(answer).toEqual(expect.any(String));
  expect(answer).toBe(world.ownerOf(deduplicationId));
}

function expectHonestClaim(error: unknown, isOpen: boolean): void {
  expectTold(error);
  expect(isOutcomeUnknown(error)).toBe(isOpen);
}

/** Claims that share a transaction: each one's answer, whatever becomes of the others. */
async function groupOf(
  position: number,
  { leavesOutcomeOpen, blamesOneClaim }: Row,
  node: FaultyNode,
  world: World,
): Promise<Scenario> {
  const ids = Array.from({ length: GROUP_SIZE }, () => `user-${randomUUID()}`);
  const rush = await Rush.begin(node);
  const attempts: Attempt['input'][] = [];
  let outcomes: PromiseSettledResult<unknown>[] = [];
  const others = ids.filter((_, index) => index !== position);
  const idsAfterGroup = () =>
    attempts
      .filter(({ ClientRequestToken: token }) => token !== attempts[0]?.ClientRequestToken)
      .flatMap(idsIn)
      .filter((id) => id !== undefined);
  const othersGo = () =>
    vi
      .waitFor(() => expect(idsAfterGroup().length).toBeGreaterThanOrEqual(others.length), {
        timeout: PATIENCE_MS,
        interval: 1,
      })
      .catch(() => {});
  const expectToldToEach = async () => {
    expect(idsIn(attempts[0] ?? {})).toEqual(ids.flatMap((id) => [id, undefined]));
    // While nobody knows what became of the group, it stays together, with its token.
    if (leavesOutcomeOpen) for (const input of attempts) expect(input).toEqual(attempts[0]);
    if (blamesOneClaim) {
      // They go again at once. The one that is blamed has its answer by then, or waits.
      const next = idsAfterGroup().slice(0, others.length);
      expect(new Set(next)).toEqual(new Set(others));
    }
    await world.expectSound();
    outcomes.forEach((outcome, index) => {
      if (outcome.status === 'rejected') expectHonestClaim(outcome.reason, leavesOutcomeOpen);
      else expectItemOf(String(ids[index]), world, outcome.value);
    });
  };
  return {
    call: async () => {
      const calls = ids.map((id) => node.deduplicator.fetchItemForDeduplicationId(id));
      const ended = Promise.allSettled(calls);
      await rush.settled();
      if (blamesOneClaim) vi.mocked(runtime.sleep).mockImplementationOnce(othersGo);
      await rush.end();
      outcomes = await ended;
      return calls[position];
    },
    expectRight: expectToldToEach,
    expectHonest: expectToldToEach,
    aim: (attempt) => {
      attempts.push(attempt.input);
      if (!blamesOneClaim) return attempt;
      const slot = idsIn(attempt.input).indexOf(ids[position]);
      const actions = attempt.input.TransactItems as TransactWriteItem[];
      return { ...attempt, target: slot === -1 ? [] : actions.slice(slot, slot + 2) };
    },
    expectOthersRight: () => {
      outcomes.forEach((outcome, index) => {
        if (outcome.status === 'rejected' && index !== position) throw outcome.reason;
      });
    },
  };
}

/** By the position of the action that puts them. */
function idsIn({ TransactItems }: Attempt['input']): (string | undefined)[] {
  const actions = (TransactItems ?? []) as TransactWriteItem[];
  return actions.map(({ Put }) => Put?.Item?.deduplication_id?.S);
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
