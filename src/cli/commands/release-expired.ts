import type { Command } from 'commander';
import type { ExpiredHoldsReport } from 'storagebox/core';
import { action } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { withProgress } from '../failures.js';
import { wholeNumber } from '../options.js';
import { note, print, printJson } from '../output.js';
import { ProgressLine, withThousands } from '../progress.js';
import type { Choice } from '../stores/choose-store.js';
import { releaseBankOption } from '../taking-back.js';

interface ReleaseExpiredOptions {
  readonly concurrency?: number;
}

export function addReleaseExpired(program: Command, choice: Choice): void {
  program
    .command('release-expired')
    .description(
      'Put back the items of all holds that have ended and that nobody confirmed. Run it every minute or ' +
        'so: nothing else does it.',
    )
    .addOption(releaseBankOption(choice))
    .option('--concurrency <count>', 'releases under way at once (default: 16)', wholeNumber)
    .action(
      action<ReleaseExpiredOptions>(choice, async (invocation) => {
        const { options, signal, isJson, open, describeFailure } = invocation;
        const { deduplicator } = await open();
        const line = new ProgressLine('holds');
        let progress: ExpiredHoldsReport = { found: 0, released: 0, kept: 0, ofOtherBanks: 0 };
        try {
          const report = await deduplicator.releaseExpiredHolds({
            signal,
            concurrency: options.concurrency,
            onProgress: (now) => {
              progress = now;
              line.show({ done: now.found, fraction: null });
            },
          });
          line.clear();
          await (isJson ? printJson(report) : print(textOf(report)));
          if (!isJson && report.ofOtherBanks > 0) note('Name the other banks with --release-bank.');
          return EXIT_CODES.success;
        } catch (error) {
          if (progress.found === 0) throw error;
          throw withProgress(describeFailure(error), textOf(progress), progress);
        } finally {
          line.clear();
        }
      }),
    );
}

function textOf({ found, released, kept, ofOtherBanks }: ExpiredHoldsReport): string {
  return (
    `${withThousands(found)} holds had ended: ${withThousands(released)} items put back, ` +
    `${withThousands(kept)} confirmed, extended or released meanwhile, ` +
    `${withThousands(ofOtherBanks)} of other banks`
  );
}
