import type { Command } from 'commander';
import { action } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { print, printJson } from '../output.js';
import type { Choice } from '../stores/choose-store.js';
import type { Finding } from '../stores/store.js';
import { untilAborted } from '../until-aborted.js';

export function addDoctor(program: Command, choice: Choice): void {
  program
    .command('doctor')
    .description(
      "Check the set-up: the access, the tables, and what the store's promises depend on. Writes nothing.",
    )
    .action(
      action(choice, async ({ examine, isJson, signal }) => {
        const found: Finding[] = [];
        const examination = examine();
        for (;;) {
          const { value: finding, done } = await untilAborted(examination.next(), signal);
          if (done) break;
          found.push(finding);
          if (!isJson) await print(...linesOf(finding));
        }
        const hasFault = found.some(({ level }) => level === 'fault');
        if (isJson) await printJson({ findings: found });
        return hasFault ? EXIT_CODES.setUp : EXIT_CODES.success;
      }),
    );
}

function linesOf({ level, subject, message, remedy }: Finding): string[] {
  const line = `${level.padEnd(8)} ${subject.padEnd(19)} ${message}`;
  return remedy === null ? [line] : [line, `${' '.repeat(9)}remedy: ${remedy}`];
}
