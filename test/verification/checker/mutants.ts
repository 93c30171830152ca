// Each mutant breaks one rule: it is left out, or it is shown evidence that is distorted just as a
// mistake in it would have it. Times are whole numbers, so half a unit turns "<" into "<=".
import {
  type AddOperation,
  documentedRules,
  type Evidence,
  type FetchOperation,
  type ItemEvidence,
  type OwnerEvidence,
  type Rule,
  type RuleName,
  type Rules,
  strictRules,
} from './checker.js';

type Distortion = (evidence: Evidence) => Evidence;

function without(rule: RuleName): Rules {
  return { ...documentedRules, [rule]: () => {} };
}

function distorted(rule: RuleName, distort: Distortion): Rules {
  const mutant: Rule = (evidence, report) => documentedRules[rule](distort(evidence), report);
  return { ...documentedRules, [rule]: mutant };
}

function withItems(rule: RuleName, change: (item: ItemEvidence) => Partial<ItemEvidence>): Rules {
  return distorted(rule, (evidence) => ({ ...evidence, items: mapped(evidence.items, change) }));
}

function withOwners(
  rule: RuleName,
  change: (owner: OwnerEvidence, id: string, evidence: Evidence) => Partial<OwnerEvidence>,
): Rules {
  return distorted(rule, (evidence) => ({
    ...evidence,
    owners: mapped(evidence.owners, (owner, id) => change(owner, id, evidence)),
  }));
}

function withAdds(rule: RuleName, change: (add: AddOperation) => Partial<AddOperation>): Rules {
  const changed = (operation: AddOperation) => ({ ...operation, ...change(operation) });
  return distorted(rule, (evidence) => ({
    ...evidence,
    adds: evidence.adds.map(changed),
    items: mapped(evidence.items, (item) => ({ add: item.add && changed(item.add) })),
  }));
}

function withFetches(
  rule: RuleName,
  change: (fetch: FetchOperation) => Partial<FetchOperation>,
): Rules {
  return distorted(rule, (evidence) => ({
    ...evidence,
    fetches: evidence.fetches.map((operation) => ({ ...operation, ...change(operation) })),
  }));
}

function mapped<Value extends object>(
  map: ReadonlyMap<string, Value>,
  change: (value: Value, key: string) => Partial<Value>,
): Map<string, Value> {
  return new Map([...map].map(([key, value]) => [key, { ...value, ...change(value, key) }]));
}

function ignoringUnknownCalls(rule: RuleName): Rules {
  return withOwners(rule, ({ item }, id, { fetches }) => {
    const returned = fetches.filter((call) => call.id === id && call.result === item);
    return { claimedNotBefore: Math.min(...returned.map(({ invokedAt }) => invokedAt)) };
  });
}

function takingFailedAddsForFinished(rule: RuleName): Rules {
  return withAdds(rule, ({ invokedAt, returnedAt }) => ({
    returnedAt: returnedAt === Infinity ? invokedAt : returnedAt,
  }));
}

export const MUTANTS: readonly (readonly [name: string, rules: Rules])[] = [
  ['R0 is left out', without('R0')],
  ['R1 is left out', without('R1')],
  ['R2 is left out', without('R2')],
  ['R3 is left out', without('R3')],
  ['R3 ignores items in neither place', withAdds('R3', () => ({ returnedAt: Infinity }))],
  [
    'R3 ignores items in both places',
    withItems('R3', ({ isInBank, owner }) => ({ isInBank: isInBank && owner === undefined })),
  ],
  ['R3 takes failed adds for finished ones', takingFailedAddsForFinished('R3')],
  ['R4 is left out', without('R4')],
  [
    'R4 refuses a return at the instant that the add begins',
    withFetches('R4', ({ returnedAt }) => ({ returnedAt: returnedAt - 0.5 })),
  ],
  [
    'R4 uses invokedAt instead of returnedAt',
    withFetches('R4', ({ invokedAt }) => ({ returnedAt: invokedAt })),
  ],
  ['R5 is left out', without('R5')],
  ['R5 ignores unknown calls', ignoringUnknownCalls('R5')],
  [
    'R5 lets any call for the ID make the assignment',
    withOwners('R5', ({ claimedNotBefore }, id, { fetches }) => ({
      claimedNotBefore: fetches.some((call) => call.id === id) ? 0 : claimedNotBefore,
    })),
  ],
  ['R6 lets any null pass', without('R6')],
  [
    'R6 uses returnedAt instead of invokedAt',
    withFetches('R6', ({ returnedAt }) => ({ invokedAt: returnedAt })),
  ],
  [
    'R6 uses invokedAt instead of returnedAt',
    withFetches('R6', ({ invokedAt }) => ({ returnedAt: invokedAt })),
  ],
  ['R6 forgets R(d)', withOwners('R6', () => ({ claimedNotAfter: Infinity }))],
  [
    'R6 uses L(d) instead of R(d)',
    withOwners('R6', ({ claimedNotBefore }) => ({ claimedNotAfter: claimedNotBefore })),
  ],
  [
    'R6 refuses a null that begins at R(d)',
    withOwners('R6', ({ claimedNotAfter }) => ({ claimedNotAfter: claimedNotAfter - 0.5 })),
  ],
  [
    'R6 ends a stay at R instead of L',
    withOwners('R6', ({ claimedNotAfter }) => ({ claimedNotBefore: claimedNotAfter })),
  ],
  [
    'R6 refuses a null that ends as the stay ends',
    withOwners('R6', ({ claimedNotBefore }) => ({ claimedNotBefore: claimedNotBefore + 0.5 })),
  ],
  [
    'R6 refuses a null that begins as the stay begins',
    withAdds('R6', ({ returnedAt }) => ({ returnedAt: returnedAt - 0.5 })),
  ],
  [
    'R6 begins a stay as the add begins',
    withAdds('R6', ({ invokedAt, returnedAt }) => ({
      returnedAt: returnedAt === Infinity ? Infinity : invokedAt,
    })),
  ],
  ['R6 takes failed adds for finished ones', takingFailedAddsForFinished('R6')],
  ['R6 ignores unknown calls', ignoringUnknownCalls('R6')],
  [
    'R6 looks at the last add only',
    distorted('R6', (evidence) => ({ ...evidence, adds: evidence.adds.slice(-1) })),
  ],
  [
    'R6 looks at the first item of an add only',
    withAdds('R6', ({ items }) => ({ items: items.slice(0, 1) })),
  ],
  ['R6 is the one of the strict rules', strictRules],
];
