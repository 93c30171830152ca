// The crash run as a command: npx tsx test/verification/crash/crash.ts --kills 200 --calls 20000
import { parseArgs } from 'node:util';
import { tableOf } from './figure-table.js';
import type { CrashFigures } from './figures.js';
import { type Algorithm, runCrashes } from './run-crashes.js';
import { onOwnStage } from './run-processes.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    calls: { type: 'string', default: '2000' },
    /** Of each process. */
    callers: { type: 'string', default: '16' },
    'newcomer-share': { type: 'string', default: '0.22' },
    'wire-fault-share': { type: 'string', default: '0.05' },
    seed: { type: 'string', default: '1' },
    /** "library", "original" or both. */
    algorithms: { type: 'string', default: 'library,original' },
  },
});

// The SDK's notice to upgrade Node.js.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// So that DynamoDB Local is stopped, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const kills = parseNumber('kills');
const calls = parseNumber('calls');
const callers = parseNumber('callers');
const newcomerShare = parseNumber('newcomer-share');
const wireFaultShare = parseNumber('wire-fault-share');
const seed = parseNumber('seed');
const algorithms = values.algorithms.split(',').map(parseAlgorithm);

const runs = await onOwnStage(async (stage) => {
  const figuresOfRuns: Record<string, CrashFigures> = {};
  for (const algorithm of algorithms) {
    const options = { kills, calls, callers, newcomerShare, wireFaultShare, seed, algorithm };
    figuresOfRuns[algorithm] = await runCrashes(options, stage);
  }
  return figuresOfRuns;
});

process.stdout.write(`seed ${seed}\n${tableOf(runs)}`);
for (const [algorithm, { errors, examples }] of Object.entries(runs)) {
  process.stdout.write(`\n${algorithm}: calls that threw: ${JSON.stringify(errors)}\n`);
  for (const example of examples) process.stdout.write(`  ${example}\n`);
}
process.exitCode = Object.entries(runs).every(isAsExpected) ? 0 : 1;

function parseNumber(name: Exclude<keyof typeof values, 'algorithms'>): number {
  const number = Number(values[name]);
  const isUsable = values[name] !== '' && number >= 0;
  if (!isUsable) throw new RangeError(`Expected --${name} to be a number, got "${values[name]}"`);
  return number;
}

function parseAlgorithm(name: string): Algorithm {
  if (name === 'library' || name === 'original') return name;
  throw new RangeError(`Expected --algorithms to be of "library" and "original", got "${name}"`);
}

/** The library keeps every promise; a control that loses nothing would prove nothing. */
function isAsExpected([algorithm, figures]: [string, CrashFigures]): boolean {
  if (algorithm === 'original') return figures.lost > 0 && figures.nullToOwner > 0;
  const { lost, twice, wrongNull, violations, strictViolations, unanswered } = figures;
  return lost + twice + wrongNull + violations + strictViolations + unanswered === 0;
}
