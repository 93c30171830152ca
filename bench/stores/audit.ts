// Nobody twice, nothing lost: whoever hands out faster by breaking that has not won.
import type { Outcome } from './bench-store.js';
import { idAt } from './names.js';
import type { Answer } from './task.js';

export interface Expected {
  /** Free or taken. */
  readonly items: number;
  /** Assignments that were there before. */
  readonly assignedBefore: number;
  /** Of all processes. */
  readonly answers: readonly Answer[];
}

/** @throws Error with all that is wrong */
export function audit({ items, assignedBefore, answers }: Expected, outcome: Outcome): void {
  const { assignments, freeItems, freeAndAssigned } = outcome;
  const itemOf = new Map(assignments.map(({ id, item }) => [id, item]));
  const served = answers.filter(({ item }) => item !== null);
  const wrong = served.filter(({ number, item }) => itemOf.get(idAt(number)) !== item);
  const inVain = answers.filter(({ item }) => item === null);
  const emptyHanded = inVain.filter(({ number }) => itemOf.has(idAt(number)));
  const newIds = new Set(served.map(({ number }) => number)).size;
  const findings = {
    'answers that are not what is stored': wrong.length,
    'IDs with an item that were told "none left"': emptyHanded.length,
    'items left over after somebody was told "none left"': inVain.length > 0 ? freeItems : 0,
    'items given to several': itemOf.size - new Set(itemOf.values()).size,
    'items both free and assigned': freeAndAssigned,
    'items lost': items - freeItems - itemOf.size,
    'assignments that nobody was told of': itemOf.size - Math.max(assignedBefore, newIds),
  };
  const faults = Object.entries(findings).filter(([, count]) => count !== 0);
  if (faults.length > 0) {
    throw new Error(faults.map(([what, count]) => `${count} ${what}`).join('; '));
  }
}
