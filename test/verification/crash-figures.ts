// The crash run, and as a control the original's algorithm, which must fail.
import { tableOf } from './crash/figure-table.js';
import { type CrashOptions, onOwnStage, runCrashes } from './crash/run-crashes.js';
import { count, type Figure } from './figures.js';

export type CrashSize = Pick<CrashOptions, 'kills' | 'calls'>;

const WIRE_FAULT_SHARE = 0.05;
/** The control shows its faults after a few kills. */
const MAX_CONTROL: CrashSize = { kills: 40, calls: 4_000 };

export async function crashAndAudit({ kills, calls }: CrashSize, seed: number): Promise<Figure[]> {
  const shared = { wireFaultShare: WIRE_FAULT_SHARE, seed };
  const { library, original } = await onOwnStage(async (stage) => ({
    library: await runCrashes({ ...shared, kills, calls, algorithm: 'library' }, stage),
    original: await runCrashes(
      {
        ...shared,
        kills: Math.min(Math.ceil(kills / 2), MAX_CONTROL.kills),
        calls: Math.min(Math.ceil(calls / 2), MAX_CONTROL.calls),
        algorithm: 'original',
      },
      stage,
    ),
  }));
  console.log(`\n${tableOf({ storagebox: library, 'the original': original })}`);
  return [
    {
      what: 'crash run: kills, calls, wire faults',
      value: [library.kills, library.calls, library.wireFaults].map(count).join(', '),
      isRight: library.kills >= kills && library.calls >= calls,
    },
    {
      what: 'crash run: lost, twice, wrong null, calls never answered',
      value: [library.lost, library.twice, library.wrongNull, library.unanswered]
        .map(count)
        .join(', '),
      isRight: library.strictViolations + library.violations === 0 && library.unanswered === 0,
    },
    {
      what: "control (the original's algorithm): lost, null to an ID with an item",
      value: [original.lost, original.nullToOwner].map(count).join(', '),
      isRight: original.lost > 0 && original.nullToOwner > 0,
    },
  ];
}
