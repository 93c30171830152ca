import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { action, type Context } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { Interruption } from '../failures.js';
import { wholeNumber } from '../options.js';
import { print, printJson } from '../output.js';
import { withThousands } from '../progress.js';

interface StatusOptions {
  readonly watch?: true;
  readonly interval: number;
  readonly segments: number;
}

const MINUTE_MS = 60_000;

export function addStatus(program: Command): void {
  program
    .command('status')
    .description(
      'Tell what is left, what was given, and how fast. Exact: the tables are read whole, at one ' +
        'read unit for 4 KB.',
    )
    .option('--watch', 'count again and again until Ctrl-C')
    .option('--interval <seconds>', 'with --watch: from one count to the next', wholeNumber, 10)
    .option('--segments <count>', 'parts of a table that are read at once', wholeNumber, 4)
    .action(
      action<StatusOptions>(async (context) => {
        const { options, signal } = context;
        if (!options.watch) {
          await show(await statusOf(context), context, 0);
          return EXIT_CODES.success;
        }
        try {
          for (let linesOnScreen = 0; ; ) {
            linesOnScreen = await show(await statusOf(context), context, linesOnScreen);
            await sleep(options.interval * 1_000, null, { signal });
          }
        } catch (error) {
          // That is how watching ends, and nothing to explain.
          if (signal.reason instanceof Interruption) return signal.reason.exitCode;
          throw error;
        }
      }),
    );
}

interface Status {
  /** ISO 8601. */
  readonly at: string;
  readonly left: number;
  readonly given: number;
  readonly givenInLastMinute: number;
}

async function statusOf(context: Context<StatusOptions>): Promise<Status> {
  const { itemRepo, deduplicationRepo, options, signal } = context;
  const at = new Date();
  const reading = { segments: options.segments, signal };
  const assignedAfter = new Date(at.getTime() - MINUTE_MS);
  const [left, given, givenInLastMinute] = await Promise.all([
    itemRepo.countItems(reading),
    deduplicationRepo.countAssignments(reading),
    deduplicationRepo.countAssignments({ ...reading, assignedAfter }),
  ]);
  return { at: at.toISOString(), left, given, givenInLastMinute };
}

/** How many lines stand on the screen now, for the next status to take their place. */
async function show(
  status: Status,
  { options, isJson }: Context<StatusOptions>,
  linesOnScreen: number,
): Promise<number> {
  const isLive = options.watch && process.stdout.isTTY;
  if (isJson) {
    await printJson(status);
    return 0;
  }
  const lines = isLive || !options.watch ? linesOf(status) : [lineOf(status)];
  const clear = isLive && linesOnScreen > 0 ? `\u001b[${linesOnScreen}A\u001b[J` : '';
  await print(`${clear}${lines.join('\n')}`);
  return lines.length;
}

function linesOf({ left, given, givenInLastMinute }: Status): string[] {
  return [
    `left in the bank         ${withThousands(left)}`,
    `given                    ${withThousands(given)}`,
    `given in the last minute ${withThousands(givenInLastMinute)}`,
    ...(givenInLastMinute === 0 || left === 0
      ? []
      : [`sold out, at this rate   in ${withThousands(Math.ceil(left / givenInLastMinute))} min`]),
  ];
}

function lineOf({ at, left, given, givenInLastMinute }: Status): string {
  return `${at}  left ${left}  given ${given}  in the last minute ${givenInLastMinute}`;
}
