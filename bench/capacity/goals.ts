// What claims that share transactions have to reach, compared with the same claims one by one.
import type { Report } from './report.js';
import type { Choice } from './sale.js';

/** A sale that is short of write units may take so much longer. */
const MAX_SALE_RATIO = 1.05;
/** One node alone, whose CPU is the limit, has to be so much faster. */
const MIN_NODE_RATIO = 3;

export interface Goal {
  readonly text: string;
  readonly isReached: boolean;
}

export function goalsOf({ byNodes, sales }: Report): Goal[] {
  const saleGoals = ofBoth(sales).map(([shared, oneByOne]) => {
    const ratio = shared.result.lastClaimMs / oneByOne.result.lastClaimMs;
    const { nodes, writeUnits } = shared;
    const text = `sale, ${nodes} nodes, ${writeUnits} write units: ${ratio.toFixed(3)} of the time of one by one`;
    return { text, isReached: ratio <= MAX_SALE_RATIO };
  });
  const nodeGoals = ofBoth(byNodes.filter(({ nodes }) => nodes === 1)).map(([shared, oneByOne]) => {
    const ratio = shared.claimsPerSecond / oneByOne.claimsPerSecond;
    const text = `1 node: ${ratio.toFixed(2)} times the claims a second of one by one`;
    return { text, isReached: ratio >= MIN_NODE_RATIO };
  });
  return [...saleGoals, ...nodeGoals];
}

/** The outcomes of the scenarios that were run in both ways. */
function ofBoth<
  Outcome extends { readonly choice: Choice; readonly nodes: number; readonly writeUnits: number },
>(outcomes: readonly Outcome[]): (readonly [shared: Outcome, oneByOne: Outcome])[] {
  return outcomes
    .filter(({ choice }) => choice === 'oneByOne')
    .map((oneByOne) => {
      const isSame = ({ choice, nodes, writeUnits }: Outcome) =>
        choice === 'pool' && nodes === oneByOne.nodes && writeUnits === oneByOne.writeUnits;
      return [outcomes.find(isSame) as Outcome, oneByOne] as const;
    });
}
