import type { HoldOptions } from '../contracts/atomic-writes.js';
import type { Assignment } from '../contracts/looking.js';
import { runtime } from '../environment/runtime.js';

/** When a hold ends that begins now; `null` if none is asked for. */
export function endOfNewHold(options: HoldOptions): Date | null {
  return endOfHold(runtime.date(), options);
}

/** The later end of the assignment's hold that is asked for; `null` if the assignment stays as it is. */
export function endOfExtendedHold(
  { assignedAt, heldUntil }: Pick<Assignment, 'assignedAt' | 'heldUntil'>,
  options: HoldOptions,
): Date | null {
  if (heldUntil == null) return null;
  const end = endOfHold(assignedAt ?? runtime.date(), options);
  return end !== null && end > heldUntil ? end : null;
}

function endOfHold(
  assignedAt: Date,
  { holdForMs, maxHoldMs = Number.POSITIVE_INFINITY }: HoldOptions,
): Date | null {
  if (holdForMs === undefined) return null;
  const endMs = runtime.date().getTime() + holdForMs;
  return new Date(Math.min(endMs, assignedAt.getTime() + maxHoldMs));
}
