// The crash run, and as a control the original's algorithm, which must fail.
import { tableOf } from './crash/figure-table.js';
import type { CrashFigures } from './crash/figures.js';
import { type CrashOptions, runCrashes } from './crash/run-crashes.js';
import { onOwnStage } from './crash/run-processes.js';
import { count, type Figure } from './figures.js';

export type CrashSize = Pick<CrashOptions, 'kills' | 'calls'>;

const WIRE_FAULT_SHARE = 0.05;
/** Mostly returning IDs, and each claim by itself. */
const CALM = { callers: 16, newcomerShare: 0.22 };
/** So many new IDs at once that their claims share transactions. */
const RUSH = { callers: 64, newcomerShare: 0.6 };
/** The control shows its faults after a few kills. */
const MAX_CONTROL: CrashSize = { kills: 40, calls: 4_000 };

export async function crashAndAudit({ kills, calls }: CrashSize, seed: number): Promise<Figure[]> {
  const shared = { wireFaultShare: WIRE_FAULT_SHARE, seed };
  const library = { ...shared, kills, calls, algorithm: 'library' } as const;
  const { calm, rush, original } = await onOwnStage(async (stage) => ({
    calm: await runCrashes({ ...library, ...CALM }, stage),
    rush: await runCrashes({ ...library, ...RUSH }, stage),
    original: await runCrashes(
      {
        ...shared,
        ...CALM,
        kills: Math.min(Math.ceil(kills / 2), MAX_CONTROL.kills),
        calls: Math.min(Math.ceil(calls / 2), MAX_CONTROL.calls),
        algorithm: 'original',
      },
      stage,
    ),
  }));
  console.log(`\n${tableOf({ storagebox: calm, 'in a rush': rush, 'the original': original })}`);
  return [
    ...figuresOf('crash run', calm, { kills, calls, groups: 0 }),
    ...figuresOf('crash run in a rush', rush, { kills, calls, groups: 1 }),
    {
      what: "control (the original's algorithm): lost, null to an ID with an item",
      value: [original.lost, original.nullToOwner].map(count).join(', '),
      isRight: original.lost > 0 && original.nullToOwner > 0,
    },
  ];
}

function figuresOf(
  what: string,
  run: CrashFigures,
  least: Pick<CrashFigures, 'kills' | 'calls' | 'groups'>,
): Figure[] {
  return [
    {
      what: `${what}: kills, calls, transactions of several claims, wire faults`,
      value: [run.kills, run.calls, run.groups, run.wireFaults].map(count).join(', '),
      isRight: run.kills >= least.kills && run.calls >= least.calls && run.groups >= least.groups,
    },
    {
      what: `${what}: lost, twice, wrong null, calls never answered`,
      value: [run.lost, run.twice, run.wrongNull, run.unanswered].map(count).join(', '),
      isRight: run.strictViolations + run.violations === 0 && run.unanswered === 0,
    },
  ];
}
