export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return {
    median: (lower + upper) / 2,
    least: sorted[0] ?? Number.NaN,
    most: sorted.at(-1) ?? Number.NaN,
  };
}

/** `NaN` when nothing was measured. */
export function medianOf<Figures extends object>(
  rounds: readonly Figures[] | undefined,
  key: keyof Figures,
): number {
  return spreadOfKey(rounds, key).median;
}

/** `NaN` when nothing was measured. */
export function mostOf<Figures extends object>(
  rounds: readonly Figures[] | undefined,
  key: keyof Figures,
): number {
  return spreadOfKey(rounds, key).most;
}

/**
 * The median of each round's ratio: what slows the machine for a while slows both sides of it.
 * `NaN` when one of them was not measured.
 */
export function ratioOf<Figures extends object>(
  rounds: readonly Figures[] | undefined,
  others: readonly Figures[] | undefined,
  key: keyof Figures,
): number {
  const ratios = (rounds ?? []).flatMap((figures, round) => {
    const other = others?.[round];
    return other === undefined ? [] : (figures[key] as number) / (other[key] as number);
  });
  return spreadOf(ratios).median;
}

function spreadOfKey<Figures extends object>(
  rounds: readonly Figures[] | undefined,
  key: keyof Figures,
): Spread {
  return spreadOf((rounds ?? []).map((figures) => figures[key] as number));
}
