// The result of a verification: a table of figures, and whether each of them is right.

export interface Figure {
  readonly what: string;
  readonly value: string;
  readonly isRight: boolean;
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}

export function printFigures(title: string, figures: readonly Figure[]): void {
  const width = Math.max(...figures.map(({ what }) => what.length));
  console.log(`\n${title}`);
  for (const { what, value, isRight } of figures) {
    console.log(`  ${isRight ? '✓' : '✗'} ${what.padEnd(width)}  ${value}`);
  }
}
