import { type AnyStorageBoxError, isStorageBoxError } from '../errors.js';
import type { ItemBankRepository } from '../item-bank-repository.js';
import { MAX_KEY_BYTES } from '../validation.js';
import type { RepositoryPair } from './conformance-check.js';

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

/** The code of the error of this package that the call rejects with, or what else became of it. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await rejectionOf(call);
  return error?.code ?? 'no error';
}

/** The error of this package that the call rejects with; any other error goes on. */
export async function rejectionOf(call: Promise<unknown>): Promise<AnyStorageBoxError | null> {
  try {
    await call;
    return null;
  } catch (error) {
    if (isStorageBoxError(error)) return error;
    throw error;
  }
}

/** What no backend may take for a key, whatever its own limits are. */
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
 * What every backend must keep apart and give back as it came. Collations, column types and libraries
 * of some stores take neighbours in this list for one another.
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
  // Without a width: dropped by many collations.
  'ab',
  'a\u0000b',
  'a\u00ADb',
  'a\u200Bb',
  'a\u200Db',
  'a\u2060b',
  '\uFEFFab',
  // Wide, ligated, circled and Kelvin: one and the same under NFKC.
  '\uFF21',
  '\uFF41',
  'fi',
  '\uFB01',
  '1',
  '\u2460',
  'K',
  '\u212A',
  // One and the same under case folding.
  'ss',
  'SS',
  'ß',
  'ẞ',
  'i',
  'İ',
  'ı',
  // Accents, composed and not, and none.
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
