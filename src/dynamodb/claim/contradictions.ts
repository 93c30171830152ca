// Items that a transaction found gone and that a later page still shows. A single one means nothing:
// somebody may have given the item back in between. Several of them show that transactions and pages do
// not see the same table, because the two clients belong to two accounts.

import { AccountMismatchError } from '../../contracts/errors.js';
import type { Table } from '../table.js';

/** Of more findings, the oldest are dropped. */
const MAX_REMEMBERED = 1_000;

/** How often a call has found an item gone that a later page still showed. */
export class Contradictions {
  count = 0;
}

/** `undefined` where the transactions go out through the client through which the pages come. */
export function contradictionsOf(
  bank: Pick<Table, 'client'>,
  table: Pick<Table, 'client'>,
): Contradictions | undefined {
  return bank.client === table.client ? undefined : new Contradictions();
}

/**
 * Whether the bank, through its own client, still shows an item that a transaction found gone; then it is
 * counted. For items that no page will show again.
 */
export async function isContradicted(
  bank: { has(item: string): Promise<boolean> },
  item: string,
  contradictions: Contradictions | undefined,
): Promise<boolean> {
  if (contradictions === undefined || !(await bank.has(item))) return false;
  contradictions.count++;
  return true;
}

interface Finding {
  readonly contradictions: Contradictions;
  /** How many reads had begun by then: a read that begins later must not show the item. */
  readonly readNumber: number;
}

/** Compares what calls found gone with what pages show. */
export class GoneItems {
  readonly #findings = new Map<string, Finding>();
  readonly #counting = new Set<Contradictions>();

  get isEmpty(): boolean {
    return this.#findings.size === 0;
  }

  note(item: string, contradictions: Contradictions, readNumber: number): void {
    this.#findings.delete(item);
    this.#findings.set(item, { contradictions, readNumber });
    const [oldest] = this.#findings.keys();
    if (this.#findings.size > MAX_REMEMBERED) this.#findings.delete(oldest as string);
  }

  /** Each finding counts once: an item that was given back is shown by every later page. */
  compare(items: readonly string[], readNumber: number, isWholeBank: boolean): void {
    if (this.isEmpty) return;
    for (const item of items) {
      const finding = this.#findings.get(item);
      if (finding === undefined || finding.readNumber >= readNumber) continue;
      this.#findings.delete(item);
      finding.contradictions.count++;
      this.#counting.add(finding.contradictions);
    }
    if (!isWholeBank) return;
    // An item that the page does not show was really gone, so both see the same table.
    const isConfirmed = [...this.#findings.values()].some(
      (finding) => finding.readNumber < readNumber,
    );
    if (isConfirmed) this.forget();
  }

  /** A transaction took an item that a page had shown: both see the same table. */
  forget(): void {
    if (this.#counting.size === 0 && this.isEmpty) return;
    for (const contradictions of this.#counting) contradictions.count = 0;
    this.#counting.clear();
    this.#findings.clear();
  }
}

/** Fewer can be caused by releases, and by Python nodes, which take items out and put them back. */
const MAX_CONTRADICTIONS = 5;

/** @throws AccountMismatchError */
export function assertOneAccount(
  bank: Pick<Table, 'tableName'>,
  table: Pick<Table, 'tableName'>,
  contradictions: Contradictions | undefined,
): void {
  if (contradictions === undefined || contradictions.count < MAX_CONTRADICTIONS) return;
  const remedy = 'Give both repositories the same client, or credentials of one AWS account.';
  throw new AccountMismatchError(bank.tableName, table.tableName, { remedy });
}
