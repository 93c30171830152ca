import assert from 'node:assert/strict';
import type { AtomicWrites, AtomicWritesFeature } from '../contracts/atomic-writes.js';
import { atomicWritesOf } from '../contracts/deduplication-repository.js';
import { type AnyStorageBoxError, isStorageBoxError } from '../contracts/errors.js';
import type { ItemBankRepository } from '../contracts/item-bank-repository.js';
import { MAX_KEY_BYTES } from '../contracts/validation.js';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { RepositoryPair, TestStorage } from './conformance-check.js';

/** `voucher-1`, `voucher-2`, … */
export function vouchers(count: number): string[] {
  return numbered('voucher', count);
}

/** `user-1`, `user-2`, … */
export function users(count: number): string[] {
  return numbered('user', count);
}

function numbered(noun: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${noun}-${index + 1}`);
}

/** Deduplicators on one storage, as on several servers. */
export function openNodes(
  { open }: TestStorage,
  count: number,
  skipFirstRead = false,
): Deduplicator[] {
  return Array.from({ length: count }, () => new Deduplicator({ ...open(), skipFirstRead }));
}

/** The nodes take turns. */
export function nodeOf(nodes: readonly Deduplicator[], index: number): Deduplicator {
  return nodes[index % nodes.length] as Deduplicator;
}

/** A store in which one call gives up so often is too slow to pass. */
const MAX_ATTEMPTS = 5;

export function fetchItem(
  deduplicator: Deduplicator,
  deduplicationId: string,
): Promise<string | null> {
  return patiently(() => deduplicator.fetchItemForDeduplicationId(deduplicationId));
}

/** Retries after a `ContentionError`, as its message says: a store that is slow breaks no promise. */
export async function patiently<Result>(
  call: () => Promise<Result>,
  mayRetry: (error: unknown) => boolean = isContention,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!mayRetry(error) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

function isContention(error: unknown): boolean {
  return isStorageBoxError(error) && error.code === 'STORAGEBOX_CONTENTION';
}

/** Takes everything out, in ascending order. */
export async function drain(itemRepo: ItemBankRepository): Promise<string[]> {
  const items: string[] = [];
  for (;;) {
    const item = await itemRepo.getItemFromBank();
    if (item === null) return items.sort();
    items.push(item);
  }
}

/** What the IDs have and what is left in the bank, which is empty afterwards; in ascending order. */
export async function accountedItems(
  { itemRepo, deduplicationRepo }: RepositoryPair,
  deduplicationIds: readonly string[],
): Promise<string[]> {
  const assigned = await Promise.all(
    deduplicationIds.map((deduplicationId) =>
      deduplicationRepo.getValueForDeduplicationId(deduplicationId),
    ),
  );
  const left = await drain(itemRepo);
  return [...assigned.filter((item) => item !== null), ...left].sort();
}

/** Whether the pair can end an assignment and put its item back in one atomic write. */
export async function canRelease(pair: RepositoryPair): Promise<boolean> {
  return (await writesOf(pair))?.releaseItem !== undefined;
}

export async function canClaimGroups(pair: RepositoryPair): Promise<boolean> {
  return (await writesOf(pair))?.claimItems !== undefined;
}

export function canChoose(pair: RepositoryPair): Promise<boolean> {
  return knows(pair, 'item');
}

export async function canHold(pair: RepositoryPair): Promise<boolean> {
  const { confirmItem, expiredHolds } = (await writesOf(pair)) ?? {};
  const isWhole = confirmItem !== undefined && expiredHolds !== undefined;
  return isWhole && knows(pair, 'holdForMs');
}

export function canWriteAlongside(pair: RepositoryPair): Promise<boolean> {
  return knows(pair, 'alongside');
}

export function canJoinTransactions(pair: RepositoryPair): Promise<boolean> {
  return knows(pair, 'within');
}

async function knows(pair: RepositoryPair, feature: AtomicWritesFeature): Promise<boolean> {
  return (await writesOf(pair))?.features?.includes(feature) ?? false;
}

/** What the pair does in one write, or `null`. */
export function writesOf({
  itemRepo,
  deduplicationRepo,
}: RepositoryPair): Promise<AtomicWrites | null> {
  return atomicWritesOf(deduplicationRepo, itemRepo);
}

/** The call is refused because the pair lacks what it asks for. */
export async function assertIsUnsupported(feature: string, call: Promise<unknown>): Promise<void> {
  const error = await rejectionOf(call);
  assert.equal(error?.code, 'STORAGEBOX_FEATURE_NOT_SUPPORTED', `a call that needs \`${feature}\``);
  assert.equal(error.written, 'nothing');
}

/** The code of this package's error that the call rejects with, or `no error`. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await rejectionOf(call);
  return error?.code ?? 'no error';
}

/** This package's error that the call rejects with; any other error is thrown. */
export async function rejectionOf(call: Promise<unknown>): Promise<AnyStorageBoxError | null> {
  try {
    await call;
    return null;
  } catch (error) {
    if (isStorageBoxError(error)) return error;
    throw error;
  }
}

/** Values that no backend may accept as a key, whatever its own limits are. */
export const UNUSABLE_KEYS: readonly unknown[] = [
  undefined,
  null,
  42,
  {},
  '',
  'x'.repeat(MAX_KEY_BYTES + 1),
  'é'.repeat(MAX_KEY_BYTES / 2 + 1),
  'lone \uD800 surrogate',
];

/**
 * Keys that every backend must treat as different and return unchanged. Collations, column types and
 * libraries of some stores treat neighbours in this list as equal.
 */
export const UNUSUAL_KEYS: readonly string[] = [
  ' ',
  'a',
  'A',
  ' a',
  // Blanks at the end, ignored by padding comparisons and trimmed by some drivers.
  'a ',
  'a  ',
  'a\t',
  'a\n',
  'a\u00A0',
  // Invisible characters: ignored by many collations.
  'ab',
  'a\u0000b',
  'a\u00ADb',
  'a\u200Bb',
  'a\u200Db',
  'a\u2060b',
  '\uFEFFab',
  // Full-width letter, ligature, circled digit, Kelvin sign: equal to plain letters under NFKC.
  '\uFF21',
  '\uFF41',
  'fi',
  '\uFB01',
  '1',
  '\u2460',
  'K',
  '\u212A',
  // Equal under case folding.
  'ss',
  'SS',
  'ß',
  'ẞ',
  'i',
  'İ',
  'ı',
  // No accent, a composed accent, a combining accent.
  'e',
  'é',
  'e\u0301',
  '🎟️',
  '"\'`;--$%',
  '__proto__',
  'constructor',
  'null',
  '0',
  'x'.repeat(MAX_KEY_BYTES),
  'é'.repeat(MAX_KEY_BYTES / 2),
];
