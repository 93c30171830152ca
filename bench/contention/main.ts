// npm run bench:contention [-- --rounds N] [-- --only TEXT]
//
// How many transactions an item costs where many nodes ask for few items, in simulated time and so the
// same on any machine. A figure that misses its target makes the run fail.
import { parseArgs } from 'node:util';
import { type ContentionFigures, holdContendedSale } from './sale.js';
import { SCENARIOS } from './scenarios.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '40' },
    only: { type: 'string', default: '' },
  },
});

let hasMissed = false;
for (const { name, atMost, ...scenario } of SCENARIOS) {
  if (!name.includes(values.only)) continue;
  const figures: ContentionFigures[] = [];
  for (let seed = 1; seed <= Number(values.rounds); seed++) {
    figures.push(await holdContendedSale({ ...scenario, seed }));
  }
  const mean = (key: keyof ContentionFigures) =>
    figures.reduce((sum, figure) => sum + figure[key], 0) / figures.length;
  const transactions = mean('transactionsPerWinner');
  const isMet = transactions <= atMost;
  hasMissed ||= !isMet;
  console.log(
    `${isMet ? '✓' : '✗'} ${name.padEnd(66)} ${transactions.toFixed(3)} (≤ ${atMost})  ` +
      `most ${Math.max(...figures.map((figure) => figure.transactionsPerWinner)).toFixed(3)}  ` +
      `scans ${mean('scansPerWinner').toFixed(3)}  requests ${mean('requestsPerWinner').toFixed(2)}  ` +
      `${mean('winnersPerSecond').toFixed(0)}/s`,
  );
}
process.exitCode = hasMissed ? 1 : 0;
