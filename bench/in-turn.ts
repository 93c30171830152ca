import type { Rounds } from './results.js';

/** Each round begins with another contestant, so that none always gets a fresh setting. */
export async function inTurn<Contestant extends string, Figures>(
  contestants: readonly Contestant[],
  rounds: number,
  run: (contestant: Contestant) => Promise<Figures>,
): Promise<Rounds<Contestant, Figures>> {
  const results: Rounds<Contestant, Figures> = {};
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(round + turn) % contestants.length] as Contestant;
      addRound(results, contestant, await run(contestant));
    }
  }
  return results;
}

export function addRound<Contestant extends string, Figures>(
  results: Rounds<Contestant, Figures>,
  contestant: Contestant,
  figures: Figures,
): void {
  results[contestant] = [...(results[contestant] ?? []), figures];
}
