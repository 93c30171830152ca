import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { action, type Invocation } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { Interruption } from '../failures.js';
import { segmentCount, wholeNumberUpTo } from '../options.js';
import { print, printJson } from '../output.js';
import { Pace } from '../pace.js';
import { withThousands } from '../progress.js';
import type { Choice } from '../stores/choose-store.js';
import type { OpenStore } from '../stores/store.js';

interface StatusOptions {
  readonly watch?: true;
  readonly interval: number;
  readonly segments: number;
}

/** A day. A timer of Node.js takes 24 of them at most, and fires at once when it is given more. */
const MAX_INTERVAL_SECONDS = 86_400;

export function addStatus(program: Command, choice: Choice): void {
  program
    .command('status')
    .description(
      'Count what is left and what was given, and how fast. Exact: each table is read whole, once.',
    )
    .option('--watch', 'repeat the count until Ctrl-C')
    .option(
      '--interval <seconds>',
      'with --watch: seconds between two counts',
      wholeNumberUpTo(MAX_INTERVAL_SECONDS),
      10,
    )
    .option('--segments <count>', 'parts of a table that are read at once', segmentCount, 4)
    .action(
      action<StatusOptions>(choice, async (invocation) => {
        const { options, signal } = invocation;
        const opened = await invocation.open();
        const reading = { segments: options.segments, signal };
        if (!options.watch) {
          await show(await statusOf(opened, reading), invocation, 0);
          return EXIT_CODES.success;
        }
        try {
          for (let linesOnScreen = 0; ; ) {
            linesOnScreen = await show(await statusOf(opened, reading), invocation, linesOnScreen);
            await sleep(options.interval * 1_000, null, { signal });
          }
        } catch (error) {
          // Ctrl-C is the normal end of `--watch`, so no error is printed.
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
  /** Of the given ones, those that their IDs only hold. */
  readonly held: number;
  /** Of these, those whose hold has ended, and that nothing has taken back yet. */
  readonly holdsEnded: number;
}

interface Report {
  readonly status: Status;
  /** How long the items last; `null` when it is not known. */
  readonly secondsLeft: number | null;
}

async function statusOf(
  { itemRepo, deduplicationRepo }: OpenStore,
  reading: { readonly segments: number; readonly signal: AbortSignal },
): Promise<Report> {
  const at = new Date();
  const pace = new Pace(at);
  let held = 0;
  let holdsEnded = 0;
  const readPace = async () => {
    for await (const { assignedAt, heldUntil } of deduplicationRepo.listAssignments(reading)) {
      pace.note(assignedAt);
      if (heldUntil == null) continue;
      held++;
      if (heldUntil <= at) holdsEnded++;
    }
  };
  const [left] = await Promise.all([itemRepo.countItems(reading), readPace()]);
  const { given, givenInLastMinute } = pace;
  const status = { at: at.toISOString(), left, given, givenInLastMinute, held, holdsEnded };
  const perSecond = pace.perSecond();
  return { status, secondsLeft: perSecond === 0 || left === 0 ? null : left / perSecond };
}

/** @returns how many lines are on the screen now, which the next status replaces */
async function show(
  report: Report,
  { options, isJson }: Invocation<StatusOptions>,
  linesOnScreen: number,
): Promise<number> {
  const isLive = options.watch && process.stdout.isTTY;
  if (isJson) {
    await printJson(report.status);
    return 0;
  }
  const lines = isLive || !options.watch ? linesOf(report) : [lineOf(report)];
  if (isLive && linesOnScreen > 0) process.stdout.write(`\u001b[${linesOnScreen}A\u001b[J`);
  await print(...lines);
  return lines.length;
}

function linesOf({ status, secondsLeft }: Report): string[] {
  return [
    `left in the bank         ${withThousands(status.left)}`,
    `given                    ${withThousands(status.given)}`,
    ...(status.held === 0
      ? []
      : [
          `of these, only held      ${withThousands(status.held)}`,
          `holds that have ended    ${withThousands(status.holdsEnded)}`,
        ]),
    `given in the last minute ${withThousands(status.givenInLastMinute)}`,
    ...(secondsLeft === null ? [] : [`sold out, at this rate   in ${durationText(secondsLeft)}`]),
  ];
}

function durationText(seconds: number): string {
  return seconds < 60 ? `${Math.ceil(seconds)} s` : `${withThousands(Math.ceil(seconds / 60))} min`;
}

function lineOf({ status }: Report): string {
  const { at, left, given, givenInLastMinute, held, holdsEnded } = status;
  const holds = held === 0 ? '' : `  held ${held}  ended ${holdsEnded}`;
  return `${at}  left ${left}  given ${given}  in the last minute ${givenInLastMinute}${holds}`;
}
